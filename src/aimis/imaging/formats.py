"""What a file is, by its content; its name is not asked."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from enum import StrEnum

from aimis.domain.errors import BrokenInputError, UnsupportedInputError

_FIRST_ELEMENTS = {0x0002: {0x0000, 0x0001, 0x0002, 0x0010}, 0x0008: {0x0000, 0x0001, 0x0005, 0x0008, 0x0016}}
_LONGEST_FIRST_VALUE = 128
_TEXT_PROBE_BYTES = 512
_NIFTI_HEADER_BYTES = 352
_GZIP_MAGIC = b"\x1f\x8b"


class Format(StrEnum):
    """The formats that are read."""

    JPEG = "JPEG"
    PNG = "PNG"
    TIFF = "TIFF"
    WEBP = "WebP"
    BMP = "BMP"
    DICOM = "DICOM"


_MAGIC: tuple[tuple[int, bytes, Format], ...] = (
    (128, b"DICM", Format.DICOM),  # before TIFF: a DICOM file's preamble may hold a TIFF header
    (0, b"\xff\xd8\xff", Format.JPEG),
    (0, b"\x89PNG\r\n\x1a\n", Format.PNG),
    (0, b"II*\0", Format.TIFF),
    (0, b"MM\0*", Format.TIFF),
    (0, b"II+\0", Format.TIFF),
    (0, b"MM\0+", Format.TIFF),
    (8, b"WEBP", Format.WEBP),
    (0, b"BM", Format.BMP),
)

_UNREAD_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"GIF8", "GIF"),
    (0, b"%PDF-", "PDF"),
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"PK\x05\x06", "ZIP"),
    (0, b"Rar!", "RAR"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (344, b"n+1\0", "NIfTI"),
    (344, b"ni1\0", "NIfTI"),
    (4, b"n+2\0", "NIfTI"),
    (0, b"NRRD", "NRRD"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftyp", "video"),
    (0, b"\x1a\x45\xdf\xa3", "video"),
    (0, b"RIFF", "RIFF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\x89HDF", "HDF5"),
    (0, b"\xd0\xcf\x11\xe0", "Office"),
)

_VIDEO_MAGIC: tuple[tuple[int, bytes], ...] = (
    *((4, box) for box in (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free")),
    (0, b"\x1a\x45\xdf\xa3"),
    (8, b"AVI "),
    *((0, b"\0\0\1" + start) for start in (b"\xba", b"\xb3")),
    *((0, b"\0\0\0\1" + unit) for unit in (b"\x67", b"\x27", b"\x09", b"\x40\1", b"\x42\1", b"\x46\1")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    (0, b"FLV\1"),
    (0, b"OggS"),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01"),
)
"""ISO base media, Matroska, AVI, MPEG program and elementary streams, H.264 and HEVC, ASF, FLV, Ogg, MXF."""
_PICTURES_IN_BOXES = ((4, b"ftypavif"), (4, b"ftyphei"), (4, b"ftypmif1"))
_TRANSPORT_PACKETS = ((0, 188), (4, 192))
"""MPEG transport streams: where the first packet's sync byte stands, and how long packets are."""


def recognise(content: bytes) -> Format:
    """The format of a file.

    Raises `BrokenInputError` "empty-file" or "not-a-known-format", and `UnsupportedInputError` "unsupported-file"
    with the format's name where it is one that AIMIS knows and does not read.
    """
    if not content:
        raise BrokenInputError("empty-file")
    for offset, magic, form in _MAGIC:
        if content.startswith(magic, offset):
            return form
    if _is_bare_dicom(content):
        return Format.DICOM
    unread = _unread_format(content)
    if unread:
        raise UnsupportedInputError("unsupported-file", format=unread)
    raise BrokenInputError("not-a-known-format")


def looks_like_dicom(beginning: bytes) -> bool:
    """Whether the first 132 bytes of a file are those of a DICOM file with its preamble."""
    return beginning.startswith(b"DICM", 128)


def looks_like_zip(beginning: bytes) -> bool:
    """Whether a file begins as a zip archive does, an empty one included."""
    return beginning.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def looks_like_nifti(beginning: bytes) -> bool:
    """Whether the first 4 KB of a file are those of a NIfTI volume in one file, gzipped or not."""
    header = _unzipped(beginning) if beginning.startswith(_GZIP_MAGIC) else beginning
    return header.startswith(b"n+1\0", 344) or header.startswith(b"n+2\0", 4)


def looks_like_video(beginning: bytes) -> bool:
    """Whether the first 512 bytes of a file are those of a video: a container's, or a bare stream's."""
    if any(beginning.startswith(magic, offset) for offset, magic in _PICTURES_IN_BOXES):
        return False
    return any(beginning.startswith(magic, offset) for offset, magic in _VIDEO_MAGIC) or any(
        beginning[first : first + 2 * step : step] == b"\x47\x47" for first, step in _TRANSPORT_PACKETS
    )


def _unread_format(content: bytes) -> str | None:
    for offset, magic, name in _UNREAD_MAGIC:
        if content.startswith(magic, offset):
            return name
    return next((name for name, holds in _PROBES if holds(content)), None)


def _is_bare_dicom(content: bytes) -> bool:
    """A DICOM data set without preamble: its first element is one of those that come first, and short."""
    beginning = content[:8].ljust(8, b"\0")
    for order in "<>":
        group, element, length = struct.unpack(f"{order}HHI", beginning)
        if element in _FIRST_ELEMENTS.get(group, ()):
            return beginning[4:6] in {b"UL", b"OB", b"UI", b"CS"} or 0 < length <= _LONGEST_FIRST_VALUE
    return False


def _is_gzipped_nifti(content: bytes) -> bool:
    if not content.startswith(_GZIP_MAGIC):
        return False
    return _unzipped(content).startswith((b"n+1\0", b"ni1\0"), 344)


def _unzipped(content: bytes) -> bytes:
    """The first bytes that a gzipped file unpacks to, none where it does not."""
    try:
        return zlib.decompressobj(wbits=31).decompress(content[:4096], _NIFTI_HEADER_BYTES)
    except zlib.error:
        return b""


def _is_text(content: bytes) -> bool:
    """Printable UTF-8, or UTF-16 with its mark; the probe may cut a character at its end."""
    probe = content[:_TEXT_PROBE_BYTES]
    if probe.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    try:
        text = probe.decode()
    except UnicodeDecodeError as error:
        if error.start < len(probe) - 3 or len(probe) < _TEXT_PROBE_BYTES:
            return False
        text = probe[: error.start].decode()
    return bool(text) and all(c.isprintable() or c in "\t\r\n\f\ufeff" for c in text)


_PROBES: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("NIfTI", _is_gzipped_nifti),
    ("gzip", lambda content: content.startswith(_GZIP_MAGIC)),
    ("text", _is_text),
)
