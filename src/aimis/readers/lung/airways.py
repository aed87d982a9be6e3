"""The windpipe and the large bronchi, followed from slice to slice down from the neck."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

_GAS_HU = -880
_LEAST_MM2, _MOST_MM2 = 50.0, 700.0  # of the windpipe across
_OFF_MIDDLE_MM = 45.0
_SEARCHED_MM = 130.0  # from the top
_BEGIN = 3  # slices in a row that must show it
_GROWTH = 1.6  # of the area from one slice to the next; more is a way into the lung
Bools = npt.NDArray[np.bool_]
Planes = npt.NDArray[np.int32]


def find(coarse: npt.NDArray[np.int16], body: Bools, spacing_mm: tuple[float, float, float]) -> Bools:
    """Windpipe and large bronchi; nowhere where no windpipe is seen near the top."""
    found = np.zeros(coarse.shape, dtype=np.bool_)
    gas = (coarse < _GAS_HU) & body
    searched = int(_SEARCHED_MM / spacing_mm[0])
    for top in range(len(gas) - 1, max(_BEGIN - 1, len(gas) - 1 - searched), -1):
        for seed in _round_holes(gas[top], body[top], spacing_mm):
            followed = _follow(gas, seed, top, spacing_mm)
            if followed[top - _BEGIN + 1].any():
                found |= followed
                return found
    return found


def widened(air: Bools) -> Bools:
    """With the wall around."""
    return np.asarray([cv2.dilate(plane, np.ones((3, 3), np.uint8)) for plane in air.astype(np.uint8)], dtype=np.bool_)


def _round_holes(gas: Bools, body: Bools, spacing_mm: tuple[float, float, float]) -> list[Bools]:
    """Regions of a slice that may be the windpipe across, the roundest first."""
    count, labels, stats, centres = cv2.connectedComponentsWithStats(gas.astype(np.uint8), connectivity=4)
    columns = np.flatnonzero(body.any(axis=0))
    if not len(columns):
        return []
    middle = float(columns[0] + columns[-1]) / 2
    rated = []
    for k in range(1, count):
        width, height, size = stats[k, 2] * spacing_mm[2], stats[k, 3] * spacing_mm[1], stats[k, 4]
        area = size * spacing_mm[1] * spacing_mm[2]
        near = abs(centres[k, 0] - middle) * spacing_mm[2] < _OFF_MIDDLE_MM
        if near and _LEAST_MM2 <= area <= _MOST_MM2 and area > 0.5 * width * height and max(width, height) < 40:
            rated.append((abs(np.log(width / height)), labels == k))
    return [region for _, region in sorted(rated, key=lambda pair: pair[0])]


def _follow(gas: Bools, seed: Bools, top: int, spacing_mm: tuple[float, float, float]) -> Bools:
    """The seed and what lies under it, slice by slice, as long as it does not open into a lung."""
    found = np.zeros(gas.shape, dtype=np.bool_)
    found[top] = seed
    most = _MOST_MM2 / (spacing_mm[1] * spacing_mm[2])
    for z in range(top - 1, -1, -1):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(gas[z].astype(np.uint8), connectivity=4)
        for k in np.unique(labels[found[z + 1] & gas[z]]):
            above = int((found[z + 1] & (labels == k)).sum())
            if stats[k, 4] <= min(most, _GROWTH * max(above, 8) + 8):
                found[z] |= labels == k
        if not found[z].any():
            break
    return found
