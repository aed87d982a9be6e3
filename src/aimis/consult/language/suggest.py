"""What a text may mean where the lexicon understood nothing: suggestions to be asked about, never findings.

Off unless given to a Reader. Matcher goes by likeness of letters; a language model could stand in its place, for what a
Suggester returns is only ever offered as a question ("Do you mean ...?") and decides nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aimis.consult.model import Finding, Language

LEAST_LIKENESS, MOST_SUGGESTIONS = 0.18, 3
"""Judgement."""


class Suggester(Protocol):
    """Proposes findings for a text."""

    def suggest(self, text: str, language: Language) -> Sequence[str]:
        """Ids of findings, the likeliest first; an id that the knowledge does not have is dropped by the caller."""
        ...


class Matcher:
    """Compares letter groups of a text with those of each finding's own question and short name.

    Groups are of three letters in English and two characters in Chinese, each weighted by how few findings have it.
    """

    def __init__(self, findings: Mapping[str, Finding]) -> None:
        self._findings = findings
        self._weighed = cache(self._weights)

    def suggest(self, text: str, language: Language) -> list[str]:
        """At most MOST_SUGGESTIONS findings whose cosine likeness is LEAST_LIKENESS or more."""
        rarity, of_finding = self._weighed(language)
        wanted = _unit({group: count * rarity.get(group, 0.0) for group, count in _groups(text, language).items()})
        alike = {
            name: sum(wanted.get(g, 0.0) * weight for g, weight in own.items()) for name, own in of_finding.items()
        }
        best = sorted(alike, key=alike.__getitem__, reverse=True)[:MOST_SUGGESTIONS]
        return [name for name in best if alike[name] >= LEAST_LIKENESS]

    def _weights(self, language: Language) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
        own = {
            name: _groups(f"{finding.short.of(language)} {finding.question.of(language)}", language)
            for name, finding in self._findings.items()
        }
        having = Counter(group for groups in own.values() for group in groups)
        rarity = {group: math.log(len(own) / count) for group, count in having.items()}
        return rarity, {name: _unit({g: c * rarity[g] for g, c in groups.items()}) for name, groups in own.items()}


def _groups(text: str, language: Language) -> Counter[str]:
    size = 2 if language == "zh" else 3
    padded = "".join(text.lower().split()) if language == "zh" else f" {' '.join(text.lower().split())} "
    return Counter(padded[at : at + size] for at in range(len(padded) - size + 1))


def _unit(weights: Mapping[str, float]) -> dict[str, float]:
    """Brought to length one."""
    length = math.sqrt(sum(weight * weight for weight in weights.values()))
    return {group: weight / length for group, weight in weights.items()} if length else {}
