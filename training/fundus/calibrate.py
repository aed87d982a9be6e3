"""From the network's logits to probabilities and grades, on the calibration part: patients never trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """Platt's slope and offset, and how the methods compared."""

    slope: float
    offset: float
    compared: dict[str, float]


def calibrate(logits: Floats, truth: Floats, patients: list[str]) -> Calibrated:
    """Platt scaling on all; the log loss of each method by five folds of patients stands beside it."""
    slope, offset = platt(logits, truth)
    return Calibrated(slope=slope, offset=offset, compared=compare(logits, truth, patients))


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), safe for large x."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def platt(logits: Floats, truth: Floats) -> tuple[float, float]:
    """Slope and offset, a weak prior on slope 1; Platt 1999 with his smoothed targets."""
    positives, negatives = truth.sum(), len(truth) - truth.sum()
    target = np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.column_stack([logits, np.ones(len(logits))])
    usual, prior = np.array([1.0, 0.0]), np.array([1.0, 1e-3])

    def loss(weights: Floats) -> tuple[float, Floats]:
        z, away = design @ weights, weights - usual
        each = np.logaddexp(0, z) - target * z
        return each.sum() + (prior * away**2).sum() / 2, design.T @ (sigmoid(z) - target) + prior * away

    slope, offset = optimize.minimize(loss, usual, jac=True, method="BFGS").x
    return max(float(slope), 0.05), float(offset)


def isotonic(logits: Floats, truth: Floats) -> tuple[Floats, Floats]:
    """Knots of the isotonic regression by pool-adjacent-violators: (logits, probabilities)."""
    order = np.argsort(logits)
    blocks: list[list[float]] = []
    for x, y in zip(logits[order], truth[order], strict=True):
        blocks.append([y, 1.0, x])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            total, count, _ = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    return np.array([b[2] for b in blocks]), np.array([b[0] / b[1] for b in blocks])


def compare(logits: Floats, truth: Floats, patients: list[str]) -> dict[str, float]:
    """Log loss of no calibration, Platt and isotonic on five folds of patients kept out."""
    fold = np.array([sum(p.encode()) % 5 for p in patients])
    losses: dict[str, list[float]] = {"none": [], "platt": [], "isotonic": []}
    for k in range(5):
        fit, held = fold != k, fold == k
        if not 0 < truth[fit].sum() < fit.sum() or not held.any():
            continue
        slope, offset = platt(logits[fit], truth[fit])
        knots = isotonic(logits[fit], truth[fit])
        guesses = {
            "none": sigmoid(logits[held]),
            "platt": sigmoid(slope * logits[held] + offset),
            "isotonic": np.interp(logits[held], *knots),
        }
        for name, guess in guesses.items():
            p = np.clip(guess, 1e-3, 1 - 1e-3)
            losses[name] += list(-np.where(truth[held] == 1, np.log(p), np.log(1 - p)))
    return {name: round(float(np.mean(each)), 4) for name, each in losses.items()}


def severe_cuts(expected: Floats, grade: npt.NDArray[np.int_], said: npt.NDArray[np.int_]) -> list[float]:
    """Returns the cuts of the expected grade for 3 and 4 with the best quadratic kappa, nearest to the middles.

    said : 0, 1 or 2 (or worse) by the findings; the cuts divide the last
    """
    steps = np.round(np.arange(1.05, 4.0, 0.05), 2)
    pairs = [(float(low), float(high)) for low in steps for high in steps if low <= high]
    best = max(pairs, key=lambda c: (kappa(graded(expected, said, c), grade), -abs(c[0] - 2.5) - abs(c[1] - 3.5)))
    return list(best)


def graded(expected: Floats, said: npt.NDArray[np.int_], cuts: Sequence[float]) -> npt.NDArray[np.int_]:
    """Returns the grades, with 2 or worse divided by the cuts; as `aimis.readers.fundus.decide.grade`."""
    return np.asarray(said + (said >= 2) * (expected[:, None] >= np.array(cuts)).sum(axis=1))


def kappa(said: npt.NDArray[np.int_], grade: npt.NDArray[np.int_]) -> float:
    """Cohen's kappa with quadratic weights."""
    observed = np.mean((said - grade) ** 2)
    chance = np.mean((said[:, None] - grade[None, :]) ** 2)
    return float(1 - observed / chance) if chance else 0.0
