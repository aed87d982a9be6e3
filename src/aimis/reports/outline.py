"""Where lesions lie, drawn as lines just outside them: the mucosa that a finding rests on stays as it was seen.

A finding has its own line, by its place in the reader's list: solid, broken, dotted. The line is bright within black,
so that it is seen on pale, red, dark and stained mucosa, and in grey print by its pattern.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from aimis.reports import overlay

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from aimis.domain.reading import Finding, Region

_WORK_SIDE_PX = 400
_MARGIN_SHARE_OF_SIDE = 0.012  # between the lesion and the line
_MOST_POINTS = 72
_DASHES = {1: (5.0, 1.0), 2: (3.0, 0.2)}  # by pattern: half a period in widths of the line, and what is drawn of it

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One closed line round a lesion.

    points : x, y in pixels of the full-size picture; pattern : which of the three, 0 is solid
    """

    points: Points
    pattern: int


def lines(findings: Iterable[tuple[int, Sequence[Region]]], full_size_px: tuple[int, int]) -> tuple[Line, ...]:
    """The lines round regions, findings as (place in the reader's list, regions); touching regions share a line."""
    return tuple(
        Line(points=points, pattern=place % 3)
        for place, regions in findings
        for points in _around(regions, full_size_px)
    )


def of_shown(findings: Sequence[Finding], full_size_px: tuple[int, int]) -> tuple[Line, ...]:
    """The lines round all regions of alarms and marks."""
    return lines([(place, f.regions) for place, f in enumerate(findings) if f.pointed_out], full_size_px)


def draw(rgb: npt.NDArray[np.uint8], drawn: Sequence[Line], full_size_px: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """A copy of the picture, of shape (rows, columns, 3) and any size, with the lines as wide as fits the size."""
    canvas = rgb.copy()
    width = max(1, max(rgb.shape[:2]) // 320)
    scale = np.array([rgb.shape[1] / full_size_px[0], rgb.shape[0] / full_size_px[1]], dtype=np.float32)
    for line in drawn:
        points = np.array(line.points, dtype=np.float32) * scale
        if line.pattern:
            half, share = _DASHES[line.pattern]
            overlay.stroke(canvas, overlay.dashes([points], half * width, share), width, closed=False)
        else:
            overlay.stroke(canvas, [points], width, closed=True)
    return canvas


def _around(regions: Sequence[Region], full_size_px: tuple[int, int]) -> list[Points]:
    """The outer borders of the regions grown by a margin, in full-size pixels; none without regions."""
    if not regions:
        return []
    scale = _WORK_SIDE_PX / max(full_size_px)
    size = [max(1, math.ceil(side * scale)) for side in full_size_px]
    mask = np.zeros(size[::-1], dtype=np.uint8)
    for region in regions:
        cv2.fillPoly(mask, [_corners(region, full_size_px, scale)], 1)
    margin = 2 * math.ceil(_WORK_SIDE_PX * _MARGIN_SHARE_OF_SIDE) + 1
    grown = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (margin, margin)))
    contours, _ = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [_thinned(overlay.smooth((c[:, 0, :] + np.float32(0.5)) / np.float32(scale))) for c in contours]


def _corners(region: Region, full_size_px: tuple[int, int], scale: float) -> npt.NDArray[np.int32]:
    """The region's outline, or its box where it has none, in pixels of the working size, within the picture."""
    x0, y0, x1, y1 = region.box_px
    outline = region.outline_px if len(region.outline_px) > 2 else ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    points = np.nan_to_num(np.array(outline, dtype=np.float64), posinf=0.0, neginf=0.0)
    inside = np.clip(points, 0, np.array(full_size_px, dtype=np.float64) - 1)
    return np.asarray(np.round(inside * scale), dtype=np.int32)


def _thinned(points: npt.NDArray[np.float32]) -> Points:
    """At most 72 of the points, evenly."""
    kept = points[:: max(1, math.ceil(len(points) / _MOST_POINTS))]
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in kept)
