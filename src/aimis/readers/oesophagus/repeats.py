"""Frozen repeats and near-duplicates: what shows nothing new must neither count twice nor be shown twice.

A descriptor is the normalised frame at 16 x 16, which a small movement hardly changes and another view does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIDE_PX = 16
_FROZEN = 1.2  # of 255: mean difference that coding alone makes between repeats of one frame
_BLACK = 3  # of 255
ALIKE = 0.92  # correlation from which two frames show the same view

Descriptor = npt.NDArray[np.uint8]


def descriptor(square: npt.NDArray[np.uint8]) -> Descriptor:
    """Of a normalised frame of shape (side, side, 3): shape (16, 16, 3), 768 bytes."""
    return np.asarray(cv2.resize(square, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def frozen(one: Descriptor, other: Descriptor) -> bool:
    """Whether two neighbouring frames of a video are the same picture."""
    return float(np.abs(one.astype(np.int16) - other).mean()) < _FROZEN


def likeness(descriptors: Sequence[Descriptor]) -> npt.NDArray[np.float32]:
    """Correlation -1..1 of each frame with each, shape (frames, frames); brightness and contrast do not matter."""
    colours = np.stack(descriptors).astype(np.float32).reshape(len(descriptors), -1, 3)
    within = colours.max(axis=2, keepdims=True) > _BLACK
    mean = colours.sum(axis=1, keepdims=True, where=within) / np.maximum(within.sum(axis=1, keepdims=True), 1)
    grey = np.where(within, colours - mean, 0).reshape(len(descriptors), -1)  # the aperture's shape is no likeness
    grey /= np.maximum(np.linalg.norm(grey, axis=1, keepdims=True), 1e-3)
    return np.asarray(grey @ grey.T, dtype=np.float32)


def alike(one: Descriptor, other: Descriptor) -> bool:
    """Whether two frames show the same view."""
    return bool(likeness((one, other))[0, 1] > ALIKE)


def groups(descriptors: Sequence[Descriptor]) -> tuple[tuple[int, ...], ...]:
    """Positions of frames that show the same view, directly or through others between; whatever their order."""
    if not descriptors:
        return ()
    near = likeness(descriptors) > ALIKE
    left = set(range(len(descriptors)))
    found = []
    while left:
        group: set[int] = set()
        border = {min(left)}
        while border:
            group |= border
            border = set(np.flatnonzero(near[sorted(border)].any(axis=0)).tolist()) - group
        found.append(tuple(sorted(group)))
        left -= group
    return tuple(found)
