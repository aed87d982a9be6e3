"""What a set of knowledge is made of, as its YAML says it. Every record is frozen; a key it does not know is refused.

Knowledge
├── Finding     a question that can be asked, and how often it is answered so by those who consult for something else
└── Condition   an explanation: how frequent, how it shows in the findings, how urgent, what to do
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

LANGUAGES = ("en", "zh")
Language = Literal["en", "zh"]
UNKNOWN: Literal["unknown"] = "unknown"
OLDEST = 130

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=80)]
Icd10 = Annotated[str, StringConstraints(pattern=r"^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$")]
Multiplier = Annotated[float, Field(ge=0, le=1000)]
Chance = Annotated[float, Field(ge=0, le=1)]
Sex = Literal["F", "M"]
Season = Literal["winter", "spring", "summer", "autumn"]
Value = bool | float | str | tuple[str, ...]
"""An answer: yes or no, a number, an option's id, ids, or UNKNOWN, which is no evidence."""

Band = str | float
"""A name of the knowledge's bands, or a chance itself."""

_AGE_RANGE = re.compile(r"^(\d{1,3})-(\d{1,3})$")
_BOUND = re.compile(r"^(>=|<)\s*(-?\d+(?:\.\d+)?)$")


class Record(BaseModel):
    """A part of the knowledge."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Record):
    """What a person reads, in both languages."""

    en: Words
    zh: Words

    def of(self, language: str) -> str:
        """In one language."""
        return self.zh if language == "zh" else self.en


class Urgency(StrEnum):
    """How soon, and to whom; the most urgent first."""

    EMERGENCY = "emergency"
    EMERGENCY_DEPARTMENT = "emergency-department"
    SAME_DAY = "same-day"
    ROUTINE = "routine"
    PHARMACY = "pharmacy"
    SELF_CARE = "self-care"

    @cached_property
    def rank(self) -> int:
        """0 is the most urgent."""
        return list(Urgency).index(self)


def most_urgent(urgencies: Iterable[Urgency]) -> Urgency:
    """The most urgent of them, SELF_CARE of none."""
    return min(urgencies, key=lambda urgency: urgency.rank, default=Urgency.SELF_CARE)


class Kind(StrEnum):
    """What an answer to a finding's question is."""

    YES_NO = "yes-no"
    ONE_OF = "one-of"
    MANY_OF = "many-of"
    NUMBER = "number"


class Option(Record):
    """One of a finding's answers."""

    id: Id
    text: Text


def _years(value: object) -> object:
    """`0-4` as written, as (0, 4); other forms are left to pydantic."""
    match = _AGE_RANGE.match(value) if isinstance(value, str) else None
    return (int(match[1]), int(match[2])) if match else value


AgeRange = Annotated[tuple[int, int], BeforeValidator(_years)]
"""First and last year of age, both within."""


def bound_of(text: str) -> tuple[str, float]:
    """`>=38` as (">=", 38.0), `<60` as ("<", 60.0); ValueError else."""
    match = _BOUND.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no bound of a number: write >=38 or <60")
    return match[1], float(match[2])


class Finding(Record):
    """A question that can be asked.

    group : asked one after the other, as a clinician would
    background : chance in those who consult for something else; by option or by bound (`>=38`) where it is no yes-no
    parent : asked and weighed only where this finding is present
    none : the option of a one-of or many-of that stands for "no"; a parent answered so is absent
    range : lowest and highest number that is taken, in `unit`
    age : first and last year in which it applies
    """

    id: Id
    kind: Kind = Kind.YES_NO
    group: Id
    background: Chance | dict[str, Chance] = 0.02
    question: Text
    short: Text
    parent: Id | None = None
    none: Id | None = None
    options: tuple[Option, ...] = ()
    unit: str | None = None
    range: tuple[float, float] | None = None
    hpo: Annotated[str, StringConstraints(pattern=r"^HP:\d{7}$")] | None = None
    symp: Annotated[str, StringConstraints(pattern=r"^SYMP:\d{7}$")] | None = None
    sex: Sex | None = None
    age: tuple[int, int] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        has_options = self.kind in {Kind.ONE_OF, Kind.MANY_OF}
        if has_options != bool(self.options):
            raise ValueError("one-of and many-of have options, yes-no and number have none")
        if (self.kind is Kind.NUMBER) != (self.range is not None):
            raise ValueError("a number, and only a number, has a range")
        if len(set(self.option_ids)) < len(self.option_ids):
            raise ValueError("an option stands twice")
        if isinstance(self.background, dict):
            self.check_keys(self.background)
        elif self.kind is not Kind.YES_NO:
            raise ValueError("background is given by option or bound, as {option: chance}")
        if self.none is not None and self.none not in self.option_ids:
            raise ValueError(f"none: there is no option {self.none}")
        return self

    @cached_property
    def option_ids(self) -> tuple[str, ...]:
        """In the order they are offered."""
        return tuple(option.id for option in self.options)

    def check_keys(self, keys: Iterable[str]) -> None:
        """ValueError where a key is neither an option nor, of a number, a bound."""
        for key in keys:
            if self.kind is Kind.NUMBER:
                bound_of(key)
            elif key not in self.option_ids:
                raise ValueError(f"{self.id} has no option {key}")

    def is_for(self, age_years: float | None, sex: Sex | None) -> bool:
        """Whether the question makes sense for this person; what is not known excludes nothing."""
        if self.sex is not None and sex is not None and sex != self.sex:
            return False
        return self.age is None or age_years is None or self.age[0] <= age_years < self.age[1] + 1

    def present(self, value: Value) -> bool:
        """Whether an answer says that the finding is there; any number is."""
        if isinstance(value, bool):
            return value
        if isinstance(value, tuple):
            return bool(value) and value != (self.none,)
        return value not in {UNKNOWN, self.none}


