"""Where a nodule lies: side, third of its lung's height, distance to the edge of the lung.

The lobe is not told: that needs the fissures, which slices of 2 to 3 mm do not show along their whole way.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aimis.domain.scan import Place
from aimis.readers.lung.lungs import LEFT, RIGHT, Lungs

_NEAR_MM = 20.0  # a nodule at the wall may have its middle outside the lung
_TOUCHES_MM = 1.3  # half a block: nearer than that it cannot be told from touching
_LOOKED_AT = 400  # voxels of a nodule at most
_ZONES = ("lower", "middle", "upper")


def place(found: Lungs, voxels_zyx: npt.ArrayLike, near_mm: float = _NEAR_MM) -> Place:
    """Of a nodule whose voxels, (n, 3) indices of the scan, are given; a single one is enough for side and zone.

    near_mm : farther from a lung it has no place
    """
    voxels = np.asarray(voxels_zyx, dtype=np.float64).reshape(-1, 3)
    middle = voxels.mean(axis=0)
    side = _side(found, middle, near_mm)
    if side is None:
        return Place()
    return Place(side={RIGHT: "R", LEFT: "L"}[side], zone=_zone(found, side, middle), pleura_mm=_pleura(found, voxels))


def _side(found: Lungs, index_zyx: npt.NDArray[np.float64], near_mm: float) -> int | None:
    """Of the nearest block of a lung; None where there is none near."""
    blocks = np.argwhere(found.labels > 0) if not found.at(index_zyx) else np.rint(found.blocks(index_zyx))[None]
    if not len(blocks):
        return None
    away = np.sqrt((((blocks - found.blocks(index_zyx)) * found.spacing_mm) ** 2).sum(axis=1))
    nearest = blocks[away.argmin()].astype(np.intp)
    return int(found.labels[tuple(nearest)]) if away.min() <= near_mm else None


def _zone(found: Lungs, side: int, index_zyx: npt.NDArray[np.float64]) -> str:
    """Third of the lung's height as the scan shows it."""
    slices = np.flatnonzero((found.labels == side).any(axis=(1, 2)))
    share = (found.blocks(index_zyx)[0] - slices[0] + 0.5) / (slices[-1] - slices[0] + 1)
    return _ZONES[int(np.clip(share * 3, 0, 2))]


def _pleura(found: Lungs, voxels_zyx: npt.NDArray[np.float64]) -> float:
    """Least distance from a voxel to the lung's edge, at most 20 mm."""
    looked_at = voxels_zyx[:: max(1, len(voxels_zyx) // _LOOKED_AT)]
    least = float(found.to_edge_mm(looked_at).min())
    return round(least, 1) if least > _TOUCHES_MM else 0.0
