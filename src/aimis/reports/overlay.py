"""Where a finding rests, drawn over the photograph: lines round the areas that carry a quarter and half of it.

Only evidence that speaks for the finding is drawn. The tint stays light, so that the lesion underneath is seen; the
lines are white within black, so that they are seen on every ground and in grey print.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimis.domain.reading import Box, EvidenceMap

SHARES = (0.25, 0.5)
"""Of the positive evidence: the solid line encloses the first, the broken line the second."""

_FIELD_SIDE_PX = 256  # evidence is worked out at this size and drawn at the photograph's
_TINT = (86, 180, 233)  # Okabe and Ito's sky blue: apart from the fundus' orange for every kind of colour vision
_STRONGEST_TINT = 0.35
_SOFTNESS_CELLS = 0.8  # standard deviation of the smoothing: calm lines, and no lesion-sized place is lost
_RING_SHARE_OF_SIDE = 0.02
_LEAST_AREA_SHARE = 0.02  # an area that carries less of the evidence is noise to the eye and left out
_PLACES = (("upper-left", "upper", "upper-right"), ("left", "centre", "right"), ("lower-left", "lower", "lower-right"))

Pixels = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Strongest:
    """The place of the strongest evidence.

    point_px : x, y in pixels of the full-size photograph
    place : which ninth of the picture, a key of the texts' [place]
    """

    point_px: tuple[float, float]
    place: str


def draw(rgb: Pixels, evidence: EvidenceMap, full_size_px: tuple[int, int]) -> Pixels:
    """The photograph of shape (rows, columns, 3) with the evidence drawn; a map with none leaves it as it is.

    full_size_px : columns, rows of the photograph that the map's box refers to; rgb may be smaller
    """
    drawn = rgb.copy()
    field = positive_field(evidence, full_size_px)
    core, wide = levels(field, SHARES)
    if core <= 0:
        return drawn
    _tint(drawn, field, wide)
    width = max(1, round(max(rgb.shape[:2]) / 500))
    stroke(drawn, dashes(_outlines(field, wide, rgb.shape), 7 * width), width, closed=False)
    stroke(drawn, _outlines(field, core, rgb.shape), width, closed=True)
    return drawn


def positive_field(evidence: EvidenceMap, full_size_px: tuple[int, int]) -> Field:
    """The evidence for the finding, 0 or more, smoothed over the photograph at working size.

    Shape (rows, columns), longest side 256, in the photograph's proportions; what lies outside it is left out.
    """
    grid = np.maximum(np.nan_to_num(np.array(evidence.values, dtype=np.float32), posinf=0.0, neginf=0.0), 0)
    columns, rows = full_size_px
    scale = _FIELD_SIDE_PX / max(columns, rows)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    if not grid.size:
        return np.zeros(size[::-1], dtype=np.float32)
    spread = cv2.warpAffine(grid, _placement(evidence.box_px, grid.shape, scale), size, flags=cv2.INTER_LINEAR)
    x0, _, x1, _ = evidence.box_px
    softness = min(max(0.5, (x1 - x0) * scale / grid.shape[1]) * _SOFTNESS_CELLS, _FIELD_SIDE_PX / 16)
    return np.asarray(cv2.GaussianBlur(spread, (0, 0), softness), dtype=np.float32)


def levels(field: Field, shares: Sequence[float]) -> tuple[float, ...]:
    """The heights above which the field holds given shares 0..1 of its sum; 0 for a field without evidence."""
    heights = np.sort(field, axis=None)[::-1]
    sums = np.cumsum(heights, dtype=np.float64)
    if sums[-1] <= 0:
        return (0.0,) * len(shares)
    return tuple(float(heights[int(np.searchsorted(sums, share * sums[-1]))]) for share in shares)


def areas(field: Field, height: float) -> list[Pixels]:
    """Masks of the connected areas at or above a height, the one with most evidence first.

    An area that carries less than 2 % of the evidence is left out, unless no area carries more.
    """
    count, labels = cv2.connectedComponents((field >= height).astype(np.uint8))
    sums = np.bincount(labels.ravel(), weights=field.ravel(), minlength=count)[1:]
    ranked = np.argsort(-sums, kind="stable")
    kept = [int(i) for i in ranked if sums[i] >= _LEAST_AREA_SHARE * field.sum()] or [int(ranked[0])]
    return [(labels == index + 1).astype(np.uint8) for index in kept]


def strongest(evidence: EvidenceMap, full_size_px: tuple[int, int]) -> Strongest | None:
    """Where the evidence is strongest; None where nothing speaks for the finding."""
    field = positive_field(evidence, full_size_px)
    if field.max() <= 0:
        return None
    row, column = np.unravel_index(int(np.argmax(field)), field.shape)
    x, y = (column + 0.5) / field.shape[1], (row + 0.5) / field.shape[0]
    return Strongest(point_px=(float(x * full_size_px[0]), float(y * full_size_px[1])), place=place(x, y))


def place(x: float, y: float) -> str:
    """Which ninth of the picture holds a point, given as shares of its width and height; a key of [place]."""
    return _PLACES[min(2, max(0, int(3 * y)))][min(2, max(0, int(3 * x)))]


def boxes(evidence: EvidenceMap, full_size_px: tuple[int, int], share: float = SHARES[0]) -> tuple[Box, ...]:
    """The areas that hold a share of the evidence as boxes in full-size pixels, the one with most evidence first."""
    field = positive_field(evidence, full_size_px)
    (height,) = levels(field, (share,))
    scale = full_size_px[0] / field.shape[1]
    return tuple(_box(mask, scale) for mask in areas(field, height)) if height > 0 else ()


def _box(mask: Pixels, scale: float) -> Box:
    x, y, columns, rows = (side * scale for side in cv2.boundingRect(mask))
    return x, y, x + columns, y + rows


def _placement(box: Box, shape: tuple[int, ...], scale: float) -> npt.NDArray[np.float64]:
    """The affine map from the grid's cells to pixels of the working size, centres on centres."""
    x0, y0, x1, y1 = (edge * scale for edge in box)
    wide, high = (x1 - x0) / shape[1], (y1 - y0) / shape[0]
    return np.array([[wide, 0, x0 + wide / 2 - 0.5], [0, high, y0 + high / 2 - 0.5]])


