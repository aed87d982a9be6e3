"""The one working resolution: the lungs' box of a scan in voxels of 2 x 1 x 1 mm, 8 bit over the lung's window."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

SPACING_MM = (2.0, 1.0, 1.0)
WINDOW_HU = (-1000.0, 400.0)
Box = tuple[slice, slice, slice]


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """Part of a scan at the working resolution.

    values : uint8 of shape (z, y, x), 0..255 over `WINDOW_HU`
    first_zyx : of voxel (0, 0, 0), its place in voxels of the scan, fractional
    step_zyx : voxels of the scan for one voxel
    """

    values: npt.NDArray[np.uint8]
    first_zyx: tuple[float, float, float]
    step_zyx: tuple[float, float, float]

    def to_scan(self, indices_zyx: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Voxel indices of the scan, fractional, of the grid's own (..., 3)."""
        return np.asarray(np.asarray(indices_zyx, dtype=np.float64) * self.step_zyx + self.first_zyx)

    def to_grid(self, indices_zyx: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The inverse of `to_scan`."""
        return np.asarray((np.asarray(indices_zyx, dtype=np.float64) - self.first_zyx) / self.step_zyx)


def windowed(hu: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
    """Hounsfield units in 8 bit."""
    low, high = WINDOW_HU
    scale = 255 / (high - low)
    return np.asarray(cv2.convertScaleAbs(np.maximum(hu, low), alpha=scale, beta=-low * scale))


def make(hu: npt.NDArray[np.int16], spacing_mm: tuple[float, float, float], box: Box, pool: Executor) -> Grid:
    """A box of a scan, shape (z, y, x), resampled: mean over what a voxel covers, linear where the scan is coarser."""
    shape = tuple(
        max(1, round((s.stop - s.start) * own / mm)) for s, own, mm in zip(box, spacing_mm, SPACING_MM, strict=True)
    )
    step = tuple((s.stop - s.start) / n for s, n in zip(box, shape, strict=True))
    part = hu[box]
    values = np.empty(shape, np.uint8)
    for _ in pool.map(partial(_fill, part, values, step), np.array_split(np.arange(shape[0]), 8)):
        pass
    first = tuple(s.start + (k - 1) / 2 for s, k in zip(box, step, strict=True))
    return Grid(values=values, first_zyx=(first[0], first[1], first[2]), step_zyx=(step[0], step[1], step[2]))


def _fill(
    part: npt.NDArray[np.int16], values: npt.NDArray[np.uint8], step: tuple[float, ...], slices: npt.NDArray[np.intp]
) -> None:
    rows, columns = values.shape[1:]
    for z in slices:
        plane = _between(part, (z + 0.5) * step[0] - 0.5, max(1.0, step[0]))
        flags = cv2.INTER_AREA if step[1] > 1 else cv2.INTER_LINEAR
        values[z] = windowed(np.asarray(cv2.resize(plane, (columns, rows), interpolation=flags), dtype=np.float32))


def _between(part: npt.NDArray[np.int16], place: float, width: float) -> npt.NDArray[np.float32]:
    """The mean of slices about a place, weighted by a triangle of `width` slices to each side."""
    first, last = max(0, math.ceil(place - width)), min(len(part) - 1, math.floor(place + width))
    weights = {z: 1 - abs(z - place) / width for z in range(first, last + 1)}
    total = sum(weights.values())
    if total <= 0:
        return np.asarray(part[min(len(part) - 1, max(0, round(place)))], dtype=np.float32)
    plane: npt.NDArray[np.float32] = np.zeros(part.shape[1:], np.float32)
    for z, weight in weights.items():
        cv2.scaleAdd(part[z].astype(np.float32), weight / total, plane, plane)
    return plane
