"""The tags of a TIFF file, read before any decoder sees it; EXIF is the same structure.

Source: TIFF 6.0 (Adobe, 1992), section 2; BigTIFF as in libtiff; EXIF 2.32, section 4.6.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aimis.domain.errors import BrokenInputError

Tags = Mapping[int, tuple[int, ...]]
"""Whole-number tags of one directory by number; texts, fractions and floats are left out."""

ORIENTATION = 274
_INTEGER_OF_TYPE = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_MOST_VALUES = 2_000_000
_MOST_ENTRIES = 1024
_EXIF_MARK = b"Exif\0\0"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    """Byte order and the widths that differ between TIFF and BigTIFF."""

    order: str
    first_at: int
    count: str
    offset: str
    inline_bytes: int

    @property
    def entry(self) -> struct.Struct:
        return struct.Struct(f"{self.order}HH{self.offset}{self.inline_bytes}s")


def read_directories(content: bytes, wanted: frozenset[int]) -> Iterator[Tags]:
    """The wanted tags of each directory (page), in file order; a chain that loops ends.

    Raises `BrokenInputError`: "truncated" where a directory or a value lies outside the file, "broken-picture"
    where the header is none or the tags are absurdly many.
    """
    layout = _layout(content)
    left = _MOST_VALUES
    seen: set[int] = set()
    at = _whole(content, layout.order + layout.offset, layout.first_at)
    while at and at not in seen:
        seen.add(at)
        tags, at = _directory(content, layout, at, wanted)
        left -= sum(len(values) for values in tags.values()) + 1
        if left < 0:
            raise BrokenInputError("broken-picture", why="TIFF tags")
        yield tags


def orientation_of_exif(exif: bytes) -> int:
    """The orientation 1..8 that an EXIF block says, 1 where it says none or is damaged."""
    try:
        tags = next(read_directories(exif.removeprefix(_EXIF_MARK), frozenset({ORIENTATION})), {})
    except BrokenInputError:
        return 1
    return orientation_of_tags(tags)


def orientation_of_tags(tags: Tags) -> int:
    """The orientation 1..8 of a directory, 1 where it says none."""
    values = tags.get(ORIENTATION, ())
    return values[0] if values and 1 <= values[0] <= 8 else 1


def _layout(content: bytes) -> _Layout:
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    if order is None:
        raise BrokenInputError("broken-picture", why="TIFF header")
    if _whole(content, order + "H", 2) == 43:
        return _Layout(order=order, first_at=8, count="Q", offset="Q", inline_bytes=8)
    return _Layout(order=order, first_at=4, count="H", offset="I", inline_bytes=4)


def _directory(content: bytes, layout: _Layout, at: int, wanted: frozenset[int]) -> tuple[Tags, int]:
    """The tags of the directory at an offset, and the offset of the next, 0 at the end."""
    entries = _whole(content, layout.order + layout.count, at)
    at += struct.calcsize(layout.count)
    if entries > _MOST_ENTRIES:
        raise BrokenInputError("broken-picture", why="TIFF directory")
    end = at + entries * layout.entry.size
    if end > len(content):
        raise BrokenInputError("truncated")
    tags = {}
    for tag, kind, count, field in layout.entry.iter_unpack(content[at:end]):
        if tag in wanted and kind in _INTEGER_OF_TYPE:
            tags[tag] = _values(content, layout, _INTEGER_OF_TYPE[kind], count, field)
    following = end + struct.calcsize(layout.offset) <= len(content)  # some writers leave the last link out
    return tags, _whole(content, layout.order + layout.offset, end) if following else 0


def _values(content: bytes, layout: _Layout, letter: str, count: int, field: bytes) -> tuple[int, ...]:
    size = struct.calcsize(letter) * count
    if count > _MOST_VALUES:
        raise BrokenInputError("broken-picture", why="TIFF tags")
    if size <= layout.inline_bytes:
        return struct.unpack_from(f"{layout.order}{count}{letter}", field)
    at = struct.unpack(layout.order + layout.offset, field)[0]
    if at + size > len(content):
        raise BrokenInputError("truncated")
    return struct.unpack_from(f"{layout.order}{count}{letter}", content, at)


def _whole(content: bytes, form: str, at: int) -> int:
    try:
        value: int = struct.unpack_from(form, content, at)[0]
    except (struct.error, OverflowError) as error:  # an offset of 64 bits may be no index at all
        raise BrokenInputError("truncated") from error
    return value
