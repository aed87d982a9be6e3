"""The orientation and the size a picture is handed on in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
import numpy.typing as npt

from aimis.imaging.still import Still

if TYPE_CHECKING:
    from aimis.imaging.limits import Limits

_Rgb = npt.NDArray[np.uint8]

_ORIENT: dict[int, Callable[[_Rgb], _Rgb]] = {
    2: lambda rgb: rgb[:, ::-1],
    3: lambda rgb: rgb[::-1, ::-1],
    4: lambda rgb: rgb[::-1],
    5: lambda rgb: rgb.transpose(1, 0, 2),
    6: lambda rgb: rgb.transpose(1, 0, 2)[:, ::-1],
    7: lambda rgb: rgb.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda rgb: rgb.transpose(1, 0, 2)[::-1],
}
"""By EXIF orientation: from the stored rows and columns to those a person sees."""


def orient(rgb: _Rgb, orientation: int) -> _Rgb:
    """The picture as a person sees it; orientation as in EXIF, 1..8."""
    return np.ascontiguousarray(_ORIENT[orientation](rgb)) if orientation in _ORIENT else rgb


def shrink(rgb: _Rgb, stored_size_px: tuple[int, int], limits: Limits) -> _Rgb:
    """The picture by area at the scale that `limits` holds for enough, unless it was decoded at that scale."""
    columns, rows = stored_size_px
    by = limits.reduction(columns, rows)
    if by == 1 or rgb.shape[:2] != (rows, columns):
        return rgb
    size = (-(-columns // by), -(-rows // by))
    return cast("_Rgb", cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))


def still_of(
    rgb: _Rgb, *, stored_size_px: tuple[int, int], orientation: int, frame: int | None, limits: Limits
) -> Still:
    """A still from decoded pixels, turned upright and shrunk.

    stored_size_px : columns, rows of the file's picture as stored, before orientation
    """
    turned = orientation >= 5
    return Still(
        rgb=orient(shrink(rgb, stored_size_px, limits), orientation),
        full_size_px=stored_size_px[::-1] if turned else stored_size_px,
        frame=frame,
    )
