"""What in the lungs is not judged: tissue larger than a nodule, and hollows with a wall, each named with its place.

The lungs as `lungs` finds them leave out what is dense and wide. Closing each with a large ball brings back what the
lung goes round: a mass free in it, at the wall or over the diaphragm. Heart, dome and mediastinum are wider than the
ball; vessel roots and great vessels are brought back too and are told by how wide they are near the body's middle.

What takes a lobe, an apex or a whole lung, and fluid, is wider than the ball too: it is found as tissue where the other
lung, mirrored, has lung. Heart and domes differ between the sides as well; what is asked depends on the place.
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
_HELD_ML = 30.0

_MIRRORED_MM = 33.0  # radius of the largest ball, asked where heart or dome may lie; the widest of 17 chests' was 29
_BASE_MM = 30.0  # of a lung, where a dome may stand higher than the other
_BEHIND, _BEHIND_MM = 0.72, (45.0, 14.0)  # from front to back; off the middle, radius
_OUTER, _OUTER_MM = 0.55, (70.0, 21.0)  # from base to apex, or from front to back; off the middle, radius
_APEX, _APEX_MM = 0.7, (40.0, 14.0)
_MOST = 8
LEAST_MM = 25.0

_PLAIN_AIR_HU = -1000  # the air in a hollow holds no blood: nearer to this than to the lung's median
_LEAST_HOLLOW_MM = 20.0  # of 25: of a wall no more than 8 mm is measured
_LEAST_GAS_ML, _SMALL_GAS_ML, _LARGE_GAS_ML, _MOST_GAS_ML = 0.4, 1.5, 10.0, 500.0
_ROUND, _LONGEST = 0.36, 2.2  # of its box that a hollow fills (a ball: 0.52); longest to shortest side
_WALL_SHARE, _SMALL_WALL_SHARE = 0.29, 0.65  # of the 8 mm about a hollow that is tissue; about a small one
_THICK_WALL_SHARE = 0.8
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
    """Masks on blocks of about 5 mm.

    tissue : in the lungs' hull; mirrored : tissue where the other lung, mirrored, has lung
    asked_mm : radius that a ball of it must have, by its place
    k : blocks of `Lungs` for one; origin : the first of these; middle : column of the body's middle
    """

    tissue: Bools
    aerated: Bools
    mirrored: Bools
    asked_mm: Floats
    k: tuple[int, int, int]
    origin: tuple[int, int, int]
    spacing_mm: Triple
    middle: float


def find(found: Lungs) -> tuple[Region, ...]:
    """At most eight, hollows first, then by size."""
    inside = found.labels > 0
    if not inside.any():
        return ()
    hollows = tuple(_hollows(found, inside))
    apart: list[Region] = []
    coarse = _coarse(found, inside)
    for region in (*hollows, *_dense(coarse, found), *_absent(coarse, found)):
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
    kz, ky, kx = (max(1, round(_GRID_MM / mm)) for mm in found.spacing_mm)
    k = (kz, ky, kx)
    box = _whole_width(_box(inside), k, inside.shape)
    step_z, step_y, step_x = (mm * n for mm, n in zip(found.spacing_mm, k, strict=True))
    spacing = (step_z, step_y, step_x)
    right, left = (_halved(found.labels[box] == side, k) for side in (RIGHT, LEFT))
    hull = np.logical_or.reduce([_closed(_largest(side), spacing) for side in (right, left) if side.any()] or [right])
    tissue = _halved((found.hu[box] > _TISSUE_HU) & found.body[box] & ~found.air[box], k)
    columns = found.body[box[0]].sum(axis=(0, 1))
    middle = float((columns * np.arange(len(columns))).sum() / columns.sum())
    column = (middle + 0.5) / kx - 0.5
    off_mm = np.abs(np.arange(right.shape[2]) - column) * step_x
    return _Coarse(
        tissue=(tissue | (_held(tissue, spacing) & (off_mm >= _BESIDE_MIDDLE_MM))) & hull,
        aerated=_halved(inside[box] & (found.hu[box] < _AERATED_HU), k),
        mirrored=_mirrored(right, left, column) & tissue,
        asked_mm=_asked(right, left, off_mm, spacing),
        k=k,
        origin=(box[0].start, box[1].start, box[2].start),
        spacing_mm=spacing,
        middle=middle,
    )


def _whole_width(box: Box, k: tuple[int, int, int], shape: tuple[int, ...]) -> Box:
    """The box in whole blocks, a block wider, and as wide as the scan, where the other lung may be missing."""
    z, y = (
        slice(max(0, s.start // n - 1) * n, min(size // n, s.stop // n + 2) * n)
        for s, n, size in zip(box[:2], k[:2], shape[:2], strict=True)
    )
    return z, y, slice(0, shape[2] // k[2] * k[2])


def _mirrored(right: Bools, left: Bools, middle: float) -> Bools:
    """Where the other lung, mirrored in the body's middle, has lung and that side's own has not."""
    columns = np.arange(right.shape[2])
    over = np.rint(2 * middle - columns).astype(int)
    other = (left | right)[:, :, np.clip(over, 0, len(columns) - 1)] & (over >= 0) & (over < len(columns))
    return np.asarray(other & ~right & ~left)


def _asked(right: Bools, left: Bools, off_mm: Floats, spacing_mm: Triple) -> Floats:
    """Radius, by place: less where neither heart nor dome lies."""
    asked = np.full(right.shape, _MIRRORED_MM)
    if not (right | left).any():
        return asked
    z, y, _ = _box(right | left)
    depth, rows, _ = right.shape
    height = ((np.arange(depth) - z.start) / (z.stop - z.start))[:, None, None]
    back = ((np.arange(rows) - y.start) / (y.stop - y.start))[:, None]
    for places, (off, radius) in (
        ((height >= _OUTER) | (back >= _OUTER), _OUTER_MM),
        (height >= _APEX, _APEX_MM),
        (back >= _BEHIND, _BEHIND_MM),
    ):
        asked = np.where(places & (off_mm >= off), radius, asked)
    middle = int(off_mm.argmin())
    for own, columns in ((right, slice(0, middle)), (left, slice(middle, None))):
        if own.any():
            asked[: _box(own)[0].start + math.ceil(_BASE_MM / spacing_mm[0]), :, columns] = _MIRRORED_MM
    return asked


def _halved(mask: Bools, k: tuple[int, ...]) -> Bools:
    """Blocks of which more than half is in the mask."""
    depth, rows, columns = (n // size for n, size in zip(mask.shape, k, strict=True))
    planes = mask[: depth * k[0]].reshape(depth, k[0], *mask.shape[1:]).sum(axis=1, dtype=np.uint8)
    cut = planes[:, : rows * k[1], : columns * k[2]].astype(np.float32)
    return np.asarray([cv2.resize(p, (columns, rows), interpolation=cv2.INTER_AREA) > 0.5 * k[0] for p in cut])


def _held(tissue: Bools, spacing_mm: Triple) -> Bools:
    """The small hollows in it: a cavity's, within a thick wall."""
    numbers, _ = ndimage.label(~tissue)
    ml = np.bincount(numbers.ravel()) * math.prod(spacing_mm) / 1000
    return np.asarray((ml <= _HELD_ML)[numbers] & ~tissue)


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
    depth = _depth(coarse.tissue, coarse)
    tops = np.argwhere((depth == ndimage.maximum_filter(depth, 3)) & (depth >= _LEAST_RADIUS_MM))
    standing = [top for top in tops if _stands_out(coarse, top, float(depth[tuple(top)]))]
    yield from _regions(depth, standing, coarse, found)


