"""What in the lungs is not judged: tissue larger than a nodule, and hollows with a wall, each named with its place.

The lungs as `lungs` finds them leave out what is dense and wide. Closing each with a large ball brings back what the
lung goes round: a mass free in it, at the wall or over the diaphragm. Heart, dome and mediastinum are wider than the
ball; vessel roots and great vessels are brought back too and are told by how wide they are near the body's middle.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from aimis.domain.scan import UnjudgedKind
from aimis.readers.lung.lungs import LEFT, RIGHT, Lungs

_GRID_MM = 5.0
_BALL_MM = 35.0  # radius: heart and diaphragm are wider than such a ball, a bay of 70 mm is not
_TISSUE_HU = _AERATED_HU = -500  # about half way between lung and tissue: blocks are coarse
_LEAST_RADIUS_MM = 8.0  # of the largest ball inside, which is 25 mm across on blocks of 5 mm
_NEAR_MIDDLE_MM, _BESIDE_MIDDLE_MM = 45.0, 65.0
_RADII_MM = (15.0, 13.0, 8.8)  # asked of a ball near the middle, beside it, and farther out
_SURROUNDED, _SURROUNDED_MM = 12.0, (17.5, 17.5, 15.0)  # mm of radius that aerated lung all round is worth, and asked
_SHELL_MM = 8.0
_MOST = 8
LEAST_MM = 25.0

_GAS_BELOW = 70  # HU under the lung's median: the air in a hollow holds no blood
_LEAST_GAS_ML, _SMALL_GAS_ML, _LARGE_GAS_ML, _MOST_GAS_ML = 0.4, 1.5, 10.0, 500.0
_ROUND, _LONGEST = 0.36, 2.2  # of its box that a hollow fills (a ball: 0.52); longest to shortest side
_WALL_SHARE, _SMALL_WALL_SHARE = 0.29, 0.65  # of the 8 mm about a hollow that is tissue; about a small one
_WALL_STEP_HU = 230  # denser than lung it must be
_IN_LUNG, _LARGE_IN_LUNG = 0.38, 0.25  # of what lies 8 to 20 mm off that is aerated: in the stomach's case, little
_WALL_MM, _BEYOND_MM = 8.0, 20.0
_COMPACT = 0.35  # of a ball of its extent that a mass fills; a consolidation spreads

Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Box = tuple[slice, slice, slice]
Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Region:
    """A place that is not judged.

    centre_zyx : in voxels of the scan, fractional; extent_mm : its longest side along the scan's axes
    """

    kind: UnjudgedKind
    centre_zyx: Triple
    extent_mm: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Coarse:
    """Masks on blocks of about 5 mm; k : blocks of `Lungs` for one; middle : column of the body's middle."""

    tissue: Bools
    aerated: Bools
    hull: Bools
    k: tuple[int, int, int]
    spacing_mm: Triple
    middle: float


def find(found: Lungs) -> tuple[Region, ...]:
    """At most eight, hollows first, then by size."""
    inside = found.labels > 0
    if not inside.any():
        return ()
    hollows = tuple(_hollows(found, inside))
    apart: list[Region] = []
    for region in (*hollows, *_dense(_coarse(found, inside), found)):
        if all(_away_mm(found, region, other) > max(region.extent_mm, other.extent_mm) / 2 for other in apart):
            apart.append(region)
    return tuple(apart[:_MOST])


def _away_mm(found: Lungs, one: Region, other: Region) -> float:
    off = (np.subtract(one.centre_zyx, other.centre_zyx)) / found.step_zyx * found.spacing_mm
    return float(np.linalg.norm(off))


def _box(mask: Bools) -> Box:
    z, y, x = ndimage.find_objects(mask.astype(np.uint8))[0]
    return z, y, x


# ---- tissue


