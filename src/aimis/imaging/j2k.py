"""JPEG 2000 codestreams: their header, and their samples by OpenCV, which decodes outside the interpreter's lock.

OpenJPEG, which OpenCV has inside, fills tiles that a stream lacks with nothing: they are counted before.

Source: ISO/IEC 15444-1, annex A (markers), B.3 (tiles), G.1 (level shift) and annex I (JP2 boxes).
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from openjpeg import utils as openjpeg

from aimis.domain.errors import BrokenInputError, UnsupportedInputError

if TYPE_CHECKING:
    from aimis.imaging import colour

_SOC_SIZ = b"\xff\x4f\xff\x51"
_SIZ = struct.Struct(">HH8IH")
_FORMS_AT = len(_SOC_SIZ) + _SIZ.size
"""Where, in a codestream, three bytes a component begin: depth and sign, and how it is subsampled."""
_SIGNED, _DEPTH = 0x80, 0x7F
_LEAST_BITS_OF_OPENCV = 8
_START_OF_TILE_PART = b"\xff\x90"
_TILE_PART = struct.Struct(">2sHHIBB")


@dataclass(frozen=True, kw_only=True, slots=True)
class J2kHeader:
    """What the SIZ segment says.

    at : where the codestream begins
    bits, is_signed : of a sample, the same in all components
    tiles : how many the picture is made of
    """

    at: int
    columns: int
    rows: int
    components: int
    bits: int
    is_signed: bool
    tiles: int


def read_j2k_header(codestream: bytes) -> J2kHeader:
    """The header; a JP2 file's boxes before the codestream are passed over.

    Raises `BrokenInputError` "broken-picture" where there is no codestream or no size, "truncated" where it ends in its
    header, and `UnsupportedInputError` "unsupported-pixels" where the components differ in depth or are subsampled.
    """
    at = 0 if codestream.startswith(_SOC_SIZ) else codestream.find(_SOC_SIZ)
    if at < 0:
        raise BrokenInputError("broken-picture", why="JPEG 2000 header")
    if len(codestream) < at + _FORMS_AT:
        raise BrokenInputError("truncated")
    _, _, right, bottom, left, top, *tiling, components = _SIZ.unpack_from(codestream, at + len(_SOC_SIZ))
    wide, high, first_left, first_top = tiling
    if not wide or not high:
        raise BrokenInputError("broken-picture", why="JPEG 2000 header")
    first = at + _FORMS_AT
    forms = [codestream[at : at + 3] for at in range(first, first + 3 * components, 3)]
    if not forms or len(forms[-1]) < 3:
        raise BrokenInputError("truncated")
    if set(forms) != {bytes([forms[0][0], 1, 1])}:
        raise UnsupportedInputError("unsupported-pixels", layout="JPEG 2000 components")
    return J2kHeader(
        at=at,
        columns=right - left,
        rows=bottom - top,
        components=components,
        bits=(forms[0][0] & _DEPTH) + 1,
        is_signed=bool(forms[0][0] & _SIGNED),
        tiles=math.ceil((right - first_left) / wide) * math.ceil((bottom - first_top) / high),
    )


def check_tiles(codestream: bytes, header: J2kHeader) -> None:
    """Raises `BrokenInputError` "truncated" where tiles are missing, or parts of them that should be there."""
    parts = list(_tile_parts(codestream, header.at + 2))
    found = Counter(tile for tile, _ in parts)
    if len(found) < header.tiles or any(found[tile] < of for tile, of in parts):
        raise BrokenInputError("truncated")


def decode_samples(codestream: bytes, header: J2kHeader) -> colour.Samples:
    """Shape (rows, columns) or (rows, columns, 3), red first; 8 or 16 bit, signed where the stream is.

    OpenCV refuses signed samples. Called unsigned, the same samples come out higher by half their range. It refuses
    those of few bits too, which no CT has; OpenJPEG by itself holds the lock.

    Raises what the two raise, and ValueError where OpenCV gives nothing.
    """
    if header.bits < _LEAST_BITS_OF_OPENCV:
        return openjpeg.decode(codestream)
    unsigned = bytearray(memoryview(codestream)[header.at :])
    for at in range(_FORMS_AT, _FORMS_AT + 3 * header.components, 3):
        unsigned[at] &= _DEPTH
    samples = cv2.imdecode(np.frombuffer(unsigned, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None:
        raise ValueError("no samples")
    if header.components > 1:
        samples = cv2.cvtColor(samples, cv2.COLOR_BGR2RGB)
    return _signed(samples, header.bits) if header.is_signed else samples


def _signed(samples: colour.Samples, bits: int) -> colour.Samples:
    """Less by half the range; the difference wraps round to a negative number's bits."""
    lower: colour.Samples = samples - samples.dtype.type(2 ** (bits - 1))
    return lower.view(f"i{lower.dtype.itemsize}")


def _tile_parts(codestream: bytes, at: int) -> Iterator[tuple[int, int]]:
    """The tile of each tile-part, and of how many that tile is made, 0 where it is not said (A.4.2).

    at : of the main header's first segment
    """
    while codestream[at : at + 2] != _START_OF_TILE_PART and at < len(codestream):
        at += 2 + int.from_bytes(codestream[at + 2 : at + 4])
    while codestream[at : at + 2] == _START_OF_TILE_PART and at + _TILE_PART.size <= len(codestream):
        _, _, tile, length, _, parts = _TILE_PART.unpack_from(codestream, at)
        yield tile, parts
        at += length or len(codestream)  # the last one need not say how long it is
