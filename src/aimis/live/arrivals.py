"""When the frames of a stream are due, told from when they arrive.

A stream's own clock has nothing in common with ours. The frame that came quickest so far came by some least way; a
frame that comes later than that, by the stream's own times, has waited somewhere, and that is delay.
"""

from __future__ import annotations

_CREEP = 1e-4
"""Seconds a second by which the least way is let grow: clocks of cheap devices differ by up to a ten-thousandth."""
_ANOTHER_TIME_S = 5.0
"""A stream that comes later by more has begun to count anew."""


class Arrivals:
    """Follows one connection; its first frame is due when it comes."""

    def __init__(self) -> None:
        self._least_way_s: float | None = None
        self._asked_s = 0.0

    def arrived(self, stream_s: float, now_s: float) -> float:
        """How much later than the quickest a frame has come, 0 or more.

        stream_s : the frame's time by the stream's clock
        now_s : by ours, rising from call to call
        """
        way_s = now_s - stream_s
        least_s = self._least_way_s
        if least_s is not None:
            least_s += _CREEP * max(0.0, now_s - self._asked_s)
        if least_s is None or way_s < least_s or way_s - least_s > _ANOTHER_TIME_S:
            least_s = way_s
        self._least_way_s, self._asked_s = least_s, now_s
        return way_s - least_s

    def due_s(self, stream_s: float, now_s: float) -> float:
        """When the frame of a time of the stream is due, by our clock; the first that is asked for is now."""
        if self._least_way_s is None:
            self.arrived(stream_s, now_s)
        return stream_s + (self._least_way_s or 0.0)
