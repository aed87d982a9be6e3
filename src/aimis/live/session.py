"""One live examination: the threads that capture and judge, what is kept, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from aimis.domain.errors import BrokenInputError
from aimis.imaging.limits import DEFAULT_LIMITS, Limits
from aimis.live.capture import Capture, Link
from aimis.live.judging import Judging
from aimis.live.kept import Keeping, Kept
from aimis.live.showing import Showing

if TYPE_CHECKING:
    from aimis.live.capture import Seen
    from aimis.live.newest import Clock
    from aimis.live.source import Opened, Source
    from aimis.readers.port import ExaminationReader

_PATIENCE_S = 5.0
_ASKS_WITHIN_S = 2.0


class Phase(StrEnum):
    """What becomes of the session, for the page."""

    RUNNING = "running"
    WRITING = "writing"
    DONE = "done"


@dataclass(kw_only=True)
class Live:
    """All of it, made once by `open_live`.

    chimes_for : the finding that a reader is for; others are shown without a sound
    over : somebody ended it, or the recording came to its end
    asked_s : when a page asked last how things stand, by our clock; told : it was told that all is done
    report : the folder, once the report is there
    """

    source: Source
    reader_id: str
    chimes_for: str
    capture: Capture
    judging: Judging
    showing: Showing
    keeping: Keeping
    phase: Phase = Phase.RUNNING
    report: Path | None = None
    asked_s: float = float("-inf")
    over: Event = field(default_factory=Event)
    told: Event = field(default_factory=Event)

    def shown(self, number: int) -> Seen:
        """The frame that was shown under a number, 0 for the newest; BrokenInputError where it is not held."""
        seen = self.showing.held(number) or self.capture.recent(number)
        if seen is None:
            raise BrokenInputError("live-nothing-to-keep")
        return seen

    def keep(self, seen: Seen) -> Kept:
        """Keep a frame with its own judgement."""
        return self.keeping.keep(seen, self.judging.of(seen).record)

    def is_watched(self) -> bool:
        """Whether a page asks how things stand."""
        return self.capture.clock() - self.asked_s <= _ASKS_WITHIN_S

    def is_over(self) -> bool:
        """Whether nothing more is shown."""
        return self.over.is_set() or self.capture.link is Link.ENDED


@contextmanager
def open_live(
    source: Source,
    reader: ExaminationReader,
    *,
    reader_id: str,
    chimes_for: str,
    folder: Path,
    log_failure: Callable[[Exception], None],
    limits: Limits = DEFAULT_LIMITS,
    clock: Clock = time.monotonic,
) -> Iterator[Live]:
    """A session whose stream is there and whose threads run; they end with it.

    UsageError: the folder holds another's frames. StreamError: the stream does not come
    """
    keeping = Keeping(folder=folder)
    with ExitStack() as connection:
        first = connection.enter_context(source.open())
        capture = Capture(source=source, limits=limits, clock=clock)
        judging = Judging(reader=reader, newest=capture.newest, clock=clock, log_failure=log_failure)
        showing = Showing(capture=capture, judging=judging, clock=clock)
        live = Live(
            source=source,
            reader_id=reader_id,
            chimes_for=chimes_for,
            capture=capture,
            judging=judging,
            showing=showing,
            keeping=keeping,
        )
        threads = _threads(live, first, connection.pop_all())
    try:
        yield live
    finally:
        live.over.set()
        capture.stop()
        for thread in threads:
            thread.join(_PATIENCE_S)


def _threads(live: Live, first: Opened, connection: ExitStack) -> list[Thread]:
    """Begun; daemons, for a stream that hangs in the system must not hold the program."""
    threads = [
        Thread(target=live.capture.run, args=(first, connection), name="capture", daemon=True),
        Thread(target=live.judging.run, args=(live.is_over, live.over.wait), name="judge", daemon=True),
    ]
    for thread in threads:
        thread.start()
    return threads
