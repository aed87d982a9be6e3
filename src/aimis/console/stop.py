"""Ctrl-C and a request to terminate: the run ends after the item at hand, so that what was finished is whole."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Self


class Stop:
    """Whether somebody asked the process to stop while this context is open; asked twice, it stops at once.

    signal_number : of the first request, 0 while there is none
    """

    def __init__(self) -> None:
        self.signal_number = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def asked(self) -> bool:
        """Whether the run is to end."""
        return bool(self.signal_number)

    @property
    def exit_status(self) -> int:
        """128 and the signal's number, as shells have it: 130 for Ctrl-C."""
        return 128 + self.signal_number

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if self.signal_number:
            raise KeyboardInterrupt
        self.signal_number = number
