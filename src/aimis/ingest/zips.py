"""Pictures inside a zip archive, read one member at a time and never unpacked to disk.

Source: PKWARE APPNOTE 6.3.10.
"""

from __future__ import annotations

import functools
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from aimis.domain.errors import BrokenInputError, CaseError, UnsupportedInputError
from aimis.imaging import formats
from aimis.ingest import files, kinds
from aimis.ingest.item import Item, lost_item, shown

if TYPE_CHECKING:
    from aimis.imaging.limits import Limits

_COMPRESSIONS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Of the others, a few bytes can unpack to gigabytes in one step, before they can be counted."""
_ENCRYPTED_FLAG = 0x1
_UTF8_FLAG = 0x800
_MOST_BYTES_A_READ = 16 * 2**20
_PROBE_BYTES = 132
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError, LookupError)


class _Source(io.FileIO):
    """A file of which no single read is large: an archive's directory is read in one, whatever its size."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _MOST_BYTES_A_READ:
            raise UnsupportedInputError("too-many-members")
        return super().read(size)

    def __del__(self) -> None:
        """Closed with the last item of the archive, which nobody else knows to be the last."""
        self.close()


def find_members(path: str, limits: Limits, *, videos: bool = False, volumes: bool = False) -> Iterator[Item]:
    """The members that could be pictures, by name; archives inside the archive are named but not opened.

    videos, volumes : look for those too

    Where the archive itself cannot be read, one item says so.
    """
    try:
        archive = _open(Path(path))
    except CaseError as error:
        yield lost_item(path, error)
        return
    for info in sorted(archive.infolist(), key=lambda info: info.filename):
        inside = _safe_name(info)
        if info.filename.endswith("/") or not inside or any(kinds.is_junk_name(part) for part in inside.split("/")):
            continue
        member_path = f"{path}/{inside}"
        if kinds.is_zip_name(inside):
            yield lost_item(member_path, UnsupportedInputError("nested-archive"))
        elif (
            kinds.is_picture_name(inside)
            or (videos and kinds.is_video_name(inside))
            or (volumes and kinds.is_nifti_name(inside))
            or _could_be_dicom(archive, info)
        ):
            yield Item(
                path=shown(member_path),
                load=functools.partial(_read_member, archive, info, limits),
                beginning=functools.partial(_beginning, archive, info),
            )


def _open(path: Path) -> zipfile.ZipFile:
    """Raises `CaseError`: what `files.open_regular` raises, "truncated", "broken-archive" or "too-many-members"."""
    with files.open_regular(path) as checked, files.naming_failures():
        beginning = checked.read(4)
        source = _Source(path, "rb")
    try:
        return zipfile.ZipFile(cast("io.BufferedIOBase", source))
    except _ZIP_ERRORS as error:
        raise BrokenInputError("truncated" if formats.looks_like_zip(beginning) else "broken-archive") from error


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> bytes:
    """The bytes of a member, counted while they unpack: what the archive says of their number may lie."""
    if info.flag_bits & _ENCRYPTED_FLAG:
        raise UnsupportedInputError("encrypted")
    if info.compress_type not in _COMPRESSIONS:
        raise UnsupportedInputError("unsupported-file", format=f"zip method {info.compress_type}")
    limits.check_bytes(info.file_size)
    try:
        with archive.open(info) as stream:
            content = files.read_within(cast("io.BufferedReader", stream), limits, expected=0)
    except _ZIP_ERRORS as error:
        raise BrokenInputError("broken-archive") from error
    if len(content) != info.file_size:
        raise BrokenInputError("truncated")
    if not content:
        raise BrokenInputError("empty-file")
    return content


def _could_be_dicom(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """By its first bytes; a member that cannot be looked into is tried, so that someone hears of it."""
    beginning = _beginning_or_none(archive, info, _PROBE_BYTES)
    return beginning is None or formats.looks_like_dicom(beginning)


def _beginning(archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int) -> bytes:
    return _beginning_or_none(archive, info, size) or b""


def _beginning_or_none(archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int) -> bytes | None:
    """The first bytes of a member, None where it cannot be looked into."""
    if info.flag_bits & _ENCRYPTED_FLAG or info.compress_type not in _COMPRESSIONS:
        return None
    try:
        with archive.open(info) as stream:
            return stream.read(size)
    except _ZIP_ERRORS:
        return None


def _safe_name(info: zipfile.ZipInfo) -> str:
    """The member's name without roots, drives, steps upwards and control characters."""
    name = _decoded_name(info).replace("\\", "/")
    parts = [part for part in name.split("/") if part not in {"", ".", ".."} and not part.endswith(":")]
    return "/".join("".join(c if c.isprintable() else "_" for c in part) for part in parts)


def _decoded_name(info: zipfile.ZipInfo) -> str:
    """Names without the UTF-8 flag are read as code page 437; on Chinese systems they are GB 18030."""
    if info.flag_bits & _UTF8_FLAG or info.filename.isascii():
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename
