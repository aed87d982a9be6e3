"""The header of a JPEG 2000 codestream.

Source: ISO/IEC 15444-1, annex A (markers) and annex I (JP2 boxes).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from aimis.domain.errors import BrokenInputError, UnsupportedInputError

_SOC_SIZ = b"\xff\x4f\xff\x51"
_SIZ = struct.Struct(">HH8IH")


@dataclass(frozen=True, kw_only=True, slots=True)
class J2kHeader:
    """What the SIZ segment says.

    bits : of a sample, the same in all components
    """

    columns: int
    rows: int
    components: int
    bits: int


def read_j2k_header(codestream: bytes) -> J2kHeader:
    """The header; a JP2 file's boxes before the codestream are passed over.

    Raises `BrokenInputError` "broken-picture" where there is no codestream, "truncated" where it ends in its header,
    and `UnsupportedInputError` "unsupported-pixels" where the components differ in depth or are subsampled.
    """
    at = 0 if codestream.startswith(_SOC_SIZ) else codestream.find(_SOC_SIZ)
    if at < 0:
        raise BrokenInputError("broken-picture", why="JPEG 2000 header")
    if len(codestream) < at + 4 + _SIZ.size:
        raise BrokenInputError("truncated")
    _, _, right, bottom, left, top, _, _, _, _, components = _SIZ.unpack_from(codestream, at + 4)
    first = at + 4 + _SIZ.size
    forms = [codestream[at : at + 3] for at in range(first, first + 3 * components, 3)]
    if not forms or len(forms[-1]) < 3:
        raise BrokenInputError("truncated")
    if set(forms) != {bytes([forms[0][0], 1, 1])}:
        raise UnsupportedInputError("unsupported-pixels", layout="JPEG 2000 components")
    bits = (forms[0][0] & 0x7F) + 1
    return J2kHeader(columns=right - left, rows=bottom - top, components=components, bits=bits)
