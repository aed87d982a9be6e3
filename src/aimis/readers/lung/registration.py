"""From a place in one CT to the same place in an earlier one of the same patient.

Each lung is laid over its earlier self by an affine map (breathing moves the two apart), found by Gauss-Newton on
the coarse grids' HU from blurred to sharp; what is left, near a diaphragm mostly, is found about each place by the
greatest normalised correlation of a small block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from aimis.readers.lung.lungs import LEFT, RIGHT, Lungs

_BLURS_MM = (10.0, 5.0, 2.5)
_ROUNDS = 8
_POINTS = 6000  # of a lung
_SHIFTS_MM = (0.0, 20.0, -20.0, 40.0, -40.0, 60.0, -60.0)  # along the body, tried first: scans may cover unlike parts
_LEAST_SIMILARITY = 0.4  # correlation of HU in a lung: the same one, breathing, 0.99; of two patients at most 0.13
_MARGIN_MM = 25.0
_LEAST_SEEN = 0.25  # of a lung's points, by the other scan
_WINDOW_HU = (-1000.0, 0.0)
_STEP_MM = 2.5
_BLOCK, _SEARCH = 8, 5  # steps: half the side of a block, and how far it is looked for each way
_FAR = 0.1  # of correlation, that a block must gain to be believed at the end of the search
_LEAST_CORRELATION = 0.3
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Alignment:
    """The two CTs' lungs, and the affine map of each side from mm of the new grid to mm of the old one.

    maps : by side, shape (3, 4)
    similarity : least of both sides' correlation of HU after the map, -1..1
    """

    new: Lungs
    old: Lungs
    maps: Mapping[int, Floats]
    similarity: float

    @property
    def credible(self) -> bool:
        """Whether the two look like the same lungs at all."""
        return bool(self.maps) and self.similarity >= _LEAST_SIMILARITY

    def to_old(self, index_zyx: npt.ArrayLike) -> Floats:
        """Voxel index of the old scan, fractional, for one of the new scan; it may lie outside the old scan."""
        blocks = self.new.blocks(index_zyx)
        place = blocks * self.new.spacing_mm
        chosen = self.maps[_side(self.new, blocks, self.maps)]
        return self.old.voxels((_mapped(chosen, place) + self._shift(place, chosen)) / self.old.spacing_mm)

    def to_new(self, index_zyx: npt.ArrayLike) -> Floats:
        """The other way, by the affine map only."""
        blocks = self.old.blocks(index_zyx)
        chosen = self.maps[_side(self.old, blocks, self.maps)]
        place = np.linalg.solve(chosen[:, :3], blocks * self.old.spacing_mm - chosen[:, 3])
        return self.new.voxels(place / self.new.spacing_mm)

    def _shift(self, place: Floats, chosen: Floats) -> Floats:
        """What the affine map leaves at a place (mm of the new grid), in mm of the old one."""
        block = _sampled(self.new, place + _offsets(_BLOCK))
        searched = _sampled(self.old, _mapped(chosen, place + _offsets(_BLOCK + _SEARCH)))
        likeness = _correlation(searched, block)
        offsets = _offsets(_SEARCH)
        rated = likeness - _FAR * (offsets**2).sum(axis=-1) / (_SEARCH * _STEP_MM) ** 2
        best = tuple(int(k) for k in np.unravel_index(int(rated.argmax()), rated.shape))
        if likeness[best] < _LEAST_CORRELATION:
            return np.zeros(3)
        return np.asarray(chosen[:, :3] @ (offsets[best] + _finer(rated, best) * _STEP_MM))


def align(new: Lungs, old: Lungs) -> Alignment:
    """The map of each side that both scans show; ask `credible` before it is used."""
    maps, similarities = {}, []
    for side in (RIGHT, LEFT):
        if (new.labels == side).any() and (old.labels == side).any():
            maps[side], similarity = _fitted(new, old, side)
            similarities.append(similarity)
    return Alignment(new=new, old=old, maps=maps, similarity=min(similarities, default=-1.0))


def _side(lungs: Lungs, blocks: Floats, maps: Mapping[int, Floats]) -> int:
    """The lung that holds the blocks' place, or the nearest, of those that have a map."""
    held = int(lungs.at(lungs.voxels(blocks)))
    if held in maps:
        return held
    away = {}
    for side in maps:
        gaps = (np.argwhere(lungs.labels == side) - blocks) * lungs.spacing_mm
        away[side] = float((gaps**2).sum(axis=1).min())
    return min(away, key=lambda side: away[side])


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class _Fixed:
    """Places of one lung of the new scan, in mm, and HU there."""

    points: Floats
    hu: Floats


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class _Moving:
    """HU of the old scan's grid about one lung, and their slopes along its axes, a block; first : their first block."""

    hu: Floats
    slopes: tuple[Floats, ...]
    first: Floats
    spacing_mm: Floats

    def seen(self, points: Floats, found: Floats) -> tuple[npt.NDArray[np.bool_], Floats]:
        """Which points lie there after the map, and the blocks of those, shape (3, n)."""
        blocks = _mapped(found, points) / self.spacing_mm - self.first
        known = np.all((blocks >= 0) & (blocks <= np.array(self.hu.shape) - 1), axis=1)
        return known, blocks[known].T


