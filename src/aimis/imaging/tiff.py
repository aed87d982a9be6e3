"""TIFF: one still a page.

Source: TIFF 6.0 (Adobe, 1992).
"""

from __future__ import annotations

import ctypes
import functools
import io
import itertools
import zlib
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import TiffImagePlugin

from aimis.domain.errors import BrokenInputError, UnsupportedInputError
from aimis.imaging import colour, geometry, pillow, tiff_tags
from aimis.imaging.foreign import foreign_decoder

if TYPE_CHECKING:
    from aimis.imaging.limits import Limits
    from aimis.imaging.still import Still

_SUBFILE, _COLUMNS, _ROWS, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES = 254, 256, 257, 258, 259, 262, 277
_PLANAR, _PREDICTOR, _FORMAT = 284, 317, 339
_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES, _TILE_COLUMNS, _TILE_ROWS = 273, 279, 324, 325, 322, 323
_WANTED = frozenset(
    {_SUBFILE, _COLUMNS, _ROWS, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR, _PREDICTOR, _FORMAT}
    | {_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES, _TILE_COLUMNS, _TILE_ROWS, tiff_tags.ORIENTATION}
)
_THUMBNAIL_OR_MASK = 0b101
_BLACK_IS_ZERO, _RGB = 1, 2
_FLOAT = 3
_APART = 2
_PLAIN = 1
_MOST_SAMPLES = 5
_DEFLATE = frozenset({8, 32946})
_DEEP_TYPES = {(16, 1): "u2", (32, 3): "f4", (64, 3): "f8"}
"""By bits and sample format: what is read of more than 8 bits a colour."""
_BIG_ENDIAN_BIGTIFF = b"MM\0+"


