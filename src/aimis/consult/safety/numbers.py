"""Telephone numbers by country, and the words of the paths of their own that name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, TypeAdapter

from aimis.consult import loader
from aimis.consult.model import Citation, Record, Text

NUMBERS_FILE = "emergency_numbers.yaml"
PATHS_FILE = "own_paths.yaml"
ELSEWHERE = "ZZ"
"""The entry that stands for every country that has none."""
USUAL: Mapping[str, str] = {"zh": "CN"}
"""Whose numbers are meant where a language was chosen and no country; English is spoken everywhere."""
LOCAL_NUMBER = Text(en="your local emergency number", zh="当地急救电话")
LOCAL_POLICE = Text(en="their local number", zh="当地报警电话")
MOBILE = Text(en=" (on a mobile phone {number} works almost everywhere)", zh=" {number} 手机多可拨通")

R = TypeVar("R", bound=Record)


class Line(Record):
    """A telephone line: its number as it is dialled in the country, and whose it is."""

    number: str
    name: Text


class Country(Record):
    """The numbers of a country; a kind of line that it does not have, or that we could not find, is absent."""

    country: Text
    ambulance: str
    police: str
    suicide: tuple[Line, ...] = ()
    poison: tuple[Line, ...] = ()
    abuse: tuple[Line, ...] = ()
    child: tuple[Line, ...] = ()
    citations: Annotated[tuple[Citation, ...], Field(min_length=1)]

    def lines(self, kinds: tuple[str, ...]) -> tuple[Line, ...]:
        """The lines of these kinds, in their order."""
        return tuple(line for kind in kinds for line in getattr(self, kind))


class OwnPath(Record):
    """What is said on a path: first words, the lines that belong to it, and what to do meanwhile.

    say : may name {ambulance} and {police}
    """

    say: Text
    lines: tuple[str, ...]
    meanwhile: Text


@dataclass(frozen=True, kw_only=True)
class Paths:
    """The paths of their own by id, and the countries by ISO 3166-1 alpha-2."""

    paths: Mapping[str, OwnPath]
    countries: Mapping[str, Country]

    def known(self, code: str | None, language: str) -> Country | None:
        """Whose numbers are shown; None as long as the country is not known, for a wrong number is worse than none."""
        code = code or USUAL.get(language)
        return None if code is None else self.countries.get(code, self.countries[ELSEWHERE])

    def ambulance(self, code: str | None, language: str) -> str:
        """The ambulance's number as a sentence names it."""
        country, local = self.known(code, language), LOCAL_NUMBER.of(language)
        if country is None:
            return local
        if country is self.countries[ELSEWHERE]:
            return local + MOBILE.of(language).format(number=country.ambulance)
        return country.ambulance

    def words(self, path: str, code: str | None) -> Text:
        """What is said on a path in a country, in both languages."""
        return Text(en=self._words(path, code, "en"), zh=self._words(path, code, "zh"))

    def _words(self, path: str, code: str | None, language: str) -> str:
        country, own = self.known(code, language), self.paths[path]
        police = country.police if country is not None else LOCAL_POLICE.of(language)
        first = own.say.of(language).format(ambulance=self.ambulance(code, language), police=police)
        colon = "\N{FULLWIDTH COLON}" if language == "zh" else ": "
        found = (country or self.countries[ELSEWHERE]).lines(own.lines)
        lines = [f"- {line.name.of(language)}{colon}{line.number}" for line in found]
        return "\n".join([first, *lines, own.meanwhile.of(language)])


def load_paths(folder: Path) -> Paths:
    """The paths and numbers of a set; loader.KnowledgeError says what does not hold."""
    return Paths(
        paths=_table(folder / PATHS_FILE, OwnPath),
        countries=_table(folder / NUMBERS_FILE, Country),
    )


def _table(path: Path, record: type[R]) -> dict[str, R]:
    given = TypeAdapter(dict[str, dict[str, object]]).validate_python(loader.read_yaml(path))
    return {key: loader.checked(record, entry, path) for key, entry in given.items()}
