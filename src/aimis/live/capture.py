"""Takes a stream's frames as they come, for ever: what is late is dropped, what breaks off is opened again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from enum import StrEnum
from threading import Event
from typing import TYPE_CHECKING

import av

from aimis.domain.errors import CaseError
from aimis.domain.reading import Reason
from aimis.imaging.limits import DEFAULT_LIMITS
from aimis.imaging.video_picture import Pictures
from aimis.live.arrivals import Arrivals
from aimis.live.newest import Newest
from aimis.live.source import Opened, Source, StreamError

if TYPE_CHECKING:
    from fractions import Fraction

    from av.video.stream import VideoStream

    from aimis.imaging.limits import Limits
    from aimis.imaging.still import Still
    from aimis.live.newest import Clock

    Packet = av.Packet[VideoStream]

SHOWN_SHORT_PX = 720
"""The shortest side that a frame is shown and judged at; one that is kept keeps its own size."""
MOST_RECENT = 8
"""Frames that can still be kept after they were shown: a third of a second, 3 MB each."""
_LATE_S, _TOO_LATE_S = 0.1, 1.0
"""Beyond the first, frames that no other refers to are left out; beyond the second, all before the next key frame."""
_LATE_EVERY_S = 0.1
"""Of frames that are late only so many are made pictures of: decoding alone catches up sooner."""
_WAITS_S = (0.5, 1.0, 2.0, 5.0)
_EVERYTHING = 10**6


class Link(StrEnum):
    """How it stands with the stream."""

    LIVE = "live"
    BROKEN = "broken"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """A frame that came.

    number : of all that came, those left out counted, from 1; over all connections
    due_s : when it was due, by our clock
    seconds : since the session began
    sound : neither it nor a frame that it is drawn over is damaged
    aspect : width of a pixel by its height
    """

    number: int
    due_s: float
    seconds: float
    still: Still
    sound: bool
    decoded: av.VideoFrame
    aspect: Fraction | None

    def in_full(self) -> Still:
        """The frame in its own size."""
        limits = replace(DEFAULT_LIMITS, enough_px=_EVERYTHING)
        return Pictures(self.aspect, limits, enough_short_px=_EVERYTHING).still(self.decoded, self.number)


@dataclass(kw_only=True)
class Capture:
    """One session's stream; `run` is for a thread of its own.

    link, reason : how it stands, and why it is broken
    came : frames that came, shown or not
    stopped : nothing more is wanted
    breaks : how often the stream broke off
    """

    source: Source
    limits: Limits
    clock: Clock
    newest: Newest[Seen] = field(default_factory=Newest)
    link: Link = Link.LIVE
    reason: Reason | None = None
    came: int = 0
    breaks: int = 0
    stopped: Event = field(default_factory=Event)
    _recent: deque[Seen] = field(default_factory=lambda: deque(maxlen=MOST_RECENT))
    _began_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._began_s = self.clock()

    def run(self, first: Opened, opened: ExitStack) -> None:
        """Until the stream's end or `stop`; `opened` closes the first connection."""
        self._began_s = self.clock()
        with opened:
            self._follow(first)
        waits = iter(_WAITS_S)
        while self.link is not Link.ENDED and not self.stopped.is_set():
            self.stopped.wait(next(waits, _WAITS_S[-1]))
            if self._again():
                waits = iter(_WAITS_S)
        self.newest.close()

    def stop(self) -> None:
        """Take no more; the thread ends with the next frame, or when none comes for a while."""
        self.stopped.set()
        self.newest.close()

    def recent(self, number: int) -> Seen | None:
        """The frame of a number while it is held, never another; the newest where the number is 0."""
        held = tuple(self._recent)
        return next((seen for seen in reversed(held) if number in (0, seen.number)), None)

    def _again(self) -> bool:
        """Open it once more; whether frames came."""
        before = self.came
        try:
            if not self.stopped.is_set():
                with self.source.open() as opened:
                    self._follow(opened)
        except StreamError as error:
            self.reason = error.reason
        return self.came > before

    def _follow(self, opened: Opened) -> None:
        """All frames of one connection."""
        try:
            for seen in _Connection(capture=self, opened=opened).frames():
                self.link, self.reason = Link.LIVE, None
                self._recent.append(seen)
                self.newest.put(seen)
        except (av.FFmpegError, OSError, LookupError):  # PyAV: a stream that only damage makes out is in no list
            pass
        if self.stopped.is_set():
            return
        self.link = Link.ENDED if opened.is_recording else Link.BROKEN
        if self.link is Link.BROKEN:
            self.reason = Reason.of("live-broke-off")
            self.breaks += 1

    def passed_s(self, at_s: float) -> float:
        """Since the session began."""
        return max(0.0, at_s - self._began_s)


