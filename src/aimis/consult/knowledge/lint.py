"""What a set of knowledge must hold beyond its form, and how much it holds.

The loader refuses what cannot be computed with; here is what a careful reader would refuse: a condition without a
source, without a rule for its dangers, in one language only, or without anything that tells it from the others.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from aimis.consult.model import Band, Condition, Finding, Kind, Text, Urgency

if TYPE_CHECKING:
    from aimis.consult.model import Knowledge

FEWEST_FINDINGS = 5
TELLING, SPEAKS_AGAINST = 0.5, 0.05
"""P(finding | condition) from which a finding points to a condition, and up to which it points away."""
ASKED_THROUGH = 0.1
"""Where a finding is at least so likely, what it is asked after must be spoken of too."""
MUST_BE_SAID = ("findings", "urgency", "self_care", "see_doctor_if")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_ASCII_IN_CHINESE = re.compile(r"[\u4e00-\u9fff][,;?!](?![A-Za-z0-9])")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What does not hold, and where."""

    where: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How much a set holds.

    citations : statements of a source; sources : different ones
    by_urgency : conditions of each urgency; by_area : of each area
    without_rule : conditions that say why no red flag is theirs
    """

    conditions: int
    findings: int
    red_flags: int
    citations: int
    sources: int
    by_urgency: Mapping[Urgency, int]
    by_area: Mapping[str, int]
    without_rule: tuple[str, ...]


def lint(knowledge: Knowledge, red_flags: Collection[str]) -> Iterator[Fault]:
    """Every fault of a set; red_flags are the ids of its rules."""
    for finding in knowledge.findings.values():
        yield from (Fault(where=f"finding {finding.id}", what=what) for what in _faults_of_finding(finding))
    for condition in knowledge.conditions.values():
        for check in _CHECKS:
            yield from (Fault(where=f"condition {condition.id}", what=what) for what in check(condition, knowledge))
        yield from (Fault(where=f"condition {condition.id}", what=what) for what in _faulty_flags(condition, red_flags))
    yield from _same_names(knowledge)


def count(knowledge: Knowledge, red_flags: Collection[str]) -> Counts:
    """How much a set holds."""
    conditions = knowledge.conditions.values()
    cited = [citation for condition in conditions for citation in condition.citations]
    return Counts(
        conditions=len(conditions),
        findings=len(knowledge.findings),
        red_flags=len(red_flags),
        citations=len(cited),
        sources=len({(citation.source, citation.title) for citation in cited}),
        by_urgency=Counter(condition.urgency for condition in conditions),
        by_area=Counter(condition.area for condition in conditions),
        without_rule=tuple(c.id for c in conditions if isinstance(c.red_flags, Mapping)),
    )


def _faults_of_finding(finding: Finding) -> Iterator[str]:
    yield from _faulty_words("question", finding.question)
    yield from _faulty_words("short", finding.short)
    for option in finding.options:
        if option.text.en == option.text.zh:
            yield f"option {option.id} is the same in both languages"


def _faulty_words(name: str, text: Text) -> Iterator[str]:
    if not _CHINESE.search(text.zh):
        yield f"{name}: zh has no Chinese"
    if _CHINESE.search(text.en):
        yield f"{name}: en has Chinese"
    if found := _ASCII_IN_CHINESE.search(text.zh):
        yield f"{name}: {found[0]!r} in zh wants Chinese punctuation"


def _faulty_texts(condition: Condition, _knowledge: Knowledge) -> Iterator[str]:
    texts = {
        "name": condition.name,
        "explain": condition.explain,
        "self_care": condition.self_care,
        "see_doctor_if": condition.see_doctor_if,
    }
    for name, text in texts.items():
        if text is None:
            yield f"{name} is missing"
        else:
            yield from _faulty_words(name, text)


def _faulty_citations(condition: Condition, _knowledge: Knowledge) -> Iterator[str]:
    if not condition.citations:
        yield "has no citation"
    said = {what for citation in condition.citations for what in citation.supports}
    judged = {name.partition(".")[0] for name in condition.judgement}
    for name in MUST_BE_SAID:
        if name not in said | judged:
            yield f"{name} is neither cited nor marked as judgement"
    if condition.frequency_source is None and "frequency" not in judged:
        yield "frequency has no source and is not marked as judgement"


def _faulty_ages(condition: Condition, _knowledge: Knowledge) -> Iterator[str]:
    for (first, last), (other_first, other_last) in combinations(condition.age, 2):
        if first <= other_last and other_first <= last:
            yield f"ages {first}-{last} and {other_first}-{other_last} overlap"


def _faulty_findings(condition: Condition, knowledge: Knowledge) -> Iterator[str]:
    chances = {name: list(_chances(given, knowledge)) for name, given in condition.findings.items()}
    flat = [chance for of_one in chances.values() for chance in of_one]
    if len(chances) < FEWEST_FINDINGS:
        yield f"has {len(chances)} findings, at least {FEWEST_FINDINGS} tell it apart"
    if max(flat, default=0) < TELLING:
        yield "no finding points to it"
    if min(flat, default=1) > SPEAKS_AGAINST:
        yield "no finding speaks against it"
    for name, of_one in chances.items():
        finding = knowledge.findings[name]
        if finding.parent and max(of_one) >= ASKED_THROUGH and finding.parent not in condition.findings:
            yield f"{name} is asked after {finding.parent}, of which nothing is said"
        if finding.kind is Kind.ONE_OF and sum(of_one) > 1:
            yield f"the options of {name} add up to {sum(of_one):.2f}"


def _chances(given: Band | Mapping[str, Band], knowledge: Knowledge) -> Iterator[float]:
    for band in given.values() if isinstance(given, Mapping) else [given]:
        yield knowledge.bands.chance(band)


def _faulty_flags(condition: Condition, red_flags: Collection[str]) -> Iterator[str]:
    if isinstance(condition.red_flags, Mapping):
        return
    if not condition.red_flags:
        yield "has no red flag and does not say why"
    yield from (f"there is no red flag {flag}" for flag in condition.red_flags if flag not in red_flags)


def _same_names(knowledge: Knowledge) -> Iterator[Fault]:
    for language in ("en", "zh"):
        names = Counter(condition.name.of(language) for condition in knowledge.conditions.values())
        yield from (Fault(where=name, what="names two conditions") for name, times in names.items() if times > 1)


_CHECKS: tuple[Callable[[Condition, Knowledge], Iterator[str]], ...] = (
    _faulty_texts,
    _faulty_citations,
    _faulty_ages,
    _faulty_findings,
)
