"""TIFF: one still a page.

Source: TIFF 6.0 (Adobe, 1992).
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import TiffImagePlugin

from aimis.domain.errors import BrokenInputError
from aimis.imaging import colour, geometry, pillow, png, tiff_tags
from aimis.imaging.foreign import foreign_decoder

if TYPE_CHECKING:
    from aimis.imaging.limits import Limits
    from aimis.imaging.still import Still

_SUBFILE, _COLUMNS, _ROWS, _BITS, _PHOTOMETRIC, _SAMPLES, _FORMAT = 254, 256, 257, 258, 262, 277, 339
_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES, _TILE_COLUMNS, _TILE_ROWS = 273, 279, 324, 325, 322, 323
_WANTED = frozenset(
    {_SUBFILE, _COLUMNS, _ROWS, _BITS, _PHOTOMETRIC, _SAMPLES, _FORMAT, tiff_tags.ORIENTATION}
    | {_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES, _TILE_COLUMNS, _TILE_ROWS}
)
_THUMBNAIL_OR_MASK = 0b101
_RGB = 2


def decode_tiff(content: bytes, limits: Limits) -> Iterator[Still]:
    """The pages of a TIFF file that are pictures of their own, not thumbnails nor masks.

    Raises `BrokenInputError` "truncated", "broken-picture" or "no-pixels", and `UnsupportedInputError` "too-large"
    or "too-many-frames"; of many pages, the good ones before a broken one have been handed on by then.
    """
    directories = tiff_tags.read_directories(content, _WANTED)
    listed = list(itertools.islice(enumerate(directories), limits.max_frames * 2 + 1))
    pages = [(at, tags) for at, tags in listed if not _first(tags, _SUBFILE, 0) & _THUMBNAIL_OR_MASK]
    limits.check_frames(max(len(pages), len(listed) // 2))
    if not pages:
        raise BrokenInputError("no-pixels")
    for frame, (at, tags) in enumerate(pages):
        _check_layout(content, tags, limits)
        yield _decode_page(content, at, tags, frame if len(pages) > 1 else None, limits)


def _decode_page(content: bytes, at: int, tags: tiff_tags.Tags, frame: int | None, limits: Limits) -> Still:
    size_px, orientation = (_first(tags, _COLUMNS, 0), _first(tags, _ROWS, 0)), tiff_tags.orientation_of_tags(tags)
    if _is_deep_colour(tags):
        limits.check_size(*size_px, bytes_per_pixel=_sample_bytes(tags) + 8)
        rgb = _decode_deep(content, at, size_px)
        return geometry.still_of(rgb, stored_size_px=size_px, orientation=orientation, frame=frame, limits=limits)
    upright_px = size_px[::-1] if orientation >= 5 else size_px
    rgb = _decode_upright(content, at, limits)
    return geometry.still_of(rgb, stored_size_px=upright_px, orientation=1, frame=frame, limits=limits)


def _decode_upright(content: bytes, at: int, limits: Limits) -> colour.Rgb:
    """By Pillow, which turns a TIFF as its tag says while loading."""
    with foreign_decoder("broken-picture"):
        image = TiffImagePlugin.TiffImageFile(io.BytesIO(content))
        image.seek(at)
        pillow.check_image(image, limits)
        image.load()
        return pillow.rgb_of_image(image, limits)


def _decode_deep(content: bytes, at: int, size_px: tuple[int, int]) -> colour.Rgb:
    """16-bit and float colour by OpenCV: Pillow keeps the upper byte or reads none."""
    with foreign_decoder("broken-picture"):
        encoded = np.frombuffer(content, np.uint8)
        read, pictures = cv2.imdecodemulti(encoded, cv2.IMREAD_UNCHANGED, range=(at, at + 1))
        if not read or len(pictures) != 1 or pictures[0].shape[1::-1] != size_px:
            raise ValueError("TIFF page")
    return colour.rgb_of_samples(png.rgb_order(pictures[0]))


def _is_deep_colour(tags: tiff_tags.Tags) -> bool:
    return tags.get(_PHOTOMETRIC) == (_RGB,) and max(tags.get(_BITS, (1,)), default=1) > 8


def _sample_bytes(tags: tiff_tags.Tags) -> int:
    """Bytes of a pixel as stored."""
    return _first(tags, _SAMPLES, 1) * max(tags.get(_BITS, (1,)), default=1) // 8


def _check_layout(content: bytes, tags: tiff_tags.Tags, limits: Limits) -> None:
    """Refuse a page whose strips or tiles lie outside the file, or are larger than any picture."""
    if _COLUMNS not in tags or _ROWS not in tags:
        raise BrokenInputError("no-pixels")
    limits.check_size(_first(tags, _COLUMNS, 0), _first(tags, _ROWS, 0), bytes_per_pixel=1)
    tile = _first(tags, _TILE_COLUMNS, 1), _first(tags, _TILE_ROWS, 1)
    limits.check_size(*tile, bytes_per_pixel=max(1, _sample_bytes(tags)))
    for offsets, sizes in ((_STRIPS, _STRIP_BYTES), (_TILES, _TILE_BYTES)):
        ends = map(sum, zip(tags.get(offsets, ()), tags.get(sizes, ()), strict=False))
        if max(ends, default=0) > len(content):
            raise BrokenInputError("truncated")


def _first(tags: tiff_tags.Tags, tag: int, default: int) -> int:
    values = tags.get(tag, ())
    return values[0] if values else default
