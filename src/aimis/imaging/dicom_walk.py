"""Walks the elements of a DICOM data set without reading their values: a series has hundreds of headers, alike.

A tenth of the time that pydicom takes for the same. Source: DICOM PS3.5 section 7 (data elements, sequences), PS3.10.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom import uid

from aimis.domain.errors import BrokenInputError
from aimis.imaging import dicom_tags

if TYPE_CHECKING:
    from aimis.imaging.limits import Limits

PIXEL_DATA = 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_LONG_KINDS = frozenset({b"OB", b"OW", b"UN", b"UT", b"SQ", b"OF", b"OD", b"OL", b"OV", b"UC", b"UR", b"SV", b"UV"})
_LONGEST_KEPT = 1024
_MOST_ELEMENTS = 20_000
_MOST_NESTED = 16
_META_BYTES = 2048
_TRANSFER_SYNTAX = 0x00020010
_BIG_ENDIAN = uid.ExplicitVRBigEndian.encode()
_IMPLICIT = uid.ImplicitVRLittleEndian.encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Walked:
    """The elements of one data set, its top level alone.

    values : bytes as written, of values of at most 1 KB, by tag
    order : < or >, as numbers of the data set are written
    pixels_at : where the value of Pixel Data begins in the content; None where it was not reached
    pixels_length : of that value as said; None where it is encapsulated
    content : that the offsets count in: as given, or inflated
    """

    values: dict[int, bytes]
    order: str
    pixels_at: int | None
    pixels_length: int | None
    content: bytes


def walk(content: bytes, limits: Limits) -> Walked:
    """The elements up to Pixel Data, or as far as the content reaches.

    Raises `BrokenInputError` "broken-dicom" for what is no data set, and what `dicom_tags.inflated` raises.
    """
    content = dicom_tags.inflated(content, limits)
    at = 132 if content.startswith(b"DICM", 128) else 0
    values: dict[int, bytes] = {}
    walker = _Walker(content, order="<", explicit=True)
    at = walker.through(at, values, while_below=0x00030000)
    syntax = values.get(_TRANSFER_SYNTAX, b"").rstrip(b"\0 ")
    order = ">" if syntax == _BIG_ENDIAN else "<"
    explicit = syntax != _IMPLICIT if syntax else content[at + 4 : at + 6].isupper()
    walker = _Walker(content, order=order, explicit=explicit)
    walker.through(at, values)
    return Walked(
        values=values,
        order=order,
        pixels_at=walker.pixels_at,
        pixels_length=walker.pixels_length,
        content=content,
    )


class _Walker:
    """One pass; ends quietly where the content does."""

    def __init__(self, content: bytes, *, order: str, explicit: bool) -> None:
        self._content = content
        self._explicit = explicit
        self._tag = struct.Struct(f"{order}HH").unpack_from
        self._short = struct.Struct(f"{order}H").unpack_from
        self._long = struct.Struct(f"{order}I").unpack_from
        self._left = _MOST_ELEMENTS
        self.pixels_at: int | None = None
        self.pixels_length: int | None = None

    def through(self, at: int, values: dict[int, bytes], while_below: int = PIXEL_DATA) -> int:
        """Where the first element of that tag or a higher one begins, the values before it taken; else the end."""
        end = len(self._content)
        while at + 8 <= end:
            group, element = self._tag(self._content, at)
            if group << 16 | element >= while_below:
                self._note_pixels(at, group << 16 | element)
                return at
            tag, begin, length = self._element(at, explicit=self._explicit)
            if length == _UNDEFINED:
                unknown = self._content[at + 4 : at + 6] == b"UN"  # which is written as implicit within (PS3.5 6.2.2)
                at = self._after_sequence(begin, explicit=self._explicit and not unknown)
                continue
            at = begin + length
            if length <= _LONGEST_KEPT and at <= end:
                values[tag] = self._content[begin:at]
        return end

    def _note_pixels(self, at: int, tag: int) -> None:
        if tag == PIXEL_DATA:
            _, self.pixels_at, length = self._element(at, explicit=self._explicit)
            self.pixels_length = None if length == _UNDEFINED else length

    def _element(self, at: int, *, explicit: bool) -> tuple[int, int, int]:
        """Tag, where the value begins, and its length as said."""
        self._left -= 1
        if self._left < 0:
            raise BrokenInputError("broken-dicom", why="too many elements")
        group, element = self._tag(self._content, at)
        tag = group << 16 | element
        if not explicit or group == 0xFFFE:
            return tag, at + 8, self._long(self._content, at + 4)[0]
        kind = self._content[at + 4 : at + 6]
        if kind not in _LONG_KINDS:
            if not kind.isupper():
                raise BrokenInputError("broken-dicom", why="data set")
            return tag, at + 8, self._short(self._content, at + 6)[0]
        if at + 12 > len(self._content):
            return tag, at + 12, 0
        return tag, at + 12, self._long(self._content, at + 8)[0]

    def _after_sequence(self, at: int, *, explicit: bool, depth: int = 0) -> int:
        """Past a sequence, or an item, of undefined length."""
        if depth > _MOST_NESTED:
            raise BrokenInputError("broken-dicom", why="sequences too deep")
        while at + 8 <= len(self._content):
            tag, begin, length = self._element(at, explicit=explicit)
            if tag in {_SEQUENCE_END, _ITEM_END}:
                return begin
            if length == _UNDEFINED:
                at = self._after_sequence(begin, explicit=explicit, depth=depth + 1)
            else:
                at = begin + length
        return len(self._content)


def is_deflated(beginning: bytes) -> bool:
    """Whether a file's data set has to be inflated before it can be walked."""
    return uid.DeflatedExplicitVRLittleEndian.encode() in beginning[:_META_BYTES]
