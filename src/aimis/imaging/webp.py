"""WebP.

Source: RFC 9649.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np

from aimis.domain.errors import BrokenInputError, UnsupportedInputError
from aimis.imaging import colour, geometry, tiff_tags
from aimis.imaging.foreign import foreign_decoder

if TYPE_CHECKING:
    from aimis.imaging.limits import Limits
    from aimis.imaging.still import Still

_ANIMATION_FLAG = 0x02
_SIDE_BITS = 0x3FFF


def decode_webp(content: bytes, limits: Limits) -> Still:
    """The picture of a WebP file.

    Raises `BrokenInputError` "truncated" where a chunk is cut, "broken-picture" where it does not decode, and
    `UnsupportedInputError` "too-large" or "animation".
    """
    size_px, orientation = (0, 0), 1
    for kind, payload in _chunks(content):
        if kind == b"ANIM" or (kind == b"VP8X" and payload[:1] and payload[0] & _ANIMATION_FLAG):
            raise UnsupportedInputError("animation")
        if kind in _SIZES:
            size_px = _SIZES[kind](payload)
            limits.check_size(*size_px, bytes_per_pixel=8)
        if kind == b"EXIF":
            orientation = tiff_tags.orientation_of_exif(payload)
    if size_px == (0, 0):
        raise BrokenInputError("broken-picture", why="no VP8 chunk")
    rgb = _decode(content, size_px)
    return geometry.still_of(rgb, stored_size_px=size_px, orientation=orientation, frame=None, limits=limits)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and the first bytes of each chunk; the pixels' own bytes are not copied."""
    end = 8 + int.from_bytes(content[4:8], "little")
    if end > len(content) or end < 20:
        raise BrokenInputError("truncated")
    at = 12
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", content, at)
        if at + 8 + length > end:
            raise BrokenInputError("truncated")
        yield kind, content[at + 8 : at + 8 + min(length, 65536)]
        at += 8 + length + length % 2


def _lossy_size(payload: bytes) -> tuple[int, int]:
    if len(payload) < 10 or payload[3:6] != b"\x9d\x01\x2a":
        raise BrokenInputError("broken-picture", why="VP8 header")
    columns, rows = struct.unpack_from("<HH", payload, 6)
    return columns & _SIDE_BITS, rows & _SIDE_BITS


def _lossless_size(payload: bytes) -> tuple[int, int]:
    if len(payload) < 5 or payload[0] != 0x2F:
        raise BrokenInputError("broken-picture", why="VP8L header")
    packed = int.from_bytes(payload[1:5], "little")
    return (packed & _SIDE_BITS) + 1, (packed >> 14 & _SIDE_BITS) + 1


_SIZES = {b"VP8 ": _lossy_size, b"VP8L": _lossless_size}


def _decode(content: bytes, size_px: tuple[int, int]) -> colour.Rgb:
    with foreign_decoder("broken-picture"):
        samples = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        if samples is None or samples.shape[1::-1] != size_px:
            raise ValueError("WebP picture")
    return colour.rgb_of_samples(colour.rgb_order(samples))
