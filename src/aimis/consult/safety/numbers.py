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

R = TypeVar("R", bound=Record)


class Line(Record):
    """A telephone line: its number as it is dialled in the country, and whose it is."""

    number: str
    name: Text


class Country(Record):
    """The numbers of a country; a kind of line that it does not have, or that we could not find, is absent."""

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

    def country(self, code: str | None) -> Country:
        """A country's numbers; those that hold elsewhere where it is not known."""
        return self.countries.get(code or ELSEWHERE, self.countries[ELSEWHERE])

    def words(self, path: str, code: str | None) -> Text:
        """What is said on a path in a country, in both languages."""
        return Text(en=self._words(path, code, "en"), zh=self._words(path, code, "zh"))

    def _words(self, path: str, code: str | None, language: str) -> str:
        country, own = self.country(code), self.paths[path]
        first = own.say.of(language).format(ambulance=country.ambulance, police=country.police)
        colon = "\N{FULLWIDTH COLON}" if language == "zh" else ": "
        lines = [f"- {line.name.of(language)}{colon}{line.number}" for line in country.lines(own.lines)]
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
