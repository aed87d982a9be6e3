"""One input found, not yet read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimis.domain.errors import CaseError


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A file, or a member of a zip.

    path : as found, for people and for the results; archive.zip/member.jpg for a member
    load : the bytes, read when called and not kept; raises `CaseError` where they cannot be had
    beginning : the first so many bytes, fewer where there are no more, none where they cannot be had
    file : where it lies by itself, None for a member and for what cannot be had
    """

    path: str
    load: Callable[[], bytes]
    beginning: Callable[[int], bytes] = lambda _size: b""
    file: Path | None = None


def lost_item(path: str, error: CaseError) -> Item:
    """An item whose bytes cannot be had; the error is raised when they are asked for."""

    def load() -> bytes:
        raise error.with_traceback(None)

    return Item(path=shown(path), load=load)


def shown(path: str) -> str:
    """A path that can be printed: bytes of a name that are no UTF-8 are replaced."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
