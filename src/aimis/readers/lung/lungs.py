"""Where the lungs are: both of them on a coarse grid of their own, without the windpipe and with what grows in them.

Thresholds of air against tissue follow Hu, Hoffman and Reinhardt, IEEE Trans Med Imaging 2001;20:490-498, the cut
between two lungs that touch too (dynamic programming along the junction); the rest is ours, measured on whole scans.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from aimis.readers.lung import airways

RIGHT, LEFT = 1, 2
_GRID_MM = 2.5
_AIR_HU = -400  # half way between aerated lung and soft tissue; what is denser is brought back by closing
_GAS_HU = -965  # median of a region: stomach and bowel hold gas, lungs hold blood too, even with emphysema
_THIN_WALL_HU = -650  # of the body where it is thinner than a block
_OUTSIDE_HU = -940  # what is denser at the edge of the field is the body, cut off by the field
_PADDING_HU = -1020
_LEAST_ML, _MOST_GAS_ML = 25.0, 1000.0  # a stomach holds less; a lung of emphysema may be as thin as gas
_SMALL = 0.25  # of the greatest region: a smaller one must not lie low, where the bowel's gas is
_LOW = 0.15  # of the greatest region's height
_ONE_SIDE = 0.1  # of a region; less beyond the body's middle is no other lung
_CLOSING_MM = 12.5  # radius: brings back nodules at the wall up to about twice this wide
_SQUARE, _WIDE, _THICK = (np.ones((n, n), np.uint8) for n in (3, 5, 9))
_REACH_MM = 20.0
_BAND_MM = 50.0  # to each side of the body's middle, where two lungs may touch
Coarse = npt.NDArray[np.int16]
Bools = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.uint8]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lungs:
    """Both lungs of a scan, on a grid of blocks of the scan's voxels.

    labels : shape (z, y, x) like the scan's axes: 0 outside, 1 the right lung, 2 the left one; nodules, vessels and
        small bronchi belong to them, windpipe and main bronchi do not
    air : the same shape: windpipe and large bronchi
    body : the same shape: the body and all that it holds
    hu : the same shape: mean HU of a block (of its middle slice)
    step_zyx : voxels of the scan for one block
    spacing_mm : of the blocks, z, y, x
    """

    labels: Labels
    air: Bools
    body: Bools
    hu: Coarse
    step_zyx: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]

    @property
    def volumes_ml(self) -> tuple[float, float]:
        """Of the right and the left lung, with all that is in them."""
        counts = np.bincount(self.labels.ravel(), minlength=3)
        block = float(np.prod(self.spacing_mm)) / 1000
        return float(counts[RIGHT]) * block, float(counts[LEFT]) * block

    @property
    def box(self) -> tuple[slice, slice, slice] | None:
        """Of both lungs in voxels of the scan, one block wider than they are; None where there are none."""
        inside = self.labels > 0
        if not inside.any():
            return None
        found = ndimage.find_objects(inside.astype(np.uint8))[0]
        z, y, x = (slice(max(0, s.start - 1) * k, (s.stop + 1) * k) for s, k in zip(found, self.step_zyx, strict=True))
        return z, y, x

    def blocks(self, indices_zyx: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Indices of the grid, fractional, of the scan's voxel indices (..., 3)."""
        return np.asarray((np.asarray(indices_zyx, dtype=np.float64) + 0.5) / np.asarray(self.step_zyx) - 0.5)

    def voxels(self, blocks_zyx: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The inverse of `blocks`."""
        return np.asarray((np.asarray(blocks_zyx, dtype=np.float64) + 0.5) * np.asarray(self.step_zyx) - 0.5)

    def at(self, indices_zyx: npt.ArrayLike) -> Labels:
        """Labels at voxel indices (..., 3) of the scan, fractions allowed; 0 outside the scan."""
        places = np.rint(self.blocks(indices_zyx)).astype(np.intp)
        inside = np.all((places >= 0) & (places < self.labels.shape), axis=-1)
        kept = np.where(inside[..., None], places, 0)
        return np.asarray(self.labels[kept[..., 0], kept[..., 1], kept[..., 2]] * inside, dtype=np.uint8)

    def to_edge_mm(self, indices_zyx: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Distances from voxel indices (n, 3) of the scan to the edge of the lungs, at most 20 mm; negative outside.

        Where the scan ends there is no edge.
        """
        places = np.asarray(indices_zyx, dtype=np.float64).reshape(-1, 3)
        signs = np.where(self.at(places) > 0, 1.0, -1.0)
        return signs * [self._away_mm(place, inside=sign > 0) for place, sign in zip(places, signs, strict=True)]

    def _away_mm(self, index_zyx: npt.NDArray[np.float64], *, inside: bool) -> float:
        """To the nearest block that is not of the lungs, if `inside`, else to the nearest that is."""
        place, spacing = self.blocks(index_zyx), np.asarray(self.spacing_mm)
        reach = np.ceil(_REACH_MM / spacing)
        low = np.maximum(0, np.rint(place) - reach).astype(np.intp)
        high = np.maximum(0, np.rint(place) + reach + 1).astype(np.intp)
        other = np.argwhere((self.labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] > 0) != inside)
        gaps = np.maximum(np.abs(other + low - place) - 0.5, 0) * spacing
        return min(_REACH_MM, float(np.sqrt((gaps**2).sum(axis=1).min(initial=np.inf))))


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class _Region:
    """A piece of air: its voxels within its box."""

    box: Box
    inside: Bools
    size: int


