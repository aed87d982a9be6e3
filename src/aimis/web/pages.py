"""The pages for a phone. They work without JavaScript: every step is a form or a link."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from aimis.consult.consultation import Person
from aimis.consult.handover import sbar
from aimis.consult.model import OLDEST, Value
from aimis.web import answers
from aimis.web.consent import VERSION
from aimis.web.desk import LONGEST_TEXT, Opening, RefusedError, View
from aimis.web.guard import address_of
from aimis.web.site import Form, Language, OurSite, Site, field_of, fields_of, see

SPEAKERS = ("self", "guardian", "other")
SEXES = ("F", "M")
ALONE_BELOW_YEARS = 14
MOST_SHOWN, LIKELY_ENOUGH = 5, 0.05

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/")
def welcome(site: OurSite, language: Language) -> Response:
    """What this is, and what one agrees to."""
    kept = {"days": site.settings.keep_days, "handed_days": site.settings.keep_handed_over_days}
    return site.page("welcome", language, kept=kept, version=VERSION, here="/")


@router.get("/emergency")
def emergency(site: OurSite, language: Language) -> Response:
    """The number to call, by country."""
    return site.page("emergency", language, all_countries=site.countries(language))


@router.get("/begin")
def about(site: OurSite, language: Language, agree: str = "") -> Response:
    """Who it is about and what the trouble is."""
    if agree != VERSION:
        return see(f"/?lang={language}")
    return _about(site, language, {}, "")


@router.post("/begin")
def begin(request: Request, site: OurSite, form: Form) -> Response:
    """A new consultation."""
    sent = {name: field_of(form, name) for name in ("lang", "agree", "who", "age", "sex", "country", "text")}
    if not site.starts.allows(address_of(request.scope)):
        return site.refusal("refused-busy", sent["lang"], 429)
    try:
        opening = _opening(sent, site)
    except RefusedError as refused:
        return _about(site, sent["lang"], sent, refused.key)
    view = site.desk.begin(opening, "web")
    return see(f"/c/{view.link}/{'understood' if opening.text else 'body'}")


@router.get("/c/{link}")
def go_on(site: OurSite, link: str, late: str = "") -> Response:
    """The question that waits, or the result."""
    view = _view(site, link)
    if view.question is None:
        return _result(site, view)
    return _question(site, view, "old-question" if late else "")


@router.post("/c/{link}")
def answer(site: OurSite, link: str, form: Form) -> Response:
    """An answer to a question; one to an older question changes nothing and says so."""
    view = _view(site, link)
    turn = field_of(form, "turn")
    if view.question is None or turn != str(view.consultation.turn) or field_of(form, "finding") != view.question.id:
        return see(f"/c/{link}?late=1")
    try:
        value = answers.value_of(view.question, fields_of(form, "value"))
        site.desk.answer(view.kept.id, value, int(turn))
    except RefusedError as refused:
        return _question(site, view, refused.key, status=422)
    return see(f"/c/{link}")


@router.get("/c/{link}/result")
def result(site: OurSite, link: str) -> Response:
    """The result as it stands, also before the last question."""
    return _result(site, _view(site, link))


@router.get("/c/{link}/understood")
def understood(site: OurSite, link: str) -> Response:
    """What was understood of what was written."""
    return _understood(site, _view(site, link), "")


@router.post("/c/{link}/tell")
def tell(site: OurSite, link: str, form: Form) -> Response:
    """Something more, written freely."""
    view = _view(site, link)
    try:
        site.desk.tell(view.kept.id, field_of(form, "text"))
    except RefusedError as refused:
        return _understood(site, view, refused.key, status=422)
    return see(f"/c/{link}/understood")


@router.get("/c/{link}/body")
def body(site: OurSite, link: str, part: str = "") -> Response:
    """The picture of a body, or the complaints of a part of it."""
    return _body(site, _view(site, link), part, "")


@router.post("/c/{link}/body")
def choose(site: OurSite, link: str, form: Form) -> Response:
    """Complaints that were chosen."""
    view, part = _view(site, link), field_of(form, "part")
    offered = {finding.id for finding in site.bodymap.offered(part, view.consultation.person)}
    chosen: dict[str, Value] = {finding: True for finding in fields_of(form, "finding") if finding in offered}
    if not chosen:
        return _body(site, view, part, "body-none", status=422)
    site.desk.change(view.kept.id, chosen)
    return see(f"/c/{link}/understood")


@router.get("/c/{link}/change/{finding}")
def show_change(site: OurSite, link: str, finding: str) -> Response:
    """An earlier question again, with the answer that was given."""
    return _change(site, _view(site, link), finding, "")


@router.post("/c/{link}/change/{finding}")
def change(site: OurSite, link: str, finding: str, form: Form) -> Response:
    """Another answer to an earlier question."""
    view = _view(site, link)
    asked = site.desk.findings.get(finding)
    if asked is None or finding not in view.consultation.values:
        return see(f"/c/{link}")
    try:
        site.desk.change(view.kept.id, {finding: answers.value_of(asked, fields_of(form, "value"))})
    except RefusedError as refused:
        return _change(site, view, finding, refused.key, status=422)
    return see(f"/c/{link}")


@router.get("/c/{link}/answers")
def all_answers(site: OurSite, link: str) -> Response:
    """All answers, each of which can be changed."""
    view = _view(site, link)
    return site.page("answers", _of(view), view=view, findings=site.desk.findings)


@router.get("/c/{link}/summary")
def summary(site: OurSite, link: str) -> Response:
    """The summary for a doctor, to read and to print."""
    view = _view(site, link)
    return site.page("summary", _of(view), view=view, story=sbar.write(site.desk.case(view), _of(view)))


@router.get("/c/{link}/summary.pdf")
def summary_pdf(site: OurSite, link: str) -> Response:
    """The same as PDF."""
    from aimis.web import pdf  # noqa: PLC0415  few ask for it, and it loads all that draws

    view = _view(site, link)
    made = pdf.render(sbar.write(site.desk.case(view), _of(view)), view, _of(view))
    return Response(made, media_type="application/pdf", headers=_attached(f"aimis-{view.kept.id}.pdf"))


@router.get("/c/{link}/keep")
def keep(site: OurSite, link: str) -> Response:
    """How to come back, to go on elsewhere, to take it along and to erase it."""
    view = _view(site, link)
    return site.page("keep", _of(view), view=view, link=link, code=None)


@router.post("/c/{link}/code")
def code(site: OurSite, link: str) -> Response:
    """A code to go on in WeChat."""
    view = _view(site, link)
    return site.page("keep", _of(view), view=view, link=link, code=site.desk.code(view.kept.id))


@router.get("/c/{link}/export.json")
def export(site: OurSite, link: str) -> Response:
    """All that is kept."""
    view = _view(site, link)
    headers = _attached(f"aimis-{view.kept.id}.json")
    return Response(site.desk.export(view.kept.id), media_type="application/json", headers=headers)


@router.get("/c/{link}/fhir.json")
def fhir_bundle(site: OurSite, link: str) -> Response:
    """The hand-over for a medical record."""
    view = _view(site, link)
    return fhir_of(site, view, _of(view))


@router.get("/c/{link}/erase")
def ask_erase(site: OurSite, link: str) -> Response:
    """Whether it is meant."""
    view = _view(site, link)
    return site.page("erase", _of(view), view=view, link=link)


@router.post("/c/{link}/erase")
def erase(site: OurSite, link: str) -> Response:
    """Erase it."""
    view = _view(site, link)
    site.desk.erase(view.kept.id)
    return site.page("erased", _of(view), view=view)


@router.get("/c/{link}/doctor")
def doctor(site: OurSite, link: str) -> Response:
    """The form to send it to a doctor, or what the doctor wrote."""
    return _doctor(site, _view(site, link), "")


@router.post("/c/{link}/doctor")
def send_to_doctor(site: OurSite, link: str, form: Form) -> Response:
    """Put it into the clinicians' queue."""
    view = _view(site, link)
    if view.handover is None and field_of(form, "agree") != "yes":
        return _doctor(site, view, "doctor-must-agree", status=422)
    try:
        told = {
            question.id: answers.number_of(question, given)
            for question in view.screening_questions
            if (given := field_of(form, question.id))
        }
        site.desk.answer_screening(view.kept.id, told)
        site.desk.hand_over(view.kept.id, field_of(form, "contact"), field_of(form, "text"))
    except RefusedError as refused:
        return _doctor(site, view, refused.key, status=422)
    return see(f"/c/{link}/doctor")


