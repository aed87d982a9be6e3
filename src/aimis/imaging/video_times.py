"""When and which a frame of a video is: timestamps made to go up, frames counted in the order they are shown."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

_USUAL_RATE = 25.0
_SLOWEST, _FASTEST = 0.1, 1000.0
_BACK_S, _FORWARD_S = 1.0, 3600.0
"""A timestamp that jumps further is a new recording joined on, or damaged: it follows on the last."""


class Timeline:
    """The times of one video stream; all positions are in its ticks, from its beginning.

    is_timed : whether the stream has timestamps; one that has none is counted through at its rate
    """

    def __init__(self, stream: VideoStream) -> None:
        self._tick_s = float(stream.time_base or 1 / _USUAL_RATE)
        rate = float(stream.average_rate or stream.guessed_rate or _USUAL_RATE)
        self._step = max(1, round(1 / (min(max(rate, _SLOWEST), _FASTEST) * self._tick_s)))
        self._start = stream.start_time
        self._shift = 0
        self._last: int | None = None
        self._waiting: list[int] = []
        self._passed = 0
        self.is_timed = True

    def place(self, packet: av.Packet[VideoStream]) -> int:
        """Where a packet's frame is shown; the packet's own timestamps are set right, and it is counted."""
        decoded_at = packet.pts if packet.dts is None else packet.dts
        if self._last is None and decoded_at is None:
            self.is_timed = False
        follows = 0 if self._last is None else self._last + self._step
        decoded_at = self._joined(follows if decoded_at is None else decoded_at, follows)
        shown_at = decoded_at if packet.pts is None else packet.pts + self._shift
        packet.pts, packet.dts, self._last = shown_at, decoded_at, decoded_at
        if self._start is None:
            self._start = shown_at
        heapq.heappush(self._waiting, shown_at)
        return shown_at - self._start

    def position(self, frame: av.VideoFrame) -> tuple[int, float]:
        """The frame's number, 0-based, in the order of showing, and its seconds from the beginning."""
        if not self.is_timed or frame.pts is None:
            self._passed += 1
            return self._passed - 1, (self._passed - 1) * self._step * self._tick_s
        while self._waiting and self._waiting[0] < frame.pts:
            heapq.heappop(self._waiting)
            self._passed += 1
        return self._passed, max(0.0, (frame.pts - (self._start or 0)) * self._tick_s)

    def seconds(self, ticks: int) -> float:
        """Ticks from the beginning as seconds."""
        return ticks * self._tick_s

    def _joined(self, decoded_at: int, follows: int) -> int:
        """A time of decoding with the shift that makes it follow on the last, should it not."""
        if self._last is not None:
            jump_s = (decoded_at + self._shift - self._last) * self._tick_s
            if not -_BACK_S <= jump_s <= _FORWARD_S:
                self._shift = follows - decoded_at
        return decoded_at + self._shift
