"""Whether values are Hounsfield units of a body at all, by their histogram."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from aimis.domain.errors import UnsupportedInputError

_AIR_HU = -500
_DARKEST_HU = -600.0
"""A hundredth of all voxels are at most this: air stands around every chest, and within it."""
_LEAST_TISSUE = 0.02
_TISSUE_HU = (-160.0, 160.0)
"""Fat lies about -100, muscle and blood about 50; the commonest of all values near them is one of the two."""
_SEARCHED_HU = (-400, 700)
_METAL_HU, _MOST_METAL = 2500, 0.2


def check(hu: npt.NDArray[np.int16]) -> None:
    """Look at every fourth voxel each way.

    Raises `UnsupportedInputError` "no-body" where there is nothing but air, "mostly-metal" where much is as dense as
    that, and "hounsfield-implausible" where there is no air, or tissue is not where it should be, as with a wrong
    Rescale Intercept.
    """
    looked_at = hu[:: max(1, len(hu) // 60), ::4, ::4]
    darkest = float(np.quantile(looked_at, 0.01))
    if float((looked_at > _METAL_HU).mean()) > _MOST_METAL:
        raise UnsupportedInputError("mostly-metal")
    if darkest > _DARKEST_HU:
        raise UnsupportedInputError("hounsfield-implausible", darkest=round(darkest))
    if float((looked_at > _AIR_HU).mean()) < _LEAST_TISSUE:
        raise UnsupportedInputError("no-body")
    tissue = _commonest(looked_at)
    if not _TISSUE_HU[0] <= tissue <= _TISSUE_HU[1]:
        raise UnsupportedInputError("hounsfield-implausible", tissue=round(tissue))


def _commonest(hu: npt.NDArray[np.int16]) -> float:
    """The peak of the histogram where tissue is looked for, smoothed over 30 HU."""
    counts, edges = np.histogram(hu, bins=(_SEARCHED_HU[1] - _SEARCHED_HU[0]) // 10, range=_SEARCHED_HU)
    smooth = cv2.blur(counts.astype(np.float32)[None], (3, 1))[0]
    return float(edges[int(np.argmax(smooth))] + 5)
