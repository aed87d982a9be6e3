"""Small pictures whose every pixel is known, and the bytes of files that hold them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from aimis.domain.errors import CaseError
from aimis.imaging import decode as door
from aimis.imaging.limits import DEFAULT_LIMITS, Limits
from aimis.imaging.still import Still

Rgb = npt.NDArray[np.uint8]


def photograph(columns: int = 48, rows: int = 32) -> Rgb:
    """Smooth, coloured, and no two corners alike: a turned, mirrored or recoloured copy is another picture."""
    y, x = np.mgrid[0:rows, 0:columns]
    red = 40 + 200 * x / columns
    green = 30 + 100 * y / rows
    blue = 90 + 60 * np.sin(3 * x / columns + y / rows)
    return np.dstack([red, green, blue]).astype(np.uint8)


def encoded(picture: npt.NDArray[Any] | Image.Image, form: str, **options: Any) -> bytes:
    """The bytes of a file that Pillow writes."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def decode_all(content: bytes, name: str = "photograph", limits: Limits = DEFAULT_LIMITS) -> list[Still]:
    """Every still of a file."""
    return list(door.decode(content, name, limits=limits))


def decode_one(content: bytes, name: str = "photograph", limits: Limits = DEFAULT_LIMITS) -> Still:
    """The only still of a file."""
    (still,) = decode_all(content, name, limits)
    return still


def refusal(content: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[str, str]:
    """Status and code of the error that decoding raises; a file that decodes is a failure of the test."""
    try:
        stills = decode_all(content, limits=limits)
    except CaseError as error:
        return error.status.value, error.reason.code
    raise AssertionError(f"{len(stills)} stills were decoded")


def mean_error(found: Rgb, expected: npt.NDArray[Any]) -> float:
    """Mean absolute difference of 8-bit values."""
    assert found.shape == expected.shape
    return float(np.abs(found.astype(int) - expected.astype(int)).mean())
