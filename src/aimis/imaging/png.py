"""PNG: only the chunks that make the picture reach the decoder.

Source: W3C Portable Network Graphics, third edition.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

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
_GREY, _GREY_ALPHA, _RGB_ALPHA = 0, 4, 6
_DEEP_MODES = {2: "RGB", _RGB_ALPHA: "RGBA"}


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
    """16-bit colour: Pillow keeps one byte of each sample, so it is asked for the upper ones and the lower ones.

    Grey with alpha has no such choice, but has as many bytes a pixel as 8-bit RGBA: read as that, its bytes are
    grey's and alpha's, upper and lower.
    """
    columns, rows, _, colour_type = _header(clean[8:33])
    limits.check_size(columns, rows, bytes_per_pixel=22)
    with foreign_decoder("broken-picture"):
        if colour_type == _GREY_ALPHA:
            split = _samples(_relabelled(clean), "RGBA")
            upper, lower = split[..., ::2], split[..., 1::2]
        else:
            upper, lower = (_samples(clean, f"{_DEEP_MODES[colour_type]};16{order}") for order in "BL")
    return colour.rgb_of_samples(upper.astype(np.uint16) << 8 | lower)


def _samples(clean: bytes, raw_mode: str) -> colour.Samples:
    image = PngImagePlugin.PngImageFile(io.BytesIO(clean))
    image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
    return np.asarray(image)


def _relabelled(clean: bytes) -> bytes:
    """The same file with a header that says 8-bit RGBA."""
    header = clean[12:24] + bytes([8, _RGB_ALPHA]) + clean[26:29]
    return clean[:12] + header + zlib.crc32(header).to_bytes(4) + clean[33:]
