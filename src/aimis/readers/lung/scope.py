"""Is this a chest CT that shows the lungs, and what of them does it not show.

Whether the values are Hounsfield units of a body at all is asked before, of the volume (`aimis.imaging.hounsfield`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aimis.domain.errors import UnsupportedInputError
from aimis.domain.reading import Reason
from aimis.readers.lung import airways

if TYPE_CHECKING:
    from aimis.readers.lung.lungs import Lungs

_LEAST_ML = 150.0
"""Both lungs together; bases at the top of an abdominal CT, and air in bowel or sinuses, are less."""
_LEAST_HEIGHT_MM = 150.0
"""Of the lungs, where the scan cuts them: half of an adult's are more."""
_CUT = 0.08
"""Section of the lungs in the scan's first or last slice, of the largest: the tip of a recess is less."""
_BONE_HU, _LEAST_BONE = 200, 0.002
_UNAERATED = 0.3
"""Volume of one lung to the other's: an elevated diaphragm or a lobe's loss leaves more."""
_MUCH_SMALLER = 0.55
"""The same, where a lobe or more may be missing; of 17 real scans the least was 0.67."""
_SHORT_PIPE_MM, _LONG_PIPE_MM = 60.0, 100.0
"""Of windpipe and bronchi followed from the neck: four real scans gave 132 mm and more, from the feet 30 at most."""


def check(found: Lungs) -> tuple[Reason, ...]:
    """What limits a reading: lungs cut off, or one without air; most grave first.

    Raises `UnsupportedInputError` "no-lungs", "not-a-chest" (no bone about them, so a phantom or another animal's
    part), "upside-down" (the windpipe comes from where the feet should be), or "lungs-not-covered" with the height in
    mm that is shown.
    """
    right, left = found.volumes_ml
    if right + left < _LEAST_ML:
        raise UnsupportedInputError("no-lungs")
    if float((found.hu[found.body] > _BONE_HU).mean()) < _LEAST_BONE:
        raise UnsupportedInputError("not-a-chest")
    if _is_upside_down(found):
        raise UnsupportedInputError("upside-down")
    sections = np.asarray((found.labels > 0).sum(axis=(1, 2)))
    ends = _cut(sections)
    height = round(float(np.ptp(np.flatnonzero(sections)) + 1) * found.spacing_mm[0])
    if ends and height < _LEAST_HEIGHT_MM:
        raise UnsupportedInputError("lungs-not-covered", height=height)
    return (*ends, *_unaerated(right, left))


def _is_upside_down(found: Lungs) -> bool:
    """A windpipe that is followed only from the other end, as in a file whose geometry is wrong."""
    step = found.spacing_mm[0]
    if _height(found.air) * step >= _SHORT_PIPE_MM:
        return False
    return _height(airways.find(found.hu[::-1], found.body[::-1], found.spacing_mm)) * step >= _LONG_PIPE_MM


def _height(air: npt.NDArray[np.bool_]) -> int:
    used = np.flatnonzero(air.any(axis=(1, 2)))
    return int(used[-1] - used[0]) + 1 if len(used) else 0


def _cut(sections: npt.NDArray[np.int_]) -> tuple[Reason, ...]:
    """The ends of the lungs, base and apex, that lie outside the scan; sections from the feet up."""
    ends = (Reason.of("lung-base-cut-off"), Reason.of("lung-apex-cut-off"))
    shown = float(sections.max())
    return tuple(end for end, cut in zip(ends, sections[[0, -1]], strict=True) if cut / shown > _CUT)


def _unaerated(right_ml: float, left_ml: float) -> tuple[Reason, ...]:
    """One lung removed, collapsed or filled, or a good part of it: nodules in what has no air are not found."""
    share, right = min(right_ml, left_ml) / max(right_ml, left_ml), right_ml < left_ml
    if share >= _MUCH_SMALLER:
        return ()
    if share < _UNAERATED:
        return (Reason.of("right-lung-without-air" if right else "left-lung-without-air"),)
    return (Reason.of("right-lung-much-smaller" if right else "left-lung-much-smaller"),)
