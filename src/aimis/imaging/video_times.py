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
_BACK_S, _SURE_S, _FORWARD_S = 0.5, 2.0, 3600.0
"""Back or forward by more, a timestamp begins a recording joined on, which follows on the last; between the sure
and the far, the next one tells whether it is a gap or the one timestamp is damaged."""
_GAP_S, _GAP_FRAMES = 0.25, 3.0


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
        self.gap_s = 0.0
        self._last: int | None = None
        self._waiting: list[int] = []
        self._passed = 0
        self.is_timed = True

    def place(self, packet: Packet, following: Packet | None) -> int:
        """Where a packet's frame is shown; the packet's own timestamps are set right, and it is counted.

        following : the next one, which tells a gap from a single bad timestamp
        """
        decoded_at = _decoded_at(packet)
        self.is_timed &= self._last is not None or decoded_at is not None
        follows = 0 if self._last is None else self._last + self._step
        at = follows if decoded_at is None else self._joined(decoded_at, _decoded_at(following), follows)
        shown_at = at if packet.pts is None or decoded_at is None else packet.pts + at - decoded_at
        self.gap_s = 0.0 if self._last is None else (at - self._last - self._step) * self._tick_s
        packet.pts, packet.dts, self._last = shown_at, at, at
        if self._start is None:
            self._start = shown_at
        heapq.heappush(self._waiting, shown_at)
        return shown_at - self._start

    def is_gap(self, lasts: int | None) -> bool:
        """Whether more time than of a few frames passed between the last two packets.

        lasts : ticks that the earlier one says it is shown
        """
        return self.gap_s > max(_GAP_S, _GAP_FRAMES * self._step * self._tick_s, (lasts or 0) * self._tick_s)

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

    def _joined(self, decoded_at: int, following: int | None, follows: int) -> int:
        """A time of decoding that follows on the last: it is taken as it is unless it jumps far."""
        if self._last is None:
            return decoded_at
        jump_s = (decoded_at + self._shift - self._last) * self._tick_s
        if -_BACK_S <= jump_s <= _SURE_S:
            return decoded_at + self._shift
        if following is not None and -_BACK_S <= (following + self._shift - self._last) * self._tick_s <= _SURE_S:
            return follows
        if not -_BACK_S <= jump_s <= _FORWARD_S:
            self._shift = follows - decoded_at
        return decoded_at + self._shift


def _decoded_at(packet: Packet | None) -> int | None:
    if packet is None:
        return None
    return packet.pts if packet.dts is None else packet.dts
