"""Reads an examination: each frame judged by itself, decoding and inference side by side, then all concluded from.

However long a video is, only its frames' records and the pictures of the most interesting frames are held.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, cast

from aimis.domain import identity
from aimis.domain.errors import BrokenInputError, CaseError
from aimis.domain.examination import Examination, ExaminationKind, FrameRecord
from aimis.domain.reading import Outcome, Reading, Reason, Source, Status
from aimis.imaging.frame import Frame
from aimis.imaging.still import Still
from aimis.pipeline.tools import (
    ExaminationItem,
    FrameResult,
    ItemResult,
    OpenExamination,
    OpenReader,
    Tools,
    identities_of,
    reduced,
)
from aimis.readers.port import ExaminationReader, JudgedFrame

if TYPE_CHECKING:
    from aimis.domain.identity import Identity

MOST_PICTURES = 64
"""Kept of one examination."""
PICTURE_SIDE_PX = 960
"""Longest side of a kept picture: a page shows several beside each other."""
_CROWDED_SECONDS = 4.0

FrameWork = Callable[[], Frame]


def read_examination(item: ExaminationItem, tools: Tools, pool: Executor, *, in_flight: int) -> ItemResult:
    """Open, judge and conclude; whatever happens, each reader id has one reading.

    in_flight : frames held at once

    StoppedError: the run was asked to stop; a half-read examination gives nothing
    EngineError, ReaderRefusedError: a reader cannot be opened
    """
    readers = tools.opened(attrgetter("takes_examinations"))
    work = _Work(item=item, tools=tools, readers=readers)
    if not all(opened.takes_examinations for opened in readers):
        return work.refuse(Status.UNSUPPORTED, Reason.of("takes-no-examinations"))
    with ExitStack() as stack:
        opened = tools.attempt(lambda: stack.enter_context(item.open()))
        if isinstance(opened, CaseError):
            return work.refuse(opened.status, opened.reason)
        recalled = work.recall(opened)
        if recalled is not None:
            return recalled
        work.judge_all(opened, pool, in_flight)
        whose = tools.attempt(lambda: identity.of_one_study(work.identities))
        if isinstance(whose, CaseError):
            return work.refuse(whose.status, whose.reason)
        return work.conclude(opened, whose)


def key_pictures(item: ExaminationItem, wanted: Collection[int], *, sha256: str | None) -> dict[int, Still]:
    """The pictures of some frames, decoded again; a frame that cannot be decoded any more is left out.

    CaseError: nothing of it can be had, or it is not what `sha256` was taken of
    """
    found: dict[int, Still] = {}
    with item.open() as opened:
        if opened.sha256() != sha256:
            raise BrokenInputError("changed")
        for number, work in enumerate(opened.frames()):
            if len(found) == len(wanted):
                break
            if item.kind is ExaminationKind.STILLS and number not in wanted:
                continue
            frame = work()
            if frame.index in wanted and isinstance(frame.picture, Still):
                found[frame.index] = reduced(frame.picture, PICTURE_SIDE_PX)
    return found


def _frames(opened: OpenExamination, tools: Tools) -> Iterator[FrameWork | CaseError]:
    """The frames' work; an error that nobody foresaw is the last."""
    frames = opened.frames()
    while (work := tools.attempt(lambda: next(frames, None))) is not None:
        yield work
        if isinstance(work, CaseError):
            return


@dataclass(frozen=True, kw_only=True, eq=False)
class _JudgedByAll:
    """One frame and what every reader makes of it, in the readers' order."""

    by_reader: tuple[JudgedFrame, ...]
    seen: Source | None
    identity: Identity
    picture: Still | None

    @property
    def interest(self) -> float:
        return max(judged.interest for judged in self.by_reader)

    @property
    def record(self) -> FrameRecord:
        return self.by_reader[0].record


