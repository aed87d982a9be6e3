"""The HTTP API: the same consultations as JSON. `/openapi.json` describes it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from aimis.consult.consultation import Person
from aimis.consult.handover import sbar
from aimis.consult.model import OLDEST, Finding, Language, Sex, Value
from aimis.web import pages
from aimis.web.consent import VERSION, consent
from aimis.web.desk import LONGEST_CONTACT, LONGEST_TEXT, MOST_EXPLAINED, Opening, RefusedError, Speaker, View
from aimis.web.guard import address_of
from aimis.web.site import OurSite, Site
from aimis.web.words import words_of

router = APIRouter(prefix="/api/v1", tags=["consultations"])
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]


class Sent(BaseModel):
    """What a client sends; a key it should not have is refused."""

    model_config = ConfigDict(extra="forbid")


class Start(Sent):
    """What a consultation begins with. `consent` is the version of the text that the person agreed to."""

    consent: str = Field(examples=[VERSION])
    language: Language = "en"
    age_years: Annotated[float, Field(ge=0, le=OLDEST)] | None = None
    sex: Sex | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    speaker: Speaker = "self"
    text: Text = ""


class Reply(Sent):
    """An answer to the question of a turn: true, false, an option's id, ids, a number, or "unknown"."""

    turn: int
    answer: Value


class Change(Sent):
    """Another answer to an earlier question."""

    answer: Value


class Telling(Sent):
    """Something written freely."""

    text: Text


class ToDoctor(Sent):
    """What goes to the clinician; `agree` must be true."""

    agree: Literal[True]
    contact: Annotated[str, Field(max_length=LONGEST_CONTACT)] = ""
    text: Text = ""
    screening: dict[str, float] = Field(default_factory=dict)


class Choice(BaseModel):
    """An option of a question."""

    id: str
    text: str


class Question(BaseModel):
    """The question that waits for an answer."""

    turn: int
    id: str
    kind: str
    text: str
    options: list[Choice]
    unit: str | None
    range: tuple[float, float] | None


class Guess(BaseModel):
    """A condition that explains the answers."""

    name: str
    icd10: str
    probability: float
    explain: str


class Raised(BaseModel):
    """A red flag that was raised."""

    id: str
    urgency: str
    say: str


class State(BaseModel):
    """A consultation as it stands. `link` is its secret: whoever has it can read and go on."""

    link: str
    revision: int
    ended: bool
    question: Question | None
    answers: dict[str, Any]
    urgency: str
    red_flags: list[Raised]
    paths: list[str]
    conditions: list[Guess]
    abstained: bool
    handover: str | None
    messages: list[dict[str, str]]


class Summary(BaseModel):
    """The story for a doctor."""

    situation: list[str]
    background: list[str]
    assessment: list[str]
    recommendation: list[str]
    asked: list[tuple[str, str]]


class ConsentText(BaseModel):
    """What people agree to."""

    version: str
    sha256: str
    text: list[str]


@router.get("/consent", operation_id="consent")
def consent_text(language: Language = "en") -> ConsentText:
    """The text to show and the version to send back with the start."""
    return ConsentText(
        version=VERSION, sha256=consent(language).sha256, text=list(words_of(language).paragraphs("consent"))
    )


@router.post("/consultations", operation_id="start", status_code=201)
def start(request: Request, site: OurSite, sent: Start) -> State:
    """Begin."""
    if sent.consent != VERSION:
        raise RefusedError("refused-consent")
    if not site.starts.allows(address_of(request.scope)):
        raise RefusedError("refused-busy")
    person = Person(age_years=sent.age_years, sex=sent.sex, country=sent.country or site.usual_country(sent.language))
    opening = Opening(language=sent.language, person=person, speaker=sent.speaker, text=sent.text)
    return _state(site.desk.begin(opening, "api"))


@router.get("/consultations/{link}", operation_id="look")
def look(site: OurSite, link: str) -> State:
    """As it stands."""
    return _state(_view(site, link))


