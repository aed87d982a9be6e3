"""What a person wrote freely, as findings: the lexicon finds the phrases, the grammar says how they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from aimis.consult.language import grammar, quantities, written
from aimis.consult.language.grammar import Reading, Standing
from aimis.consult.language.lexicon import ATTRIBUTES, Entry, Lexicon
from aimis.consult.model import Finding, Kind, Language, Value
from aimis.consult.ports import Understood

if TYPE_CHECKING:
    from aimis.consult.consultation import Person
    from aimis.consult.language.suggest import Suggester

ALWAYS_KEPT = {"suicidal-thoughts", "suicide-plan", "self-harm", "unsafe-home", "sexual-assault", "danger-to-others"}
"""Never read away as supposed or past."""
FEW_WORDS = 4
"""A sentence of fewer words that tell something is judged with the whole text alone."""
HISTORY = {"recent-surgery", "gave-birth", "travel-tropics", "head-injury", "clot-known", "chemotherapy", "smoking"}
WORST_FIRST = {"severity": ("severe", "moderate", "mild"), "course": ("worse", "episodes", "same", "better")}
DURATIONS = ((1.5, "day"), (7.9, "week"), (45.0, "weeks"), (float("inf"), "months"))
"""Days up to which a duration is called so."""


@dataclass(frozen=True, kw_only=True)
class Mention:
    """One phrase found, before it is decided what of it counts."""

    finding: str
    value: Value
    standing: Standing
    by_speaker: bool
    start: int
    end: int


class Reader:
    """Reads both languages for a set's findings; implements ports.Understanding. Holds nothing of what was read."""

    def __init__(self, findings: Mapping[str, Finding], *, suggester: Suggester | None = None) -> None:
        self._findings = findings
        self._suggester = suggester
        self._lexicon = cache(lambda language: Lexicon(language, findings))
        self._speller = cache(lambda language: _speller(self._lexicon(language)))

    def understand(self, text: str, language: str) -> tuple[Understood, ...]:
        """What the text says, in its order; each finding once."""
        language = _script(text, language)
        as_written = self._written(text, language)
        mentions = list(self._mentions(as_written.text, language))
        counted = {name: kept for name, kept in self._counted(mentions).items() if kept is not None}
        for one in self._numbers(as_written.text, language, counted):
            counted.setdefault(one.finding, one)
        for one in list(counted.values()):
            counted.update(self._with_parents(one, counted))
        whole = (one for one in counted.values() if self._stands_alone(one, counted))
        ordered = sorted(whole, key=lambda one: (one.start, one.end))
        return tuple(_placed(one, as_written) for one in ordered)

    def share_read(self, text: str, language: str) -> float:
        """How much of what the text tells was read as findings, 0..1; 1 where it tells nothing.

        Of the whole or, if that is less, of the sentence that was read least: what is understood of another sentence
        makes up for none that was not. Words of grammar, of time and age, and of how bad it is tell nothing here.
        Every finding that was seen counts, also one that is denied or long past.
        """
        language = _script(text, language)
        plain = self._written(text, language).text
        lexicon = self._lexicon(language)
        mentions = list(self._mentions(plain, language))
        aside = [(m.start, m.end) for m in mentions if m.finding in ATTRIBUTES]
        aside += [(one.start, one.end) for one in lexicon.quantities.read(plain)]
        read = [(m.start, m.end) for m in mentions if m.finding not in ATTRIBUTES]
        telling = [span for span in grammar.telling(plain, lexicon.grammar, language) if not _touches(span, aside)]
        found = [(start, _touches((start, end), read)) for start, end in telling]
        sentences = grammar.sentences(plain)
        within = ([is_read for at, is_read in found if start <= at < end] for start, end in sentences)
        judged = [[is_read for _, is_read in found], *(one for one in within if len(one) >= FEW_WORDS)]
        return min((sum(one) / len(one) for one in judged if one), default=1.0)

    def suggestions(self, text: str, language: Language) -> tuple[str, ...]:
        """Findings that a text may mean beside what was understood: to be asked about; none without a suggester."""
        if self._suggester is None:
            return ()
        understood = {one.finding for one in self.understand(text, language)}
        found = self._suggester.suggest(text, language)
        return tuple(name for name in found if name in self._findings and name not in understood)

    def person(self, text: str, language: str, known: Person) -> Person:
        """Age and sex that the text tells, where they are not known."""
        language = _script(text, language)
        plain = self._written(text, language).text
        lexicon = self._lexicon(language)
        ages = (one.value for one in lexicon.quantities.read(plain) if one.name == "age")
        told = {"age_years": next(ages, None), "sex": quantities.first_sex(lexicon.sexes, plain)}
        return known.model_copy(update={key: value for key, value in told.items() if getattr(known, key) is None})

    def _written(self, text: str, language: str) -> written.Written:
        if language == "zh":
            return written.chinese(text, self._lexicon(language).grammar.traditional)
        return written.english(text, self._speller(language).corrected)

    def _mentions(self, text: str, language: str) -> Iterator[Mention]:
        lexicon = self._lexicon(language)
        reading = Reading(text, lexicon.grammar, language)
        for entry, phrase in lexicon.worth_looking_for(text):
            for match in phrase.pattern.finditer(text):
                yield _mention(entry, match, reading)

    def _counted(self, mentions: Sequence[Mention]) -> dict[str, Understood | None]:
        speaks_of_self = any(m.standing is Standing.PRESENT and m.by_speaker for m in mentions)
        by_finding: dict[str, list[Mention]] = {}
        for mention in mentions:
            by_finding.setdefault(mention.finding, []).append(mention)
        return {name: _one(name, found, speaks_of_self=speaks_of_self) for name, found in by_finding.items()}

    def _numbers(self, text: str, language: str, counted: Mapping[str, Understood]) -> Iterator[Understood]:
        for one in self._lexicon(language).quantities.read(text):
            for name, value in _findings_of(one, counted):
                if name in self._findings:
                    yield Understood(finding=name, value=value, start=one.start, end=one.end)

    def _stands_alone(self, one: Understood, counted: Mapping[str, Understood]) -> bool:
        """An option is of something: a left arm is no place of chest pain where no chest pain is told."""
        finding = self._findings[one.finding]
        if finding.parent is None or finding.kind is Kind.YES_NO:
            return True
        parent = counted.get(finding.parent)
        return parent is not None and parent.value is not False

    def _with_parents(self, one: Understood, counted: Mapping[str, Understood]) -> dict[str, Understood]:
        """The parents of what is present, which are then present too."""
        added: dict[str, Understood] = {}
        finding = self._findings[one.finding]
        while one.value is True and finding.parent is not None:
            parent = self._findings[finding.parent]
            known = counted.get(parent.id)
            if parent.kind is Kind.YES_NO and (known is None or known.value is False):
                added[parent.id] = Understood(finding=parent.id, value=True, start=one.start, end=one.end)
            finding = parent
        return added