def fhir_of(site: Site, view: View, language: str) -> Response:
    """The FHIR Bundle as a download."""
    from aimis.consult.handover import fhir  # noqa: PLC0415  its models take a second to load, and few ask for it

    made = fhir.bundle(site.desk.case(view), language)
    return Response(made, media_type="application/fhir+json", headers=_attached(f"aimis-{view.kept.id}.fhir.json"))


def _view(site: Site, link: str) -> View:
    return site.desk.look(_id(site, link))


def _id(site: Site, link: str) -> UUID:
    return site.desk.who(link)


def _of(view: View) -> str:
    return view.kept.language


def _attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _about(site: Site, language: str, sent: dict[str, str], problem: str) -> Response:
    status = 422 if problem else 200
    usual = site.usual_country(language)
    return site.page("about", language, status=status, sent=sent, problem=problem, version=VERSION, usual=usual)


def _opening(sent: dict[str, str], site: Site) -> Opening:
    if sent["agree"] != VERSION:
        raise RefusedError("refused-consent")
    if len(sent["text"]) > LONGEST_TEXT:
        raise RefusedError("refused-long")
    age = answers.plain_number(sent["age"]) if sent["age"] else None
    if sent["age"] and (age is None or not 0 <= age <= OLDEST):
        raise RefusedError("refused-age")
    sex = sent["sex"] if sent["sex"] in SEXES else None
    chosen = sent["country"] if sent["country"] in site.paths.countries else None
    country = site.settings.country or chosen or site.usual_country(sent["lang"])
    person = Person.model_validate({"age_years": age, "sex": sex, "country": country})
    return Opening.model_validate(
        {
            "language": "zh" if sent["lang"] == "zh" else "en",
            "person": person,
            "speaker": sent["who"] if sent["who"] in SPEAKERS else "self",
            "text": sent["text"],
        }
    )


