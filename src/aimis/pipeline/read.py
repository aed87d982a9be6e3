"""Reads items with a few threads: bounded in flight, in input order, every item answered for by every reader.

The pixels' work (decoding, resizing, inference) runs outside the interpreter's lock, so threads of one process
use the cores and share one network: `docs/decisions/0002-threads-not-processes.md`.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import cv2

from aimis.domain.errors import BrokenInputError, CaseError
from aimis.domain.reading import LateralitySource, Outcome, ReaderIdentity, Reading, Reason, Source, Status
from aimis.pipeline import examine, volumes
from aimis.pipeline.tools import (
    ExaminationItem,
    FrameResult,
    Item,
    ItemResult,
    OpenReader,
    T,
    Tools,
    VolumeItem,
    identities_of,
    reduced,
)

if TYPE_CHECKING:
    from aimis.imaging.still import Still

IN_FLIGHT_PER_JOB = 2


def read_all(
    items: Iterable[Item | ExaminationItem | VolumeItem], tools: Tools, *, jobs: int, threads_a_job: int = 1
) -> Generator[ItemResult]:
    """Results in input order; at most `IN_FLIGHT_PER_JOB * jobs` items, or frames of one examination, are held.

    threads_a_job : that OpenCV may use for one call; it is one setting for the whole process

    Closing the iterator early waits for the items being read and drops those not begun.
    StoppedError: the run was asked to stop amid an examination, of which nothing is given
    """
    cv2.setNumThreads(threads_a_job)
    in_flight = IN_FLIGHT_PER_JOB * jobs
    threads = jobs + 1  # while one waits for a file or for the interpreter, the cores have work
    pending: deque[Future[ItemResult]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="read") as pool:
        try:
            for item in items:
                if isinstance(item, ExaminationItem):
                    yield from _taken(pending)
                    yield examine.read_examination(item, tools, pool, in_flight=in_flight)
                    continue
                if isinstance(item, VolumeItem):
                    yield from _taken(pending)
                    yield _with_all_threads(partial(volumes.read_volume, item, tools), jobs, threads_a_job)
                    continue
                pending.append(pool.submit(read_item, item, tools, tools.opened()))
                if len(pending) == in_flight:
                    yield pending.popleft().result()
            yield from _taken(pending)
        finally:
            for future in pending:
                future.cancel()


def _with_all_threads(read: Callable[[], ItemResult], jobs: int, threads_a_job: int) -> ItemResult:
    """A volume is read by itself, so that OpenCV's calls may use what else the jobs share."""
    cv2.setNumThreads(jobs * threads_a_job)
    try:
        return read()
    finally:
        cv2.setNumThreads(threads_a_job)


def _taken(pending: deque[Future[ItemResult]]) -> Iterator[ItemResult]:
    while pending:
        yield pending.popleft().result()


def read_item(item: Item, tools: Tools, readers: Sequence[OpenReader] | None = None) -> ItemResult:
    """Load, hash, decode and read one item; whatever happens, each reader id has a reading of each frame.

    readers : opened already, for one thread alone may open them; else those of `tools`
    """
    work = _Work(item=item, tools=tools, readers=tools.opened() if readers is None else readers)
    content = work.attempt(item.load)
    if isinstance(content, CaseError):
        return ItemResult(item=item, frames=(work.refuse(content),))
    work.sha256 = hashlib.sha256(content).hexdigest()
    recalled = work.recall()
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

    def __init__(self, *, item: Item, tools: Tools, readers: Sequence[OpenReader]) -> None:
        self.item = item
        self.tools = tools
        self._readers = readers
        self.sha256: str | None = None
        self._began = tools.clock.monotonic()

    def attempt(self, action: Callable[[], T], reader: str | None = None) -> T | CaseError:
        """What the action gives, or why it gave nothing."""
        return self.tools.attempt(action, sha256=self.sha256, reader=reader)

    def recall(self) -> tuple[tuple[Reading, ...], ...] | None:
        """What an earlier run read of the same bytes with the same readers."""
        if self.tools.recall is None or self.sha256 is None:
            return None
        return self.tools.recall(self.item.path, self.sha256, identities_of(self._readers))

    def stills(self, content: bytes) -> dict[int | None, Still]:
        """Every picture of a file, reduced, by frame."""
        return {still.frame: reduced(still) for still in self.tools.decode(content, self.item.path)}

    def refuse(self, error: CaseError, frame: int | None = None) -> FrameResult:
        """The same refusal from every reader."""
        source = Source(path=self.item.path, sha256=self.sha256, frame=frame)
        outcome = Outcome(status=error.status, reason=error.reason)
        found = [(source, identity, outcome) for identity in identities_of(self._readers)]
        return FrameResult(readings=self._stamp(found))

    def read(self, still: Still) -> FrameResult:
        """What each reader says of a picture."""
        found = [
            (_source(self.item.path, self.sha256, still, outcome), opened.identities[reader], outcome)
            for opened in self._readers
            for reader, outcome in self._outcomes(opened, still).items()
        ]
        return FrameResult(readings=self._stamp(found), still=reduced(still) if self.tools.keep_stills else None)

    def _outcomes(self, opened: OpenReader, still: Still) -> dict[str, Outcome]:
        if not opened.takes_stills:
            refused = Outcome(status=Status.UNSUPPORTED, reason=Reason.of("takes-no-pictures"))
            return dict.fromkeys(opened.identities, refused)
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
        patient_id=still.identity.patient_id,
        study_instance_uid=still.identity.study_instance_uid,
        series_instance_uid=still.series_instance_uid,
        sop_instance_uid=still.sop_instance_uid,
        whose=still.identity.digest,
    )
