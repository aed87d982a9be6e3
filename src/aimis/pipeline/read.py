"""Reads items with a few threads: bounded in flight, in input order, every item answered for by every reader.

The pixels' work (decoding, resizing, inference) runs outside the interpreter's lock, so threads of one process
use the cores and share one network: `docs/decisions/0002-threads-not-processes.md`.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

import cv2

from aimis.domain.errors import BrokenInputError, CaseError, EngineError
from aimis.domain.reading import LateralitySource, Outcome, ReaderIdentity, Reading, Reason, Source, Status
from aimis.imaging.still import Still
from aimis.reports.case import shrunk

if TYPE_CHECKING:
    from aimis.readers.port import StillReader

IN_FLIGHT_PER_JOB = 2
T = TypeVar("T")


class Item(Protocol):
    """A file as found; `load` gives its bytes or raises a `CaseError`."""

    @property
    def path(self) -> str:
        """As found; of a zip's member archive.zip/member."""
        ...

    @property
    def load(self) -> Callable[[], bytes]:
        """Reads the file, in the thread that needs it."""
        ...


Decode = Callable[[bytes, str], Iterator[Still]]
"""Gives the pictures of a file's bytes and name, one a frame, lazily; raises a `CaseError` where it cannot."""

Recall = Callable[[str, str], tuple[tuple[Reading, ...], ...] | None]
"""Gives the frames that an earlier run read of a path and SHA-256 with the same readers, or None."""

