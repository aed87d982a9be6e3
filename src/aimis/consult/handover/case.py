"""A consultation as a doctor looks at it, with the words for what was answered."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from aimis.consult.model import UNKNOWN, Finding, Kind, Value

if TYPE_CHECKING:
    from aimis.consult.consultation import Consultation
    from aimis.consult.handover.screening import Screening
    from aimis.consult.model import Urgency
    from aimis.consult.outcome import Caution, Explanation
    from aimis.consult.ports import RaisedFlag

TEXTS = Path(__file__).parent / "text"


@dataclass(frozen=True, kw_only=True)
class Case:
    """All that is handed over.

    findings : of the knowledge and of the screenings, by id
    answers : finding -> value, those of the screenings included
    abstained : no condition explains the answers well, and none is named
    cautions : why the urgency is `same-day` at least
    ordered : ids of the proposed screenings that a clinician ordered
    """

    id: UUID
    at: datetime
    consultation: Consultation
    findings: Mapping[str, Finding]
    answers: Mapping[str, Value]
    urgency: Urgency
    flags: tuple[RaisedFlag, ...]
    explanations: tuple[Explanation, ...]
    abstained: bool
    screenings: tuple[Screening, ...] = ()
    ordered: tuple[str, ...] = ()
    cautions: tuple[Caution, ...] = ()


@cache
def load_words(language: str) -> Mapping[str, str]:
    """The words of the hand-over in a language."""
    with (TEXTS / f"{language}.toml").open("rb") as file:
        return tomllib.load(file)


def said(finding: Finding, value: Value, language: str) -> str:
    """An answer in words: yes, no, not known, the options chosen, or the number with its unit."""
    words = load_words(language)
    if value == UNKNOWN:
        return words["unknown"]
    if isinstance(value, bool):
        return words["yes" if value else "no"]
    if isinstance(value, float | int):
        unit = words.get(f"unit-{finding.unit}", finding.unit or "")
        return f"{value:g} {unit}".strip()
    chosen = value if isinstance(value, tuple) else (value,)
    texts = {option.id: option.text.of(language) for option in finding.options}
    return words["comma"].join(texts.get(option, option) for option in chosen) or words["no"]


def present(finding: Finding, value: Value, language: str) -> str:
    """A finding that is there in a few words: `cough`, `fever: 39 °C`."""
    short = finding.short.of(language)
    return (
        short
        if finding.kind is Kind.YES_NO
        else f"{short}{load_words(language)['colon']}{said(finding, value, language)}"
    )
