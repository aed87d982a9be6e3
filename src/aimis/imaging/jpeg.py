"""JPEG: its headers, and its pixels at the scale that is enough.

Source: ISO/IEC 10918-1 (markers), JFIF 1.02, Adobe Technical Note 5116 (APP14), EXIF 2.32.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import simplejpeg
from PIL import JpegImagePlugin

from aimis.domain.errors import BrokenInputError, UnsupportedInputError
from aimis.imaging import colour, geometry, tiff_tags
from aimis.imaging.foreign import foreign_decoder

if TYPE_CHECKING:
    from aimis.imaging.limits import Limits
    from aimis.imaging.still import Still

_SOI, _EOI, _SOS, _APP1, _APP14, _APP0 = 0xD8, 0xD9, 0xDA, 0xE1, 0xEE, 0xE0
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_LS_FRAME = 0xF7
_HUFFMAN_DCT = frozenset({0xC0, 0xC1, 0xC2})
_PROGRESSIVE = 0xC2
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_MOST_PIXEL_SCANS = 3_000_000_000
"""Pixels times scans: a picture of a few bytes a scan can ask for hours of work."""
_HARMLESS = ("extraneous bytes before marker 0xd9", "Warning: unknown JFIF revision", "Unknown Adobe color")
_UNUSUAL_LAYOUT = ("subsampling", "colorspace")


@dataclass(frozen=True, kw_only=True, slots=True)
class JpegHeader:
    """What stands before a JPEG's or JPEG-LS's first scan.

    process : the frame marker's low byte, 0xC0 baseline .. 0xCF, 0xF7 for JPEG-LS
    adobe_transform : of the APP14 segment, 0 none, 1 YCbCr, 2 YCCK; None without the segment
    first_scan_at : offset of the first scan's marker
    """

    columns: int
    rows: int
    bits: int
    component_ids: tuple[int, ...]
    process: int
    orientation: int = 1
    has_jfif: bool = False
    adobe_transform: int | None = None
    first_scan_at: int = 0

    @property
    def components(self) -> int:
        """Colours of a pixel."""
        return len(self.component_ids)


def decode_jpeg(content: bytes, limits: Limits) -> Still:
    """The picture of a JPEG file; bytes after its end are ignored.

    Raises `BrokenInputError` "truncated" or "broken-picture", also where only a part is damaged, and
    `UnsupportedInputError` "too-large", or "unsupported-file" for 12-bit, lossless and arithmetic JPEG.
    """
    header = read_header(content)
    if header.process not in _HUFFMAN_DCT or header.bits != 8:
        raise UnsupportedInputError("unsupported-file", format=f"JPEG {header.process:X}h {header.bits} bit")
    by = check_cost(header, content, limits)
    rgb = decode_pixels(content, header, by)
    return geometry.still_of(
        rgb,
        stored_size_px=(header.columns, header.rows),
        orientation=header.orientation,
        frame=None,
        limits=limits,
    )


def read_header(content: bytes) -> JpegHeader:
    """Walk the markers up to the first scan.

    Raises `BrokenInputError` "truncated" where the file ends before it, "broken-picture" where there is no frame.
    """
    fields: dict[str, object] = {}
    for marker, start, end in _segments(content):
        segment = content[start:end]
        if marker in _FRAME_MARKERS or marker == _JPEG_LS_FRAME:
            fields.update(_frame_fields(marker, segment))
        elif marker == _APP1 and segment.startswith(b"Exif\0\0"):
            fields["orientation"] = tiff_tags.orientation_of_exif(segment)
        elif marker == _APP14 and segment.startswith(b"Adobe") and len(segment) >= 12:
            fields["adobe_transform"] = segment[11]
        elif marker == _APP0 and segment.startswith(b"JFIF"):
            fields["has_jfif"] = True
        elif marker == _SOS:
            fields["first_scan_at"] = start - 4
    if "process" not in fields:
        raise BrokenInputError("broken-picture", why="JPEG frame")
    return JpegHeader(**fields)  # type: ignore[arg-type]  # each field is set with its type above


def decode_pixels(content: bytes, header: JpegHeader, by: int = 1) -> colour.Rgb:
    """The pixels as RGB, shape (rows / by, columns / by, 3) rounded up; nothing is turned."""
    least = {"min_height": -(-header.rows // by), "min_width": -(-header.columns // by)} if by > 1 else {}
    inks = header.components == 4
    with foreign_decoder("broken-picture"):
        try:
            decoded = simplejpeg.decode_jpeg(content, colorspace="CMYK" if inks else "RGB", **least)
        except ValueError as error:
            if any(words in str(error) for words in _UNUSUAL_LAYOUT):
                return _decode_unusual(content, header, by)
            if not any(words in str(error) for words in _HARMLESS):
                raise
            decoded = simplejpeg.decode_jpeg(content, colorspace="CMYK" if inks else "RGB", strict=False, **least)
    if not inks:
        return cast("colour.Rgb", decoded)
    return colour.rgb_of_cmyk(decoded if header.adobe_transform is None else 255 - decoded)


def check_cost(header: JpegHeader, content: bytes, limits: Limits) -> int:
    """By how much to reduce; refuses what is too large or has no end."""
    limits.check_size(header.columns, header.rows, bytes_per_pixel=1)
    by = limits.reduction(header.columns, header.rows)
    held = 3 / by**2 + (6 if header.process == _PROGRESSIVE else 0)
    limits.check_size(header.columns, header.rows, bytes_per_pixel=max(1, round(held)))
    scans = content.count(bytes([0xFF, _SOS]), header.first_scan_at)
    if scans * header.columns * header.rows > max(_MOST_PIXEL_SCANS, limits.max_pixels):
        raise BrokenInputError("broken-picture", why=f"{scans} scans")
    if content.find(bytes([0xFF, _EOI]), header.first_scan_at) < 0:
        raise BrokenInputError("truncated")
    return by


def _segments(content: bytes) -> list[tuple[int, int, int]]:
    """Marker, start and end of each segment's payload, up to and with the first scan's."""
    found: list[tuple[int, int, int]] = []
    at = 2
    while not found or found[-1][0] != _SOS:
        marker_at = content.find(b"\xff", at)
        marker_at += _fill_bytes(content, marker_at)
        marker = content[marker_at + 1] if 0 <= marker_at < len(content) - 1 else None
        if marker == _EOI:
            break
        length = int.from_bytes(content[marker_at + 2 : marker_at + 4])
        if marker is None or length < 2 or marker_at + 2 + length > len(content):
            raise BrokenInputError("truncated")
        at = marker_at + 2
        if marker not in _NO_LENGTH:
            at += length
            found.append((marker, marker_at + 4, at))
    return found


def _fill_bytes(content: bytes, at: int) -> int:
    """How many 0xFF stand before a marker's own."""
    end = at
    while at >= 0 and end + 1 < len(content) and content[end + 1] == 0xFF:
        end += 1
    return end - at


def _frame_fields(marker: int, segment: bytes) -> dict[str, object]:
    components = segment[5] if len(segment) > 5 else 0
    if not 1 <= components <= 4 or len(segment) < 6 + 3 * components:
        raise BrokenInputError("broken-picture", why="JPEG frame")
    return {
        "process": marker,
        "bits": segment[0],
        "rows": int.from_bytes(segment[1:3]),
        "columns": int.from_bytes(segment[3:5]),
        "component_ids": tuple(segment[6 : 6 + 3 * components : 3]),
    }


def _decode_unusual(content: bytes, header: JpegHeader, by: int) -> colour.Rgb:
    """Rare sampling layouts that TurboJPEG does not name, by Pillow."""
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(content))
    if by > 1:
        image.draft("RGB", (-(-header.columns // by), -(-header.rows // by)))
    if image.mode == "CMYK":  # Pillow has already undone Adobe's inversion
        return colour.rgb_of_cmyk(np.asarray(image))
    return np.asarray(image.convert("RGB"))
