"""The clinicians' queue, behind a login: the most urgent first, each read, answered, ordered for and closed."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse

from aimis.consult.handover import sbar
from aimis.domain.errors import AimisError
from aimis.store import clinicians, handovers
from aimis.store.clinicians import Login
from aimis.web import pages
from aimis.web.desk import RefusedError, View
from aimis.web.guard import address_of
from aimis.web.site import Form, Language, OurSite, Site, field_of, fields_of, see

COOKIE = "aimis-clinic"

router = APIRouter(prefix="/clinic", default_response_class=HTMLResponse, include_in_schema=False)


class LoggedOutError(AimisError):
    """Nobody is logged in, or the form is not ours."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the queue."""

    view: View
    who: str
    complaint: str


def _login(request: Request, site: OurSite) -> Login:
    secret = request.cookies.get(COOKIE, "")
    with site.desk.store.begin() as tx:
        login = clinicians.logged_in(tx, secret)
    if login is None:
        raise LoggedOutError("log in first")
    return login


LoggedIn = Annotated[Login, Depends(_login)]


def _guarded(login: LoggedIn, form: Form) -> Login:
    if field_of(form, "guard") != login.guard:
        raise LoggedOutError("the form is not ours")
    return login


Acting = Annotated[Login, Depends(_guarded)]


@router.get("/login")
def show_login(site: OurSite, language: Language) -> Response:
    """The form."""
    return site.page("login", language, wrong=False)


@router.post("/login")
def log_in(request: Request, site: OurSite, form: Form) -> Response:
    """Log in."""
    language = field_of(form, "lang")
    if not site.logins.allows(address_of(request.scope)):
        return site.refusal("refused-busy", language, 429)
    with site.desk.store.begin() as tx:
        secret = clinicians.log_in(tx, field_of(form, "name"), field_of(form, "password"))
    if secret is None:
        return site.page("login", language, status=401, wrong=True)
    answer = see(f"/clinic?lang={language}")
    answer.set_cookie(COOKIE, secret, path="/clinic", httponly=True, samesite="strict", secure=site.https)
    return answer


@router.post("/logout")
def log_out(request: Request, site: OurSite, login: Acting) -> Response:  # noqa: ARG001  the form must be ours
    """Log out."""
    with site.desk.store.begin() as tx:
        clinicians.log_out(tx, request.cookies.get(COOKIE, ""))
    answer = see("/clinic/login")
    answer.delete_cookie(COOKIE, path="/clinic")
    return answer


@router.get("")
def queue(site: OurSite, login: LoggedIn, language: Language, answered: str = "") -> Response:
    """Who waits, or who was answered."""
    with site.desk.store.begin() as tx:
        waiting = handovers.queue(tx, ["answered"] if answered else ["waiting"])
    rows = [_row(site, handover.consultation_id, language) for handover in waiting]
    return site.page("queue", language, rows=rows, login=login, answered=answered)


@router.get("/case/{consultation_id}")
def case(site: OurSite, login: LoggedIn, language: Language, consultation_id: UUID) -> Response:
    """One of them, whole."""
    return _case(site, login, language, consultation_id, "")


@router.post("/case/{consultation_id}")
def answer(site: OurSite, login: Acting, language: Language, consultation_id: UUID, form: Form) -> Response:
    """Write to the person and order screenings."""
    try:
        ordered = tuple(fields_of(form, "order"))
        site.desk.reply(consultation_id, login.clinician, field_of(form, "text"), ordered)
    except RefusedError as refused:
        return _case(site, login, language, consultation_id, refused.key, status=422)
    return see(f"/clinic/case/{consultation_id}?lang={language}")


@router.post("/case/{consultation_id}/close")
def close(site: OurSite, login: Acting, language: Language, consultation_id: UUID) -> Response:
    """Take it out of the queue."""
    site.desk.close(consultation_id, login.clinician)
    return see(f"/clinic?lang={language}")


@router.get("/case/{consultation_id}/fhir.json")
def fhir(site: OurSite, login: LoggedIn, language: Language, consultation_id: UUID) -> Response:
    """The hand-over for the hospital's record."""
    view = _looked_at(site, login, consultation_id, "took as FHIR")
    return pages.fhir_of(site, view, language)


def _row(site: Site, consultation_id: UUID, language: str) -> Row:
    view = site.desk.look(consultation_id)
    shown = site.desk.case(view)
    there = [
        shown.findings[f].short.of(language) for f, v in shown.answers.items() if v is True and f in shown.findings
    ]
    complaint = view.consultation.told[0][:80] if view.consultation.told else ", ".join(there[:3])
    return Row(view=view, who=sbar.who(shown, language), complaint=complaint)


def _looked_at(site: Site, login: Login, consultation_id: UUID, did: str) -> View:
    """Only what was handed over is shown, and who looked is written down."""
    with site.desk.store.begin() as tx:
        handovers.get(tx, consultation_id)
        tx.record(login.clinician, did, consultation_id)
    return site.desk.look(consultation_id)


def _case(
    site: Site, login: Login, language: str, consultation_id: UUID, notice: str, *, status: int = 200
) -> Response:
    view = _looked_at(site, login, consultation_id, "read")
    shown = site.desk.case(view)
    story, who = sbar.write(shown, language), sbar.who(shown, language)
    return site.page("case", language, status=status, view=view, login=login, story=story, who=who, notice=notice)
