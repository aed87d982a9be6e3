"""Files on disk: opened without waiting, read within limits, every failure named."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from aimis.domain.errors import BrokenInputError

if TYPE_CHECKING:
    from aimis.imaging.limits import Limits

_CHUNK_BYTES = 2**20


def read_file(path: Path, limits: Limits) -> bytes:
    """The bytes of a regular file.

    Raises `BrokenInputError` "not-found", "empty-file" or "unreadable", the latter with why: "permission-denied",
    "not-a-regular-file" or the system's words; and `UnsupportedInputError` "file-too-large".
    """
    with open_regular(path) as stream, naming_failures():
        size = os.fstat(stream.fileno()).st_size
        limits.check_bytes(size)
        content = read_within(stream, limits, expected=size)
    if not content:
        raise BrokenInputError("empty-file")
    return content


def mode_of(path: str) -> int:
    """What kind of file a path leads to, as `os.stat` says; raises as `read_file` does."""
    with naming_failures():
        return Path(path or "\0").stat().st_mode  # an empty path would be the current folder


def open_regular(path: Path) -> io.FileIO:
    """A regular file, unbuffered; a pipe or a device is refused unopened, for it might never answer."""
    with naming_failures():
        if not stat.S_ISREG(path.stat().st_mode):
            raise BrokenInputError("unreadable", why="not-a-regular-file")
        return io.FileIO(path, "rb", opener=_open_at_once)


def read_beginning(path: Path, size: int) -> bytes:
    """The first bytes of a regular file, fewer where it is shorter; raises as `read_file` does."""
    with open_regular(path) as stream, naming_failures():
        return stream.read(size)


def read_within(stream: BinaryIO | io.FileIO, limits: Limits, *, expected: int) -> bytes:
    """All that a stream holds, in one piece where it holds what was expected."""
    pieces: list[bytes] = []
    size, ask = 0, min(expected, limits.max_bytes) or _CHUNK_BYTES
    while piece := stream.read(ask):
        size, ask = size + len(piece), _CHUNK_BYTES
        limits.check_bytes(size)
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@contextmanager
def naming_failures() -> Iterator[None]:
    """What the system raises becomes `BrokenInputError`."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BrokenInputError("not-found") from error
    except PermissionError as error:
        raise BrokenInputError("unreadable", why="permission-denied") from error
    except OSError as error:
        raise BrokenInputError("unreadable", why=error.strerror or type(error).__name__) from error
    except ValueError as error:  # a null byte in a path
        raise BrokenInputError("not-found") from error


def _open_at_once(path: str, flags: int) -> int:
    """Without waiting for a writer, should the file have become a pipe since it was looked at."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
