"""A nodule's size, density and mask, from its voxels: corrected for the voxels that it fills in part.

Radiologists' outlines of LIDC-IDRI run along the first voxels outside a nodule, and a network learns that from them:
volumes counted by voxels are a voxel's width too large. Each voxel at the edge therefore counts by how far it is from
the lung's density to the nodule's (partial volume: Kuhnigk et al. 2006, doi:10.1109/TMI.2006.871547). On 898 nodules of
LIDC-IDRI the sphere of that volume differs from LUNA16's diameter by 0.2 mm in the median, without a trend by size,
and a mask grown or shrunk by a voxel changes it half as much as it changes the count.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from aimis.domain.scan import Density, Mask, Size

if TYPE_CHECKING:
    from aimis.domain.scan import Point

Voxels = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]
Tissue = npt.NDArray[np.int16]
Spacing = tuple[float, float, float]

SOLID_HU = -300
"""Least of solid tissue: Scholten et al. 2015, doi:10.1007/s00330-014-3427-z (sensitivity 90 %, specificity 88 %)."""
CALCIUM_HU = 200
_SOLID_SHARE = 0.1  # of the core; on LIDC-IDRI's texture ratings, see docs/reference/lung-guidelines.md
_LEVEL_PERCENTILE = 60
_LUNG_HU = -850.0
_LUNG_AT_MOST_HU = -500
_LEAST_CONTRAST_HU = 100.0
_LEAST_CORE, _LEAST_LUNG = 4, 10
_CROSS = ndimage.generate_binary_structure(2, 1)[None]  # in plane: slices are thick, what is above may be other
_TAIL = 1 / 3
_LEAST_MM = 1e-6
_MARGIN = 4  # voxels in plane beyond the mask from which the lung's density is taken


def size(
    mask: Voxels,
    hu: npt.NDArray[np.int16],
    spacing_mm: Spacing,
    *,
    directions: Points | None = None,
    origin_lps_mm: Point = (0.0, 0.0, 0.0),
) -> Size:
    """A nodule as measured; ValueError for an empty mask.

    mask, hu : a box of the series' own voxels, z, y, x as in `Volume`; 5 voxels around the nodule are enough
    directions, origin_lps_mm : as in `Volume`, the origin that of the box; they place the axes' ends and, where the
        gantry was tilted, correct the volume
    """
    if not mask.any():
        raise ValueError("a mask without voxels has no size")
    steps = np.asarray(spacing_mm)[:, None] * (np.eye(3)[::-1] if directions is None else directions)
    voxel_mm3 = abs(float(np.linalg.det(steps)))
    tissue = hu[_core(mask, hu)]
    filled = _occupancy(mask, hu, tissue)
    volume = float(filled.sum()) * voxel_mm3
    long_mm, short_mm, ends = _axes(filled, 0.5, spacing_mm)
    mean_mm = (long_mm + short_mm) / 2
    solid_mm, solid_voxels = _solid_part(mask, hu, spacing_mm) if _kind(tissue) is Density.PART_SOLID else (0.0, 0)
    solid = _kind(tissue) is Density.SOLID
    return Size(
        long_axis_mm=long_mm,
        short_axis_mm=short_mm,
        mean_axis_mm=mean_mm,
        diameter_mm=sphere_mm(volume),
        volume_mm3=volume,
        solid_mean_axis_mm=mean_mm if solid else min(solid_mm, mean_mm),
        solid_volume_mm3=volume if solid else min(solid_voxels * voxel_mm3, volume),
        mean_hu=float(hu[filled >= 0.5].mean()),
        ends_lps_mm=tuple((float(x), float(y), float(z)) for x, y, z in ends @ steps + np.asarray(origin_lps_mm)),
    )


def sphere_mm(volume_mm3: float) -> float:
    """Diameter of the sphere of a volume."""
    return float((6.0 * volume_mm3 / math.pi) ** (1 / 3))


def rounded_mm(axis_mm: float) -> int:
    """As Fleischner gives sizes, to the nearest whole millimetre, halves upward: doi:10.1148/radiol.2017162894."""
    return math.floor(axis_mm + 0.5)


def density(mask: Voxels, hu: npt.NDArray[np.int16]) -> Density:
    """Solid, part-solid or ground-glass, by the tissue within its edge."""
    return _kind(hu[_core(mask, hu)])


def calcified(mask: Voxels, hu: npt.NDArray[np.int16]) -> bool:
    """Whether most of it is calcium; a fleck of it is no sign of a benign nodule."""
    return bool(_level_hu(hu[_core(mask, hu)]) >= CALCIUM_HU)


def encode(mask: Voxels, origin_zyx: tuple[int, int, int]) -> Mask:
    """The mask as runs, beginning with 0, over its box in C order."""
    flat = mask.ravel()
    edges = np.flatnonzero(np.diff(flat, prepend=False))
    runs = np.diff(np.concatenate([[0], edges, [flat.size]]))
    z, y, x = mask.shape
    return Mask(origin_zyx=origin_zyx, shape_zyx=(z, y, x), runs=tuple(int(r) for r in runs))


def decode(mask: Mask) -> Voxels:
    """The voxels of the mask's box; ValueError where its runs do not fill it."""
    if sum(mask.runs) != math.prod(mask.shape_zyx):
        raise ValueError(f"runs of {sum(mask.runs)} voxels in a box of {mask.shape_zyx}")
    values = np.arange(len(mask.runs)) % 2 == 1
    return np.repeat(values, mask.runs).reshape(mask.shape_zyx)