def _coarse(found: Lungs, inside: Bools) -> _Coarse:
    k = tuple(max(1, round(_GRID_MM / mm)) for mm in found.spacing_mm)
    z, y, x = (
        slice(max(0, s.start // n - 1) * n, min(size // n, s.stop // n + 2) * n)
        for s, n, size in zip(_box(inside), k, inside.shape, strict=True)
    )
    box = (z, y, x)
    spacing = tuple(mm * n for mm, n in zip(found.spacing_mm, k, strict=True))
    sides = [_largest(_halved(found.labels[box] == side, k)) for side in (RIGHT, LEFT)]
    hull = np.logical_or.reduce([_closed(side, spacing) for side in sides if side.any()] or [sides[0]])
    tissue = _halved((found.hu[box] > _TISSUE_HU) & found.body[box] & ~found.air[box], k)
    columns = found.body[z].sum(axis=(0, 1))
    return _Coarse(
        tissue=tissue & hull,
        aerated=_halved(inside[box] & (found.hu[box] < _AERATED_HU), k),
        hull=hull,
        k=(k[0], k[1], k[2]),
        spacing_mm=(spacing[0], spacing[1], spacing[2]),
        middle=float((columns * np.arange(len(columns))).sum() / columns.sum()),
    )


def _halved(mask: Bools, k: tuple[int, ...]) -> Bools:
    """Blocks of which more than half is in the mask."""
    depth, rows, columns = (n // size for n, size in zip(mask.shape, k, strict=True))
    planes = mask[: depth * k[0]].reshape(depth, k[0], *mask.shape[1:]).sum(axis=1, dtype=np.uint8)
    cut = planes[:, : rows * k[1], : columns * k[2]].astype(np.float32)
    return np.asarray([cv2.resize(p, (columns, rows), interpolation=cv2.INTER_AREA) > 0.5 * k[0] for p in cut])


def _largest(mask: Bools) -> Bools:
    """Its largest piece: the throat is none of the lung."""
    numbers, count = ndimage.label(mask)
    return np.asarray(numbers == 1 + int(np.bincount(numbers.ravel())[1:].argmax())) if count > 1 else mask


def _closed(mask: Bools, spacing_mm: tuple[float, ...]) -> Bools:
    """Closed by a ball."""
    box = _box(mask)
    pads = [math.ceil(_BALL_MM / mm) + 1 for mm in spacing_mm]
    padded = np.pad(mask[box], [(n, n) for n in pads])
    closed = ~_grown(~_grown(padded, spacing_mm), spacing_mm)
    whole = np.zeros_like(mask)
    whole[box] = closed[tuple(slice(n, -n) for n in pads)]
    return whole


def _grown(mask: Bools, spacing_mm: tuple[float, ...]) -> Bools:
    """By a ball: of each plane what lies as near as the ball reaches there, then over the planes."""
    away = np.asarray([_away(plane) for plane in mask]) * spacing_mm[1]
    grown = np.zeros_like(mask)
    for step in range(-int(_BALL_MM / spacing_mm[0]), int(_BALL_MM / spacing_mm[0]) + 1):
        reach = math.sqrt(_BALL_MM**2 - (step * spacing_mm[0]) ** 2)
        to, source = slice(max(0, step), len(mask) + min(0, step)), slice(max(0, -step), len(mask) - max(0, step))
        grown[to] |= away[source] <= reach
    return grown


def _away(plane: Bools) -> npt.NDArray[np.float32]:
    """In blocks, to the nearest of the mask."""
    if not plane.any():
        return np.full(plane.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~plane).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE))


def _dense(coarse: _Coarse, found: Lungs) -> Iterator[Region]:
    """Tissue in the hull that is wider than what belongs there, widest first."""
    depth = ndimage.distance_transform_edt(np.pad(coarse.tissue, 1), sampling=coarse.spacing_mm)[1:-1, 1:-1, 1:-1]
    tops = np.argwhere((depth == ndimage.maximum_filter(depth, 3)) & (depth >= _LEAST_RADIUS_MM))
    done = np.zeros_like(coarse.tissue)
    origin = np.array(_origin(found, coarse))
    for top in tops[np.argsort(-depth[tuple(tops.T)])]:
        radius = float(depth[tuple(top)])
        if done[tuple(top)] or not _stands_out(coarse, top, radius, origin):
            continue
        region = _spread(depth, top, radius, coarse.spacing_mm)
        done |= region
        told = _told(region, coarse, origin, found)
        if told.extent_mm >= LEAST_MM:
            yield told


def _origin(found: Lungs, coarse: _Coarse) -> tuple[int, ...]:
    """First block of `Lungs` that the coarse masks begin at."""
    box = _box(found.labels > 0)
    return tuple(max(0, s.start // n - 1) * n for s, n in zip(box, coarse.k, strict=True))


def _stands_out(coarse: _Coarse, top: npt.NDArray[np.int64], radius: float, origin: npt.NDArray[np.int_]) -> bool:
    """Wider, or more surrounded by lung, than vessels are at that distance from the body's middle."""
    column = (top[2] + 0.5) * coarse.k[2] + origin[2]
    off = abs(column - coarse.middle) * coarse.spacing_mm[2] / coarse.k[2]
    zone = 0 if off < _NEAR_MIDDLE_MM else 1 if off < _BESIDE_MIDDLE_MM else 2
    if radius >= _RADII_MM[zone]:
        return True
    return radius + _SURROUNDED * _surrounded(coarse, top, radius) >= _SURROUNDED_MM[zone]


def _surrounded(coarse: _Coarse, top: npt.NDArray[np.int64], radius: float) -> float:
    """Share of aerated lung in the 8 mm about a ball."""
    reach = [math.ceil((radius + _SHELL_MM) / mm) for mm in coarse.spacing_mm]
    low = np.maximum(top - reach, 0)
    part = coarse.aerated[tuple(slice(a, t + n + 1) for a, t, n in zip(low, top, reach, strict=True))]
    axes = [(np.arange(n) + a - t) * mm for n, a, t, mm in zip(part.shape, low, top, coarse.spacing_mm, strict=True)]
    away = np.sqrt(axes[0][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[2] ** 2)
    return float(part[(away > radius) & (away <= radius + _SHELL_MM)].mean())


def _spread(depth: Floats, top: npt.NDArray[np.int64], radius: float, spacing_mm: Triple) -> Bools:
    """What is joined to the ball where it is half as thick, grown back to its edge."""
    numbers, _ = ndimage.label(depth >= 0.55 * radius)
    core = numbers == numbers[tuple(top)]
    box = tuple(slice(max(0, s.start - 6), s.stop + 6) for s in ndimage.find_objects(core.astype(np.uint8))[0])
    away = ndimage.distance_transform_edt(~core[box], sampling=spacing_mm)
    region = np.zeros_like(core)
    region[box] = (depth[box] > 0) & (away <= 0.55 * radius)
    return np.asarray(region)


def _told(region: Bools, coarse: _Coarse, origin: npt.NDArray[np.int_], found: Lungs) -> Region:
    places = np.argwhere(region)
    extent = float(((np.ptp(places, axis=0) + 1) * coarse.spacing_mm).max())
    ball = math.pi / 6 * extent**3
    compact = len(places) * float(np.prod(coarse.spacing_mm)) >= _COMPACT * ball
    middle = (places.mean(axis=0) + 0.5) * coarse.k + origin - 0.5
    return _region(UnjudgedKind.MASS if compact else UnjudgedKind.CONSOLIDATION, middle, extent, found)


def _region(kind: UnjudgedKind, blocks: Floats, extent_mm: float, found: Lungs) -> Region:
    z, y, x = (float(v) for v in found.voxels(blocks))
    return Region(kind=kind, centre_zyx=(z, y, x), extent_mm=extent_mm)


# ---- hollows


@dataclass(frozen=True, kw_only=True, eq=False)
class _Surroundings:
    """HU and aerated lung about both lungs, on the blocks of `Lungs`; usual_hu : median of aerated lung."""

    hu: npt.NDArray[np.int16]
    aerated: Bools
    usual_hu: float
    spacing_mm: Triple


def _hollows(found: Lungs, inside: Bools) -> Iterator[Region]:
    """Round pieces of gas with a wall, in the lung; largest first."""
    box = _widened(_box(inside), [round(_BEYOND_MM / mm) for mm in found.spacing_mm])
    hu = found.hu[box]
    aerated = inside[box] & (hu < _AERATED_HU)
    lung = hu[aerated]
    if not len(lung):
        return
    usual = float(np.median(lung[:: max(1, len(lung) // 50_000)]))
    about = _Surroundings(hu=hu, aerated=aerated, usual_hu=usual, spacing_mm=found.spacing_mm)
    numbers, _ = ndimage.label(_opened((hu < usual - _GAS_BELOW) & found.body[box] & ~found.air[box]))
    ml = np.bincount(numbers.ravel()) * float(np.prod(found.spacing_mm)) / 1000
    pieces = ndimage.find_objects(numbers)
    for number in 1 + np.argsort(-ml[1:]):
        if _LEAST_GAS_ML <= ml[number] <= _MOST_GAS_ML:
            piece = pieces[number - 1]
            own = numbers[piece] == number
            extent = _hollow_mm(own, piece, about)
            if extent >= LEAST_MM:
                middle = np.argwhere(own).mean(axis=0) + [s.start + b.start for s, b in zip(piece, box, strict=True)]
                yield _region(UnjudgedKind.CAVITY, middle, extent, found)


def _widened(box: Box, room: list[int]) -> Box:
    z, y, x = (slice(max(0, s.start - n), s.stop + n) for s, n in zip(box, room, strict=True))
    return z, y, x


def _opened(mask: Bools) -> Bools:
    """Without what is thinner than three blocks."""
    square = np.ones((3, 3), np.uint8)
    eroded = np.asarray([cv2.erode(plane, square, borderValue=0) for plane in mask.astype(np.uint8)])
    core = np.zeros_like(eroded)
    core[1:-1] = eroded[:-2] & eroded[1:-1] & eroded[2:]
    grown = core.copy()
    grown[:-1] |= core[1:]
    grown[1:] |= core[:-1]
    return np.asarray([cv2.dilate(plane, square) for plane in grown], dtype=np.bool_)


def _hollow_mm(own: Bools, piece: Box, about: _Surroundings) -> float:
    """A hollow's longest side with its wall; 0 where it is not round, has no wall or lies in no lung."""
    sides = [(s.stop - s.start) * mm for s, mm in zip(piece, about.spacing_mm, strict=True)]
    if own.mean() <= _ROUND or max(sides) > _LONGEST * min(sides) + 5:
        return 0.0
    big = _widened(piece, [math.ceil(_BEYOND_MM / mm) for mm in about.spacing_mm])
    hu = about.hu[big]
    hollow = np.zeros(hu.shape, np.bool_)
    hollow[tuple(slice(s.start - b.start, s.stop - b.start) for s, b in zip(piece, big, strict=True))] = own
    away = ndimage.distance_transform_edt(~hollow, sampling=about.spacing_mm)
    wall = float((hu[(away > 0) & (away <= _WALL_MM)] > _AERATED_HU).mean())
    step = float(hu[(away > 2) & (away <= 7)].mean()) - about.usual_hu
    aerated = float(about.aerated[big][(away > _WALL_MM) & (away <= _BEYOND_MM)].mean())
    ml = float(own.sum() * np.prod(about.spacing_mm)) / 1000
    least = _LARGE_IN_LUNG if ml >= _LARGE_GAS_ML else _IN_LUNG
    held = (
        wall >= (_SMALL_WALL_SHARE if ml < _SMALL_GAS_ML else _WALL_SHARE)
        and step >= _WALL_STEP_HU
        and aerated >= least
    )
    return max(sides) + 2 * _WALL_MM * wall if held else 0.0
