"""Thresholds of all findings together, so that few normal eyes are marked with anything, on the calibration part.

How the budget is spent: docs/decisions/0014-one-budget-for-all-findings.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

PROMISED = {"specific": 0.05, "balanced": 0.15, "screening": 0.40}
"""The most normal eyes that may be marked on patients never seen, from the strictest point to the most sensitive."""
BUDGETS = {"specific": 0.04, "balanced": 0.12, "screening": 0.35}
"""The most of any source on the calibration part: less than promised, for the thresholds are fitted to these eyes."""
FLOOR = 0.10
"""Nothing is called present at a lower probability: nine in ten such marks would be wrong."""
LEVELS = np.round(np.arange(FLOOR, 0.951, 0.05), 2)
"""Coarse, so that a threshold does not follow single eyes; at the last one every finding is called present."""
WORTH = {
    "referable-diabetic-retinopathy": 2.0,
    "diabetic-macular-oedema": 1.0,
    "glaucoma": 1.0,
    "age-related-macular-degeneration": 1.0,
    "cataract": 1.0,
    "pathological-myopia": 1.0,
}
"""What the budget is spent on. All other findings are marked only where that marks no further normal eye."""


@dataclass(frozen=True, kw_only=True)
class Eyes:
    """The calibration part.

    probabilities : finding -> shape (eyes,)
    truth : finding -> shape (eyes,), 1 sick, 0 well, nan not known
    normal : source -> shape (eyes,), its normal eyes
    """

    probabilities: Mapping[str, Floats]
    truth: Mapping[str, Floats]
    normal: Mapping[str, Bools]

    def shares(self, marked: Bools) -> list[float]:
        """Of each source's normal eyes, how many are marked."""
        return [float(marked[own].mean()) for own in self.normal.values()]

    def sensitivity(self, finding: str, threshold: float) -> float:
        """Share of the sick at or above the threshold."""
        return float((self.probabilities[finding][self.truth[finding] == 1] >= threshold).mean())


@dataclass(kw_only=True)
class _Spending:
    """Thresholds while they are lowered; what is marked so far."""

    eyes: Eyes
    thresholds: dict[str, float]
    marked: Bools = field(init=False)

    def __post_init__(self) -> None:
        self.marked = self._with([])

    def _with(self, more: Sequence[tuple[str, float]]) -> Bools:
        pairs = [*self.thresholds.items(), *more]
        return np.asarray(np.any([self.eyes.probabilities[name] >= value for name, value in pairs], axis=0))

    def lower(self, finding: str, threshold: float) -> None:
        self.thresholds[finding] = threshold
        self.marked = self._with([])

    def price(self, finding: str, threshold: float) -> tuple[float, float]:
        """Returns normal eyes marked beside those that are, mean and highest share over the sources."""
        shares = self.eyes.shares(self._with([(finding, threshold)]))
        return float(np.mean(shares) - np.mean(self.eyes.shares(self.marked))), max(shares)

    def best_step(self, budget: float) -> tuple[str, float] | None:
        """Returns the lowering that finds most sick eyes for the normal ones that it marks; None where none is left."""
        worth: dict[tuple[str, float], tuple[float, float]] = {}
        for name, value in WORTH.items():
            now = self.eyes.sensitivity(name, self.thresholds[name])
            for level in LEVELS[self.thresholds[name] > LEVELS]:
                gain = value * (self.eyes.sensitivity(name, level) - now)
                more, highest = self.price(name, level)
                if gain > 0 and highest <= budget:
                    worth[name, float(level)] = gain / (more + 1e-4), gain
        return max(worth, key=lambda step: worth[step]) if worth else None


def joint_thresholds(eyes: Eyes) -> dict[str, dict[str, float]]:
    """Finding -> threshold by point; each point goes on where the stricter one ended, so that thresholds only fall."""
    spending = _Spending(eyes=eyes, thresholds=dict.fromkeys(eyes.probabilities, 1.0))
    found: dict[str, dict[str, float]] = {name: {} for name in eyes.probabilities}
    for point, budget in BUDGETS.items():
        while step := spending.best_step(budget):
            spending.lower(*step)
        for name, by_point in found.items():
            by_point[point] = spending.thresholds[name] if name in WORTH else _free(spending, name)
    return {name: dict(reversed(points.items())) for name, points in found.items()}


def _free(spending: _Spending, finding: str) -> float:
    """Returns one level above the lowest at which no further normal eye is marked; the last level at most."""
    free = [place for place, level in enumerate(LEVELS) if spending.price(finding, level)[0] <= 0]
    return float(LEVELS[min(free[0] + 1 if free else len(LEVELS), len(LEVELS) - 1)])
