"""Pictures by Pillow's plugins, called directly: `Image.open` would apply Pillow's own global pixel limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aimis.imaging import colour

if TYPE_CHECKING:
    from PIL import Image, ImageFile

    from aimis.imaging.limits import Limits


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mode:
    """How a Pillow mode becomes RGB, and the most bytes a pixel takes on the way."""

    bytes_per_pixel: int
    convert: Callable[[Image.Image], colour.Rgb]


def check_image(image: ImageFile.ImageFile, limits: Limits) -> None:
    """Refuse an opened, not yet loaded picture of an unread mode or beyond the limits."""
    if image.mode not in _MODES:
        raise ValueError(f"pixel mode {image.mode}")
    limits.check_size(*image.size, bytes_per_pixel=_MODES[image.mode].bytes_per_pixel)


def rgb_of_image(image: Image.Image, limits: Limits) -> colour.Rgb:
    """An image as RGB, already shrunk where it is large; transparency over black."""
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return _MODES[image.mode].convert(_shrunk(image, limits))


def _shrunk(image: Image.Image, limits: Limits) -> Image.Image:
    """Shrunk by area inside Pillow where the mode allows: an array of the full size is never made."""
    by = limits.reduction(*image.size)
    return image.reduce(by) if by > 1 and image.mode in {"L", "RGB", "RGBA", "LA", "CMYK"} else image


def _plain(image: Image.Image) -> colour.Rgb:
    return np.asarray(image.convert("RGB"))


def _layered(image: Image.Image) -> colour.Rgb:
    """Premultiplied colours are the colours over black."""
    premultiplied = np.asarray(image.convert("RGBA").convert("RGBa"))
    return np.ascontiguousarray(premultiplied[..., :3])


def _deep(image: Image.Image) -> colour.Rgb:
    samples: colour.Samples = np.asarray(image)
    return colour.rgb_of_samples(samples)


def _inks(image: Image.Image) -> colour.Rgb:
    return colour.rgb_of_cmyk(np.asarray(image))


_MODES: dict[str, _Mode] = {
    "1": _Mode(bytes_per_pixel=5, convert=_plain),
    "L": _Mode(bytes_per_pixel=5, convert=_plain),
    "P": _Mode(bytes_per_pixel=9, convert=_plain),
    "RGB": _Mode(bytes_per_pixel=4, convert=_plain),
    "RGBX": _Mode(bytes_per_pixel=8, convert=_plain),
    "YCbCr": _Mode(bytes_per_pixel=8, convert=_plain),
    "RGBA": _Mode(bytes_per_pixel=8, convert=_layered),
    "LA": _Mode(bytes_per_pixel=12, convert=_layered),
    "PA": _Mode(bytes_per_pixel=12, convert=_layered),
    "CMYK": _Mode(bytes_per_pixel=12, convert=_inks),
    "I;16": _Mode(bytes_per_pixel=6, convert=_deep),
    "I;16L": _Mode(bytes_per_pixel=6, convert=_deep),
    "I;16B": _Mode(bytes_per_pixel=6, convert=_deep),
    "I": _Mode(bytes_per_pixel=10, convert=_deep),
    "F": _Mode(bytes_per_pixel=12, convert=_deep),
}
"""The modes that are read; HSV and LAB need a colour profile to mean anything."""