def _fitted(new: Lungs, old: Lungs, side: int) -> tuple[Floats, float]:
    """The affine map of one lung, and the correlation of HU under it."""
    about_new, about_old = _about(new, side), _about(old, side)
    inside = np.argwhere(ndimage.binary_dilation(new.labels[about_new] == side, iterations=2))
    blocks = inside[:: max(1, len(inside) // _POINTS)]
    points = (blocks + _first(about_new)) * new.spacing_mm
    shift = _centre(old, side) - _centre(new, side)
    starts = [np.hstack([np.eye(3), (shift + np.array([along, 0.0, 0.0]))[:, None]]) for along in _SHIFTS_MM]
    for blur_mm in _BLURS_MM:
        hu = _blurred(old, about_old, blur_mm)
        spacing = np.asarray(old.spacing_mm)
        moving = _Moving(hu=hu, slopes=tuple(np.gradient(hu)), first=_first(about_old), spacing_mm=spacing)
        fixed = _Fixed(points=points, hu=_blurred(new, about_new, blur_mm)[tuple(blocks.T)])
        found = max(starts, key=lambda start: _likeness(fixed, moving, start))
        for _ in range(_ROUNDS):
            found = _improved(fixed, moving, found)
        starts = [found]
    return found, _likeness(fixed, moving, found)


def _about(lungs: Lungs, side: int) -> tuple[slice, ...]:
    """The blocks of a lung and what is near it."""
    box = ndimage.find_objects(lungs.labels, max_label=side)[side - 1]
    margins = (round(_MARGIN_MM / mm) for mm in lungs.spacing_mm)
    return tuple(slice(max(0, s.start - m), s.stop + m) for s, m in zip(box, margins, strict=True))


def _first(box: tuple[slice, ...]) -> Floats:
    return np.array([s.start for s in box], dtype=np.float64)


def _centre(lungs: Lungs, side: int) -> Floats:
    return np.asarray(np.argwhere(lungs.labels == side).mean(axis=0) * lungs.spacing_mm)


def _blurred(lungs: Lungs, box: tuple[slice, ...], blur_mm: float) -> Floats:
    values = np.clip(lungs.hu[box], *_WINDOW_HU).astype(np.float32)
    return np.asarray(ndimage.gaussian_filter(values, blur_mm / np.asarray(lungs.spacing_mm), truncate=3))


def _mapped(found: Floats, points: Floats) -> Floats:
    return np.asarray(points @ found[:, :3].T + found[:, 3])


def _improved(fixed: _Fixed, moving: _Moving, found: Floats) -> Floats:
    """One Gauss-Newton step; density may differ by a factor and an offset, as with a deeper breath."""
    known, at = moving.seen(fixed.points, found)
    if known.sum() < _LEAST_SEEN * len(known):
        return found
    slope = np.stack([ndimage.map_coordinates(s, at, order=1) for s in moving.slopes]) / moving.spacing_mm[:, None]
    centre = fixed.points.mean(axis=0)
    about = np.hstack([(fixed.points[known] - centre) / 100, np.ones((at.shape[1], 1))])  # of like size: well solved
    own = np.stack([-fixed.hu[known], -np.ones(at.shape[1])])
    columns = np.vstack([(slope[:, None] * about.T).reshape(12, -1), own]).T
    hu = ndimage.map_coordinates(moving.hu, at, order=1)
    change = np.linalg.lstsq(columns, -hu, rcond=None)[0][:12].reshape(3, 4)
    linear = change[:, :3] / 100
    return np.asarray(found + np.hstack([linear, (change[:, 3] - linear @ centre)[:, None]]))


def _likeness(fixed: _Fixed, moving: _Moving, found: Floats) -> float:
    """Correlation over the points that the old scan shows; -1 where it shows too few."""
    known, at = moving.seen(fixed.points, found)
    if known.sum() < _LEAST_SEEN * len(known):
        return -1.0
    return float(np.corrcoef(fixed.hu[known], ndimage.map_coordinates(moving.hu, at, order=1))[0, 1])


def _offsets(reach: int) -> Floats:
    """Of a cube's places from its middle in mm, shape (n, n, n, 3)."""
    steps = np.arange(-reach, reach + 1) * _STEP_MM
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)


def _sampled(lungs: Lungs, places_mm: Floats) -> Floats:
    blocks = np.moveaxis(places_mm / lungs.spacing_mm, -1, 0)
    hu = ndimage.map_coordinates(lungs.hu, blocks, order=1, output=np.float64, mode="nearest")
    return np.asarray(np.clip(hu, *_WINDOW_HU))


def _correlation(searched: Floats, block: Floats) -> Floats:
    """Normalised, of the block at each place where it fits."""
    from scipy import signal  # noqa: PLC0415  a second to import, and only a comparison needs it

    centred = block - block.mean()
    ones = np.ones_like(block)
    total, squares = (signal.correlate(v, ones, mode="valid", method="fft") for v in (searched, searched**2))
    spread = np.sqrt(np.maximum(squares - total**2 / block.size, 1.0) * max(float((centred**2).sum()), 1.0))
    return np.asarray(signal.correlate(searched, centred, mode="valid", method="fft") / spread)


def _finer(rated: Floats, best: tuple[int, ...]) -> Floats:
    """Part of a step from the best place to the top of the parabolas through it and its neighbours."""
    parts = np.zeros(3)
    for axis, k in enumerate(best):
        if 0 < k < rated.shape[axis] - 1:
            place: list[int | slice] = list(best)
            place[axis] = slice(k - 1, k + 2)
            line = rated[tuple(place)]
            bend = line[0] - 2 * line[1] + line[2]
            parts[axis] = 0.5 * (line[0] - line[2]) / bend if bend < 0 else 0.0
    return parts
