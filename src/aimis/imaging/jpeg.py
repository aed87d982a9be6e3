"""JPEG: its headers, and its pixels at the scale that is enough.

Source: ISO/IEC 10918-1 (markers), JFIF 1.02, Adobe Technical Note 5116 (APP14), EXIF 2.32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import simplejpeg

from aimis.domain.errors import BrokenInputError, UnsupportedInputError
from aimis.imaging import colour, geometry, tiff_tags
from aimis.imaging.foreign import foreign_decoder

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from aimis.imaging.limits import Limits
    from aimis.imaging.still import Still

_SOI, _EOI, _SOS, _APP1, _APP14, _APP0 = 0xD8, 0xD9, 0xDA, 0xE1, 0xEE, 0xE0
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_LS_FRAME = 0xF7
_SEQUENTIAL = frozenset({0xC0, 0xC1})
_PROGRESSIVE = 0xC2
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_MOST_PIXEL_SCANS = 3_000_000_000
"""Pixels times scans: a picture of a few bytes a scan can ask for hours of work."""
_HARMLESS = "extraneous bytes before marker 0xd9"
_JFIF_START = b"\xff\xe0\x00\x10JFIF\0"
_COLOURS = {1: "GRAY", 3: "RGB", 4: "CMYK"}


@dataclass(frozen=True, kw_only=True, slots=True)
class JpegHeader:
    """What stands before a JPEG's or JPEG-LS's first scan.

    process : the frame marker's low byte, 0xC0 baseline .. 0xCF, 0xF7 for JPEG-LS
    adobe_transform : of the APP14 segment, 0 none, 1 YCbCr, 2 YCCK; None without the segment
    first_scan_at : offset of the first scan's marker
    in_first_scan : how many components the first scan holds
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
    in_first_scan: int = 0

    @property
    def components(self) -> int:
        """Colours of a pixel."""
        return len(self.component_ids)

    @property
    def one_scan(self) -> bool:
        """All colours are in the first scan, after which no decoder of a sequential JPEG goes on."""
        return self.process in _SEQUENTIAL and self.in_first_scan == self.components


def decode_jpeg(content: bytes, limits: Limits) -> Still:
    """The picture of a JPEG file; bytes after its end are ignored.

    Raises `BrokenInputError` "truncated" or "broken-picture", also where only a part is damaged, and
    `UnsupportedInputError` "too-large", "unsupported-file" for 12-bit, lossless and arithmetic JPEG, and
    "unsupported-pixels" for the rare layouts of colours that TurboJPEG does not name: of those, no decoder at hand
    would say when they are damaged.
    """
    header = read_header(content)
    if header.process not in _SEQUENTIAL | {_PROGRESSIVE} or header.bits != 8:
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
            fields["in_first_scan"] = segment[0] if segment else 0
    if "process" not in fields:
        raise BrokenInputError("broken-picture", why="JPEG frame")
    return JpegHeader(**fields)  # type: ignore[arg-type]  # each field is set with its type above


def decode_pixels(content: bytes, header: JpegHeader, by: int = 1) -> colour.Rgb:
    """The pixels as RGB, shape (rows / by, columns / by, 3) rounded up; nothing is turned."""
    samples = decode_samples(content, header, by)
    if header.components < 4:
        return colour.rgb_of_samples(samples)
    return colour.rgb_of_cmyk(samples if header.adobe_transform is None else 255 - samples)


def decode_samples(content: bytes, header: JpegHeader, by: int = 1) -> npt.NDArray[np.uint8]:
    """Grey, RGB or inks as stored, shape (rows / by, columns / by, 1, 3 or 4) rounded up."""
    rows, columns = -(-header.rows // by), -(-header.columns // by)
    least = {"min_height": rows, "min_width": columns} if by > 1 else {}
    if header.components not in _COLOURS:
        raise UnsupportedInputError("unsupported-pixels", layout=f"{header.components} JPEG components")
    colours = _COLOURS[header.components]
    content = _with_known_revision(content)
    with foreign_decoder("broken-picture"):
        try:
            samples = simplejpeg.decode_jpeg(content, colorspace=colours, **least)
        except ValueError as error:
            if "subsampling" in str(error):
                raise UnsupportedInputError("unsupported-pixels", layout="JPEG sampling") from error
            if _HARMLESS not in str(error):
                raise
            samples = simplejpeg.decode_jpeg(content, colorspace=colours, strict=False, **least)
        if samples.shape != (rows, columns, header.components):
            raise ValueError(f"{samples.shape} decoded")
    return cast("npt.NDArray[np.uint8]", samples)


def _with_known_revision(content: bytes) -> bytes:
    """JFIF of a revision that nobody knows is read as the first: else it would be a warning, and hide the next."""
    revision_at = content.find(_JFIF_START, 0, 64) + len(_JFIF_START)
    if revision_at < len(_JFIF_START) or content[revision_at] == 1:
        return content
    return content[:revision_at] + b"\1" + content[revision_at + 1 :]


def check_cost(header: JpegHeader, content: bytes, limits: Limits) -> int:
    """By how much to reduce; refuses what is too large or has no end."""
    limits.check_size(header.columns, header.rows, bytes_per_pixel=1)
    by = limits.reduction(header.columns, header.rows)
    held = 3 / by**2 + (6 if header.process == _PROGRESSIVE else 0)
    limits.check_size(header.columns, header.rows, bytes_per_pixel=max(1, round(held)))
    scans = 1 if header.one_scan else content.count(bytes([0xFF, _SOS]), header.first_scan_at)
    if scans * header.columns * header.rows > max(_MOST_PIXEL_SCANS, limits.max_pixels):
        raise BrokenInputError("broken-picture", why=f"{scans} scans")
    if content.rfind(bytes([0xFF, _EOI]), header.first_scan_at) < 0:
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