def _touches(span: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    return any(start < span[1] and span[0] < end for start, end in others)


def _script(text: str, language: str) -> str:
    """The language that a text is written in; the consultation's where the script does not tell."""
    if re.search("[\u4e00-\u9fff]", text):
        return "zh"
    return "en" if re.search("[A-Za-z]", text) else language


def _speller(lexicon: Lexicon) -> written.Speller:
    words = lexicon.grammar
    known = (*words.ordinary, *words.patients, *words.others, *words.starts, *words.empty)
    return written.Speller(lexicon.words | set(words.spellings), lexicon.stems, frozenset(known))


def _mention(entry: Entry, match: re.Match[str], reading: Reading) -> Mention:
    return Mention(
        finding=entry.finding,
        value=entry.value,
        standing=Standing.DENIED if entry.value is False else reading.standing(match),
        by_speaker=reading.subject_is_speaker(match),
        start=match.start(),
        end=match.end(),
    )


def _one(name: str, mentions: Sequence[Mention], *, speaks_of_self: bool) -> Understood | None:
    """What all mentions of a finding come to: present, where one of them says so."""
    present = [m for m in mentions if _counts(m, speaks_of_self=speaks_of_self)]
    if present:
        first = min(present, key=lambda m: m.start)
        value = _joined(name, [m.value for m in present])
        return Understood(finding=name, value=value, start=first.start, end=first.end)
    denied = [m for m in mentions if m.standing is Standing.DENIED and isinstance(m.value, bool)]
    return Understood(finding=name, value=False, start=denied[0].start, end=denied[0].end) if denied else None


def _counts(mention: Mention, *, speaks_of_self: bool) -> bool:
    """Present; what is another's counts unless the writer speaks of complaints of their own."""
    if mention.standing is Standing.ANOTHERS:
        return not speaks_of_self
    if mention.standing in {Standing.PAST, Standing.SUPPOSED}:
        is_history = mention.finding.endswith("-known") or mention.finding in HISTORY
        return mention.finding in ALWAYS_KEPT or (is_history and mention.standing is Standing.PAST)
    return mention.standing is Standing.PRESENT


def _joined(name: str, values: Iterable[Value]) -> Value:
    """Options of a many-of together; of a one-of the worst, or the first."""
    given = list(values)
    if isinstance(given[0], tuple):
        return tuple(dict.fromkeys(option for value in given if isinstance(value, tuple) for option in value))
    if name in ATTRIBUTES:
        order = WORST_FIRST.get(name, ())
        return min(given, key=lambda value: order.index(str(value)) if value in order else len(order))
    return given[0]


def _findings_of(one: quantities.Quantity, counted: Mapping[str, Understood]) -> Iterator[tuple[str, Value]]:
    if one.name == "temperature":
        yield "temperature", one.value
        yield "fever", one.value >= 37.5
    elif one.name == "pregnancy-weeks":
        yield one.name, one.value
    elif one.name == "days":
        yield "duration", next(name for most, name in DURATIONS if one.value <= most)
        if "fever" in counted and counted["fever"].value and one.value <= 60:
            yield "fever-days", float(max(1, round(one.value)))


def _placed(one: Understood, as_written: written.Written) -> Understood:
    start, end = as_written.span(one.start, one.end)
    return Understood(finding=one.finding, value=one.value, start=start, end=end)
