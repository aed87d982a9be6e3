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
DENIED = "no"
"""Stands in the place of an option for phrases that themselves deny: \u4e0d\u5598 is "not breathless"."""
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
    empty: tuple[str, ...]
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
        loader.SHELF.save()

    def worth_looking_for(self, text: str) -> list[tuple[Entry, patterns.Phrase]]:
        """The phrases of each of whose terms the text holds a stem, in the lexicon's order."""
        held = frozenset(stem for stem in self._all_stems if stem in text)
        touched = {number for stem in held for number in self._by_stem.get(stem, ())}
        return [self._phrases[n] for n in sorted(touched) if not any(map(held.isdisjoint, self._phrases[n][1].stems))]

    @cached_property
    def _phrases(self) -> tuple[tuple[Entry, patterns.Phrase], ...]:
        return tuple((entry, phrase) for entry in self.entries for phrase in entry.phrases)

    @cached_property
    def _all_stems(self) -> frozenset[str]:
        return frozenset(stem for _, phrase in self._phrases for term in phrase.stems for stem in term)

    @cached_property
    def _by_stem(self) -> dict[str, list[int]]:
        """Each phrase under the stems of its term with the fewest."""
        index: dict[str, list[int]] = {}
        for number, (_, phrase) in enumerate(self._phrases):
            for stem in min(phrase.stems, key=len):
                index.setdefault(stem, []).append(number)
        return index

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
        finding.check_keys(option for option in by_value if option not in {"", DENIED})
        for option, said in by_value.items():
            value = _value(finding, option)
            made = tuple(patterns.Phrase(patterns.parse(phrase, classes), expression) for phrase in said)
            yield Entry(finding=name, value=value, phrases=made)


def _value(finding: Finding, option: str) -> Value:
    if finding.kind is Kind.YES_NO:
        return option != DENIED
    return (option,) if finding.kind is Kind.MANY_OF else option
