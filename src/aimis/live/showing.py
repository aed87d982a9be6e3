"""The picture that is shown: the newest frame, outlines only of what was judged in its own scene, how late it is."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median
from threading import Lock
from typing import TYPE_CHECKING

import simplejpeg

from aimis.live.judging import STALE_S
from aimis.live.scene import same, scene
from aimis.reports import outline

if TYPE_CHECKING:
    from aimis.live.capture import Capture, Seen
    from aimis.live.judging import Judgement, Judging
    from aimis.live.newest import Clock

QUALITY = 80
_RATE_OVER_S = 2.0
_UNWATCHED_S = 0.5
_PATIENCE_S = 1.0
_RECENT = 50
_HELD = 8
"""Frames that can still be frozen after they were shown, 3 MB each; beside those that the capture holds."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A JPEG picture of the frame of a number."""

    number: int
    jpeg: bytes


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How the picture comes along; delay_ms : median of the last seconds, from due to shown; None where none was.

    dropped : frames that came while somebody watched and were not shown
    """

    delay_ms: float | None
    a_second: float
    dropped: int


@dataclass(kw_only=True)
class Showing:
    """Encodes a frame when somebody asks for it, once however many ask; safe to call from many threads."""

    capture: Capture
    judging: Judging
    clock: Clock
    _encoding: Lock = field(default_factory=Lock)
    _counting: Lock = field(default_factory=Lock)
    _last: Shown | None = None
    _held: deque[Seen] = field(default_factory=lambda: deque(maxlen=_HELD))
    _due_s: dict[int, float] = field(default_factory=dict)
    _delays: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=200))
    _handed_over: tuple[int, float] = (0, 0.0)
    _dropped: int = 0

    def after(self, number: int) -> Shown | None:
        """The newest picture, as soon as there is a newer than that of the number; None where none comes for a while.

        Who asks for what comes after a frame has shown that frame: its delay is taken then.
        """
        self._was_shown(number)
        seen = self.capture.newest.take(number, _PATIENCE_S)
        if seen is None:
            return None
        with self._encoding:
            if self._last is None or self._last.number != seen.number:
                self._last = Shown(number=seen.number, jpeg=self._encoded(seen))
                self._hand_over(seen)
            return self._last

    def pace(self) -> Pace:
        """Of the last seconds."""
        now_s = self.clock()
        with self._counting:
            delays = [late_s for at_s, late_s in self._delays if now_s - at_s <= _RATE_OVER_S]
            middle = 1000 * median(delays) if delays else None
            return Pace(delay_ms=middle, a_second=len(delays) / _RATE_OVER_S, dropped=self._dropped)

    def held(self, number: int) -> Seen | None:
        """The frame that was shown under a number, as long as it is held."""
        return next((seen for seen in tuple(self._held) if seen.number == number), None)

    def frozen(self, seen: Seen) -> bytes:
        """A JPEG picture of the frame with the outlines of its own judgement and no others."""
        return _jpeg(seen, self.judging.of(seen))

    def is_of_picture(self, judgement: Judgement, within_s: float) -> bool:
        """Whether a judgement is of the scene of the newest frame, and not older than that."""
        seen = self.capture.newest.peek()
        return seen is None or _is_of(judgement, seen, within_s)

    def _encoded(self, seen: Seen) -> bytes:
        latest = self.judging.latest
        drawn = latest is not None and bool(latest.lines) and _is_of(latest, seen, STALE_S)
        return _jpeg(seen, latest if drawn else None)

    def _hand_over(self, seen: Seen) -> None:
        with self._counting:
            now_s, (number, at_s) = self.clock(), self._handed_over
            if now_s - at_s <= _UNWATCHED_S:
                self._dropped += seen.number - number - 1
            self._handed_over = seen.number, now_s
            self._held.append(seen)
            self._due_s[seen.number] = seen.due_s
            for old in sorted(self._due_s)[:-_RECENT]:
                del self._due_s[old]

    def _was_shown(self, number: int) -> None:
        with self._counting:
            due_s = self._due_s.pop(number, None)
            if due_s is not None:
                now_s = self.clock()
                self._delays.append((now_s, now_s - due_s))


def _is_of(judgement: Judgement, seen: Seen, within_s: float) -> bool:
    """Whether what was judged is what the frame shows: the frame itself, or one of its scene shortly before."""
    if judgement.record.index == seen.number:
        return True
    return seen.due_s - judgement.due_s <= within_s and same(judgement.scene, scene(seen.still.rgb))


def _jpeg(seen: Seen, judgement: Judgement | None) -> bytes:
    """The frame with the outlines of a judgement."""
    rgb = seen.still.rgb
    if judgement is not None and judgement.lines:
        rgb = outline.draw(rgb, judgement.lines, seen.still.full_size_px)
    return bytes(simplejpeg.encode_jpeg(rgb, quality=QUALITY, colorspace="RGB", colorsubsampling="420"))
