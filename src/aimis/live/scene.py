"""Whether two frames show the same scene: an outline must not outlive what it was drawn round."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

_SIDE_PX = 16
_EVERY_PX = 4
_BLACK = 12  # of 255: the surround of the endoscope's picture is no likeness
_ALIKE = 0.8
_OTHER_COLOUR = 24.0  # of 255: the mean colour of another place or another light

Scene = npt.NDArray[np.float32]
"""A frame at 16 x 16, shape (16, 16, 3)."""


def scene(rgb: npt.NDArray[np.uint8]) -> Scene:
    """Of a frame of shape (rows, columns, 3)."""
    coarse = np.ascontiguousarray(rgb[::_EVERY_PX, ::_EVERY_PX])
    return np.asarray(cv2.resize(coarse, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA), dtype=np.float32)


def same(one: Scene, other: Scene) -> bool:
    """Whether both show the same view in the same light: alike in colour, and in where it is bright and dark."""
    inside = np.maximum(one, other).max(axis=2) > _BLACK
    if not inside.any():
        return True
    first, second = one[inside], other[inside]
    if float(np.abs(first.mean(axis=0) - second.mean(axis=0)).max()) > _OTHER_COLOUR:
        return False
    return _correlation(first - first.mean(axis=0), second - second.mean(axis=0)) > _ALIKE


def _correlation(one: Scene, other: Scene) -> float:
    """-1..1; even pictures, which have nothing to compare, are alike."""
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float((one * other).sum()) / lengths if lengths > 1.0 else 1.0
