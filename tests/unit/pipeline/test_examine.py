"""Reading examinations: every frame answered for, in order, bounded, and one reading a reader whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.domain.errors import BrokenInputError, EngineError, UnsupportedInputError
from aimis.domain.examination import Examination, ExaminationKind
from aimis.domain.identity import NOBODY, Identity
from aimis.domain.reading import Outcome, Reading, Reason, Status
from aimis.imaging.frame import Frame
from aimis.imaging.still import Still
from aimis.pipeline import examine, read
from aimis.pipeline.tools import Clock, ExaminationItem, Item, ItemResult, OpenReader, StoppedError, Tools
from aimis.readers.port import JudgedFrame
from tests.fakes.examinations import FakeExamination, frame, stills, video
from tests.fakes.examiner import Examiner
from tests.fakes.items import item
from tests.fakes.redness import RednessReader, identity
from tests.unit.pipeline.test_read import decode


def opened_reader(reader: object = Examiner(), *ids: str, takes: bool = True) -> OpenReader:
    identities = {name: identity(name) for name in ids or ("examiner",)}
    return OpenReader(reader=reader, identities=identities, takes_examinations=takes)  # type: ignore[arg-type]


def tools(*readers: OpenReader, **changes: Any) -> Tools:
    seconds = count()
    clock = Clock(monotonic=lambda: float(next(seconds)), now_utc=lambda: datetime(2026, 1, 2, 3, 4, 5, 6, UTC))
    logged: list[tuple[str, str | None]] = []

    def log(error: Exception, _sha256: str | None, reader: str | None) -> None:
        logged.append((type(error).__name__, reader))

    made = Tools(readers=readers or (opened_reader(),), decode=decode, clock=clock, log_failure=log)
    return replace(made, **changes)


def result_of(examination: FakeExamination, with_tools: Tools | None = None, jobs: int = 2) -> ItemResult:
    (result,) = read.read_all([examination], with_tools or tools(), jobs=jobs)
    return result


def reading_of(examination: FakeExamination, with_tools: Tools | None = None) -> Reading:
    (reading,) = result_of(examination, with_tools).readings
    return reading


def examination_of(reading: Reading) -> Examination:
    assert reading.outcome.examination is not None
    return reading.outcome.examination


@settings(deadline=None, max_examples=25)
@given(lesions=st.sets(st.integers(0, 19)), length=st.integers(0, 20), jobs=st.integers(1, 4))
def test_every_frame_is_answered_in_order_whatever_the_number_of_jobs(
    lesions: set[int], length: int, jobs: int
) -> None:
    (reading,) = result_of(stills(length, sorted(lesions)), jobs=jobs).readings
    assert [record.index for record in examination_of(reading).frames] == list(range(length))
    if length:
        assert reading.outcome.findings[0].present == any(n < length for n in lesions)
    else:
        assert reading.outcome.status is Status.FAILED


def test_reading_states_source_identity_and_time() -> None:
    reading = reading_of(stills(2))
    assert (reading.source.path, reading.source.sha256, reading.source.frame) == ("exam", "ab" * 32, None)
    assert reading.source.size_px == (192, 144)
    assert (reading.identity, reading.seconds) == (identity("examiner"), 1.0)
    assert reading.read_at_utc == "2026-01-02T03:04:05+00:00"


def test_frame_that_cannot_be_decoded_is_named_and_the_others_are_read() -> None:
    broken = Frame(index=1, picture=BrokenInputError("truncated"), name="b.jpg")
    reading = reading_of(FakeExamination(works=[frame(0), lambda: broken, frame(2)]))
    records = examination_of(reading).frames
    assert [record.status for record in records] == [Status.READ, Status.FAILED, Status.READ]
    assert (records[1].name, records[1].reason) == ("b.jpg", Reason.of("truncated"))
    assert reading.outcome.status is Status.READ


def test_frame_whose_making_breaks_limits_the_result_and_ends_nothing() -> None:
    def surprise() -> Frame:
        raise ZeroDivisionError

    reading = reading_of(FakeExamination(works=[frame(0), surprise, frame(2)]))
    assert [record.index for record in examination_of(reading).frames] == [0, 2]
    assert (reading.outcome.status, reading.outcome.reason) == (Status.READ, Reason.of("internal-error"))


def test_what_was_lost_limits_the_result() -> None:
    cut = replace(video(), lost=Reason.of("cut-off", seconds=2.0))
    assert reading_of(cut).outcome.reason == Reason.of("cut-off", seconds=2.0)


def test_examination_that_cannot_be_opened_is_refused_with_its_status_and_reason() -> None:
    @dataclass(kw_only=True)
    class NoVideo(FakeExamination):
        def open(self) -> AbstractContextManager[FakeExamination]:  # type: ignore[override]
            raise UnsupportedInputError("no-video")

    reading = reading_of(NoVideo(kind=ExaminationKind.VIDEO))
    assert (reading.outcome.status, reading.outcome.reason) == (Status.UNSUPPORTED, Reason.of("no-video"))
    assert examination_of(reading).frames == ()


def test_video_for_readers_that_take_none_is_unsupported_unopened() -> None:
    found = video()
    reading = reading_of(found, tools(opened_reader(RednessReader(), "redness", takes=False)))
    assert (reading.outcome.status, reading.outcome.reason) == (Status.UNSUPPORTED, Reason.of("takes-no-examinations"))
    assert found.opened == 0


def test_examination_goes_to_those_alone_that_take_examinations() -> None:
    both = tools(opened_reader(RednessReader(), "redness", takes=False), opened_reader())
    assert [r.identity.reader for r in result_of(stills(), both).readings] == ["examiner"]


def test_stills_and_examinations_come_out_in_input_order() -> None:
    both = tools(opened_reader(Examiner(ids=("a",)), "a"))
    items: list[Item | ExaminationItem] = [item("1.jpg"), item("2.jpg"), stills(), item("3.jpg")]
    assert [r.item.path for r in read.read_all(items, both, jobs=2)] == ["1.jpg", "2.jpg", "exam", "3.jpg"]


@dataclass(frozen=True)
class BrokenExaminer(Examiner):
    in_judging: Exception | None = None
    in_concluding: Exception | None = None

    def judge(self, frame: Frame) -> JudgedFrame:
        if self.in_judging is not None:
            raise self.in_judging
        return super().judge(frame)

    def conclude(self, *args: Any, **named: Any) -> Mapping[str, Outcome]:
        if self.in_concluding is not None:
            raise self.in_concluding
        return super().conclude(*args, **named)


@pytest.mark.parametrize(
    ("error", "code"), [(EngineError("no network"), "reader-failed"), (ZeroDivisionError(), "internal-error")]
)
@pytest.mark.parametrize("where", ["in_judging", "in_concluding"])
def test_reader_that_breaks_fails_alone_and_says_so(where: str, error: Exception, code: str) -> None:
    broken: Any = {where: error}
    both = tools(opened_reader(BrokenExaminer(ids=("a",), **broken), "a"), opened_reader())
    first, second = result_of(stills(3), both).readings
    assert (first.outcome.status, first.outcome.reason) == (Status.FAILED, Reason.of(code))
    assert len(examination_of(first).frames) == 3
    assert second.outcome.status is Status.READ


def test_reader_that_forgets_an_id_is_failed_for_that_id_alone() -> None:
    readings = result_of(stills(), tools(opened_reader(Examiner(ids=("a",)), "a", "b"))).readings
    assert [(r.identity.reader, r.outcome.status) for r in readings] == [("a", Status.READ), ("b", Status.FAILED)]


def test_stop_amid_an_examination_gives_nothing_of_it_and_closes_it() -> None:
    done: list[int] = []
    stopping = tools(is_stopped=lambda: len(done) == 3, progress=lambda n, _expected: done.append(n))

    @dataclass(kw_only=True)
    class Closing(FakeExamination):
        @contextmanager
        def open(self) -> Iterator[FakeExamination]:
            try:
                yield self
            finally:
                self.closed += 1

    found = Closing(works=[frame(n) for n in range(50)])
    with pytest.raises(StoppedError):
        result_of(found, stopping)
    assert (done, found.closed) == ([1, 2, 3], 1)
    assert len(found.made) < 50


@pytest.mark.parametrize("jobs", [1, 3])
def test_frames_in_flight_are_bounded_however_long_the_video(jobs: int) -> None:
    found = video(frames=80)
    held: list[int] = []
    result_of(found, tools(progress=lambda done, _expected: held.append(len(found.made) - done)), jobs=jobs)
    assert max(held) < read.IN_FLIGHT_PER_JOB * jobs


def test_frames_are_judged_at_the_same_time() -> None:
    together = threading.Barrier(2, timeout=20)

    def meet() -> Frame:
        together.wait()
        return frame(0)()

    reading = reading_of(FakeExamination(works=[meet, meet]))
    assert [record.status for record in examination_of(reading).frames] == [Status.READ] * 2


def test_progress_tells_done_and_expected() -> None:
    told: list[tuple[int, int | None]] = []
    reading_of(stills(3), tools(progress=lambda done, expected: told.append((done, expected))))
    assert told == [(1, 3), (2, 3), (3, 3)]


def pictures_of(result: ItemResult) -> list[int]:
    assert result.pictures is not None
    return sorted(result.pictures())


def test_pictures_are_kept_only_where_a_report_wants_them_and_key_frames_are_the_same() -> None:
    without, kept = result_of(stills(5, [2])), result_of(stills(5, [2]), tools(keep_stills=True))
    assert (pictures_of(without), pictures_of(kept)) == ([], [0, 1, 2, 3, 4])
    keys = [examination_of(r.readings[0]).key_frames for r in (without, kept)]
    assert keys[0] == keys[1]
    assert keys[0][0] == 2


def test_of_a_long_video_no_more_pictures_are_kept_than_allowed_and_both_lesions_are_among_them() -> None:
    lesions = [*range(100, 200), 390]
    result = result_of(video(lesions, frames=400), tools(keep_stills=True))
    kept = pictures_of(result)
    assert len(kept) == examine.MOST_PICTURES
    assert 390 in kept
    assert any(n in kept for n in range(100, 200))
    assert any(n not in lesions for n in kept), "one lesion does not take all places"


def recalling(result: ItemResult) -> Any:
    return lambda *_: (result.readings,)


def test_recalled_examination_is_not_judged_again() -> None:
    before, again = result_of(stills(4, [1])), stills(4, [1])
    result = result_of(again, tools(recall=recalling(before)))
    assert result.recalled
    assert result.readings == before.readings
    assert again.made == []


@pytest.mark.parametrize("found", [stills(9, [1, 7]), video([4, 5, 6])])
def test_recalled_examination_has_its_key_pictures_when_they_are_asked_for(found: FakeExamination) -> None:
    before = result_of(found)
    result = result_of(found, tools(recall=recalling(before)))
    assert pictures_of(result) == sorted(examination_of(before.readings[0]).key_frames)


def of(examination: FakeExamination, *people: Identity) -> FakeExamination:
    """The same, its pictures saying whose they are."""

    def said(work: Callable[[], Frame], whose: Identity) -> Callable[[], Frame]:
        def made() -> Frame:
            frame = work()
            assert isinstance(frame.picture, Still)
            return replace(frame, picture=replace(frame.picture, identity=whose))

        return made

    works = [said(work, whose) for work, whose in zip(examination.works, people, strict=True)]
    return replace(examination, works=works)


PA, PB = (Identity(patient_id=name, study_instance_uid="1.2") for name in ("PA", "PB"))


def test_examination_of_two_patients_is_refused_with_both_named() -> None:
    reading = reading_of(of(stills(3, [0]), PA, NOBODY, PB))
    assert (reading.outcome.status, reading.outcome.findings) == (Status.UNSUPPORTED, ())
    assert reading.outcome.reason == Reason.of("two-patients", by="patient-id", first="PA", second="PB")
    assert (reading.source.patient_id, examination_of(reading).frames) == (None, ())


def test_examination_of_two_studies_is_refused_with_both_named() -> None:
    reading = reading_of(of(stills(2), PA, replace(PA, study_instance_uid="1.3")))
    assert reading.outcome.reason == Reason.of("two-studies", first="1.2", second="1.3")


def test_examination_is_of_the_person_whom_some_of_its_pictures_name() -> None:
    reading = reading_of(of(stills(3), NOBODY, PA, NOBODY))
    assert reading.outcome.status is Status.READ
    assert (reading.source.patient_id, reading.source.study_instance_uid) == ("PA", "1.2")


def test_examination_refused_when_opened_is_not_recalled() -> None:
    merged = reading_of(stills(2))

    class Mixed:
        path, kind = "exam", ExaminationKind.STILLS

        def open(self) -> AbstractContextManager[FakeExamination]:
            raise UnsupportedInputError("two-studies", first="1.2", second="1.3")

    (result,) = read.read_all([Mixed()], tools(recall=lambda *_asked: ((merged,),)), jobs=1)
    assert result.readings[0].outcome.reason == Reason.of("two-studies", first="1.2", second="1.3")