@dataclass(kw_only=True)
class _Connection:
    """One connection of a stream: its own clock, its own damage."""

    capture: Capture
    opened: Opened
    _arrivals: Arrivals = field(default_factory=Arrivals)
    _pictures: Pictures = field(init=False)
    _sound: bool = False
    _skipping: bool = False
    _late_s: float = 0.0
    _shown_s: float = 0.0

    def __post_init__(self) -> None:
        limits, aspect = self.capture.limits, self.opened.stream.sample_aspect_ratio
        self._pictures = Pictures(aspect, limits, enough_short_px=SHOWN_SHORT_PX)

    def frames(self) -> Iterator[Seen]:
        """Each as it comes, of a recording when it is due; those too late are left out."""
        for packet in self.opened.container.demux(self.opened.stream):
            if self.capture.stopped.is_set():
                return
            self.capture.came += bool(packet.size)
            if packet.size and self._is_worth_decoding(packet):
                yield from filter(None, map(self._seen, self._decoded(packet)))

    def _is_worth_decoding(self, packet: Packet) -> bool:
        """By how late it is: decoding that cannot keep up would only ever fall further behind."""
        if not self.opened.is_recording and packet.pts is not None and packet.time_base is not None:
            self._late_s = self._arrivals.arrived(float(packet.pts * packet.time_base), self.capture.clock())
        self._skipping = self._late_s > _TOO_LATE_S or (self._skipping and not packet.is_keyframe)
        self.opened.stream.codec_context.skip_frame = "NONREF" if self._late_s > _LATE_S else "DEFAULT"
        self._sound = self._sound and not self._skipping and not packet.is_corrupt
        return not self._skipping

    def _decoded(self, packet: Packet) -> list[av.VideoFrame]:
        try:
            return list(self.opened.stream.codec_context.decode(packet))
        except av.FFmpegError:
            self._sound = False
            return []

    def _seen(self, decoded: av.VideoFrame) -> Seen | None:
        """The frame, of a recording when it is due; None where it cannot be shown."""
        due_s = self._due_s(decoded)
        if self.opened.is_recording and self.capture.stopped.wait(max(0.0, due_s - self.capture.clock())):
            return None
        self._sound = not decoded.is_corrupt and (self._sound or decoded.key_frame)
        if self._late_s > _LATE_S and self.capture.clock() - self._shown_s < _LATE_EVERY_S:
            return None
        try:
            still = self._pictures.still(decoded, self.capture.came)
        except CaseError as error:
            self.capture.reason = error.reason
            return None
        now_s = self._shown_s = self.capture.clock()
        if self.opened.is_recording:
            self._late_s = now_s - due_s
        return Seen(
            number=self.capture.came,
            due_s=min(due_s, now_s),
            seconds=self.capture.passed_s(now_s),
            still=still,
            sound=self._sound,
            decoded=decoded,
            aspect=self.opened.stream.sample_aspect_ratio,
        )

    def _due_s(self, decoded: av.VideoFrame) -> float:
        now_s = self.capture.clock()
        return now_s if decoded.time is None else self._arrivals.due_s(decoded.time, now_s)
