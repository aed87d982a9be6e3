"""Files, folders, globs and zips to items, found one by one."""

from __future__ import annotations

import functools
import glob
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from aimis.domain.errors import BrokenInputError, UnsupportedInputError
from aimis.imaging import formats
from aimis.imaging.limits import DEFAULT_LIMITS, Limits
from aimis.ingest import files, kinds, zips
from aimis.ingest.item import Item, lost_item, shown

__all__ = ["Item", "count_items", "find_items"]

_PROBE_BYTES = 132
VIDEO_PROBE_BYTES = 512
_Identity = tuple[int, int]


def find_items(paths: Sequence[str], *, limits: Limits = DEFAULT_LIMITS) -> Iterator[Item]:
    """The inputs that some paths name, in the order of the paths and sorted within each; never raises.

    A file is always tried. Of a folder (with its subfolders), a glob or a zip, those files are, that by their
    suffix or first bytes could be pictures. What is not there, cannot be listed or holds no picture becomes an
    item whose `load` raises the reason.
    """
    for path in paths:
        found = False
        for item in items_of(path, limits):
            found = True
            yield item
        if not found:
            yield lost_item(path, UnsupportedInputError("no-pictures"))


def count_items(paths: Sequence[str]) -> int:
    """How many items `find_items` will find."""
    return sum(1 for _ in find_items(paths))


def items_of(path: str, limits: Limits, *, videos: bool = False, volumes: bool = False) -> Iterator[Item]:
    """The items of one path given by a person; a glob where no file has that very name.

    videos, volumes : look for those too
    """
    try:
        mode = files.mode_of(path)
    except BrokenInputError as error:
        matches = _matches(path)
        if not matches:
            yield lost_item(path, error)
        for match in matches:
            yield from _walk(match, limits, videos=videos, volumes=volumes)
        return
    if stat.S_ISDIR(mode):
        yield from _walk(path, limits, videos=videos, volumes=volumes)
    else:
        yield from _items_of_file(path, limits, named=True, videos=videos, volumes=volumes)


def _matches(pattern: str) -> list[str]:
    """What a glob names, sorted; of one with ** the files alone, for it names those below its folders itself."""
    if not glob.has_magic(pattern):
        return []
    found = sorted(glob.iglob(pattern, recursive=True))  # noqa: PTH207  # pathlib's takes no absolute pattern
    return [path for path in found if not _is_folder(path)] if "**" in pattern else found


def _walk(top: str, limits: Limits, *, videos: bool, volumes: bool) -> Iterator[Item]:
    """The items at and below a path, depth first; a link that leads back up is not followed."""
    waiting: list[tuple[str, frozenset[_Identity]]] = [(top, frozenset())]
    while waiting:
        path, above = waiting.pop()
        if not _is_folder(path):
            yield from _items_of_file(path, limits, named=False, videos=videos, volumes=volumes)
            continue
        try:
            identity, names = _list_folder(path)
        except BrokenInputError as error:
            yield lost_item(path, error)
            continue
        if identity not in above:
            below = above | {identity}
            waiting += [(f"{path.rstrip('/')}/{name}", below) for name in reversed(names)]


def _list_folder(path: str) -> tuple[_Identity, list[str]]:
    """Which folder it is, and the names in it, sorted, without junk."""
    with files.naming_failures():
        status = Path(path).stat()
        names = sorted(entry.name for entry in Path(path).iterdir() if not kinds.is_junk_name(entry.name))
    return (status.st_dev, status.st_ino), names


def _items_of_file(path: str, limits: Limits, *, named: bool, videos: bool, volumes: bool) -> Iterator[Item]:
    """One item, none, or the members of an archive.

    named : by a person, and therefore tried whatever it is
    """
    name = PurePath(path).name
    if (named or kinds.is_zip_name(name)) and formats.looks_like_zip(_beginning(path)):
        yield from zips.find_members(path, limits, videos=videos, volumes=volumes)
    elif named or _is_wanted(path, name, videos=videos, volumes=volumes):
        yield _item(path, limits)


def _is_wanted(path: str, name: str, *, videos: bool, volumes: bool) -> bool:
    """Whether a file of a folder is tried."""
    if kinds.is_picture_name(name) or kinds.is_zip_name(name) or _could_be_dicom(path):
        return True
    if volumes and kinds.is_nifti_name(name):
        return True
    return videos and (kinds.is_video_name(name) or (kinds.is_transport_name(name) and _is_video(path)))


def _item(path: str, limits: Limits) -> Item:
    return Item(
        path=shown(path),
        load=functools.partial(files.read_file, Path(path), limits),
        beginning=functools.partial(_beginning, path),
        file=Path(path),
    )


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(files.mode_of(path))
    except BrokenInputError:
        return False


def _could_be_dicom(path: str) -> bool:
    """By its first bytes; a file that may not be looked into is tried, so that someone hears of it."""
    try:
        if not stat.S_ISREG(files.mode_of(path)):
            return False
    except BrokenInputError:
        return False
    try:
        return formats.looks_like_dicom(files.read_beginning(Path(path), _PROBE_BYTES))
    except BrokenInputError:
        return True


def _is_video(path: str) -> bool:
    return formats.looks_like_video(_beginning(path, VIDEO_PROBE_BYTES))


def _beginning(path: str, size: int = _PROBE_BYTES) -> bytes:
    """The first bytes of a file, none where they cannot be had."""
    try:
        return files.read_beginning(Path(path), size)
    except BrokenInputError:
        return b""
