"""What the routes share: the desk, the limits, the settings, and how a page is rendered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import jinja2
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from aimis.consult.handover.case import load_words, present, said
from aimis.consult.safety.numbers import ELSEWHERE, USUAL, Country, Paths
from aimis.logs import Log
from aimis.settings import ServeSettings
from aimis.web.bodymap import BodyMap
from aimis.web.desk import Desk
from aimis.web.limits import Limiter
from aimis.web.words import preferred, words_of

TEMPLATES = Path(__file__).parent / "templates"
SEE_OTHER = 303
SPOKEN_IN: Mapping[str, Sequence[str]] = {
    "en": ("AU", "CA", "GB", "IE", "IN", "NZ", "US"),
    "zh": ("CN", "HK", "MO", "SG", "TW"),
}
"""Countries that stand first where a language was chosen."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """One running service.

    paths : the emergency numbers by country
    starts : limits consultations begun, logins : passwords tried; by address
    """

    desk: Desk
    settings: ServeSettings
    paths: Paths
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

    def usual_country(self, language: str) -> str | None:
        """Of people who do not say theirs."""
        return self.settings.country or USUAL.get(language)

    def ambulance(self, language: str) -> str:
        """The number to call, as a sentence names it to somebody of whom no country is known."""
        return self.paths.ambulance(self.settings.country, language)

    def page(self, name: str, language: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page in a language; with the numbers of the country of the consultation that it shows, if it shows one."""
        words = words_of(language)
        template = self._templates.get_template(f"{name}.html.j2")
        chosen = values["view"].consultation.person.country if "view" in values else None
        code = chosen or self.settings.country
        known = self.paths.known(code, words.language)
        everywhere: Mapping[str, Any] = {
            "t": words,
            "language": words.language,
            "ambulance": self.paths.ambulance(code, words.language),
            "dial": None if known is None else known.ambulance,
            "countries": () if code else self.countries(words.language),
        }
        return HTMLResponse(template.render({**everywhere, **values}), status)

    def countries(self, language: str) -> Sequence[tuple[str, Country]]:
        """First where most people speak the language, so that few must scroll; then by name; at the end elsewhere."""
        first = SPOKEN_IN.get(language, ())
        named = sorted(self.paths.countries.items(), key=lambda item: item[1].country.of(language))
        return sorted(named, key=lambda item: (item[0] == ELSEWHERE, item[0] not in first))

    def refusal(self, key: str, language: str, status: int, **values: Any) -> HTMLResponse:
        """A page that says what did not work."""
        text = words_of(language)(key, number=self.ambulance(language), **values)
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
