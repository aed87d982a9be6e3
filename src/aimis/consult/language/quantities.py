"""Numbers in a text: age, temperature, how long, how many weeks pregnant. Each with where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from aimis.consult.model import Record

DAYS_OF_A_YEAR = 365.25
NEWBORN_YEARS = 0.02
OLDEST_YEARS = 115
LONGEST_PREGNANCY_WEEKS = 44
CHINESE_DIGITS = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
CHINESE_NUMBER = "[零一二两三四五六七八九十百几半]+"


class Numbers(Record):
    """How a language writes numbers of people: patterns in which `{n}` is a number, and what its units come to."""

    words: dict[str, float]
    units_in_days: dict[str, float]
    age: tuple[str, ...]
    newborn: str
    temperature: tuple[str, ...]
    span: tuple[str, ...]
    today: str
    pregnant: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number that was read: age (years), temperature (°C), days, or pregnancy-weeks; where in the written text."""

    name: str
    value: float
    start: int
    end: int


class Quantities:
    """Reads the numbers of one language."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def read(self, text: str) -> Iterator[Quantity]:
        """Each kind at most once: the first that holds."""
        for reading in (self._ages, self._temperatures, self._days, self._pregnancy_weeks):
            yield from list(reading(text))[:1]

    def _ages(self, text: str) -> Iterator[Quantity]:
        for match in _found(self._age, text):
            years = self._number(match[1]) * (self._days_of(match[2]) / DAYS_OF_A_YEAR if match[2] else 1)
            if 0 <= years <= OLDEST_YEARS:
                yield _quantity("age", round(years, 3), match)
        for match in re.finditer(self._numbers.newborn, text):
            yield _quantity("age", NEWBORN_YEARS, match)

    def _temperatures(self, text: str) -> Iterator[Quantity]:
        for match in _found(self._temperature, text):
            tenths = 5 if match[2] == "半" else int(match[2] or 0)
            celsius = _celsius(float(match[1]) + tenths / 10)
            if celsius is not None:
                yield _quantity("temperature", celsius, match)

    def _days(self, text: str) -> Iterator[Quantity]:
        for match in _found(self._span, text):
            yield _quantity("days", self._number(match[1]) * self._days_of(match[2]), match)
        for match in re.finditer(self._numbers.today, text):
            yield _quantity("days", 1.0, match)

    def _pregnancy_weeks(self, text: str) -> Iterator[Quantity]:
        for match in _found(self._pregnant, text):
            weeks = round(self._number(match[1]) * self._days_of(match[2]) / 7)
            if weeks <= LONGEST_PREGNANCY_WEEKS:
                yield _quantity("pregnancy-weeks", float(weeks), match)

    @cached_property
    def _age(self) -> tuple[re.Pattern[str], ...]:
        return self._compiled(self._numbers.age)

    @cached_property
    def _temperature(self) -> tuple[re.Pattern[str], ...]:
        return self._compiled(self._numbers.temperature)

    @cached_property
    def _pregnant(self) -> tuple[re.Pattern[str], ...]:
        return self._compiled(self._numbers.pregnant)

    @cached_property
    def _span(self) -> tuple[re.Pattern[str], ...]:
        return self._compiled(self._numbers.span)

    def _compiled(self, patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
        words = sorted(self._numbers.words, key=len, reverse=True) or [CHINESE_NUMBER]
        number = r"(\d+(?:\.\d+)?|" + "|".join(words) + ")"
        return tuple(re.compile(pattern.format(n=number)) for pattern in patterns)

    def _days_of(self, unit: str) -> float:
        return self._numbers.units_in_days[unit]

    def _number(self, written: str) -> float:
        if written in self._numbers.words:
            return self._numbers.words[written]
        return float(written) if written[0].isdigit() else chinese_number(written)


def chinese_number(written: str) -> float:
    """Up to 199: 十二, 七十, 半 (a half), 几 (some, as three)."""
    if "半" in written:
        return 0.5
    hundreds, hundred, rest = written.replace("几", "三").rpartition("百")
    tens, ten, ones = rest.rpartition("十")
    return float((100 * _digit(hundreds, 1) if hundred else 0) + (10 * _digit(tens, 1) if ten else 0) + _digit(ones, 0))


def _digit(written: str, otherwise: int) -> int:
    return CHINESE_DIGITS.get(written.lstrip("零")[:1], otherwise)


def _celsius(degrees: float) -> float | None:
    """A body's temperature, None where it is none; what lies in its Fahrenheit range is Fahrenheit."""
    if 94 <= degrees <= 109:
        degrees = (degrees - 32) / 1.8
    return round(degrees, 1) if 34 <= degrees <= 43 else None


def _found(patterns: Iterable[re.Pattern[str]], text: str) -> Iterator[re.Match[str]]:
    for pattern in patterns:
        yield from pattern.finditer(text)


def _quantity(name: str, value: float, match: re.Match[str]) -> Quantity:
    return Quantity(name=name, value=value, start=match.start(), end=match.end())


def first_sex(sexes: Iterable[tuple[str, str]], text: str) -> str | None:
    """Of the first pattern that is found."""
    return next((sex for pattern, sex in sexes if re.search(pattern.format(), text)), None)
