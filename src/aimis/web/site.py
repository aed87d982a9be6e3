"""What the routes share: the desk, the limits, the settings, and how a page is rendered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import jinja2
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from aimis.consult.handover.case import load_words, present, said
from aimis.consult.safety.numbers import Country
from aimis.logs import Log
from aimis.settings import ServeSettings
from aimis.web.bodymap import BodyMap
from aimis.web.desk import Desk
from aimis.web.limits import Limiter
from aimis.web.words import preferred, words_of

TEMPLATES = Path(__file__).parent / "templates"
SEE_OTHER = 303


@dataclass(frozen=True, kw_only=True)
class Site:
    """One running service.

    country : whose emergency numbers are shown
    starts : limits consultations begun, logins : passwords tried; by address
    """

    desk: Desk
    settings: ServeSettings
    country: Country
    bodymap: BodyMap
    log: Log
    starts: Limiter
    logins: Limiter = field(default_factory=lambda: Limiter(most=20, per_s=600))

    @property
    def https(self) -> bool:
        """Whether people reach us by https alone."""
        return (self.settings.public_url or "").startswith("https://")

    @cached_property
    def _templates(self) -> jinja2.Environment:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(said=said, present=present, medical=load_words)
        return environment

    def page(self, name: str, language: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page in a language."""
        words = words_of(language)
        template = self._templates.get_template(f"{name}.html.j2")
        everywhere: Mapping[str, Any] = {"t": words, "language": words.language, "ambulance": self.country.ambulance}
        return HTMLResponse(template.render({**everywhere, **values}), status)

    def refusal(self, key: str, language: str, status: int, **values: Any) -> HTMLResponse:
        """A page that says what did not work."""
        text = words_of(language)(key, number=self.country.ambulance, **values)
        return self.page("refused", language, status=status, text=text)


def see(path: str) -> RedirectResponse:
    """To a page after a form was sent, so that loading it again sends nothing."""
    return RedirectResponse(path, SEE_OTHER)


def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


def _language(request: Request, lang: str | None = None) -> str:
    return lang or preferred(request.headers.get("accept-language"))


async def _form(request: Request) -> FormData:
    return await request.form(max_files=0, max_fields=200)


OurSite = Annotated[Site, Depends(_site)]
Language = Annotated[str, Depends(_language)]
Form = Annotated[FormData, Depends(_form)]


def field_of(form: FormData, name: str) -> str:
    """One field of a form as text, empty where it lacks."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def fields_of(form: FormData, name: str) -> list[str]:
    """All fields of one name."""
    return [value for value in form.getlist(name) if isinstance(value, str)]