def _tint(drawn: Pixels, field: Field, height: float) -> None:
    """In place: sky blue within the areas above a height, more where the evidence is stronger."""
    strength = (field - height) * np.float32(_STRONGEST_TINT / max(float(field.max()) - height, 1e-12))
    across, down = drawn.shape[1] / field.shape[1], drawn.shape[0] / field.shape[0]
    for mask in areas(field, height):
        x, y, columns, rows = cv2.boundingRect(mask)
        near = np.asarray((strength * mask)[y : y + rows, x : x + columns], dtype=np.float32)
        top, bottom = math.floor(y * down), math.ceil((y + rows) * down)
        part = drawn[top:bottom, math.floor(x * across) : math.ceil((x + columns) * across)]
        _blend(part, np.asarray(cv2.resize(near, part.shape[1::-1]), dtype=np.float32))


def _blend(part: Pixels, weight: Field) -> None:
    """In place: the tint over a part of the photograph, by a weight 0..1 a pixel."""
    tint = np.empty_like(part)
    tint[:] = _TINT
    cv2.blendLinear(part, tint, 1 - weight, weight, dst=part)


def _outlines(field: Field, height: float, shape: tuple[int, ...]) -> list[npt.NDArray[np.float32]]:
    """The lines round the areas at or above a height, as points (x, y) in pixels of the photograph.

    An area too small to be seen is replaced by a ring round it.
    """
    scale = np.array([shape[1] / field.shape[1], shape[0] / field.shape[0]], dtype=np.float32)
    shown = np.maximum.reduce(areas(field, height))
    contours, _ = cv2.findContours(shown, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [_visible(smooth((c[:, 0, :] + np.float32(0.5)) * scale), max(shape[:2])) for c in contours]


def smooth(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A closed line without the steps of its pixels: each point the mean of nine neighbours."""
    reach = min(4, (len(points) - 1) // 2)
    shifted = [np.roll(points, step, axis=0) for step in range(-reach, reach + 1)]
    return np.asarray(np.mean(shifted, axis=0), dtype=np.float32)


def _visible(points: npt.NDArray[np.float32], side_px: int) -> npt.NDArray[np.float32]:
    least = _RING_SHARE_OF_SIDE * side_px
    if np.ptp(points, axis=0).max() >= least:
        return points
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False, dtype=np.float32)
    ring = np.column_stack([np.cos(angles), np.sin(angles)]) * np.float32(least / 2)
    return np.asarray(points.mean(axis=0) + ring, dtype=np.float32)


def dashes(
    lines: Sequence[npt.NDArray[np.float32]], dash_px: float, drawn: float = 1.1
) -> list[npt.NDArray[np.float32]]:
    """Every second stretch of a length of each closed line, of each as much as `drawn` says."""
    return [stretch for line in lines for stretch in _dash(line, dash_px, drawn)]


def _dash(line: npt.NDArray[np.float32], dash_px: float, drawn: float) -> list[npt.NDArray[np.float32]]:
    closed = np.concatenate([line, line[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    stretches = max(1, round(along[-1] / (2 * dash_px)))
    starts = np.arange(stretches) * along[-1] / stretches
    steps = np.linspace(0, dash_px * drawn, 5)
    at = starts[:, None] + steps
    x, y = (np.interp(at, along, closed[:, axis]) for axis in (0, 1))
    return list(np.stack([x, y], axis=2).astype(np.float32))


def stroke(drawn: Pixels, lines: Sequence[npt.NDArray[np.float32]], width: int, *, closed: bool) -> None:
    """In place: white within black, points in sixteenths of a pixel."""
    fixed = [np.round((line - 0.5) * 16).astype(np.int32) for line in lines]
    for colour, thickness in (((0, 0, 0), 2 * width + 1), ((255, 255, 255), width)):
        cv2.polylines(drawn, fixed, closed, colour, thickness, cv2.LINE_AA, shift=4)
