"""From the network's logits to probabilities and decisions, on the calibration part: patients never trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """Platt's slope and offset, thresholds by operating point, and how the methods compared."""

    slope: float
    offset: float
    thresholds: dict[str, float]
    compared: dict[str, float]


def calibrate(logits: Floats, truth: Floats, patients: list[str]) -> Calibrated:
    """Platt scaling on all; the log loss of each method by five folds of patients stands beside it."""
    slope, offset = platt(logits, truth)
    probability = sigmoid(slope * logits + offset)
    return Calibrated(
        slope=slope,
        offset=offset,
        thresholds=operating_points(probability, truth),
        compared=compare(logits, truth, patients),
    )


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


def operating_points(probability: Floats, truth: Floats) -> dict[str, float]:
    """Thresholds: screening and balanced for sensitivity 0.95 and 0.90, specific for specificity 0.95.

    The quantiles are those of conformal prediction: on new patients of the same kind the sensitivity is at least
    the stated one on average.
    """
    sick, well = np.sort(probability[truth == 1]), np.sort(probability[truth == 0])
    at = {name: _lower(sick, missed) for name, missed in (("screening", 0.05), ("balanced", 0.10))}
    specific = float(well[min(len(well) - 1, int(np.ceil(0.95 * (len(well) + 1))) - 1)]) + 1e-6
    return {**at, "specific": min(1.0, max(specific, at["balanced"]))}


def _lower(ordered: Floats, missed: float) -> float:
    """The largest threshold that misses at most the share of the sick, with one to spare."""
    place = int(np.floor(missed * (len(ordered) + 1))) - 1
    return float(ordered[max(place, 0)]) - 1e-6 if place >= 0 else float(ordered[0]) * 0.9


def grade_cuts(expected: Floats, grade: npt.NDArray[np.int_]) -> list[float]:
    """Four cuts of the expected grade with the best quadratic kappa, each moved in turn."""
    cuts = [0.5, 1.5, 2.5, 3.5]
    for _ in range(4):
        for k in range(4):
            low = cuts[k - 1] if k else 0.0
            high = cuts[k + 1] if k < 3 else 4.0
            choices = [c for c in np.arange(0.05, 4.0, 0.05) if low < c < high]
            trials = [(kappa(expected, grade, [*cuts[:k], c, *cuts[k + 1 :]]), -abs(c - (k + 0.5)), c) for c in choices]
            cuts[k] = float(round(max(trials)[2], 2))
    return cuts


def kappa(expected: Floats, grade: npt.NDArray[np.int_], cuts: list[float]) -> float:
    """Cohen's kappa with quadratic weights."""
    said = (expected[:, None] >= np.array(cuts)[None]).sum(axis=1)
    observed = np.mean((said - grade) ** 2)
    chance = np.mean((said[:, None] - grade[None, :]) ** 2)
    return float(1 - observed / chance) if chance else 0.0