@router.post("/consultations/{link}/answers", operation_id="answer")
def answer(site: OurSite, link: str, sent: Reply) -> State:
    """Answer the question of a turn; of an older turn nothing changes, and the state says where it stands."""
    return _state(site.desk.answer(site.desk.who(link), sent.answer, sent.turn))


@router.put("/consultations/{link}/answers/{finding}", operation_id="change")
def change(site: OurSite, link: str, finding: str, sent: Change) -> State:
    """Change an earlier answer."""
    if finding not in site.desk.findings:
        raise RefusedError("refused-answer")
    return _state(site.desk.change(site.desk.who(link), {finding: sent.answer}))


@router.post("/consultations/{link}/tell", operation_id="tell")
def tell(site: OurSite, link: str, sent: Telling) -> State:
    """Say something more in free text."""
    return _state(site.desk.tell(site.desk.who(link), sent.text))


@router.get("/consultations/{link}/summary", operation_id="summary")
def summary(site: OurSite, link: str) -> Summary:
    """The story for a doctor, SBAR."""
    view = _view(site, link)
    story = sbar.write(site.desk.case(view), view.kept.language)
    return Summary(
        situation=list(story.situation),
        background=list(story.background),
        assessment=list(story.assessment),
        recommendation=list(story.recommendation),
        asked=list(story.asked),
    )


@router.get("/consultations/{link}/fhir", operation_id="fhir", response_class=Response)
def fhir(site: OurSite, link: str) -> Response:
    """The hand-over as a FHIR R4 Bundle."""
    view = _view(site, link)
    return pages.fhir_of(site, view, view.kept.language)


@router.post("/consultations/{link}/handover", operation_id="hand-over")
def hand_over(site: OurSite, link: str, sent: ToDoctor) -> State:
    """Send it to a clinician."""
    consultation_id = site.desk.who(link)
    site.desk.answer_screening(consultation_id, dict(sent.screening))
    return _state(site.desk.hand_over(consultation_id, sent.contact, sent.text))


@router.post("/consultations/{link}/code", operation_id="code")
def code(site: OurSite, link: str) -> dict[str, str]:
    """A code to go on in WeChat with; it holds once, for half an hour."""
    return {"code": site.desk.code(site.desk.who(link))}


@router.get("/consultations/{link}/export", operation_id="export", response_class=Response)
def export(site: OurSite, link: str) -> Response:
    """All that is kept of it."""
    return Response(site.desk.export(site.desk.who(link)), media_type="application/json")


@router.delete("/consultations/{link}", operation_id="erase", status_code=204)
def erase(site: OurSite, link: str) -> None:
    """Erase all of it."""
    site.desk.erase(site.desk.who(link))


def _view(site: Site, link: str) -> View:
    return site.desk.look(site.desk.who(link))


def _state(view: View) -> State:
    language, outcome = view.kept.language, view.outcome
    return State(
        link=view.link,
        revision=view.kept.revision,
        ended=view.consultation.ended,
        question=None if view.question is None else _question(view.question, view.consultation.turn, language),
        answers=dict(view.consultation.values),
        urgency=outcome.urgency,
        red_flags=[Raised(id=f.id, urgency=f.urgency, say=f.say.of(language)) for f in outcome.flags],
        paths=[path.of(language) for path in view.paths],
        conditions=[
            Guess(
                name=guess.condition.name.of(language),
                icd10=guess.condition.icd10,
                probability=round(guess.probability, 4),
                explain=guess.condition.explain.of(language),
            )
            for guess in outcome.explanations[:MOST_EXPLAINED]
        ],
        abstained=outcome.abstained,
        handover=None if view.handover is None else view.handover.state,
        messages=[{"author": m.author, "said_at": m.said_at.isoformat(), "text": m.text} for m in view.messages],
    )


def _question(finding: Finding, turn: int, language: str) -> Question:
    return Question(
        turn=turn,
        id=finding.id,
        kind=finding.kind,
        text=finding.question.of(language),
        options=[Choice(id=option.id, text=option.text.of(language)) for option in finding.options],
        unit=finding.unit,
        range=finding.range,
    )
