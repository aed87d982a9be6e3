"""Draws masses, consolidations and cavities into a whole CT: what the reader never learnt and must not pass in silence.

A lesion is a ball whose surface is waved by smooth noise, drawn with its partial volume at the edge; its own noise is
cut from soft tissue of the same scan. It lies free in the lung, or touches the chest wall, the mediastinum or the
diaphragm: tissue of the host is never taken away, so that a lesion at an edge melts into it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage

if TYPE_CHECKING:
    from aimis.imaging.volume import Volume
    from aimis.readers.lung.lungs import Lungs

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

KINDS = ("mass", "part-solid-mass", "consolidation", "thick-walled-cavity", "thin-walled-cavity")
PLACES = ("inside", "pleura", "mediastinum", "diaphragm")
SMALLEST_MM, LARGEST_MM = 25.0, 90.0
_TISSUE_HU = -300.0
"""HU above which a host's voxel is tissue that a lesion does not take away."""
_WAVES = {"mass": 0.1, "part-solid-mass": 0.1, "consolidation": 0.3}  # of the radius; else 0.05
_TRIES = 400
_RIM_MM = 3.0
_LEAST_SEEN = 0.6  # of the lesion's voxels, inside the lung
_INSIDE = (0.8, 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesion:
    """What was put in.

    diameter_mm : of the ball that was waved; centre_lps_mm : of the part that lies in the lung
    place : what it touches, of `PLACES`
    """

    kind: str
    place: str
    diameter_mm: float
    centre_lps_mm: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Spot:
    """The box of a scan that a lesion is drawn into, and the scan's own noise."""

    volume: Volume
    box: tuple[slice, slice, slice]
    kind: str
    noise: Floats


class Host:
    """A scan into which lesions are put, with what is computed of it once."""

    def __init__(self, volume: Volume, found: Lungs) -> None:
        self.volume, self.found = volume, found
        self._depth, self._touched = _depths(found)
        self._noise = _grain(volume)

    def put(self, kind: str, place: str, diameter_mm: float, rng: np.random.Generator) -> tuple[Volume, Lesion] | None:
        """The scan with one lesion; None where none of the places tried is such a one."""
        volume = self.volume
        spots = _spots(self.found, self._depth, self._touched, place, diameter_mm / 2)
        for spot in rng.permutation(spots)[:_TRIES]:
            centre = np.rint(self.found.voxels(spot)).astype(int)
            spot_of = _Spot(volume=volume, box=_box(volume, centre, 0.75 * diameter_mm), kind=kind, noise=self._noise)
            level = _level(spot_of, centre, diameter_mm / 2, rng)
            lung = _lung_in(self.found, spot_of.box)
            inside = level > 0
            if lung[inside].mean() < _LEAST_SEEN:
                continue
            hu = volume.hu.copy()
            hu[spot_of.box] = _drawn(spot_of, level, lung, rng)
            middle = np.argwhere(inside & lung).mean(axis=0) + [s.start for s in spot_of.box]
            x, y, z = (float(v) for v in volume.to_lps(middle))
            lesion = Lesion(kind=kind, place=place, diameter_mm=diameter_mm, centre_lps_mm=(x, y, z))
            return replace(volume, hu=hu), lesion
        return None


def _lung_in(found: Lungs, box: tuple[slice, ...]) -> Bools:
    """Whether each voxel of a box is of the lungs."""
    rows = [
        np.clip(np.rint((np.arange(s.start, s.stop) + 0.5) / k - 0.5).astype(int), 0, n - 1)
        for s, k, n in zip(box, found.step_zyx, found.labels.shape, strict=True)
    ]
    return np.asarray(found.labels[np.ix_(*rows)] > 0)


def _depths(found: Lungs) -> tuple[Floats, npt.NDArray[np.int_]]:
    """Of each block: how deep it lies in its lung, mm, and the index in `PLACES` of the edge nearest to it."""
    lung = found.labels > 0
    depth, nearest = ndimage.distance_transform_edt(lung, sampling=found.spacing_mm, return_indices=True)
    way = (nearest - np.indices(lung.shape)) * np.array(found.spacing_mm)[:, None, None, None]
    columns = np.flatnonzero(found.body.any(axis=(0, 1)))
    middle = (columns[0] + columns[-1]) / 2
    inward = np.sign(middle - np.indices(lung.shape)[2])
    down = way[0] < -0.6 * depth
    medial = way[2] * inward > 0.5 * depth
    return depth.astype(np.float32), np.where(down, 3, np.where(medial, 2, 1))


def _spots(
    found: Lungs, depth: Floats, touched: npt.NDArray[np.int_], place: str, radius: float
) -> npt.NDArray[np.int64]:
    """Blocks where the middle of such a lesion may lie; a free one stays clear of the edge where a lung is so wide."""
    aerated = (found.labels > 0) & (found.hu < -600)
    if place == "inside":
        return np.argwhere(aerated & (depth > min(radius * _INSIDE[1] + 3, float(depth.max()) * _INSIDE[0])))
    # at a third to two thirds of its radius from the edge
    near = (depth > 0.35 * radius) & (depth < 0.7 * radius)
    return np.argwhere(aerated & near & (touched == PLACES.index(place)))


def _box(volume: Volume, centre: npt.NDArray[np.int_], reach_mm: float) -> tuple[slice, slice, slice]:
    z, y, x = (
        slice(max(0, int(c - math.ceil(reach_mm / mm))), min(n, int(c + math.ceil(reach_mm / mm)) + 1))
        for c, mm, n in zip(centre, volume.spacing_mm, volume.hu.shape, strict=True)
    )
    return z, y, x


def _level(spot: _Spot, centre: npt.NDArray[np.int_], radius: float, rng: np.random.Generator) -> Floats:
    """Mm inside the lesion's waved surface, negative outside."""
    spacing = spot.volume.spacing_mm
    axes = [
        (np.arange(s.start, s.stop) - c) * mm / stretch
        for s, c, mm, stretch in zip(spot.box, centre, spacing, rng.uniform(0.85, 1.0, 3), strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    wave = _smooth(z.shape, [0.35 * radius / mm for mm in spacing], rng)
    return np.asarray(radius * (1 + _WAVES.get(spot.kind, 0.05) * wave) - np.sqrt(z**2 + y**2 + x**2), np.float32)


def _smooth(shape: tuple[int, ...], sigma: list[float], rng: np.random.Generator) -> Floats:
    """Smooth noise of deviation 1, at most 2."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape).astype(np.float32), sigma)
    return np.asarray(np.clip(noise / max(1e-9, float(noise.std())), -2, 2), np.float32)


def _drawn(spot: _Spot, level: Floats, lung: Bools, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """The box with the lesion."""
    spacing = spot.volume.spacing_mm
    host = spot.volume.hu[spot.box].astype(np.float32)
    grain = _tiled(spot.noise, host.shape, rng)
    solid = rng.uniform(15, 55) + 8 * _smooth(host.shape, [4 / mm for mm in spacing], rng) + grain
    tissue = _tissue(spot, host, solid, level, rng)
    steps = [max(1, round(_RIM_MM / mm)) for mm in spacing]
    ball = np.ones([2 * n + 1 for n in steps], np.bool_)
    here = ndimage.binary_dilation(lung, ball) & (level > -max(spacing))  # the lung's edge is known to a block only
    own = (host > _TISSUE_HU) & ~ndimage.binary_erosion(lung, ball)  # of the wall; vessels in the lung give way
    mixed = np.where(own, np.maximum(host, np.minimum(tissue, solid)), tissue)
    return np.rint(np.where(here, mixed, host)).astype(np.int16)


def _share(level: Floats, depth_mm: float, spot: _Spot) -> Floats:
    """Of each voxel that lies deeper than that."""
    return np.asarray(np.clip(0.5 + (level - depth_mm) / max(spot.volume.spacing_mm), 0, 1), np.float32)


def _tissue(spot: _Spot, host: Floats, solid: Floats, level: Floats, rng: np.random.Generator) -> Floats:
    """HU of the lesion, and of the host beyond its edge."""
    whole = _share(level, 0.0, spot)
    if spot.kind == "mass":
        return host + whole * (solid - host)
    if spot.kind == "part-solid-mass":
        core = _share(level, 0.4 * float(level.max()), spot)
        glass = np.asarray(host + whole * rng.uniform(250, 400), np.float32)
        return glass + core * (solid - glass)
    if spot.kind == "consolidation":
        airy = np.clip(_smooth(host.shape, [3 / mm for mm in spot.volume.spacing_mm], rng) - 1.0, 0, 1)
        return np.asarray(host + whole * (solid - 30 - 500 * airy - host), np.float32)
    wall = rng.uniform(6, 12) if spot.kind == "thick-walled-cavity" else rng.uniform(2, 4)
    hollow = _share(level, min(wall, 0.6 * float(level.max())), spot)
    shell = host + whole * (solid - host)
    return np.asarray(shell + hollow * (-985 + (solid - float(solid.mean())) - shell), np.float32)


def _grain(volume: Volume) -> Floats:
    """Noise of the scan's own soft tissue: the deepest piece of it without its slow changes."""
    fine = [max(1, round(4 / mm)) for mm in volume.spacing_mm]
    sparse = volume.hu[:: fine[0], :: fine[1], :: fine[2]]
    soft = ndimage.median_filter(np.clip(sparse, -200, 300), 3)
    deep = ndimage.distance_transform_edt((soft > -20) & (soft < 200), sampling=4.0)
    at = [int(n) * k for n, k in zip(np.unravel_index(int(deep.argmax()), deep.shape), fine, strict=True)]
    box = _box(volume, np.array(at), max(6.0, float(deep.max()) * 0.55))
    piece = volume.hu[box].astype(np.float32)
    piece -= ndimage.gaussian_filter(piece, [3 / mm for mm in volume.spacing_mm])
    return np.clip(piece, -150, 150)


def _tiled(piece: Floats, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Turned and repeated to fill a shape."""
    turned = np.flip(piece, [axis for axis in range(3) if rng.random() < 0.5])
    pads = [(0, max(0, n - m)) for n, m in zip(shape, turned.shape, strict=True)]
    return np.asarray(np.pad(turned, pads, mode="symmetric")[tuple(slice(n) for n in shape)], np.float32)
