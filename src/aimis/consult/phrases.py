"""The dialogue's own words by language; the knowledge brings its own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from aimis.consult.model import UNKNOWN, Finding, Language, Urgency, Value

if TYPE_CHECKING:
    from aimis.consult.consultation import Consultation

TEXTS = Path(__file__).parent / "text"


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """The words of one language."""

    language: Language
    labels: Mapping[str, str]
    urgencies: Mapping[str, str]

    def label(self, key: str, **values: str | int) -> str:
        """A sentence, its placeholders filled in."""
        return self.labels[key].format(**values)

    def urgency(self, urgency: Urgency) -> str:
        """What to do, how soon."""
        return self.urgencies[urgency.value]

    def said(self, finding: Finding, value: Value) -> str:
        """A finding and its answer in a few words: `cough: yes`."""
        return f"{finding.short.of(self.language)}: {self._value(finding, value)}"

    def told(self, state: Consultation, findings: Mapping[str, Finding]) -> str:
        """All that was understood from free text."""
        told = [answer for answer in state.answers if answer.source == "told"]
        return ", ".join(self.said(findings[answer.finding], answer.value) for answer in told)

    def _value(self, finding: Finding, value: Value) -> str:
        if isinstance(value, bool):
            return self.labels["yes" if value else "no"]
        if isinstance(value, float):
            return f"{value:g} {finding.unit or ''}".strip()
        if value == UNKNOWN:
            return self.labels["unknown"]
        texts = {option.id: option.text.of(self.language) for option in finding.options}
        chosen = value if isinstance(value, tuple) else (value,)
        return ", ".join(texts[option] for option in chosen) or self.labels["no"]


@cache
def load_phrases(language: Language) -> Phrases:
    """The words of a language."""
    table = tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))
    return Phrases(language=language, labels=table["labels"], urgencies=table["urgency"])
