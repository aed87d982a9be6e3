"""The outermost boxes of an MP4 or MOV file, which tell whether it is whole, and whether it is one file.

Source: ISO/IEC 14496-12, section 4.2.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

_MOST_BOXES = 200_000
_TO_THE_END = 0
_LONG = 1
_INDEX, _PART = b"moov", b"moof"


def is_index_cut_off(stream: BinaryIO) -> bool:
    """Whether a file that begins as MP4 ends before its index does, so that nothing of it can be read."""
    boxes = list(_boxes(stream))
    if not boxes or boxes[0][0] != b"ftyp":
        return False
    ends = [end for kind, end in boxes if kind in {_INDEX, _PART}]
    return not ends or min(ends) > stream.seek(0, io.SEEK_END)


def is_joined(stream: BinaryIO) -> bool:
    """Whether several MP4 files stand one after another in it: a player shows the first alone."""
    return sum(kind == _INDEX for kind, _ in _boxes(stream)) > 1


def _boxes(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Kind and end of each box, up to the end of the file or to what is none; the stream is left anywhere."""
    size, at = stream.seek(0, io.SEEK_END), 0
    for _ in range(_MOST_BOXES):
        stream.seek(min(at, size))
        length, kind, long = struct.unpack(">I4sQ", stream.read(16).ljust(16, b"\0"))
        length = {_TO_THE_END: size - at, _LONG: long}.get(length, length)
        if at + 8 > size or length < 8:  # the end, or no box
            return
        at += length
        yield kind, at
