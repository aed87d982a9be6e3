"""The header of a JPEG 2000 codestream.

Source: ISO/IEC 15444-1, annex A (markers) and annex I (JP2 boxes).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from aimis.domain.errors import BrokenInputError

_SOC_SIZ = b"\xff\x4f\xff\x51"
_SIZ = struct.Struct(">HH8IH")


@dataclass(frozen=True, kw_only=True, slots=True)
class J2kHeader:
    """What the SIZ segment says.

    bits : of each component, signed or not
    """

    columns: int
    rows: int
    bits: tuple[int, ...]
    signed: bool

    @property
    def components(self) -> int:
        """Colours of a pixel."""
        return len(self.bits)


def read_j2k_header(codestream: bytes) -> J2kHeader:
    """The header; a JP2 file's boxes before the codestream are passed over.

    Raises `BrokenInputError` "broken-picture" where there is no codestream, "truncated" where it ends in its header.
    """
    at = 0 if codestream.startswith(_SOC_SIZ) else codestream.find(_SOC_SIZ)
    if at < 0:
        raise BrokenInputError("broken-picture", why="JPEG 2000 header")
    if len(codestream) < at + 4 + _SIZ.size:
        raise BrokenInputError("truncated")
    _, _, right, bottom, left, top, _, _, _, _, components = _SIZ.unpack_from(codestream, at + 4)
    first = at + 4 + _SIZ.size
    depths = codestream[first : first + 3 * components]
    if len(depths) < 3 * components or not components:
        raise BrokenInputError("truncated")
    return J2kHeader(
        columns=right - left,
        rows=bottom - top,
        bits=tuple((depth & 0x7F) + 1 for depth in depths[::3]),
        signed=bool(depths[0] & 0x80),
    )