def _kind(tissue_hu: Tissue) -> Density:
    if _level_hu(tissue_hu) >= SOLID_HU:
        return Density.SOLID
    return Density.PART_SOLID if (tissue_hu >= SOLID_HU).mean() >= _SOLID_SHARE else Density.GROUND_GLASS


def _level_hu(tissue_hu: Tissue) -> float:
    return float(np.percentile(tissue_hu.astype(np.float64), _LEVEL_PERCENTILE))  # int16 may overflow


def _edge_hu(tissue_hu: Tissue) -> float:
    """The density of the tissue that borders the lung: of a part-solid nodule that of its ground glass."""
    level = _level_hu(tissue_hu)
    if _kind(tissue_hu) is Density.PART_SOLID:
        return min(level, float(np.median(tissue_hu[tissue_hu < SOLID_HU])))
    return level


def _occupancy(mask: Voxels, hu: npt.NDArray[np.int16], tissue_hu: Tissue) -> Values:
    """How much of each voxel the nodule fills, 0..1, same shape: of the mask and of the voxels that touch it in plane.

    A voxel outside the mask counts by up to a half alone: more is a vessel or the chest wall.
    """
    lung = _lung_hu(mask, hu)
    share = np.clip((hu - lung) / max(_edge_hu(tissue_hu) - lung, _LEAST_CONTRAST_HU), 0.0, 1.0)
    filled = np.where(mask | (ndimage.binary_dilation(mask, _CROSS) & (share < 0.5)), share, 0.0)
    if filled.max() < 0.5:  # no denser than the lung around it: the mask as it is
        filled = mask
    return np.asarray(filled, dtype=np.float32)


def _lung_hu(mask: Voxels, hu: npt.NDArray[np.int16]) -> float:
    """The density of the lung around it, vessels and chest wall left out."""
    around = hu[_grown(mask, _MARGIN) & ~_grown(mask, 1)]
    lung = around[around < _LUNG_AT_MOST_HU]
    return float(np.median(lung)) if lung.size > _LEAST_LUNG else _LUNG_HU


def _grown(mask: Voxels, voxels: int) -> Voxels:
    """Grown in plane by a square."""
    width = 2 * voxels + 1
    wide = ndimage.maximum_filter1d(mask.view(np.uint8), width, axis=1, mode="constant")
    return np.asarray(ndimage.maximum_filter1d(wide, width, axis=2, mode="constant") > 0)


def _core(mask: Voxels, hu: npt.NDArray[np.int16]) -> Voxels:
    """The mask without its outermost voxels in plane; of a nodule too small for that, its densest voxels."""
    core = ~_grown(~mask, 1)
    if int(core.sum()) >= _LEAST_CORE:
        return core
    return np.asarray(mask & (hu >= _level_hu(hu[mask])))


