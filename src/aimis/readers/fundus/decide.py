"""Turns probabilities into decisions that do not contradict each other, whatever the thresholds are."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from aimis.readers.fundus.network import TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ANY, REFERABLE, OEDEMA = "any-diabetic-retinopathy", "referable-diabetic-retinopathy", "diabetic-macular-oedema"
ABNORMAL = "abnormal-fundus"
REFERABLE_GRADE = 2

IMPLIES = {OEDEMA: REFERABLE, REFERABLE: ANY, ANY: ABNORMAL, **dict.fromkeys(TARGETS[5:-1], ABNORMAL)}
"""Finding -> what is also there where it is. Oedema is inferred from hard exudates, which are ICDR 2 or worse."""


@cache
def with_implied(finding: str) -> frozenset[str]:
    """The finding and all that it implies."""
    implied = IMPLIES.get(finding)
    return frozenset({finding}) | (with_implied(implied) if implied else frozenset())


def consistent(probabilities: Mapping[str, float]) -> dict[str, float]:
    """The probabilities with none above that of what it implies.

    Oedema is lowered to referable retinopathy, for its own calibration rests on one hospital. All others raise what
    they imply.
    """
    told = dict(probabilities)
    told[OEDEMA] = min(told[OEDEMA], told[REFERABLE])
    told[ANY] = max(told[ANY], told[REFERABLE])
    told[ABNORMAL] = max(told.values())
    return told


def present(probabilities: Mapping[str, float], thresholds: Mapping[str, float]) -> frozenset[str]:
    """The findings at or above their threshold, and all that they imply."""
    above = (with_implied(name) for name, value in probabilities.items() if value >= thresholds[name])
    return frozenset[str]().union(*above)


def grade(found: frozenset[str], expected: float, cuts: Sequence[float]) -> int:
    """Returns the ICDR grade: 0, 1 or at least 2 by the findings, and above 2 by the expected grade.

    cuts : of the expected grade, for 3 and for 4
    """
    if REFERABLE in found:
        return REFERABLE_GRADE + sum(expected >= cut for cut in cuts)
    return int(ANY in found)


def certainty(probabilities: Mapping[str, float], thresholds: Mapping[str, float], findings: frozenset[str]) -> float:
    """Returns how far the reader is from deciding otherwise whether any of these findings is present, 0..1.

    0 at the threshold of the finding that decides, 1 at a probability of 0 or 1.
    """
    deciding = [name for name in probabilities if with_implied(name) & findings]
    return abs(max(_margin(probabilities[name], thresholds[name]) for name in deciding))


def _margin(probability: float, threshold: float) -> float:
    """Returns the distance above the threshold as a share of the room above it; below it the same, negative."""
    room = 1 - threshold if probability >= threshold else threshold
    return (probability - threshold) / room if room else 1.0
