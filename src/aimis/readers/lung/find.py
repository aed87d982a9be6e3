"""Candidates: the finder network over the lungs' box, its heat map's peaks inside the lungs."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from aimis.domain.errors import UnsupportedInputError
from aimis.readers.lung import grid

if TYPE_CHECKING:
    from aimis.imaging.volume import Volume
    from aimis.inference.engine import Engine
    from aimis.readers.lung.lungs import Lungs

_DEPTH, _HALO = 40, 8  # slices of 2 mm a request answers for, and looks at beyond them to both sides
_SIDE = 8  # rows and columns of the working grid come in multiples of this, slices in multiples of 4
_PEAK = 5  # places of 2 mm: one peak in each such box
MARGIN_MM = 12.0
_OUTSIDE_MM = 6.0  # how far from the lung's edge a candidate may lie: the wall's own nodules
_MOST = 60
_LEAST_LOGIT = -5.0
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A peak: its place in the scan's voxels (z, y, x), the network's logit and guess of the diameter."""

    place: tuple[float, float, float]
    logit: float
    diameter_mm: float


def box_of(lungs: Lungs, volume: Volume) -> grid.Box:
    """The lungs' box with a margin, in the scan's voxels; raises `UnsupportedInputError` "no-lungs"."""
    if lungs.box is None:
        raise UnsupportedInputError("no-lungs")
    margins = (round(MARGIN_MM / mm) for mm in volume.spacing_mm)
    shape = volume.hu.shape
    z, y, x = (
        slice(max(0, s.start - m), min(n, s.stop + m)) for s, m, n in zip(lungs.box, margins, shape, strict=True)
    )
    return z, y, x


def in_volume(engine: Engine, volume: Volume, lungs: Lungs, pool: Executor) -> tuple[Candidate, ...]:
    """Of a whole scan; see `find`. Raises `UnsupportedInputError` "no-lungs"."""
    return find(engine, grid.make(volume.hu, volume.spacing_mm, box_of(lungs, volume), pool), lungs, pool)


def find(engine: Engine, made: grid.Grid, lungs: Lungs, pool: Executor) -> tuple[Candidate, ...]:
    """At most 60 candidates, most likely first."""
    heat, size = heat_map(engine, made, pool)
    peaks = np.argwhere((heat == ndimage.maximum_filter(heat, _PEAK, mode="constant")) & (heat > _LEAST_LOGIT))
    if not len(peaks):
        return ()
    order = np.argsort(-heat[tuple(peaks.T)])[: 4 * _MOST]
    middles = np.array([_middle(heat, peak) for peak in peaks[order]])
    places = made.to_scan(middles * (1, 2, 2) + (0, 0.5, 0.5))
    near = lungs.to_edge_mm(places) > -_OUTSIDE_MM
    found = []
    for peak, place in zip(peaks[order][near][:_MOST], places[near][:_MOST], strict=True):
        z, y, x = (float(v) for v in place)
        diameter = float(np.exp(np.clip(size[tuple(peak)], 0.7, 4.0)))
        found.append(Candidate(place=(z, y, x), logit=float(heat[tuple(peak)]), diameter_mm=diameter))
    return tuple(found)


def heat_map(engine: Engine, made: grid.Grid, pool: Executor) -> tuple[Floats, Floats]:
    """Logits and logarithms of diameters, each of shape (z, y/2, x/2) of the grid, computed in slabs."""
    depth, rows, columns = made.values.shape
    padded = np.pad(made.values, ((_HALO, _HALO), (0, -rows % _SIDE), (0, -columns % _SIDE)), mode="edge")
    slabs = list(pool.map(partial(_slab, engine, padded), _starts(depth)))
    whole = np.concatenate(slabs, axis=1)[:, :depth]
    return whole[0], whole[1]


def split(slab: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The grid (z, y, x) as four channels (4, z, y/2, x/2): the network's input."""
    return np.stack([slab[:, i::2, j::2] for i in range(2) for j in range(2)])


def _starts(depth: int) -> Iterator[int]:
    return iter(range(0, depth, _DEPTH))


def _slab(engine: Engine, padded: npt.NDArray[np.uint8], start: int) -> Floats:
    slab = padded[start : start + _DEPTH + 2 * _HALO]
    short = _DEPTH + 2 * _HALO - len(slab)
    if short:
        slab = np.pad(slab, ((0, short), (0, 0), (0, 0)), mode="edge")
    found: Floats = engine.run({"grid": split(slab)[None]})["map"]
    return found[0, :, _HALO:-_HALO]


def _middle(heat: Floats, peak: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The peak's place between its neighbours, by their probabilities."""
    low = np.maximum(peak - 1, 0)
    around = heat[low[0] : peak[0] + 2, low[1] : peak[1] + 2, low[2] : peak[2] + 2]
    weight = 1 / (1 + np.exp(-around))
    return np.array(ndimage.center_of_mass(weight)) + low