@dataclass(kw_only=True)
class _Pictures:
    """The frames that deserve most to be shown, and their pictures where those are kept."""

    _kept: dict[int, _JudgedByAll] = field(default_factory=dict)

    @property
    def indices(self) -> frozenset[int]:
        """Of the frames, whether or not their pictures are kept: key frames do not depend on a report."""
        return frozenset(self._kept)

    @property
    def pictures(self) -> dict[int, Still]:
        """By frame index."""
        return {index: one.picture for index, one in self._kept.items() if one.picture is not None}

    def add(self, judged: _JudgedByAll) -> None:
        """Keep it, and of too many let one go."""
        self._kept[judged.record.index] = judged
        if len(self._kept) > MOST_PICTURES:
            del self._kept[self._least()]

    def _least(self) -> int:
        """First what a more interesting neighbour in time stands for, so that one lesion does not take all places."""
        crowded = [min(a, b, key=_worth) for a, b in pairwise(self._kept.values()) if _are_near(a, b)]
        return min(crowded or self._kept.values(), key=_worth).record.index


@dataclass(kw_only=True)
class _Work:
    """One examination on its way.

    seen : what the first picture says of its size and series
    identities : what the pictures say of patient and study, each once
    limited : what no frame tells of
    """

    item: ExaminationItem
    tools: Tools
    readers: Sequence[OpenReader]
    judged: list[tuple[JudgedFrame, ...]] = field(default_factory=list)
    kept: _Pictures = field(default_factory=_Pictures)
    seen: Source | None = None
    identities: dict[Identity, None] = field(default_factory=dict)
    limited: Reason | None = None
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.tools.clock.monotonic()

    def refuse(self, status: Status, reason: Reason) -> ItemResult:
        """The same refusal from every reader."""
        outcome = Outcome(status=status, reason=reason, examination=Examination(kind=self.item.kind, frames=()))
        return self._result({reader: outcome for opened in self.readers for reader in opened.identities}, None)

    def recall(self, opened: OpenExamination) -> ItemResult | None:
        """What an earlier run read; its pictures are decoded again when they are asked for."""
        if self.tools.recall is None:
            return None
        sha256 = self.tools.attempt(opened.sha256)
        if isinstance(sha256, CaseError):
            return None
        recalled = self.tools.recall(self.item.path, sha256, identities_of(self.readers))
        if recalled is None:
            return None
        keys = frozenset(index for reading in recalled[0] for index in _key_frames(reading))
        frames = tuple(FrameResult(readings=readings) for readings in recalled)
        return ItemResult(
            item=self.item, frames=frames, recalled=True, pictures=lambda: self._pictures_again(keys, sha256)
        )

    def _pictures_again(self, keys: frozenset[int], sha256: str) -> dict[int, Still]:
        pictures = self.tools.attempt(lambda: key_pictures(self.item, keys, sha256=sha256), sha256=sha256)
        return {} if isinstance(pictures, CaseError) else pictures

    def judge_all(self, opened: OpenExamination, pool: Executor, in_flight: int) -> None:
        """Judge every frame; results are taken in order."""
        pending: deque[Future[_JudgedByAll | CaseError]] = deque()
        try:
            for work in _frames(opened, self.tools):
                if isinstance(work, CaseError):
                    self.limited = work.reason
                    break
                pending.append(pool.submit(self._judge, work))
                if len(pending) == in_flight:
                    self._take(pending.popleft().result(), opened)
            while pending:
                self._take(pending.popleft().result(), opened)
        finally:
            wait([future for future in pending if not future.cancel()])  # they use what is closed next

    def conclude(self, opened: OpenExamination, whose: Identity) -> ItemResult:
        """Every reader's outcome of all frames."""
        outcomes: dict[str, Outcome] = {}
        for number, reader in enumerate(self.readers):
            outcomes |= self._outcomes(number, reader, opened)
        sha256 = self.tools.attempt(opened.sha256)
        return self._result(outcomes, sha256 if isinstance(sha256, str) else None, whose)

    def _judge(self, work: FrameWork) -> _JudgedByAll | CaseError:
        """One frame, decoded and judged in the thread that calls."""
        frame = self.tools.attempt(work)
        if isinstance(frame, CaseError):
            return frame
        by_reader = tuple(self._judged(reader, frame) for reader in self.readers)
        if isinstance(frame.picture, CaseError):
            return _JudgedByAll(by_reader=by_reader, seen=None, identity=identity.NOBODY, picture=None)
        picture = reduced(frame.picture, PICTURE_SIDE_PX) if self.tools.keep_stills else None
        seen, whose = _seen(frame.picture), frame.picture.identity
        return _JudgedByAll(by_reader=by_reader, seen=seen, identity=whose, picture=picture)

    def _judged(self, opened: OpenReader, frame: Frame) -> JudgedFrame:
        reader = cast("ExaminationReader", opened.reader)
        said = self.tools.attempt(lambda: reader.judge(frame), reader=", ".join(opened.identities))
        if not isinstance(said, CaseError):
            return said
        record = FrameRecord(
            index=frame.index, status=said.status, name=frame.name, seconds=frame.seconds, reason=said.reason
        )
        return JudgedFrame(record=record)

    def _take(self, judged: _JudgedByAll | CaseError, opened: OpenExamination) -> None:
        self.tools.stop_if_asked()
        if isinstance(judged, CaseError):
            self.limited = judged.reason
            return
        self.judged.append(judged.by_reader)
        if judged.seen is not None:
            self.seen = self.seen or judged.seen
            self.identities[judged.identity] = None
            self.kept.add(judged)
        self.tools.progress(len(self.judged), opened.expected)

    def _outcomes(self, number: int, opened: OpenReader, examination: OpenExamination) -> dict[str, Outcome]:
        judged = [by_reader[number] for by_reader in self.judged]
        conclude = partial(
            cast("ExaminationReader", opened.reader).conclude,
            judged,
            kind=self.item.kind,
            seconds=examination.seconds,
            pictured=self.kept.indices,
            limited=examination.lost or self.limited,
        )
        said = self.tools.attempt(conclude, reader=", ".join(opened.identities))
        frames = Examination(
            kind=self.item.kind, frames=tuple(one.record for one in judged), seconds=examination.seconds
        )
        if isinstance(said, CaseError):
            outcome = Outcome(status=said.status, reason=said.reason, examination=frames)
            return dict.fromkeys(opened.identities, outcome)
        forgotten = Outcome(status=Status.FAILED, reason=Reason.of("reader-failed"), examination=frames)
        return {reader: said.get(reader, forgotten) for reader in opened.identities}

    def _result(
        self, outcomes: Mapping[str, Outcome], sha256: str | None, whose: Identity = identity.NOBODY
    ) -> ItemResult:
        seconds = self.tools.clock.monotonic() - self.began
        read_at = self.tools.clock.now_utc().isoformat(timespec="seconds")
        source = replace(
            self.seen or Source(path=""),
            path=self.item.path,
            sha256=sha256,
            patient_id=whose.patient_id,
            study_instance_uid=whose.study_instance_uid,
        )
        readings = tuple(
            Reading(source=source, identity=known, outcome=outcomes[known.reader], seconds=seconds, read_at_utc=read_at)
            for known in identities_of(self.readers)
        )
        pictures = self.kept.pictures
        return ItemResult(item=self.item, frames=(FrameResult(readings=readings),), pictures=lambda: pictures)


def _worth(judged: _JudgedByAll) -> tuple[float, int]:
    return judged.interest, -judged.record.index


def _are_near(one: _JudgedByAll, other: _JudgedByAll) -> bool:
    first, second = one.record.seconds, other.record.seconds
    return first is not None and second is not None and abs(second - first) < _CROWDED_SECONDS


def _key_frames(reading: Reading) -> tuple[int, ...]:
    examination = reading.outcome.examination
    return () if examination is None else examination.key_frames


def _seen(still: Still) -> Source:
    """What a picture says of its examination; the path is the examination's own."""
    return Source(path="", size_px=still.full_size_px, series_instance_uid=still.series_instance_uid)
