"""The newest of what comes: whoever takes it gets what is new to him and never a queue."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition
from typing import Generic, Protocol, TypeVar


class Numbered(Protocol):
    """Something in an order that only rises."""

    @property
    def number(self) -> int:
        """Its place."""
        ...


T = TypeVar("T", bound=Numbered)


class Newest(Generic[T]):
    """Holds one thing; putting another in its place waits for nobody."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._held: T | None = None
        self._closed = False

    def put(self, thing: T) -> None:
        """In place of what was there."""
        with self._changed:
            self._held = thing
            self._changed.notify_all()

    def take(self, after: int, timeout_s: float) -> T | None:
        """What is there as soon as its number is above `after`; None after `timeout_s`, or when nothing comes more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._is_new(after), timeout_s)
            return self._held if self._is_new(after) else None

    def peek(self) -> T | None:
        """What is there, at once."""
        return self._held

    def close(self) -> None:
        """Nothing will come; nobody waits any longer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _is_new(self, after: int) -> bool:
        return self._held is not None and self._held.number > after


Clock = Callable[[], float]
"""Seconds that only rise, as `time.monotonic` gives them."""
