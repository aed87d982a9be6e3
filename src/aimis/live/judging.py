"""Judges the newest frame, again and again; what comes meanwhile is not waited for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from aimis.domain.errors import BrokenInputError
from aimis.domain.examination import FrameRecord
from aimis.domain.reading import Reason, Status
from aimis.imaging.frame import Frame
from aimis.live.scene import Scene, same, scene
from aimis.live.support import Support
from aimis.reports import outline

if TYPE_CHECKING:
    from aimis.live.capture import Seen
    from aimis.live.newest import Clock, Newest
    from aimis.readers.port import ExaminationReader
    from aimis.reports.outline import Line

MOST_A_SECOND = 15
"""More would take the processor from the picture, and a lesion does not change as fast."""
RATE_OVER_S = 3.0
STALE_S = 0.6
"""The mucosa moves on: an older judgement's outlines would lie beside what they mean."""
_PATIENCE_S = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """What the reader makes of one frame, whose number is the record's index.

    borne_out : the alarms that the frames judged lately bear out
    due_s : when its frame was due, by our clock
    scene : what the frame shows
    """

    record: FrameRecord
    borne_out: frozenset[str]
    due_s: float
    scene: Scene

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Round alarms and marks."""
        size = self.record.size_px
        return () if size is None else outline.of_shown(self.record.findings, size)


@dataclass(kw_only=True)
class Judging:
    """`run` is for a thread of its own.

    log_failure : takes an error that nobody foresaw
    latest : None before the first
    """

    reader: ExaminationReader
    newest: Newest[Seen]
    clock: Clock
    log_failure: Callable[[Exception], None]
    support: Support = field(default_factory=Support)
    latest: Judgement | None = None
    count: int = 0
    _lately: deque[Judgement] = field(default_factory=lambda: deque(maxlen=MOST_A_SECOND))
    _alone: Lock = field(default_factory=Lock)
    _ended: deque[float] = field(default_factory=lambda: deque(maxlen=round(MOST_A_SECOND * RATE_OVER_S)))

    def run(self, is_over: Callable[[], bool], wait: Callable[[float], object]) -> None:
        """Until it is over."""
        number = 0
        while not is_over():
            seen = self.newest.take(number, _PATIENCE_S)
            if seen is None:
                continue
            began_s, number = self.clock(), seen.number
            self._take(self._record(seen), seen)
            wait(max(0.0, 1 / MOST_A_SECOND - (self.clock() - began_s)))

    def a_second(self) -> float:
        """How many frames were judged in each of the last seconds."""
        now_s = self.clock()
        return sum(now_s - ended_s <= RATE_OVER_S for ended_s in tuple(self._ended)) / RATE_OVER_S

    def of(self, seen: Seen) -> Judgement:
        """Of that very frame, judged now where it was not."""
        with self._alone:
            known = next((j for j in tuple(self._lately) if j.record.index == seen.number), None)
            if known is None:
                known = self._judged_late(seen)
                self._lately.append(known)
            return known

    def _judged_late(self, seen: Seen) -> Judgement:
        """What it shows itself is borne out where the neighbours that were judged in its scene bear it out."""
        alone = _judgement(self._record(seen), seen, frozenset())
        near = [j for j in tuple(self._lately) if abs(j.due_s - seen.due_s) <= STALE_S and same(j.scene, alone.scene)]
        return _judgement(alone.record, seen, near[-1].borne_out) if near else alone

    def _record(self, seen: Seen) -> FrameRecord:
        """Of one frame, whatever happens."""
        try:
            return self._judged(seen)
        except Exception as error:  # noqa: BLE001  # one frame must not end the session
            self.log_failure(error)
            reason = Reason.of("reader-failed")
            return FrameRecord(index=seen.number, seconds=seen.seconds, status=Status.FAILED, reason=reason)

    def _judged(self, seen: Seen) -> FrameRecord:
        """Of one frame; a damaged one is not judged."""
        picture = seen.still if seen.sound else BrokenInputError("frame-damaged")
        return self.reader.judge(Frame(index=seen.number, picture=picture, seconds=seen.seconds)).record

    def _take(self, record: FrameRecord, seen: Seen) -> None:
        self.latest = _judgement(record, seen, self.support.add(record))
        self._lately.append(self.latest)
        self.count += 1
        self._ended.append(self.clock())


def _judgement(record: FrameRecord, seen: Seen, borne_out: frozenset[str]) -> Judgement:
    present = {finding.name for finding in record.findings if finding.present}
    return Judgement(record=record, borne_out=borne_out & present, due_s=seen.due_s, scene=scene(seen.still.rgb))
