"""PNG: only the chunks that make the picture reach the decoder.

Source: W3C Portable Network Graphics, third edition.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
from PIL import PngImagePlugin

from aimis.domain.errors import BrokenInputError, UnsupportedInputError
from aimis.imaging import colour, geometry, pillow, tiff_tags
from aimis.imaging.foreign import foreign_decoder

if TYPE_CHECKING:
    from aimis.imaging.limits import Limits
    from aimis.imaging.still import Still

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DECODED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_LENGTH_AND_TYPE = struct.Struct(">I4s")
_GREY = 0


def decode_png(content: bytes, limits: Limits) -> Still:
    """The picture of a PNG file.

    Raises `BrokenInputError` "truncated" where a chunk is cut or the end is missing, "broken-picture" where a
    checksum does not hold, and `UnsupportedInputError` "too-large" or "animation".
    """
    kept, orientation = [_SIGNATURE], 1
    for kind, chunk in _chunks(content):
        if kind == b"acTL":
            raise UnsupportedInputError("animation")
        if kind == b"eXIf":
            orientation = tiff_tags.orientation_of_exif(chunk[8:-4])
        if kind in _DECODED:
            kept.append(chunk)
    columns, rows, bits, colour_type = _header(kept[1] if len(kept) > 1 else b"")
    clean = b"".join(kept)
    rgb = _decode_deep(clean, limits) if bits == 16 and colour_type != _GREY else _decode(clean, limits)
    return geometry.still_of(rgb, stored_size_px=(columns, rows), orientation=orientation, frame=None, limits=limits)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and whole bytes of each chunk up to IEND, checksums held."""
    at, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        if at + 12 > len(content):
            raise BrokenInputError("truncated")
        length, kind = _LENGTH_AND_TYPE.unpack_from(content, at)
        chunk = content[at : at + 12 + length]
        if len(chunk) < 12 + length:
            raise BrokenInputError("truncated")
        if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
            raise BrokenInputError("broken-picture", why="PNG checksum")
        yield kind, chunk
        at += 12 + length


def _header(chunk: bytes) -> tuple[int, int, int, int]:
    """Columns, rows, bits of a sample and colour type of an IHDR chunk."""
    if chunk[4:8] != b"IHDR" or len(chunk) != 25:
        raise BrokenInputError("broken-picture", why="PNG header")
    columns, rows, bits, colour_type = struct.unpack_from(">IIBB", chunk, 8)
    return columns, rows, bits, colour_type


def _decode(clean: bytes, limits: Limits) -> colour.Rgb:
    with foreign_decoder("broken-picture"):
        image = PngImagePlugin.PngImageFile(io.BytesIO(clean))
        pillow.check_image(image, limits)
        image.load()
        return pillow.rgb_of_image(image, limits)


def _decode_deep(clean: bytes, limits: Limits) -> colour.Rgb:
    """16-bit colour: Pillow would keep the upper byte alone, OpenCV would not say that the data end early."""
    columns, rows, bits, colour_type = _header(clean[8:33])
    limits.check_size(columns, rows, bytes_per_pixel=14)
    with foreign_decoder("broken-picture"):
        PngImagePlugin.PngImageFile(io.BytesIO(clean)).load()
        samples = cv2.imdecode(np.frombuffer(clean, np.uint8), cv2.IMREAD_UNCHANGED)
        if samples is None:
            raise ValueError(f"PNG colour type {colour_type}, {bits} bit")
    return colour.rgb_of_samples(rgb_order(samples))


def rgb_order(samples: colour.Samples) -> colour.Samples:
    """OpenCV's order of colours to ours."""
    if samples.dtype == np.float64:
        samples = samples.astype(np.float32)
    if samples.ndim == 2:
        return samples
    code = cv2.COLOR_BGRA2RGBA if samples.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return cast("colour.Samples", cv2.cvtColor(samples, code))
