"""Numbers read off maps of logits; numpy alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from aimis.readers.oesophagus.network import CLASSES

Array = npt.NDArray[np.float32]


def log_odds(places: npt.NDArray[Any], *names: str) -> Array:
    """Of some classes together against the others at each place; places of shape (frames, classes, rows, columns)."""
    logits = places.astype(np.float32)
    own = [CLASSES.index(name) for name in names]
    others = [k for k in range(len(CLASSES)) if k not in own]
    return np.asarray(_together(logits[:, own]) - _together(logits[:, others]))


def _together(logits: Array) -> Array:
    """The logarithm of their sum of exponentials."""
    peak = logits.max(axis=1)
    return np.asarray(peak + np.log(np.exp(logits - peak[:, None]).sum(axis=1)))


def auc(value: npt.NDArray[Any], truth: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve, ties counted half; nan where one side is missing."""
    positive, negative = value[truth], value[~truth]
    if not len(positive) or not len(negative):
        return float("nan")
    above = (positive[:, None] > negative[None]).mean() + 0.5 * (positive[:, None] == negative[None]).mean()
    return float(above)
