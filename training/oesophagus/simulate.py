"""Examinations made of frames kept out of training: what a probability of a whole examination is fitted on.

An examination has 20 to 60 frames of one fold, so that one network has seen none of them: some of the oesophagus
and junction of one source without a finding, the rest of other organs (not read). A sick one has besides one to six
frames of one group, or of one centre, with the finding; a third of the well ones have as many frames with another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aimis.readers.oesophagus import pooling
from aimis.readers.oesophagus.network import FINDINGS
from training.fundus import calibrate
from training.oesophagus import data

if TYPE_CHECKING:
    from training.oesophagus.kept_out import KeptOut

Floats = npt.NDArray[np.float64]
EXAMINATIONS = 1200
NORMAL = ("site-oesophagus", "site-cardia-gej", "normal-oesophagus", "normal-z-line")


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulated:
    """Of each examination: the pooled logit, the number of witnesses, whether the finding is there."""

    logits: Floats
    frames: Floats
    truth: Floats


def simulate(
    kept: KeptOut, rows: list[data.Row], finding: str, *, calibrated: Floats, read: npt.NDArray[np.bool_], seed: int
) -> Simulated:
    """Examinations with and without a finding.

    calibrated : logits of the frames, shape (rows,); read : whether the reader reads the frame at all
    """
    rng = np.random.default_rng([seed, FINDINGS.index(finding)])
    place = FINDINGS.index(finding)
    says = np.array([data.findings_of(r) for r in rows])
    fold = np.array([data.fold_of(r) for r in rows])
    sick = np.flatnonzero((says[:, 0, place] == 1) & read)
    other = np.flatnonzero((says[:, 0, place] == 0) & (says[:, 1, place] == 1) & (says[:, 0].sum(axis=1) > 0) & read)
    plain = np.flatnonzero([r["classes"] in NORMAL for r in rows] & read)
    source = np.array([r["source"] for r in rows])
    group = np.array([f"{r['source']}:{r['centre']}" for r in rows])
    found = []
    for number in range(EXAMINATIONS):
        is_sick = number % 2 == 0
        key = sick if is_sick else other
        first = int(rng.choice(key))
        own = plain[
            (fold[plain] == fold[first]) & (source[plain] == rng.choice(["nics2021", "gastrovision"], p=[0.8, 0.2]))
        ]
        chosen = list(rng.choice(own, size=min(len(own), int(rng.integers(4, 20))), replace=False))
        if is_sick or rng.random() < 1 / 3:
            near = key[(group[key] == group[first]) & (fold[key] == fold[first])]
            chosen += list(rng.choice(near, size=min(len(near), int(rng.integers(1, 7))), replace=False))
        logit, witnesses = pooling.of_stills(calibrated[chosen].tolist(), list(kept.descriptors[chosen]))
        found.append((logit, witnesses, float(is_sick)))
    logits, frames, truth = np.array(found).T
    return Simulated(logits=logits, frames=frames, truth=truth)


def of_well_people(
    kept: KeptOut, calibrated: Floats, usable: npt.NDArray[np.intp], *, seed: int, count: int = 400
) -> tuple[Floats, Floats]:
    """Pooled logits and witnesses of examinations made of normal frames alone, each shape (count,).

    calibrated : logits of the frames; usable : places of those to draw from
    """
    rng = np.random.default_rng([seed, 9])
    found = []
    for _ in range(count):
        size = min(len(usable), int(rng.integers(4, 20)))
        chosen = rng.choice(usable, size=size, replace=False)
        found.append(pooling.of_stills(calibrated[chosen].tolist(), list(kept.descriptors[chosen])))
    logits, frames = np.array(found, dtype=float).T
    return logits, frames


def fit(simulated: Simulated) -> tuple[float, float, float]:
    """Slope, offset and weight of ln(witnesses), the last 0 or less; by trial of the last, Platt for the others."""
    trials = []
    for weight in np.arange(-2.0, 0.01, 0.1):
        shifted = simulated.logits + weight * np.log(simulated.frames)
        slope, offset = calibrate.platt(shifted, simulated.truth)
        p = np.clip(calibrate.sigmoid(slope * shifted + offset), 1e-6, 1 - 1e-6)
        loss = -np.mean(np.where(simulated.truth == 1, np.log(p), np.log(1 - p)))
        trials.append((float(loss), slope, offset, slope * float(weight)))
    _, slope, offset, per_log = min(trials)
    return slope, offset, min(0.0, per_log)


def quality_of(probability: Floats, truth: Floats, threshold: float) -> dict[str, float]:
    """AUC, calibration error over ten bins, sensitivity and specificity at a threshold."""
    sick, well = probability[truth == 1], probability[truth == 0]
    auc = float((sick[:, None] > well[None]).mean() + 0.5 * (sick[:, None] == well[None]).mean())
    bins = np.minimum((probability * 10).astype(int), 9)
    gaps = [abs(probability[bins == b].mean() - truth[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    shares = {"sensitivity": float((sick >= threshold).mean()), "specificity": float((well < threshold).mean())}
    return {name: round(value, 3) for name, value in {"auc": auc, "calibration": float(sum(gaps)), **shares}.items()}
