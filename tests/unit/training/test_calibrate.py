"""Calibration holds what it promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.fundus import calibrate


def cohort(seed: int, many: int = 4000, share: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Logits of sick and well, and the truth."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(many) < share).astype(float)
    return rng.normal(0, 1, many) + 2.5 * truth, truth


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_platt_scaling_gives_frequencies(seed: int) -> None:
    logits, truth = cohort(seed)
    slope, offset = calibrate.platt(3 * logits - 5, truth)
    probability = calibrate.sigmoid(slope * (3 * logits - 5) + offset)
    assert probability.mean() == pytest.approx(truth.mean(), abs=0.01)
    for low, high in ((0.0, 0.2), (0.2, 0.6), (0.6, 1.0)):
        inside = (probability >= low) & (probability < high)
        assert probability[inside].mean() == pytest.approx(truth[inside].mean(), abs=0.08)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(3, 12), st.floats(1, 3))
def test_platt_scaling_is_right_on_the_whole_however_far_the_logits_reach(seed: int, far: float, apart: float) -> None:
    rng = np.random.default_rng(seed)
    truth = np.repeat([1.0, 0.0], [77, 800])
    logits = far * (rng.normal(0, 1, len(truth)) - apart * (truth == 0))
    slope, offset = calibrate.platt(logits, truth)
    wanted = (77 * 78 / 79 + 800 / 802) / len(truth)  # Platt's smoothed targets
    assert calibrate.sigmoid(slope * logits + offset).mean() == pytest.approx(wanted, abs=1e-4)


def test_severe_cuts_recover_a_perfect_grader() -> None:
    grade = np.random.default_rng(0).integers(0, 5, 300)
    expected = np.asarray(grade * 0.8 + 0.1, dtype=np.float64)
    said = np.minimum(grade, 2)
    cuts = calibrate.severe_cuts(expected, grade, said)
    assert calibrate.kappa(calibrate.graded(expected, said, cuts), grade) == pytest.approx(1.0)


def test_isotonic_regression_rises_and_keeps_the_mean() -> None:
    logits, truth = cohort(3)
    _, knots = calibrate.isotonic(logits, truth)
    assert (np.diff(knots) > 0).all()
