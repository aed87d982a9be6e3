"""Thresholds of all findings together keep the budget of normal eyes, and never sink below the floor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.fundus import points

OTHERS = ("any-diabetic-retinopathy", "abnormal-fundus")


def eyes(seed: int, many: int = 600) -> points.Eyes:
    """Two sources; each finding in a tenth of the eyes, told by a probability of varying worth."""
    rng = np.random.default_rng(seed)
    truth = {name: (rng.random(many) < 0.1).astype(float) for name in (*points.WORTH, *OTHERS)}
    apart = rng.uniform(0.5, 4, len(truth))
    told = {
        n: 1 / (1 + np.exp(2 - a * t - rng.normal(0, 1, many))) for (n, t), a in zip(truth.items(), apart, strict=True)
    }
    well = np.sum(list(truth.values()), axis=0) == 0
    sources = rng.random(many) < 0.3
    return points.Eyes(probabilities=told, truth=truth, normal={"a": well & sources, "b": well & ~sources})


def marked(cohort: points.Eyes, thresholds: dict[str, dict[str, float]], point: str) -> np.ndarray:
    above = [cohort.probabilities[name] >= each[point] for name, each in thresholds.items()]
    return np.asarray(np.any(above, axis=0))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_normal_eyes_of_each_source_stay_within_the_budget(seed: int) -> None:
    cohort = eyes(seed)
    thresholds = points.joint_thresholds(cohort)
    for point, budget in points.BUDGETS.items():
        assert max(cohort.shares(marked(cohort, thresholds, point))) <= budget < points.PROMISED[point]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_thresholds_rise_to_the_specific_from_the_floor(seed: int) -> None:
    for each in points.joint_thresholds(eyes(seed)).values():
        assert points.FLOOR <= each["screening"] <= each["balanced"] <= each["specific"] <= 1


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_findings_that_the_budget_is_not_for_mark_no_normal_eye_of_their_own(seed: int) -> None:
    cohort = eyes(seed)
    thresholds = points.joint_thresholds(cohort)
    paid = {name: each for name, each in thresholds.items() if name in points.WORTH}
    for point in points.BUDGETS:
        assert cohort.shares(marked(cohort, thresholds, point)) == cohort.shares(marked(cohort, paid, point))


@pytest.mark.parametrize("point", list(points.BUDGETS))
def test_a_finding_that_is_told_well_is_found_at_every_point(point: str) -> None:
    cohort = eyes(3)
    clear = np.where(cohort.truth["glaucoma"] == 1, 0.9, 0.01)
    told = points.Eyes(
        probabilities={**cohort.probabilities, "glaucoma": clear}, truth=cohort.truth, normal=cohort.normal
    )
    assert told.sensitivity("glaucoma", points.joint_thresholds(told)["glaucoma"][point]) == 1
