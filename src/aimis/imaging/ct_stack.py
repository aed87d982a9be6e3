"""How slices stack up in the patient, by Image Orientation and Image Position alone.

Source: DICOM PS3.3 C.7.6.2.1.1. Neither file order, Instance Number nor Slice Location says where a slice lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aimis.domain.errors import NotAssessableError, UnsupportedInputError
from aimis.domain.reading import Reason
from aimis.imaging.ct_instance import Plane

Floats = npt.NDArray[np.float64]
THICK_MM, TOO_THICK_MM = 3.0, 5.0
"""Slices for nodules are at most 1.5 mm by the guidelines, and 3 mm at the worst; over 5 mm small ones vanish."""
FEWEST_SLICES, LEAST_EXTENT_MM = 40, 120.0
MOST_VOXELS = 1000 * 512 * 512
"""Half a gigabyte; of a longer series every second slice is read, or every third."""
_THINNED_MM = 2.51
_AXIAL_COSINE = 0.8
_SAME_PLACE = 0.05
_EVEN = 0.05
_ON_GRID = 0.1
_NEARLY_ONE_MORE = 0.25
_WIDEST_GAP_MM = 10.5
_MOST_MISSING = 0.05
_STRAIGHT_PX = 0.5
_ROUNDING_MM = 0.011


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """How a slice is turned so that its rows run to the back and its columns to the left, as `Volume` wants them."""

    transposed: bool
    rows_reversed: bool
    columns_reversed: bool

    def of(self, pixels: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
        """The pixels turned; a view."""
        turned = pixels.T if self.transposed else pixels
        return turned[:: -1 if self.rows_reversed else 1, :: -1 if self.columns_reversed else 1]


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """Slices in order from the feet.

    order : indices of the slices given
    heights_mm : of each, along the slices' normal
    shifts_px : shape (slices, 2), rows then columns: where a slice's first pixel lies in the common frame
    shape : rows and columns of the common frame
    doubled : slices left out because another lies in the same place
    """

    order: tuple[int, ...]
    heights_mm: Floats
    shifts_px: Floats
    shape: tuple[int, int]
    origin_lps_mm: tuple[float, float, float]
    spacing_mm: tuple[float, float]
    directions: Floats
    turn: Turn
    doubled: int = 0

    @property
    def is_straight(self) -> bool:
        """Whether each slice lies over the one before, within half a pixel."""
        return not self.shifts_px.any()

    @property
    def tilt_degrees(self) -> float:
        """By how much the way from slice to slice leaves their normal."""
        moved = (self.shifts_px[-1] - self.shifts_px[0]) * self.spacing_mm
        return float(np.degrees(np.arctan2(np.hypot(*moved), self.heights_mm[-1] - self.heights_mm[0])))


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Evenly spaced slices, made of those that are there.

    sources : of each slice the lower and upper one it lies between and its share of the way; share 0 is the lower one
    limited : by slices that are missing, or unevenly spaced
    """

    step_mm: float
    sources: tuple[tuple[int, int, float], ...]
    limited: tuple[Reason, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it is the slices as they are."""
        return all(share == 0 and lower == at for at, (lower, _, share) in enumerate(self.sources))


def stack_up(planes: Sequence[Plane], shape: tuple[int, int]) -> Stack:
    """Slices of one orientation and spacing in order, the second of two in the same place left out.

    shape : rows and columns of each
    Raises `UnsupportedInputError` "not-axial".
    """
    turn = _turn(planes[0])
    rows, columns = shape[::-1] if turn.transposed else shape
    turned = [_turned(plane, turn, shape) for plane in planes]
    down, across = np.array(turned[0].down), np.array(turned[0].across)
    normal = np.cross(across, down)
    positions = np.array([plane.position_mm for plane in turned])
    heights = positions @ normal
    order = np.argsort(heights, kind="stable")
    kept = order[_first_of_each_place(heights[order])]
    spacing = turned[0].spacing_mm
    offsets = positions[kept] - positions[kept[0]] - (heights[kept] - heights[kept[0]])[:, None] * normal
    shifts = np.stack([offsets @ down / spacing[0], offsets @ across / spacing[1]], axis=1)
    if np.abs(shifts).max() < _STRAIGHT_PX:
        shifts = np.zeros_like(shifts)
    first = shifts.min(axis=0)
    corner = positions[kept[0]] + first[0] * spacing[0] * down + first[1] * spacing[1] * across
    grown = np.ceil(shifts.max(axis=0) - first).astype(int)
    return Stack(
        order=tuple(map(int, kept)),
        heights_mm=heights[kept],
        shifts_px=shifts - first,
        shape=(rows + int(grown[0]), columns + int(grown[1])),
        origin_lps_mm=(float(corner[0]), float(corner[1]), float(corner[2])),
        spacing_mm=spacing,
        directions=np.stack([normal, down, across]),
        turn=turn,
        doubled=len(planes) - len(kept),
    )


def even_out(heights_mm: Floats, broken: int = 0) -> Grid:
    """The grid of slices at ascending heights.

    broken : slices that were there and are not among them, of which is told elsewhere
    Raises `NotAssessableError` "slices-missing" with how many and how wide the widest gap is, where too much is.
    """
    gaps = np.diff(heights_mm)
    if not len(gaps):
        return Grid(step_mm=1.0, sources=((0, 0, 0.0),))
    usual = _usual(gaps)
    if np.abs(gaps - usual).max() <= max(_EVEN * usual, _ROUNDING_MM):
        return Grid(step_mm=float(gaps.mean()), sources=tuple((at, at, 0.0) for at in range(len(heights_mm))))
    missing = int(np.maximum(np.floor(gaps / usual + _NEARLY_ONE_MORE) - 1, 0).sum())
    if gaps.max() > _WIDEST_GAP_MM or missing > max(1, _MOST_MISSING * len(heights_mm)):
        raise NotAssessableError("slices-missing", count=missing, millimetres=round(float(gaps.max()), 1))
    targets = np.arange(heights_mm[0], heights_mm[-1] + _ON_GRID * usual, usual)
    sources = tuple(_source(heights_mm, float(target), usual) for target in targets)
    even = np.abs(gaps / usual - np.rint(gaps / usual)).max() <= _ON_GRID
    if even and 0 < missing <= broken:
        return Grid(step_mm=usual, sources=sources)
    code = "slices-missing-few" if missing and even else "slices-uneven"
    reason = Reason.of(code, count=missing - broken, millimetres=round(float(gaps.max()), 1))
    return Grid(step_mm=usual, sources=sources, limited=(reason,))


def check_extent(
    slices: int, step_mm: float, extent_mm: float, thickness_mm: float | None = None
) -> tuple[Reason, ...]:
    """What limits a reading of slices as thick and as many as these.

    extent_mm : from the middle of the lowest to that of the highest
    Raises `UnsupportedInputError` "too-thick-slices" over 5 mm, "too-few-slices" under 40 slices or 12 cm.
    """
    thickest = max(step_mm, thickness_mm or 0.0)
    if thickest > TOO_THICK_MM + _ROUNDING_MM:
        raise UnsupportedInputError("too-thick-slices", millimetres=round(thickest, 2), limit=TOO_THICK_MM)
    covered = extent_mm + step_mm
    if slices < FEWEST_SLICES or covered < LEAST_EXTENT_MM - _ROUNDING_MM:
        raise UnsupportedInputError("too-few-slices", slices=slices, centimetres=round(covered / 10, 1))
    if thickest > THICK_MM + _ROUNDING_MM:
        return (Reason.of("thick-slices", millimetres=round(thickest, 2)),)
    return ()


def thinning(slices: int, pixels: int, step_mm: float) -> tuple[int, tuple[Reason, ...]]:
    """Of how many slices one is read, so that they stay within memory, and what is to be said of it.

    pixels : of one slice
    Raises `UnsupportedInputError` "too-many-slices" where those that are read would lie more than 2.5 mm apart.
    """
    every = -(-slices * pixels // MOST_VOXELS)
    if every == 1:
        return 1, ()
    if step_mm * every > _THINNED_MM:
        raise UnsupportedInputError("too-many-slices", slices=slices)
    return every, (Reason.of("slices-passed-over", every=every, slices=slices),)


def orientation(plane: Plane) -> str:
    """axial, coronal, sagittal or oblique."""
    normal = np.abs(np.cross(plane.across, plane.down))
    axis = int(np.argmax(normal))
    return ("sagittal", "coronal", "axial")[axis] if normal[axis] >= _AXIAL_COSINE else "oblique"


def _turn(plane: Plane) -> Turn:
    if orientation(plane) != "axial":
        raise UnsupportedInputError("not-axial", orientation=orientation(plane))
    transposed = abs(plane.across[1]) > abs(plane.across[0])
    across, down = (plane.down, plane.across) if transposed else (plane.across, plane.down)
    return Turn(transposed=transposed, rows_reversed=down[1] < 0, columns_reversed=across[0] < 0)


def _turned(plane: Plane, turn: Turn, shape: tuple[int, int]) -> Plane:
    """The plane of the same slice once its pixels are turned."""
    across, down, (between_rows, between_columns) = np.array(plane.across), np.array(plane.down), plane.spacing_mm
    rows, columns = shape
    if turn.transposed:
        across, down, between_rows, between_columns, rows, columns = (
            *(down, across),
            *(between_columns, between_rows),
            *(columns, rows),
        )
    position = np.array(plane.position_mm)
    if turn.rows_reversed:
        position, down = position + down * between_rows * (rows - 1), -down
    if turn.columns_reversed:
        position, across = position + across * between_columns * (columns - 1), -across
    return Plane(
        position_mm=tuple(position), across=tuple(across), down=tuple(down), spacing_mm=(between_rows, between_columns)
    )


def _first_of_each_place(heights_mm: Floats) -> list[int]:
    """Of ascending heights, those that lie further on than a twentieth of the usual step."""
    gaps = np.diff(heights_mm)
    apart = gaps[gaps > _ROUNDING_MM]
    least = max(_ROUNDING_MM, _SAME_PLACE * float(np.median(apart))) if len(apart) else _ROUNDING_MM
    kept = [0]
    for at in range(1, len(heights_mm)):
        if heights_mm[at] - heights_mm[kept[-1]] > least:
            kept.append(at)
    return kept


def _usual(gaps: Floats) -> float:
    """The commonest gap, the mean of those within a hundredth of a millimetre of it."""
    values, counts = np.unique(np.round(gaps, 1), return_counts=True)
    commonest = values[np.argmax(counts)]
    return float(gaps[np.abs(gaps - commonest) <= 0.1].mean())


def _source(heights_mm: Floats, target: float, usual: float) -> tuple[int, int, float]:
    upper = int(np.clip(np.searchsorted(heights_mm, target), 1, len(heights_mm) - 1))
    below, above = heights_mm[upper - 1], heights_mm[upper]
    if abs(target - below) <= _ON_GRID * usual:
        return upper - 1, upper - 1, 0.0
    if abs(target - above) <= _ON_GRID * usual:
        return upper, upper, 0.0
    return upper - 1, upper, float((target - below) / (above - below))