def decode_tiff(content: bytes, limits: Limits) -> Iterator[Still]:
    """The pages of a TIFF file that are pictures of their own, not thumbnails nor masks.

    Raises `BrokenInputError` "truncated", "broken-picture" or "no-pixels", and `UnsupportedInputError`
    "too-large", "too-many-frames" or "unsupported-pixels"; good pages before a broken one have been handed on by then.
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
    upright_px = size_px[::-1] if orientation >= 5 else size_px
    if _is_deep(tags):
        kind = _deep_type(tags)
        limits.check_size(*size_px, bytes_per_pixel=3 * _sample_bytes(tags) + 8)
        if _first(tags, _SAMPLES, 1) > 1 and _first(tags, _PLANAR, _PLAIN) == _APART:
            rgb = colour.rgb_of_samples(_planes(content, tags, size_px, kind))
            return geometry.still_of(rgb, stored_size_px=size_px, orientation=orientation, frame=frame, limits=limits)
        rgb = _decode_deep(content, at, upright_px)
    elif content.startswith(_BIG_ENDIAN_BIGTIFF) and _first(tags, _PHOTOMETRIC, 0) in {_BLACK_IS_ZERO, _RGB}:
        rgb = _decode_deep(content, at, upright_px)
    else:
        rgb, upright_px = _decode_upright(content, at, limits)
    return geometry.still_of(rgb, stored_size_px=upright_px, orientation=1, frame=frame, limits=limits)


def _decode_upright(content: bytes, at: int, limits: Limits) -> tuple[colour.Rgb, tuple[int, int]]:
    """By Pillow, which turns a TIFF as its tag says while loading; with the full size, columns first."""
    _mute_libtiff()
    with foreign_decoder("broken-picture"):
        image = TiffImagePlugin.TiffImageFile(io.BytesIO(content))
        image.seek(at)
        pillow.check_image(image, limits)
        image.load()
        return pillow.rgb_of_image(image, limits), image.size


@functools.cache
def _mute_libtiff() -> None:
    """Pillow leaves libtiff's habit of writing each error to standard error; it is called off in the wheel's copy."""
    for file in metadata.files("pillow") or []:
        if file.name.startswith("libtiff"):
            ctypes.CDLL(str(file.locate())).TIFFSetErrorHandler(None)


def _decode_deep(content: bytes, at: int, upright_px: tuple[int, int]) -> colour.Rgb:
    """By OpenCV, which turns it too: of 16-bit and float colour Pillow keeps the upper byte or reads none."""
    with foreign_decoder("broken-picture"):
        encoded = np.frombuffer(content, np.uint8)
        read, pictures = cv2.imdecodemulti(encoded, cv2.IMREAD_UNCHANGED, range=(at, at + 1))
        if not read or len(pictures) != 1 or pictures[0].shape[1::-1] != upright_px:
            raise ValueError("TIFF page")
    return colour.rgb_of_samples(colour.rgb_order(pictures[0]))


def _planes(content: bytes, tags: tiff_tags.Tags, size_px: tuple[int, int], type_name: str) -> colour.Samples:
    """16-bit and float planes stored apart, shape (rows, columns, planes): both libraries scramble them."""
    compression = _first(tags, _COMPRESSION, _PLAIN)
    if compression not in {_PLAIN, *_DEFLATE} or _first(tags, _PREDICTOR, _PLAIN) != _PLAIN or _TILES in tags:
        raise UnsupportedInputError("unsupported-pixels", compression=compression)
    columns, rows = size_px
    kind = np.dtype((">" if content.startswith(b"MM") else "<") + type_name)
    planes = _first(tags, _SAMPLES, 1)
    size = planes * rows * columns * kind.itemsize
    strips = [
        content[at : at + count] for at, count in zip(tags.get(_STRIPS, ()), tags.get(_STRIP_BYTES, ()), strict=False)
    ]
    if compression in _DEFLATE:
        with foreign_decoder("broken-picture"):
            strips = [zlib.decompressobj().decompress(strip, size) for strip in strips]
    if sum(len(strip) for strip in strips) != size:
        raise BrokenInputError("truncated")
    samples = np.frombuffer(b"".join(strips), kind).reshape(planes, rows, columns)
    return np.ascontiguousarray(samples.transpose(1, 2, 0)).astype(kind.newbyteorder("="))


def _is_deep(tags: tiff_tags.Tags) -> bool:
    """Whether a page is of a kind that Pillow does not read in full: deep colour, or float."""
    if max(tags.get(_BITS, ()), default=1) <= 8:
        return False
    photometric = _first(tags, _PHOTOMETRIC, 0)
    return photometric == _RGB or (photometric == _BLACK_IS_ZERO and _FLOAT in tags.get(_FORMAT, ()))


def _deep_type(tags: tiff_tags.Tags) -> str:
    """The samples' type, raising where it is not read."""
    kinds = {*itertools.product(set(tags.get(_BITS, ())), set(tags.get(_FORMAT, (_PLAIN,))))}
    name = _DEEP_TYPES.get(next(iter(kinds))) if len(kinds) == 1 else None
    if name is None or _first(tags, _SAMPLES, 1) not in {1, 3, 4}:
        raise UnsupportedInputError("unsupported-pixels", bits=max(tags.get(_BITS, ())))
    return name


def _sample_bytes(tags: tiff_tags.Tags) -> int:
    """Bytes of a pixel as stored."""
    return _first(tags, _SAMPLES, 1) * max(tags.get(_BITS, (1,)), default=1) // 8


def _check_layout(content: bytes, tags: tiff_tags.Tags, limits: Limits) -> None:
    """Refuse a page whose strips or tiles lie outside the file, or are larger than any picture."""
    if _COLUMNS not in tags or _ROWS not in tags:
        raise BrokenInputError("no-pixels")
    limits.check_size(_first(tags, _COLUMNS, 0), _first(tags, _ROWS, 0), bytes_per_pixel=1)
    if _first(tags, _SAMPLES, 1) > _MOST_SAMPLES:
        raise UnsupportedInputError("unsupported-pixels", samples=_first(tags, _SAMPLES, 1))
    tile = _first(tags, _TILE_COLUMNS, 1), _first(tags, _TILE_ROWS, 1)
    limits.check_size(*tile, bytes_per_pixel=max(1, _sample_bytes(tags)))
    for offsets, sizes in ((_STRIPS, _STRIP_BYTES), (_TILES, _TILE_BYTES)):
        ends = map(sum, zip(tags.get(offsets, ()), tags.get(sizes, ()), strict=False))
        if max(ends, default=0) > len(content):
            raise BrokenInputError("truncated")


def _first(tags: tiff_tags.Tags, tag: int, default: int) -> int:
    values = tags.get(tag, ())
    return values[0] if values else default
