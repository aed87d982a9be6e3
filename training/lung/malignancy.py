"""The malignancy model: ratings of the slice networks that never saw the patient, and the measured size.

`vote` is the radiologists': the column Diagnosis of nodules.csv, malignant where their median is above 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from aimis.inference.engine import open_engine
from aimis.readers.lung import judge, measure
from training.lung import data, nodules

FOLDS = Path("training/lung/folds")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """Nodules of patients that a fold left out: features (n, k) by name, vote, fold, diameter in mm."""

    names: tuple[str, ...]
    features: Floats
    vote: npt.NDArray[np.int64]
    fold: npt.NDArray[np.int64]
    diameter_mm: Floats
    rows: list[dict[str, str]]


def look(root: Path) -> Judged:
    """Every nodule with a fold, as that fold's network rates the slices inside its mask."""
    told: list[dict[str, float]] = []
    kept: list[nodules.Nodule] = []
    for fold in range(data.FOLDS):
        own = [n for n in nodules.volumes(root) if n.fold == fold]
        answers = _answers(FOLDS / f"slices-fold{fold}.onnx", own)
        for nodule, said in zip(own, answers, strict=True):
            told.append(judge.features(said, measure.size(nodule.mask, nodule.hu, nodule.spacing_mm)))
            kept.append(nodule)
    return Judged(
        names=tuple(told[0]),
        features=np.array([list(f.values()) for f in told]),
        vote=np.array([int(n.row["Diagnosis_value"]) for n in kept]),
        fold=np.array([n.fold for n in kept]),
        diameter_mm=np.array([float(n.row["diameter_mm"]) for n in kept]),
        rows=[n.row for n in kept],
    )


def _answers(weights: Path, own: list[nodules.Nodule]) -> list[npt.NDArray[np.float32]]:
    """Of each nodule the network's answers as `slices.outline` gives them: by area, and of the largest section."""
    engine = open_engine(weights, precision="f32")
    found = nodules.slices_of_volumes(own)
    squares = np.ascontiguousarray(found.pictures[:, 8:56, 8:56])
    said = np.concatenate([engine.run({"squares": part})["answers"] for part in np.array_split(squares, 16)])
    told = []
    for k in range(len(own)):
        answers, area = said[found.nodule == k], found.area[found.nodule == k]
        told.append(np.stack([(answers * area[:, None]).sum(0) / area.sum(), answers[area.argmax()]]))
    return told


def fit(judged: Judged, use: npt.NDArray[np.bool_] | None, strength: float = 0.05) -> dict[str, float]:
    """Weights by feature name, and "one"; of all nodules, or of some."""
    use = np.ones(len(judged.vote), np.bool_) if use is None else use
    mean, scale = judged.features[use].mean(0), judged.features[use].std(0)
    model = LogisticRegression(C=strength, max_iter=2000).fit((judged.features[use] - mean) / scale, judged.vote[use])
    weights = model.coef_[0] / scale
    return {
        "one": float(model.intercept_[0] - weights @ mean),
        **dict(zip(judged.names, map(float, weights), strict=True)),
    }


def logits(weights: Mapping[str, float], judged: Judged) -> Floats:
    """Of every nodule."""
    return np.asarray(weights["one"] + judged.features @ np.array([weights[name] for name in judged.names]))


def cross_fitted(judged: Judged, strength: float = 0.05) -> Floats:
    """Probabilities, each fold's by weights fitted on the other folds."""
    found = np.zeros(len(judged.vote))
    for fold in range(data.FOLDS):
        own = judged.fold == fold
        if own.any():
            found[own] = 1 / (1 + np.exp(-logits(fit(judged, ~own, strength), judged)[own]))
    return found
