"""Any samples to 8-bit RGB."""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from aimis.domain.errors import NotAssessableError, UnsupportedInputError

Rgb = npt.NDArray[np.uint8]
"""Shape (rows, columns, 3)."""
Samples = npt.NDArray[Any]
"""Shape (rows, columns) or (rows, columns, 1..4): grey, grey and alpha, RGB, RGB and alpha."""

_DEPTHS_BITS = (8, 10, 12, 14, 16)
_MOST_NEGATIVE_SHARE = 0.01


def rgb_of_samples(samples: Samples, *, bits: int | None = None) -> Rgb:
    """Samples of any depth as 8-bit RGB, transparency over black.

    bits : of the samples' full scale where the file says it, see `to_8_bit`
    """
    shallow = to_8_bit(samples, bits=bits)
    if shallow.ndim == 2:
        return cast("Rgb", cv2.cvtColor(shallow, cv2.COLOR_GRAY2RGB))
    colours = shallow.shape[2]
    if colours in {2, 4}:
        return over_black(rgb_of_samples(shallow[..., : colours - 1]), shallow[..., -1])
    if colours == 1:
        return rgb_of_samples(shallow[..., 0])
    if colours != 3:
        raise UnsupportedInputError("not-a-picture", shape=str(samples.shape))
    return np.ascontiguousarray(shallow)


def rgb_order(samples: Samples) -> Samples:
    """OpenCV's order of colours to ours."""
    if samples.dtype == np.float64:
        samples = samples.astype(np.float32)
    if samples.ndim == 2:
        return samples
    code = cv2.COLOR_BGRA2RGBA if samples.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return cast("Samples", cv2.cvtColor(samples, code))


def over_black(rgb: Rgb, alpha: npt.NDArray[np.uint8]) -> Rgb:
    """A picture of shape (rows, columns, 3) with the alpha of shape (rows, columns) laid over black."""
    if bool((alpha == 255).all()):
        return np.ascontiguousarray(rgb)
    return cast("Rgb", cv2.multiply(rgb, cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB), scale=1 / 255))


def rgb_of_cmyk(inks: npt.NDArray[np.uint8]) -> Rgb:
    """RGB of shape (rows, columns, 3) from CMYK of shape (rows, columns, 4), 255 = full ink; no colour profile."""
    paper = cv2.bitwise_not(inks)
    return over_black(np.ascontiguousarray(paper[..., :3]), np.ascontiguousarray(paper[..., 3]))


def to_8_bit(samples: Samples, *, bits: int | None = None) -> npt.NDArray[np.uint8]:
    """The samples at 8 bit, same shape.

    bits : of the full scale; None takes the smallest of 8, 10, 12, 14 and 16 that holds the brightest sample,
        for cameras of 12 bit write into 16 bit without saying so

    Raises `NotAssessableError` "pixels-missing" where a float is not finite, and `UnsupportedInputError`
    "unsupported-pixels" where the values are no intensities.
    """
    if samples.dtype == np.uint8:
        return samples
    if samples.dtype == np.bool_:
        return samples.astype(np.uint8) * np.uint8(255)
    if np.issubdtype(samples.dtype, np.floating):
        return _float_to_8_bit(samples)
    _check_range(float(samples.min()), float(samples.max()))
    unsigned = samples.astype(np.uint16, copy=False)
    full = 2 ** (bits or _depth(int(unsigned.max()))) - 1
    return _scaled(unsigned, 255 / full)


def _float_to_8_bit(samples: Samples) -> npt.NDArray[np.uint8]:
    """A float picture: of 0..1, of 0..255, or of a deeper whole-number scale."""
    missing = ~np.isfinite(samples)
    if missing.any():
        raise NotAssessableError("pixels-missing", percent=100 * float(missing.mean()))
    lowest, highest = float(samples.min()), float(samples.max())
    _check_range(max(lowest, 0.0) if lowest >= -_MOST_NEGATIVE_SHARE * highest else lowest, highest)
    if highest <= 1:
        return _scaled(samples, 255)
    return _scaled(samples, 255 / (2 ** _depth(int(np.ceil(highest))) - 1))


def _check_range(lowest: float, highest: float) -> None:
    if lowest < 0 or highest > 65535:
        raise UnsupportedInputError("unsupported-pixels", lowest=lowest, highest=highest)


def _depth(highest: int) -> int:
    return next(bits for bits in _DEPTHS_BITS if highest < 2**bits)


def _scaled(samples: Samples, factor: float) -> npt.NDArray[np.uint8]:
    """Rounded and clipped to 0..255."""
    if not np.issubdtype(samples.dtype, np.floating):
        return cast("npt.NDArray[np.uint8]", cv2.convertScaleAbs(samples, alpha=factor)).reshape(samples.shape)
    return np.clip(np.rint(samples * factor), 0, 255).astype(np.uint8)
