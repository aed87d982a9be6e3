"""Where a finding lies: from the network's map to boxes and outlines in pixels of the frame as it was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from aimis.domain.reading import Box, Region
from aimis.readers.oesophagus.network import CLASSES

if TYPE_CHECKING:
    from aimis.readers.oesophagus.aperture import Aperture

MOST = 4  # regions of one finding in one frame: the strongest
_STEP_PX = 8  # pixels of the network's square for one place of the map
_FINER = 4  # times the map's step is refined before outlines are drawn
_SMOOTHING = 1.2  # places, standard deviation
_LEAST_PLACES = 2.0  # a smaller region is noise
_POINTS = 64
_BELOW_PEAK = 2.5  # log-odds: a region reaches down to this much under its own peak, but not under even odds
_BELOW_WEAK_PEAK = 1.0  # the same for a frame whose peak is under even odds
Map = npt.NDArray[np.float32]


def log_odds(logits: Map, finding: str) -> Map:
    """Of a class against all others at each place; logits of shape (classes, rows, columns)."""
    own = CLASSES.index(finding)
    others = np.delete(logits, own, axis=0)
    peak = others.max(axis=0)
    return np.asarray(logits[own] - peak - np.log(np.exp(others - peak).sum(axis=0)), dtype=np.float32)


def regions(
    logits: Map, finding: str, aperture: Aperture, shown: npt.NDArray[np.uint8], *, scale: float, frame: int | None
) -> tuple[Region, ...]:
    """The strongest regions of a finding, strongest first.

    logits : of the map, shape (classes, rows, columns)
    shown : mask of the network's square, as `aperture.shown` gives it
    scale : pixels of the full-size picture for one of the picture in which the aperture was found
    """
    odds = _smooth(log_odds(logits, finding))
    inside = cv2.resize(shown, odds.shape[::-1], interpolation=cv2.INTER_AREA) > 127
    odds[~inside] = -20.0
    found: list[Region] = []
    free = inside.astype(np.uint8)
    while len(found) < MOST and free.any():
        level = np.where(free > 0, odds, -20.0)
        y, x = np.unravel_index(int(level.argmax()), level.shape)
        peak = float(level[y, x])
        if peak <= 0 and found:
            break
        reach = max(0.0, peak - _BELOW_PEAK) if peak > 0 else peak - _BELOW_WEAK_PEAK
        piece = _piece(level > reach, (int(x), int(y)))
        free[cv2.dilate(piece, np.ones((3, 3), np.uint8)) > 0] = 0
        if piece.sum() >= _LEAST_PLACES * _FINER**2:
            found.append(_region(piece, peak, aperture, shown.shape[0], scale=scale, frame=frame))
    return tuple(found)


def _smooth(odds: Map) -> Map:
    """Refined `_FINER` times, without the noise of single places."""
    smooth = cv2.GaussianBlur(odds, (0, 0), _SMOOTHING)
    return np.asarray(cv2.resize(smooth, None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _piece(above: npt.NDArray[np.bool_], seed: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """The part of the mask that hangs together with the seed (x, y), 1 there."""
    _, labels = cv2.connectedComponents(above.astype(np.uint8), connectivity=4)
    return np.asarray(labels == labels[seed[1], seed[0]], dtype=np.uint8)


def _region(
    piece: npt.NDArray[np.uint8], peak: float, aperture: Aperture, side_px: int, *, scale: float, frame: int | None
) -> Region:
    contours, _ = cv2.findContours(piece, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=cv2.contourArea)[:, 0].astype(np.float64)
    outline = outline[:: max(1, len(outline) // _POINTS + 1)]
    zoom, x, y = aperture.placement(side_px)
    of_square = (outline + 0.5) * _STEP_PX / _FINER
    points = (of_square - (x, y)) / zoom * scale
    return Region(
        box_px=_box(points),
        probability=round(float(1 / (1 + np.exp(-peak))), 4),
        frame=frame,
        outline_px=tuple((px, py) for px, py in points.round(1).tolist()),
    )


def _box(points: npt.NDArray[np.float64]) -> Box:
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return round(float(x0), 1), round(float(y0), 1), round(float(x1), 1), round(float(y1), 1)