class Citation(Record):
    """Where something stands. `supports` is written `for` in YAML."""

    source: Words
    title: Words | None = None
    year: Annotated[int, Field(ge=1900, le=2100)] | None = None
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] | None = None
    supports: tuple[str, ...] = Field(default=(), alias="for")


class Condition(Record):
    """An explanation.

    frequency : how often it is why someone consults: a band, or per 100,000 consultations
    age, sex, season, country : multipliers of the frequency; absent is 1
    findings : band of a yes-no finding; {option or bound: band} of the others
    red_flags : ids of rules that hold its dangers, or `none: why`
    judgement : what is not from a cited source
    """

    id: Id
    name: Text
    icd10: Icd10
    doid: Annotated[str, StringConstraints(pattern=r"^DOID:\d+$")] | None = None
    area: Id
    frequency: Band
    frequency_source: str | None = None
    age: dict[AgeRange, Multiplier] = Field(default_factory=dict)
    sex: dict[Sex, Multiplier] = Field(default_factory=dict)
    season: dict[Season, Multiplier] = Field(default_factory=dict)
    country: dict[str, Multiplier] = Field(default_factory=dict)
    findings: dict[Id, Band | dict[str, Band]]
    urgency: Urgency
    explain: Text
    self_care: Text | None = None
    see_doctor_if: Text | None = None
    red_flags: tuple[Id, ...] | dict[Literal["none"], Words]
    citations: tuple[Citation, ...]
    judgement: tuple[str, ...] = ()


class Bands(Record):
    """What the names of bands mean. likelihood: P(finding | condition); frequency: per 100,000 consultations."""

    likelihood: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(default_factory=dict)
    frequency: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)

    def chance(self, band: Band) -> float:
        """P(finding | condition); ValueError for a name that is no band."""
        return _of_band(band, self.likelihood)

    def per_100000(self, band: Band) -> float:
        """Consultations of 100,000; ValueError for a name that is no band."""
        return _of_band(band, self.frequency)


def _of_band(band: Band, bands: Mapping[str, float]) -> float:
    if isinstance(band, str):
        if band not in bands:
            raise ValueError(f"there is no band {band!r}; there are {', '.join(bands)}")
        return bands[band]
    return float(band)


class Knowledge(Record):
    """A set of findings and conditions that fit each other.

    parents_first : a finding is asked only after its parent was answered with yes
    wrong_answers : chance that an answer to a question is not the truth
    """

    name: Words
    version: Words
    date: Words
    bands: Bands
    how_set: Text | None = None
    parents_first: bool = True
    wrong_answers: Annotated[float, Field(gt=0, lt=0.5)] = 0.03
    findings: dict[Id, Finding]
    conditions: dict[Id, Condition]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for finding in self.findings.values():
            if finding.parent is not None and finding.parent not in self.findings:
                raise ValueError(f"finding {finding.id}: there is no parent {finding.parent}")
        for condition in self.conditions.values():
            try:
                self._check(condition)
            except ValueError as error:
                raise ValueError(f"condition {condition.id}: {error}") from error
        return self

    def _check(self, condition: Condition) -> None:
        self.bands.per_100000(condition.frequency)
        for finding_id, given in condition.findings.items():
            finding = self.findings.get(finding_id)
            if finding is None:
                raise ValueError(f"there is no finding {finding_id}")
            if isinstance(given, dict) == (finding.kind is Kind.YES_NO):
                raise ValueError(f"{finding_id} is {finding.kind}: a band of a yes-no, {{option: band}} of the others")
            by_key = given if isinstance(given, dict) else {}
            finding.check_keys(by_key)
            for band in by_key.values() if isinstance(given, dict) else [given]:
                self.bands.chance(band)
