"""When and which a frame of a video is: timestamps made to go up, frames counted in the order they are shown."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

    Packet = av.Packet[VideoStream]

_USUAL_RATE = 25.0
_SLOWEST, _FASTEST = 0.1, 1000.0
_MOST_EARLY_S, _LONGEST_GAP_S = 0.5, 3600.0
"""A timestamp earlier or later than that begins a recording joined on, which follows on the last."""
_GAP_S, _GAP_FRAMES = 0.25, 3.0
"""What is later than either is a gap, unless the next timestamp shows that this one alone is bad."""


class Timeline:
    """The times of one video stream; all positions are in its ticks, from its beginning.

    is_timed : whether the stream has timestamps; one that has none is counted through at its rate
    """

    def __init__(self, stream: VideoStream) -> None:
        self._tick_s = float(stream.time_base or 1 / _USUAL_RATE)
        rate = float(stream.average_rate or stream.guessed_rate or _USUAL_RATE)
        self._step = max(1, round(1 / (min(max(rate, _SLOWEST), _FASTEST) * self._tick_s)))
        self._start = stream.start_time
        self._most_late_s = max(_GAP_S, _GAP_FRAMES * self._step * self._tick_s)
        self._shift = self._follows = 0
        self._last: int | None = None
        self._waiting: list[int] = []
        self._passed = 0
        self.is_timed = True

    def place(self, packet: Packet, following: Packet | None) -> int:
        """Where a packet's frame is shown; the packet's own timestamps are set right, and it is counted.

        following : the next one, which tells a gap from a single bad timestamp
        """
        if self._last is None:
            self.is_timed = packet.pts is not None or packet.dts is not None
            self._last = (packet.dts or packet.pts or 0) - self._step
        self._follows = self._last + self._step
        next_at = None if following is None else following.dts
        at = self._follows if packet.dts is None else self._joined(packet.dts, next_at)
        shown_at = at if packet.pts is None else packet.pts + (self._shift if packet.dts is None else at - packet.dts)
        packet.pts, packet.dts, self._last = shown_at, at, at
        if self._start is None:
            self._start = shown_at
        heapq.heappush(self._waiting, shown_at)
        return shown_at - self._start

    def is_gap(self, lasts: int | None) -> bool:
        """Whether more time than of a few frames passed between the last two packets.

        lasts : ticks that the earlier one says it is shown
        """
        late_s = ((self._last or 0) - self._follows) * self._tick_s
        return late_s > max(self._most_late_s, (lasts or 0) * self._tick_s)

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

    def _joined(self, decoded_at: int, following: int | None) -> int:
        """A time of decoding that follows on the last: it is taken as it is unless it jumps."""
        if self._is_near(decoded_at):
            return decoded_at + self._shift
        if following is not None and self._is_near(following):
            return self._follows
        late_s = (decoded_at + self._shift - self._follows) * self._tick_s
        if not -_MOST_EARLY_S <= late_s <= _LONGEST_GAP_S:
            self._shift = self._follows - decoded_at
        return decoded_at + self._shift

    def _is_near(self, decoded_at: int) -> bool:
        """Whether a time is about that which the rate would have."""
        late_s = (decoded_at + self._shift - self._follows) * self._tick_s
        return -_MOST_EARLY_S <= late_s <= self._most_late_s