def _solid_part(mask: Voxels, hu: npt.NDArray[np.int16], spacing_mm: Spacing) -> tuple[float, int]:
    """Mean axis in mm of the largest piece of solid tissue in a part-solid nodule, and its voxels."""
    labels, _ = ndimage.label(mask & (hu >= SOLID_HU))
    voxels = np.bincount(labels.ravel())
    voxels[0] = 0
    piece = labels == voxels.argmax()
    rim = ndimage.binary_dilation(piece, _CROSS) & (hu < SOLID_HU)
    dense = np.where(piece | rim, hu, _LUNG_HU).astype(np.float32)
    long_mm, short_mm, _ = _axes(dense, SOLID_HU, spacing_mm)
    return (long_mm + short_mm) / 2, int(voxels.max())


def _axes(values: Values, level: float, spacing_mm: Spacing) -> tuple[float, float, Points]:
    """Long and short axis in mm of the largest section at a level, and their four ends as z, y, x in voxels.

    The long axis is the greatest distance of two points of the outline, the short one the greatest perpendicular to
    it, from outer edge to outer edge.
    """
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1)), constant_values=min(float(values.min()), level - 1.0))
    areas = (padded >= level).sum(axis=(1, 2))
    largest = np.flatnonzero(areas == areas.max())
    z = int(largest[largest.size // 2])
    outline_mm = ((_outline(_without_tails(padded[z], level), level) - 1.0) * spacing_mm[1:]).astype(np.float32)
    hull_mm = np.asarray(cv2.convexHull(outline_mm)[:, 0], dtype=np.float64)
    apart = np.hypot(*(hull_mm[:, None] - hull_mm[None]).T)
    start, end = hull_mm[list(np.unravel_index(int(apart.argmax()), apart.shape))]
    along = (end - start) / max(float(apart.max()), _LEAST_MM)  # a voxel just at the level has no width
    short = _widest(hull_mm, start, along)
    ends = np.vstack([start, end, short]) / spacing_mm[1:]
    return float(apart.max()), float(np.hypot(*(short[1] - short[0]))), np.column_stack([np.full(4, float(z)), ends])


def _without_tails(section: Values, level: float) -> Values:
    """The section without what is thinner than a third of its thickest part: vessels, spicules, strands."""
    depth = ndimage.distance_transform_edt(section >= level)
    reach = float(depth.max()) * _TAIL
    if reach < 1.0:
        return section
    tail = (depth > 0) & (ndimage.distance_transform_edt(depth < reach) > reach + 0.5)
    return np.where(tail, section.min(), section)


def _widest(hull: Points, start: Points, along: Points) -> Points:
    """The ends of the longest line across a convex hull at right angles to its long axis, shape (2, 2)."""
    across = np.array([-along[1], along[0]])
    far, off = (hull - start) @ along, (hull - start) @ across
    order = np.argsort(far)
    far, off = far[order], off[order]
    sides = [np.interp(far, far[keep], off[keep]) for keep in (off >= 0, off <= 0)]
    at = int((sides[0] - sides[1]).argmax())
    return np.array([start + far[at] * along + side[at] * across for side in sides])


def _outline(section: Values, level: float) -> Points:
    """Where the values cross a level between two neighbouring voxels, shape (n, 2), y and x in voxels."""
    inside = section >= level
    rows = np.argwhere(inside[:-1] != inside[1:])
    columns = np.argwhere(inside[:, :-1] != inside[:, 1:])
    down = _crossing(section[:-1], section[1:], rows, level)[:, None] * (1.0, 0.0)
    right = _crossing(section[:, :-1], section[:, 1:], columns, level)[:, None] * (0.0, 1.0)
    return np.concatenate([rows + down, columns + right])


def _crossing(here: Values, there: Values, at: npt.NDArray[np.int64], level: float) -> Points:
    """The fraction of the way from one voxel to its neighbour at which the level is met."""
    y, x = at.T
    return np.asarray((level - here[y, x]) / (there[y, x] - here[y, x]), dtype=np.float64)
