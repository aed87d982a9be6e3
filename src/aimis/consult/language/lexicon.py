"""A language's lexicon: the phrases of findings, and the words that its grammar goes by."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, TypeAdapter

from aimis.consult import loader
from aimis.consult.language import patterns
from aimis.consult.language.quantities import Numbers, Quantities
from aimis.consult.model import Finding, Kind, Record, Sex, Value

FOLDER = Path(__file__).parents[1] / "lexicon"
ATTRIBUTES = ("severity", "onset", "course")
"""Findings of the whole complaint, that stand in the lexicon beside the others."""


class Grammar(Record):
    """The words that a language's grammar goes by; see grammar.py for what each does."""

    gap: int
    negators: tuple[str, ...]
    not_negators: tuple[str, ...]
    breaks: tuple[str, ...]
    starts: tuple[str, ...]
    after: tuple[str, ...]
    past: tuple[str, ...]
    supposed: tuple[str, ...]
    others: tuple[str, ...]
    theirs: tuple[str, ...]
    speaker: tuple[str, ...]
    patients: tuple[str, ...]
    spellings: tuple[str, ...] = ()
    ordinary: tuple[str, ...] = ()
    traditional: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Phrases that say one thing of a finding."""

    finding: str
    value: Value
    phrases: tuple[patterns.Phrase, ...]


class Lexicon:
    """The phrases of a language, for the findings of a set of knowledge; those that it does not have are left out."""

    def __init__(self, language: str, findings: Mapping[str, Finding]) -> None:
        path = FOLDER / f"{language}.yaml"
        table: dict[str, Any] = loader.read_yaml(path)
        self.grammar = loader.checked(Grammar, table["grammar"], path)
        classes = TypeAdapter(dict[str, tuple[str, ...]]).validate_python(table["classes"])
        self.quantities = Quantities(loader.checked(Numbers, table["numbers"], path))
        self.sexes = TypeAdapter(tuple[tuple[str, Sex], ...]).validate_python(table["sexes"])
        expression = (patterns.chinese if language == "zh" else patterns.english)(self.grammar.gap)
        given = {**table["findings"], **{name: table[name] for name in ATTRIBUTES}}
        self.entries = tuple(_entries(given, findings, classes, expression))
        self.unknown = tuple(name for name in given if name not in findings)

    @cached_property
    def words(self) -> frozenset[str]:
        """The single words of all phrases, without those of which only the beginning is given."""
        return self._found(r"(?<!\w)[a-z]{4,}(?![\w*])")

    @cached_property
    def stems(self) -> frozenset[str]:
        """The beginnings of words whose ending is free."""
        return self._found(r"(?<!\w)[a-z]{4,}(?=\*)")

    def _found(self, pattern: str) -> frozenset[str]:
        terms = (term for entry in self.entries for phrase in entry.phrases for term in phrase.terms)
        return frozenset(found for term in terms for word in term for found in re.findall(pattern, word))


def _entries(
    given: Mapping[str, Any],
    findings: Mapping[str, Finding],
    classes: Mapping[str, tuple[str, ...]],
    expression: Callable[[patterns.Phrase], re.Pattern[str]],
) -> Iterator[Entry]:
    for name, phrases in given.items():
        finding = findings.get(name)
        if finding is None:
            continue
        by_value = {"": phrases} if isinstance(phrases, list) else phrases
        finding.check_keys(option for option in by_value if option)
        for option, said in by_value.items():
            value: Value = True if not option else (option,) if finding.kind is Kind.MANY_OF else option
            made = tuple(patterns.Phrase(patterns.parse(phrase, classes), expression) for phrase in said)
            yield Entry(finding=name, value=value, phrases=made)
