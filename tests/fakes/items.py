"""Items that lie in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FakeItem:
    """An item whose bytes come from a function."""

    path: str
    load: Callable[[], bytes]


def item(path: str, content: bytes = b"\xff\x00\x00") -> FakeItem:
    """An item of these bytes."""
    return FakeItem(path=path, load=lambda: content)