def find_lungs(hu: npt.NDArray[np.int16], spacing_zyx_mm: tuple[float, float, float]) -> Lungs:
    """The lungs of a scan; its labels are all 0 where there are none.

    hu : shape (z, y, x): from the feet up, to the back, to the patient's left
    """
    coarse, step = _subsample(hu, spacing_zyx_mm)
    spacing = (spacing_zyx_mm[0] * step[0], spacing_zyx_mm[1] * step[1], spacing_zyx_mm[2] * step[2])
    body = _body(coarse)
    air = airways.find(coarse, body, spacing)
    regions = _aerated((coarse < _AIR_HU) & body & ~airways.widened(air), coarse, spacing)
    labels = np.zeros(coarse.shape, dtype=np.uint8)
    if regions:
        box = _around([region.box for region in regions], coarse.shape)
        _label(labels, regions, coarse, body, spacing)
        labels[box] = _filled(_closed(labels[box], spacing))
        labels[air | ~body] = 0
    return Lungs(labels=labels, air=air, body=body, hu=coarse, step_zyx=step, spacing_mm=spacing)


def _subsample(
    hu: npt.NDArray[np.int16], spacing_mm: tuple[float, float, float]
) -> tuple[Coarse, tuple[int, int, int]]:
    """Means over blocks of each middle slice, and the blocks' size; the remainder at the far edges is left out."""
    kz, ky, kx = (max(1, min(round(_GRID_MM / mm), n)) for mm, n in zip(spacing_mm, hu.shape, strict=True))
    rows, columns = hu.shape[1] // ky, hu.shape[2] // kx
    middle = hu[kz // 2 :: kz, : rows * ky, : columns * kx]
    coarse = np.empty((len(middle), rows, columns), dtype=np.int16)

    def fill(part: slice) -> None:
        for plane, into in zip(middle[part], coarse[part], strict=True):
            cv2.resize(plane, (columns, rows), dst=into, interpolation=cv2.INTER_AREA)

    _in_halves(fill, len(coarse))
    return coarse, (kz, ky, kx)


def _in_halves(work: Callable[[slice], None], count: int) -> None:
    """Both halves of the slices at once: the calls into OpenCV leave Python's lock."""
    with ThreadPoolExecutor(2, thread_name_prefix="lungs") as pool:
        list(pool.map(work, (slice(0, count // 2), slice(count // 2, count))))


def _body(coarse: Coarse) -> Bools:
    """Slice by slice what the outline of the greatest piece of tissue holds, without the table."""
    body = np.zeros(coarse.shape, dtype=np.uint8)

    def fill(part: slice) -> None:
        for plane, into in zip(coarse[part], body[part], strict=True):
            into[...] = _body_in(plane)

    _in_halves(fill, len(body))
    return body.astype(np.bool_)


def _body_in(plane: Coarse) -> Labels:
    """Of one slice, 1 there."""
    around = _around_body(plane)
    tissue = _opened((plane > _AIR_HU).astype(np.uint8), _SQUARE)
    whole = _outlined(tissue)
    rim = _rim(plane) & (1 - around)
    if np.any(rim[cv2.dilate(whole, _WIDE) > 0]):
        added = _outlined(tissue | rim) & ~whole
        added[np.flatnonzero(whole.any(axis=1))[-1] + 1 :] = 0  # behind the back there is the table alone
        whole |= _opened(added, _THICK)  # without what is thin: air between body and table
    # a wall thinner than a block's two neighbours is open above: taken at half its density, and not opened
    missed = _outlined((plane > _THIN_WALL_HU).astype(np.uint8)) & _hull(tissue) & (1 - whole)
    whole |= _opened(np.asarray(missed, np.uint8), _SQUARE)
    return np.asarray(whole & (cv2.dilate(around, _SQUARE) == 0))  # nor what lies half in the air around


def _opened(mask: Labels, shape: Labels) -> Labels:
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, shape), dtype=np.uint8)


def _outlined(tissue: Labels) -> Labels:
    """What the outline of the greatest piece holds, 1 there."""
    into = np.zeros_like(tissue)
    outlines, _ = cv2.findContours(tissue, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if outlines:
        cv2.drawContours(into, [max(outlines, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    return into


def _hull(tissue: Labels) -> Labels:
    """The least convex shape about the greatest piece and what lies before its back (no table), 1 there."""
    into = np.zeros_like(tissue)
    outlines, _ = cv2.findContours(tissue, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if outlines:
        back = max(outlines, key=cv2.contourArea)[:, 0, 1].max()
        held = [outline for outline in outlines if outline[:, 0, 1].max() <= back]
        cv2.fillConvexPoly(into, cv2.convexHull(np.concatenate(held)), 1)
    return into


def _around_body(plane: Coarse) -> npt.NDArray[np.uint8]:
    """The air and the padding that reach the picture's edge, 1 there; a lung that the field cuts is denser."""
    thin = cv2.copyMakeBorder((plane < _OUTSIDE_HU).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(thin, None, (0, 0), 2)
    return np.asarray(thin[1:-1, 1:-1] == 2, dtype=np.uint8)


def _rim(plane: Coarse) -> npt.NDArray[np.uint8]:
    """Edge of the scanner's field: where it cuts the body it closes an outline that would be open."""
    padding = cv2.copyMakeBorder((plane <= _PADDING_HU).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    return np.asarray(cv2.dilate(padding, _WIDE)[1:-1, 1:-1], dtype=np.uint8)


def _aerated(air: Bools, coarse: Coarse, spacing_mm: tuple[float, float, float]) -> list[_Region]:
    """The regions of air that are lungs: large, not only gas, and not under the greatest of them."""
    numbers, _ = ndimage.label(air)
    least, most_gas = (ml * 1000 / float(np.prod(spacing_mm)) for ml in (_LEAST_ML, _MOST_GAS_ML))
    regions = []
    for number, box in enumerate(ndimage.find_objects(numbers), start=1):
        if np.prod([s.stop - s.start for s in box]) < least:
            continue
        inside = numbers[box] == number
        size = int(inside.sum())
        if size >= least and (size >= most_gas or float(np.median(coarse[box][inside])) > _GAS_HU):
            regions.append(_Region(box=box, inside=inside, size=size))
    if not regions:
        return []
    greatest = max(regions, key=lambda region: region.size)
    bottom, top = greatest.box[0].start, greatest.box[0].stop
    floor = bottom + _LOW * (top - bottom)
    return [r for r in regions if r.size >= _SMALL * greatest.size or (r.box[0].start + r.box[0].stop) / 2 > floor]


def _around(boxes: list[Box], shape: tuple[int, ...]) -> Box:
    """The box that holds the boxes, with room for what closing adds."""
    z, y, x = (
        slice(max(0, min(box[a].start for box in boxes) - 2), min(shape[a], max(box[a].stop for box in boxes) + 2))
        for a in range(3)
    )
    return z, y, x


def _label(
    labels: Labels, regions: list[_Region], coarse: Coarse, body: Bools, spacing_mm: tuple[float, float, float]
) -> None:
    """1 right and 2 left; a region that reaches far to both sides is cut along the densest way from front to back."""
    by_column = body.sum(axis=(0, 1))
    middle = float((by_column * np.arange(len(by_column))).sum() / by_column.sum())
    for region in regions:
        share = float(region.inside[:, :, max(0, round(middle) - region.box[2].start) :].sum()) / region.size
        if _ONE_SIDE < share < 1 - _ONE_SIDE:
            first = _junction(coarse[region.box], region.inside, middle - region.box[2].start, _BAND_MM / spacing_mm[2])
            side = np.where(np.arange(region.inside.shape[2]) >= first[:, :, None], LEFT, RIGHT)
        else:
            side = np.array(LEFT if share > 0.5 else RIGHT)
        np.copyto(labels[region.box], side.astype(np.uint8), where=region.inside)


def _junction(coarse: Coarse, aerated: Bools, middle: float, reach: float) -> npt.NDArray[np.intp]:
    """The column, of each slice and row, where the left side begins: the way of least air from front to back."""
    first = max(0, int(middle - reach))
    band = slice(first, min(coarse.shape[2], int(middle + reach) + 1))
    air = np.clip(-coarse[:, :, band].astype(np.float32) / 1000, 0, 1) + aerated[:, :, band]
    air += 0.05 * np.abs(np.arange(band.start, band.stop) - middle).astype(np.float32) / max(1.0, reach)
    total = air.copy()
    for row in range(1, total.shape[1]):
        total[:, row] += ndimage.minimum_filter1d(total[:, row - 1], 3, axis=1)
    way = np.empty(total.shape[:2], dtype=np.intp)
    way[:, -1] = total[:, -1].argmin(axis=1)
    for row in range(total.shape[1] - 2, -1, -1):
        near = np.clip(way[:, row + 1, None] + np.array([0, -1, 1]), 0, total.shape[2] - 1)
        best = np.take_along_axis(total[:, row], near, axis=1).argmin(axis=1)
        way[:, row] = near[np.arange(len(near)), best]
    return way + first


def _closed(labels: Labels, spacing_mm: tuple[float, float, float]) -> Labels:
    """Each lung with the vessels, the nodules and the bays narrower than the closing that it surrounds."""
    closed = labels.copy()
    for side, box in zip((RIGHT, LEFT), ndimage.find_objects(labels, max_label=LEFT), strict=True):
        if box is not None:
            lung = (labels[box] == side).astype(np.uint8)
            for axis in range(3):
                planes, whole = np.moveaxis(lung, axis, 0), np.moveaxis(closed[box], axis, 0)
                _close(planes, whole, side, [mm for a, mm in enumerate(spacing_mm) if a != axis])
    return closed


def _close(planes: Labels, whole: Labels, side: int, spacing_mm: list[float]) -> None:
    """A lung's sections closed by a disc, into what is nothing yet."""
    ry, rx = (max(1, round(_CLOSING_MM / mm)) for mm in spacing_mm)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rx + 1, 2 * ry + 1))
    for plane, into in zip(planes, whole, strict=True):
        padded = cv2.copyMakeBorder(np.ascontiguousarray(plane), ry, ry, rx, rx, cv2.BORDER_CONSTANT, value=0)
        section = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc)[ry:-ry, rx:-rx]
        into[(section > 0) & (into == 0)] = side


def _filled(labels: Labels) -> Labels:
    """With the holes that no way leads out of, each given to the lung around it."""
    numbers, _ = ndimage.label(np.pad(labels == 0, 1, constant_values=True))
    for number, box in enumerate(ndimage.find_objects(numbers)[1:], start=2):
        hole = numbers[box] == number
        z, y, x = (slice(max(0, s.start - 2), s.stop) for s in box)
        near = np.bincount(labels[z, y, x].ravel(), minlength=3)
        inner = tuple(slice(s.start - 1, s.stop - 1) for s in box)
        labels[inner][hole] = RIGHT if near[RIGHT] >= near[LEFT] else LEFT
    return labels
