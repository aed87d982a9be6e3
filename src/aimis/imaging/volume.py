"""A CT volume in the patient's coordinates, whatever its files' order and orientation were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from aimis.domain.reading import Reason
    from aimis.domain.scan import Point, Series

_T_co = TypeVar("_T_co", covariant=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Volume:
    """A chest CT as its series gives it, turned so that axes run alike.

    hu : int16 of shape (slices, rows, columns), Hounsfield units; slice 0 nearest the feet, rows to the patient's
        back, columns to the patient's left; values outside the scanner's field are -1024 or what was measured there
    spacing_mm : between slices, rows, columns
    origin_lps_mm : centre of voxel (0, 0, 0)
    directions : shape (3, 3); row k is the unit vector, in LPS, along axis k of `hu`; nearly the identity reversed
        (z, y, x), but tilted where the gantry was
    limited : what limits a reading of it (a gap, thick slices, a tilt), most grave first
    instance_numbers, sop_instance_uids : one a slice of `hu`; empty where the input is no DICOM
    """

    hu: npt.NDArray[np.int16]
    spacing_mm: tuple[float, float, float]
    origin_lps_mm: Point
    series: Series
    directions: npt.NDArray[np.float64] = field(default_factory=np.eye(3)[::-1].copy)
    limited: tuple[Reason, ...] = ()
    instance_numbers: tuple[int, ...] = ()
    sop_instance_uids: tuple[str, ...] = ()
    patient_id: str | None = None
    study_instance_uid: str | None = None

    def to_lps(self, indices_zyx: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Positions in mm, shape (..., 3) as x, y, z, of voxel indices (..., 3) as z, y, x; fractions may be given."""
        steps = np.asarray(self.spacing_mm)[:, None] * self.directions
        return np.asarray(np.asarray(indices_zyx, dtype=np.float64) @ steps + np.asarray(self.origin_lps_mm))

    def to_indices(self, lps_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The inverse of `to_lps`."""
        steps = np.asarray(self.spacing_mm)[:, None] * self.directions
        return np.asarray(
            (np.asarray(lps_mm, dtype=np.float64) - np.asarray(self.origin_lps_mm)) @ np.linalg.inv(steps)
        )


class Stoppable(Protocol[_T_co]):
    """Reads the files of a volume, which may take long."""

    def __call__(self, stop_if_asked: Callable[[], None] = ..., /) -> _T_co:
        """stop_if_asked : called before each file or slice, by any thread; what it raises ends the work."""
        ...