def _question(site: Site, view: View, notice: str, *, status: int = 200) -> Response:
    asked = [one for one in view.consultation.answers if one.source == "asked"]
    return site.page(
        "question",
        _of(view),
        status=status,
        view=view,
        finding=view.question,
        notice=notice,
        number=view.consultation.questions + 1,
        before=asked[-1].finding if asked else None,
        alone=_is_alone(view),
    )


def _is_alone(view: View) -> bool:
    age = view.consultation.person.age_years
    return view.chart.speaker == "self" and age is not None and age < ALONE_BELOW_YEARS


def _understood(site: Site, view: View, notice: str, *, status: int = 200) -> Response:
    findings = site.desk.findings
    return site.page("understood", _of(view), status=status, view=view, findings=findings, notice=notice)


def _body(site: Site, view: View, part: str, notice: str, *, status: int = 200) -> Response:
    person = view.consultation.person
    offered = site.bodymap.offered(part, person)
    name = "complaints" if offered else "body"
    parts = site.bodymap.parts_for(person)
    return site.page(name, _of(view), status=status, view=view, part=part, offered=offered, parts=parts, notice=notice)


def _change(site: Site, view: View, finding: str, notice: str, *, status: int = 200) -> Response:
    asked = site.desk.findings.get(finding)
    if asked is None or finding not in view.consultation.values:
        return see(f"/c/{view.link}")
    was = view.consultation.values[finding]
    return site.page("change", _of(view), status=status, view=view, finding=asked, was=was, notice=notice)


def _result(site: Site, view: View) -> Response:
    shown = [one for one in view.outcome.explanations if one.probability >= LIKELY_ENOUGH][:MOST_SHOWN]
    return site.page("result", _of(view), view=view, alone=_is_alone(view), shown=shown)


def _doctor(site: Site, view: View, notice: str, *, status: int = 200) -> Response:
    return site.page("doctor", _of(view), status=status, view=view, notice=notice)