LogFailure = Callable[[Exception, str | None, str | None], None]
"""Takes note of an error that is no `CaseError`, the input's SHA-256 and the readers; never the input's name."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The time: seconds that only go up, and the calendar in UTC."""

    monotonic: Callable[[], float]
    now_utc: Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class OpenReader:
    """A reader that is loaded, and the identity of every entry that it answers for, by reader id."""

    reader: StillReader
    identities: Mapping[str, ReaderIdentity]

    def __post_init__(self) -> None:
        if not self.identities:
            raise ValueError("a reader answers for at least one id")


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What reading an item takes.

    keep_stills : hand the pictures on with the readings, as small as a report takes them
    """

    readers: Sequence[OpenReader]
    decode: Decode
    clock: Clock
    log_failure: LogFailure
    recall: Recall = field(default=lambda _path, _sha256: None)
    keep_stills: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameResult:
    """One reading a reader of one picture; `still` where it was asked for and could be decoded."""

    readings: tuple[Reading, ...]
    still: Still | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemResult:
    """What became of one item: at least one frame; `recalled` when an earlier run read it."""

    item: Item
    frames: tuple[FrameResult, ...]
    recalled: bool = False

    @property
    def readings(self) -> tuple[Reading, ...]:
        """All readings, frame by frame."""
        return tuple(reading for frame in self.frames for reading in frame.readings)


def read_all(items: Iterable[Item], tools: Tools, *, jobs: int, threads_a_job: int = 1) -> Generator[ItemResult]:
    """Results in input order; at most `IN_FLIGHT_PER_JOB * jobs` items are held, however many there are.

    threads_a_job : that OpenCV may use for one call; it is one setting for the whole process

    Closing the iterator early waits for the items being read and drops those not begun.
    """
    cv2.setNumThreads(threads_a_job)
    pending: deque[Future[ItemResult]] = deque()
    with ThreadPoolExecutor(jobs, thread_name_prefix="read") as pool:
        try:
            for item in items:
                pending.append(pool.submit(read_item, item, tools))
                if len(pending) == IN_FLIGHT_PER_JOB * jobs:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def read_item(item: Item, tools: Tools) -> ItemResult:
    """Load, hash, decode and read one item; whatever happens, each reader id has a reading of each frame."""
    work = _Work(item=item, tools=tools)
    content = work.attempt(item.load)
    if isinstance(content, CaseError):
        return ItemResult(item=item, frames=(work.refuse(content),))
    work.sha256 = hashlib.sha256(content).hexdigest()
    recalled = tools.recall(item.path, work.sha256)
    if recalled is not None:
        return ItemResult(item=item, frames=tuple(_recalled_frames(content, work, recalled)), recalled=True)
    return ItemResult(item=item, frames=tuple(_read_frames(content, work)))


def _recalled_frames(content: bytes, work: _Work, recalled: tuple[tuple[Reading, ...], ...]) -> Iterator[FrameResult]:
    """The readings as they were, with the pictures where a report may still be wanting."""
    stills = work.attempt(lambda: work.stills(content)) if work.tools.keep_stills else {}
    by_frame = {} if isinstance(stills, CaseError) else stills
    for readings in recalled:
        yield FrameResult(readings=readings, still=by_frame.get(readings[0].source.frame))


def _read_frames(content: bytes, work: _Work) -> Iterator[FrameResult]:
    stills = work.attempt(lambda: work.tools.decode(content, work.item.path))
    if isinstance(stills, CaseError):
        yield work.refuse(stills)
        return
    count = 0
    while (still := work.attempt(lambda: next(stills, None))) is not None:
        if isinstance(still, CaseError):
            yield work.refuse(still, frame=count or None)
            return
        yield work.read(still)
        count += 1
    if not count:
        yield work.refuse(BrokenInputError("no-pixels"))


class _Work:
    """One item on its way: its hash once known, and the time its current frame began."""

    def __init__(self, *, item: Item, tools: Tools) -> None:
        self.item = item
        self.tools = tools
        self.sha256: str | None = None
        self._began = tools.clock.monotonic()

    def attempt(self, action: Callable[[], T], reader: str | None = None) -> T | CaseError:
        """What the action gives, or why it gave nothing: an item never ends the run."""
        try:
            return action()
        except CaseError as error:
            return error
        except Exception as error:  # noqa: BLE001  # the worker's outermost loop: one input must not stop the others
            self.tools.log_failure(error, self.sha256, reader)
            return BrokenInputError("reader-failed" if isinstance(error, EngineError) else "internal-error")

    def stills(self, content: bytes) -> dict[int | None, Still]:
        """Every picture of a file, reduced, by frame."""
        return {still.frame: _reduced(still) for still in self.tools.decode(content, self.item.path)}

    def refuse(self, error: CaseError, frame: int | None = None) -> FrameResult:
        """The same refusal from every reader."""
        source = Source(path=self.item.path, sha256=self.sha256, frame=frame)
        outcome = Outcome(status=error.status, reason=error.reason)
        identities = [i for opened in self.tools.readers for i in opened.identities.values()]
        return FrameResult(readings=self._stamp([(source, identity, outcome) for identity in identities]))

    def read(self, still: Still) -> FrameResult:
        """What each reader says of a picture."""
        found = [
            (_source(self.item.path, self.sha256, still, outcome), opened.identities[reader], outcome)
            for opened in self.tools.readers
            for reader, outcome in self._outcomes(opened, still).items()
        ]
        return FrameResult(readings=self._stamp(found), still=_reduced(still) if self.tools.keep_stills else None)

    def _outcomes(self, opened: OpenReader, still: Still) -> dict[str, Outcome]:
        said = self.attempt(lambda: opened.reader.read(still), reader=", ".join(opened.identities))
        if isinstance(said, CaseError):
            return dict.fromkeys(opened.identities, Outcome(status=said.status, reason=said.reason))
        forgotten = Outcome(status=Status.FAILED, reason=Reason.of("reader-failed"))
        return {reader: said.get(reader, forgotten) for reader in opened.identities}

    def _stamp(self, found: Sequence[tuple[Source, ReaderIdentity, Outcome]]) -> tuple[Reading, ...]:
        """Readings with the time this frame took; the next frame's time begins here."""
        ended, read_at = self.tools.clock.monotonic(), self.tools.clock.now_utc().isoformat(timespec="seconds")
        seconds, self._began = ended - self._began, ended
        return tuple(
            Reading(source=source, identity=identity, outcome=outcome, seconds=seconds, read_at_utc=read_at)
            for source, identity, outcome in found
        )


def _source(path: str, sha256: str | None, still: Still, outcome: Outcome) -> Source:
    laterality, known_from = still.laterality, still.laterality_source
    if laterality is None and outcome.laterality is not None:
        laterality, known_from = outcome.laterality, LateralitySource.OPTIC_DISC
    return Source(
        path=path,
        sha256=sha256,
        size_px=still.full_size_px,
        frame=still.frame,
        laterality=laterality,
        laterality_source=known_from,
        patient_id=still.patient_id,
        study_instance_uid=still.study_instance_uid,
        series_instance_uid=still.series_instance_uid,
        sop_instance_uid=still.sop_instance_uid,
    )


def _reduced(still: Still) -> Still:
    """The picture as a report takes it; what waits for a report must stay small."""
    rgb = shrunk(still.rgb)
    return still if rgb is still.rgb else replace(still, rgb=rgb)