def _absent(coarse: _Coarse, found: Lungs) -> Iterator[Region]:
    """Tissue where the other lung, mirrored, has lung; the heart beside fluid is none of it."""
    depth = _depth(coarse.mirrored, coarse)
    yield from _regions(depth, list(np.argwhere(depth >= _MIRRORED_MM)), coarse, found)
    clear = np.where(coarse.asked_mm < _MIRRORED_MM, depth, 0)
    yield from _regions(clear, list(np.argwhere((clear > 0) & (clear >= coarse.asked_mm))), coarse, found)


def _depth(mask: Bools, coarse: _Coarse) -> Floats:
    """Mm to the mask's edge."""
    away = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=coarse.spacing_mm)
    return np.asarray(away[1:-1, 1:-1, 1:-1])


def _regions(depth: Floats, tops: list[npt.NDArray[np.int64]], coarse: _Coarse, found: Lungs) -> Iterator[Region]:
    """What spreads from the tops, deepest first."""
    done = np.zeros(depth.shape, np.bool_)
    for top in sorted(tops, key=lambda top: -float(depth[tuple(top)])):
        if done[tuple(top)]:
            continue
        region = _spread(depth, top, float(depth[tuple(top)]), coarse.spacing_mm)
        done |= region
        told = _told(region, coarse, found)
        if told.extent_mm >= LEAST_MM:
            yield told


def _stands_out(coarse: _Coarse, top: npt.NDArray[np.int64], radius: float) -> bool:
    """Wider, or more surrounded by lung, than vessels are at that distance from the body's middle."""
    column = (top[2] + 0.5) * coarse.k[2] + coarse.origin[2]
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


def _told(region: Bools, coarse: _Coarse, found: Lungs) -> Region:
    places = np.argwhere(region)
    extent = float(((np.ptp(places, axis=0) + 1) * coarse.spacing_mm).max())
    ball = math.pi / 6 * extent**3
    compact = len(places) * float(np.prod(coarse.spacing_mm)) >= _COMPACT * ball
    middle = (places.mean(axis=0) + 0.5) * coarse.k + coarse.origin - 0.5
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
    numbers, _ = ndimage.label(_opened((hu < (usual + _PLAIN_AIR_HU) / 2) & found.body[box] & ~found.air[box]))
    ml = np.bincount(numbers.ravel()) * float(np.prod(found.spacing_mm)) / 1000
    pieces = ndimage.find_objects(numbers)
    for number in 1 + np.argsort(-ml[1:]):
        if _LEAST_GAS_ML <= ml[number] <= _MOST_GAS_ML:
            piece = pieces[number - 1]
            own = numbers[piece] == number
            extent = _hollow_mm(own, piece, about)
            if extent >= _LEAST_HOLLOW_MM:
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
    least = _LARGE_IN_LUNG if ml >= _LARGE_GAS_ML or wall >= _THICK_WALL_SHARE else _IN_LUNG
    held = (
        wall >= (_SMALL_WALL_SHARE if ml < _SMALL_GAS_ML else _WALL_SHARE)
        and step >= _WALL_STEP_HU
        and aerated >= least
    )
    return max(sides) + 2 * _WALL_MM * wall if held else 0.0
