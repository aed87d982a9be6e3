"""Pictures of a chest CT for its report, cut while the volume is at hand: sections round each nodule, and an overview.

A picture keeps its grey values untouched; borders, axes and marks lie beside it as lines, so that they stay thin and
can be hidden. Everything is isotropic and turned as radiologists are used to: the patient faces the reader, head up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aimis.domain.scan import Mask, Nodule, Point, Scan, Unjudged
    from aimis.imaging.volume import Volume

Polyline = tuple[tuple[float, float], ...]
"""Points x, y in pixels of a picture, x to the right, y down."""

MOST_NODULES = 10
"""How many nodules have pictures, those likeliest to be malignant, then the largest."""

_SIDE_PX, _WHOLE_PX, _FRONT_PX = 256, 320, 420
_LEAST_FIELD_MM, _MOST_FIELD_MM, _FIELD_PER_DIAMETER = 50.0, 150.0, 2.5
_FIELD_PER_PLACE, _RING = 2.4, 1.2  # of the extent of a place that was not judged
_SLAB_MM = 10.0
_LUNG_WINDOW, _SOFT_WINDOW = (-600.0, 1500.0), (40.0, 400.0)  # centre and width in HU
_AIR_HU, _OUTSIDE = -400, -1024
_COARSE_MM = 3.0
_KERNELS = tuple(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size) for size in ((5, 3), (11, 7)))  # of air, of tissue


class Plane(StrEnum):
    """What a picture shows."""

    SLICE = "slice"
    """The whole axial slice."""
    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"
    SLAB = "slab"
    """The greatest values of 10 mm round the axial section."""
    SOFT = "soft"
    """The axial section in the window of soft tissue."""
    FRONT = "front"
    """The greatest values of both lungs, seen from the front."""


LETTERS = {
    **dict.fromkeys((Plane.SLICE, Plane.AXIAL, Plane.SLAB, Plane.SOFT), ("R", "L", "A", "P")),
    **dict.fromkeys((Plane.CORONAL, Plane.FRONT), ("R", "L", "S", "I")),
    Plane.SAGITTAL: ("A", "P", "S", "I"),
}
"""Where the patient's right, left, front, back, head and feet lie in a picture: left, right, top, bottom."""


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """One picture.

    grey : uint8 of shape (rows, columns)
    outlines : the nodule's border, or in a whole slice the square that the other pictures show
    axes : long, then short axis
    marks : of the overview, nodules by index with x, y
    """

    plane: Plane
    grey: npt.NDArray[np.uint8]
    mm_per_px: float
    outlines: tuple[Polyline, ...] = ()
    axes: tuple[Polyline, ...] = ()
    marks: tuple[tuple[int, float, float], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Views:
    """The pictures of a scan.

    unjudged : of each place that was not judged, in the scan's order
    nodules : by `Nodule.index`, the pictures in the order in which they are shown
    front : both lungs, with where the nodules lie; None where the volume was not at hand
    """

    nodules: dict[int, tuple[View, ...]]
    front: View | None = None
    unjudged: tuple[tuple[View, ...], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class _Grid:
    """How the pixels of a picture lie in a section of the volume.

    fixed, down, across : axes of the volume (0 slices, 1 rows, 2 columns)
    matrix : shape (2, 3); (across, down) = matrix @ (x, y, 1)
    """

    fixed: int
    down: int
    across: int
    matrix: npt.NDArray[np.float64]
    mm_per_px: float

    def to_px(self, indices_zyx: npt.NDArray[np.float64]) -> Polyline:
        """Voxel indices, shape (n, 3), as points of the picture."""
        flat = indices_zyx[:, [self.across, self.down]] - self.matrix[:, 2]
        return _points(flat @ np.linalg.inv(self.matrix[:, :2]).T)


def cut(volume: Volume, scan: Scan) -> Views:
    """The pictures of what is reported of a scan, at most `MOST_NODULES` nodules."""
    present = (nodule for nodule in scan.nodules if nodule.present)
    ranked = sorted(present, key=lambda n: (-(n.malignancy_probability or 0.0), -n.diameter_mm))[:MOST_NODULES]
    nodules = {nodule.index: tuple(_views(volume, nodule)) for nodule in ranked}
    places = tuple(tuple(_place_views(volume, place)) for place in scan.unjudged)
    return Views(nodules=nodules, front=_front(volume, ranked), unjudged=places)


# ---- places that were not judged


def _place_views(volume: Volume, place: Unjudged) -> Iterator[View]:
    """The whole slice, then axial in both windows and coronal, with a ring about the place."""
    axial, coronal = (
        _grid(volume, plane, place.centre_lps_mm, _FIELD_PER_PLACE * place.extent_mm)
        for plane in (Plane.AXIAL, Plane.CORONAL)
    )
    yield _whole(volume, place.slice, axial)
    at = round(float(volume.to_indices(place.centre_lps_mm)[1]))
    for plane, grid, middle, window in (
        (Plane.AXIAL, axial, place.slice, _LUNG_WINDOW),
        (Plane.SOFT, axial, place.slice, _SOFT_WINDOW),
        (Plane.CORONAL, coronal, at, _LUNG_WINDOW),
    ):
        grey = _windowed(_sampled(volume.hu, grid, (middle, middle + 1)), window)
        yield View(plane=plane, grey=grey, mm_per_px=grid.mm_per_px, outlines=(_ring(place, grid),))


def _ring(place: Unjudged, grid: _Grid) -> Polyline:
    """A circle of its extent and a little room, about the middle."""
    turns = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = _RING * place.extent_mm / 2 / grid.mm_per_px
    return _points((_SIDE_PX - 1) / 2 + radius * np.stack([np.cos(turns), np.sin(turns)], axis=1))


# ---- sections round a nodule


def _views(volume: Volume, nodule: Nodule) -> Iterator[View]:
    diameter = nodule.size.long_axis_mm if nodule.size else nodule.diameter_mm
    field_mm = min(max(_FIELD_PER_DIAMETER * diameter, _LEAST_FIELD_MM), _MOST_FIELD_MM)
    axial = _grid(volume, Plane.AXIAL, nodule.centre_lps_mm, field_mm)
    at = volume.to_indices(nodule.centre_lps_mm)
    middle = _within(nodule.slices[1] if nodule.slices else round(float(at[0])), 0, volume.hu.shape[0]).start
    yield _whole(volume, middle, axial)
    yield _section(volume, nodule, Plane.AXIAL, axial, middle)
    for plane in (Plane.CORONAL, Plane.SAGITTAL):
        grid = _grid(volume, plane, nodule.centre_lps_mm, field_mm)
        yield _section(volume, nodule, plane, grid, round(float(at[grid.fixed])))
    half = max(0, round((_SLAB_MM / volume.spacing_mm[0] - 1) / 2))
    slab, section = (_sampled(volume.hu, axial, (middle - n, middle + n + 1)) for n in (half, 0))
    yield View(plane=Plane.SLAB, grey=_windowed(slab, _LUNG_WINDOW), mm_per_px=axial.mm_per_px)
    yield View(plane=Plane.SOFT, grey=_windowed(section, _SOFT_WINDOW), mm_per_px=axial.mm_per_px)


def _section(volume: Volume, nodule: Nodule, plane: Plane, grid: _Grid, at: int) -> View:
    ends = nodule.size.ends_lps_mm if nodule.size and plane is Plane.AXIAL else ()
    points = grid.to_px(volume.to_indices(ends)) if ends else ()
    return View(
        plane=plane,
        grey=_windowed(_sampled(volume.hu, grid, (at, at + 1)), _LUNG_WINDOW),
        mm_per_px=grid.mm_per_px,
        outlines=_border(nodule.mask, grid, at) if nodule.mask else (),
        axes=tuple(points[start : start + 2] for start in range(0, len(points) - 1, 2)),
    )


def _grid(volume: Volume, plane: Plane, centre_lps_mm: Point, field_mm: float) -> _Grid:
    """Axial sections lie as they were taken, with a tilted gantry too; the others along the patient."""
    fixed, down, across = {Plane.AXIAL: (0, 1, 2), Plane.CORONAL: (1, 0, 2)}.get(plane, (2, 0, 1))
    own = volume.directions[[2, 1]]
    upright = np.array([[float(across == 2), float(across == 1), 0.0], [0.0, 0.0, -1.0]])
    mm_per_px = field_mm / _SIDE_PX
    steps = np.asarray(volume.spacing_mm)[:, None] * volume.directions
    per_px = mm_per_px * (own if fixed == 0 else upright) @ np.linalg.pinv(steps[[across, down]])
    middle = volume.to_indices(centre_lps_mm)[[across, down]]
    start = middle - (_SIDE_PX - 1) / 2 * per_px.sum(axis=0)
    matrix = np.column_stack([per_px.T, start])
    return _Grid(fixed=fixed, down=down, across=across, matrix=matrix, mm_per_px=mm_per_px)


def _sampled(voxels: npt.NDArray[np.int16], grid: _Grid, span: tuple[int, int]) -> npt.NDArray[np.float32]:
    """The greatest values over a span of the fixed axis, at the picture's pixels; bilinear, square."""
    corners = grid.matrix @ np.array([[0, _SIDE_PX, 0, _SIDE_PX], [0, 0, _SIDE_PX, _SIDE_PX], [1, 1, 1, 1]])
    low, high = np.floor(corners.min(axis=1)) - 1, np.ceil(corners.max(axis=1)) + 2
    box = [slice(0)] * 3
    box[grid.fixed] = _within(*span, voxels.shape[grid.fixed])
    box[grid.across], box[grid.down] = (
        _within(int(low[n]), int(high[n]), voxels.shape[axis]) for n, axis in enumerate((grid.across, grid.down))
    )
    section = np.ascontiguousarray(voxels[tuple(box)].max(axis=grid.fixed), dtype=np.float32)
    return _warped(section, grid, (box[grid.across].start, box[grid.down].start), _OUTSIDE)


def _within(low: int, high: int, size: int) -> slice:
    """At least one voxel of an axis, as near to a span as there is one."""
    start = min(max(low, 0), size - 1)
    return slice(start, max(start + 1, min(high, size)))


def _warped(
    section: npt.NDArray[np.float32], grid: _Grid, start: tuple[int, int], outside: float
) -> npt.NDArray[np.float32]:
    """A section that begins at voxel `start` (across, down), at the picture's pixels."""
    matrix = grid.matrix - np.array([[0, 0, start[0]], [0, 0, start[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    drawn = cv2.warpAffine(section, matrix, (_SIDE_PX, _SIDE_PX), flags=flags, borderValue=outside)
    return np.asarray(drawn, dtype=np.float32)


def _windowed(hu: npt.NDArray[np.float32], window: tuple[float, float]) -> npt.NDArray[np.uint8]:
    centre, width = window
    return np.asarray(np.clip((hu - (centre - width / 2)) * (255 / width), 0, 255), dtype=np.uint8)


def _border(mask: Mask, grid: _Grid, at: int) -> tuple[Polyline, ...]:
    """Where a section of the mask is half covered; nothing where the section misses it."""
    inside = at - mask.origin_zyx[grid.fixed]
    if not 0 <= inside < mask.shape_zyx[grid.fixed]:
        return ()
    filled = np.repeat(np.arange(len(mask.runs)) % 2, mask.runs).reshape(mask.shape_zyx)
    section = np.pad(np.take(filled, inside, axis=grid.fixed), 1).astype(np.float32)
    start = mask.origin_zyx[grid.across] - 1, mask.origin_zyx[grid.down] - 1
    covered = _warped(section, grid, start, 0) >= 0.5
    contours, _ = cv2.findContours(covered.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return tuple(_points(contour[:, 0, :]) for contour in contours)


def _points(px: npt.NDArray[np.generic]) -> Polyline:
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in px)


# ---- overview


def _whole(volume: Volume, at: int, zoom: _Grid) -> View:
    """The whole slice, and which part of it the other pictures show."""
    section = volume.hu[at].astype(np.float32)
    (rows, columns), (_, down, across) = section.shape, volume.spacing_mm
    mm_per_px = max(rows * down, columns * across) / _WHOLE_PX
    size = max(1, round(columns * across / mm_per_px)), max(1, round(rows * down / mm_per_px))
    small = np.asarray(cv2.resize(section, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    side = _SIDE_PX - 1
    corners = np.array([[0, 0, 1], [side, 0, 1], [side, side, 1], [0, side, 1]]) @ zoom.matrix.T
    shown = np.clip(corners + 0.5, 0, (columns, rows))  # what is wide, at the edge, reaches over it
    square = _points(shown * (size[0] / columns, size[1] / rows))
    return View(plane=Plane.SLICE, grey=_windowed(small, _LUNG_WINDOW), mm_per_px=mm_per_px, outlines=(square,))


def _front(volume: Volume, nodules: Sequence[Nodule]) -> View:
    """The greatest values of what lies within air-filled lung, seen from the front, with where the nodules lie."""
    steps = [max(1, round(_COARSE_MM / spacing)) for spacing in volume.spacing_mm]
    steps[2] = max(1, steps[2] // 2)
    coarse = volume.hu[:: steps[0], :: steps[1], :: steps[2]]
    seen = np.where(_lungs(coarse), coarse, _OUTSIDE).max(axis=1)[::-1].astype(np.float32)
    high, wide = (volume.hu.shape[axis] * volume.spacing_mm[axis] for axis in (0, 2))
    mm_per_px = max(high, wide) / _FRONT_PX
    size = max(1, round(wide / mm_per_px)), max(1, round(high / mm_per_px))
    drawn = np.asarray(cv2.resize(seen, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    marks = tuple((n.index, *_mark(volume, n, size)) for n in nodules)
    return View(plane=Plane.FRONT, grey=_windowed(drawn, _LUNG_WINDOW), mm_per_px=mm_per_px, marks=marks)


def _mark(volume: Volume, nodule: Nodule, size: tuple[int, int]) -> tuple[float, float]:
    z, _, x = (volume.to_indices(nodule.centre_lps_mm) + 0.5) / np.array(volume.hu.shape)
    return float(x) * size[0], float(1 - z) * size[1]


def _lungs(coarse: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
    """Slice by slice, air that does not reach the picture's sides, and what it encloses: vessels and nodules."""
    air = np.pad(coarse < _AIR_HU, ((0, 0), (1, 1), (1, 1)), constant_values=True).astype(np.uint8)
    for section in air:
        cv2.floodFill(section, None, (0, 0), 0)
        cv2.morphologyEx(section, cv2.MORPH_OPEN, _KERNELS[0], dst=section)
        cv2.morphologyEx(section, cv2.MORPH_CLOSE, _KERNELS[1], dst=section)
    return air[:, 1:-1, 1:-1] > 0
