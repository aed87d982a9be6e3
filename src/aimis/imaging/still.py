"""One decoded picture and what its file says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aimis.domain.errors import UnsupportedInputError
from aimis.domain.identity import NOBODY, Identity

if TYPE_CHECKING:
    from aimis.domain.reading import Laterality, LateralitySource


@dataclass(frozen=True, kw_only=True, eq=False)
class Still:
    """A picture in the orientation a person sees, as 8-bit sRGB.

    rgb : shape (rows, columns, 3); may be decoded smaller than the file's picture, never larger
    full_size_px : columns, rows of the file's picture after orientation
    frame : 0-based, of a multi-frame file; None for a single picture
    modality : DICOM Modality (0008,0060), None where the file is no DICOM
    age_years : the patient's, None where the file does not say it
    identity : what the file says of patient and study
    """

    rgb: npt.NDArray[np.uint8]
    full_size_px: tuple[int, int]
    frame: int | None = None
    laterality: Laterality | None = None
    laterality_source: LateralitySource | None = None
    modality: str | None = None
    age_years: int | None = None
    identity: Identity = NOBODY
    series_instance_uid: str | None = None
    sop_instance_uid: str | None = None

    def __post_init__(self) -> None:
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or self.rgb.dtype != np.uint8 or not self.rgb.size:
            raise UnsupportedInputError("not-a-picture", shape=str(self.rgb.shape))

    @property
    def reduction(self) -> float:
        """Pixels of the file's picture for one pixel of `rgb`, 1 or more."""
        return self.full_size_px[0] / int(self.rgb.shape[1])
