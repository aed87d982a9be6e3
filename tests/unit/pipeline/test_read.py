"""Reading many items: order, bounds, and an answer for every item from every reader."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain.errors import BrokenInputError, EngineError, UnsupportedInputError
from aimis.domain.reading import Laterality, LateralitySource, Outcome, Reason, Status
from aimis.imaging.still import Still
from aimis.pipeline import read
from aimis.pipeline import tools as parts
from tests.fakes.items import FakeItem, item
from tests.fakes.redness import RednessReader, identity


@dataclass
class Log:
    """What was logged, and that no name of an input is in it."""

    lines: list[tuple[str, str | None, str | None]]

    def __call__(self, error: Exception, input_sha256: str | None, reader: str | None) -> None:
        self.lines.append((type(error).__name__, input_sha256, reader))


def still(rgb: Sequence[int], **changes: object) -> Still:
    pixels = np.full((4, 4, 3), rgb, dtype=np.uint8)
    return Still(**{"rgb": pixels, "full_size_px": (8, 8), **changes})  # type: ignore[arg-type]


def decode(content: bytes, name: str) -> Iterator[Still]:
    """Three bytes a frame: its colour. Anything else is broken, after the frames that are whole."""
    whole = len(content) // 3
    for frame in range(whole):
        yield still(list(content[3 * frame : 3 * frame + 3]), frame=frame if whole > 1 else None)
    if len(content) % 3:
        raise BrokenInputError("truncated")


def tools(*readers: parts.OpenReader, log: Log | None = None, **changes: object) -> parts.Tools:
    seconds = count()
    clock = parts.Clock(monotonic=lambda: float(next(seconds)), now_utc=lambda: datetime(2026, 1, 2, 3, 4, 5, 6, UTC))
    opened = readers or (opened_reader(RednessReader()),)
    made = parts.Tools(readers=opened, decode=decode, clock=clock, log_failure=log or Log([]))
    return replace(made, **changes)  # type: ignore[arg-type]


def opened_reader(reader: object, *ids: str) -> parts.OpenReader:
    identities = {name: identity(name) for name in ids or ("redness",)}
    return parts.OpenReader(reader=reader, identities=identities)  # type: ignore[arg-type]


def everything(items: Sequence[FakeItem], with_tools: parts.Tools, jobs: int = 2) -> list[parts.ItemResult]:
    return list(read.read_all(items, with_tools, jobs=jobs))


@given(contents=st.lists(st.binary(max_size=9), max_size=12), jobs=st.integers(1, 4))
def test_every_item_is_answered_in_input_order_whatever_it_holds(contents: list[bytes], jobs: int) -> None:
    items = [item(f"{n}.jpg", content) for n, content in enumerate(contents)]
    results = everything(items, tools(opened_reader(RednessReader(ids=("a", "b")), "a", "b")), jobs)
    assert [r.item.path for r in results] == [i.path for i in items]
    for result, content in zip(results, contents, strict=True):
        frames = len(content) // 3 + bool(len(content) % 3)
        assert [r.identity.reader for r in result.readings] == ["a", "b"] * max(1, frames)
        assert {r.source.path for r in result.readings} == {result.item.path}
        assert {r.source.sha256 for r in result.readings} == {hashlib.sha256(content).hexdigest()}


def test_reading_states_source_identity_and_time_when_read() -> None:
    (result,) = everything([item("one.jpg")], tools())
    (reading,) = result.readings
    assert (reading.outcome.status, reading.identity) == (Status.READ, identity())
    assert (reading.source.path, reading.source.size_px, reading.source.frame) == ("one.jpg", (8, 8), None)
    assert (reading.seconds, reading.read_at_utc) == (1.0, "2026-01-02T03:04:05+00:00")


def test_laterality_comes_from_the_reader_where_the_file_says_nothing() -> None:
    (result,) = everything([item("one.jpg")], tools())
    source = result.readings[0].source
    assert (source.laterality, source.laterality_source) == (Laterality.LEFT, LateralitySource.OPTIC_DISC)


def test_laterality_of_the_file_is_kept_where_the_reader_says_another() -> None:
    def named(_content: bytes, _name: str) -> Iterator[Still]:
        yield still([255, 0, 0], laterality=Laterality.RIGHT, laterality_source=LateralitySource.DICOM)

    (result,) = everything([item("one.dcm")], tools(decode=named))
    source = result.readings[0].source
    assert (source.laterality, source.laterality_source) == (Laterality.RIGHT, LateralitySource.DICOM)


def test_file_that_cannot_be_loaded_keeps_its_status_and_reason() -> None:
    def absent() -> bytes:
        raise BrokenInputError("not-found")

    (result,) = everything([FakeItem(path="gone.jpg", load=absent)], tools())
    (reading,) = result.readings
    assert (reading.outcome.status, reading.outcome.reason) == (Status.FAILED, Reason.of("not-found"))
    assert reading.source.sha256 is None


def test_frames_before_a_broken_one_are_read_and_the_broken_one_is_named() -> None:
    (result,) = everything([item("two-and-a-bit.dcm", b"\xff\x00\x00" * 2 + b"\xff")], tools())
    assert [(r.source.frame, r.outcome.status) for r in result.readings] == [
        (0, Status.READ),
        (1, Status.READ),
        (2, Status.FAILED),
    ]


def test_file_without_pictures_is_failed_rather_than_missing() -> None:
    (result,) = everything([item("none.dcm", b"")], tools())
    assert result.readings[0].outcome.reason == Reason.of("no-pixels")


def test_refusal_of_a_reader_becomes_the_status_of_all_its_ids() -> None:
    (result,) = everything([item("dark.jpg", b"\x01\x01\x01")], tools(opened_reader(RednessReader(), "a", "b")))
    assert {(r.outcome.status, r.outcome.reason.code if r.outcome.reason else None) for r in result.readings} == {
        (Status.NOT_ASSESSABLE, "too-dark")
    }


def test_reader_that_forgets_an_id_is_failed_for_that_id_alone() -> None:
    (result,) = everything([item("one.jpg")], tools(opened_reader(RednessReader(ids=("a",)), "a", "b")))
    assert [(r.identity.reader, r.outcome.status) for r in result.readings] == [
        ("a", Status.READ),
        ("b", Status.FAILED),
    ]


@dataclass(frozen=True)
class BrokenReader:
    error: Exception
    engine: str = "none"

    def read(self, _still: Still) -> Mapping[str, Outcome]:
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"), [(EngineError("no network"), "reader-failed"), (ZeroDivisionError("at Mr Li"), "internal-error")]
)
def test_reader_that_breaks_fails_alone_and_is_logged_without_the_name(error: Exception, code: str) -> None:
    log = Log([])
    both = tools(opened_reader(BrokenReader(error), "broken"), opened_reader(RednessReader()), log=log)
    first, second = everything([item("Li Wei.jpg"), item("Wang Fang.jpg")], both)
    for result in (first, second):
        broken, whole = result.readings
        assert (broken.outcome.status, broken.outcome.reason) == (Status.FAILED, Reason.of(code))
        assert whole.outcome.status is Status.READ
    sha256 = hashlib.sha256(b"\xff\x00\x00").hexdigest()
    assert log.lines == [(type(error).__name__, sha256, "broken")] * 2


def test_error_in_loading_that_nobody_foresaw_fails_the_item_and_the_rest_is_read() -> None:
    def surprise() -> bytes:
        raise OSError("the share went away")

    log = Log([])
    results = everything([FakeItem(path="lost.jpg", load=surprise), item("one.jpg")], tools(log=log))
    assert [r.readings[0].outcome.status for r in results] == [Status.FAILED, Status.READ]
    assert log.lines == [("OSError", None, None)]


def test_unsupported_picture_stays_unsupported() -> None:
    def cat(_content: bytes, _name: str) -> Iterator[Still]:
        raise UnsupportedInputError("not-a-fundus-photograph", looks_like="a cat")

    (result,) = everything([item("cat.jpg")], tools(decode=cat))
    assert result.readings[0].outcome.status is Status.UNSUPPORTED


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_items_in_flight_are_bounded_however_many_there_are(jobs: int) -> None:
    taken = 0

    def many() -> Iterator[FakeItem]:
        nonlocal taken
        for n in range(60):
            taken += 1
            yield item(f"{n}.jpg")

    most = 0
    for given_back, _ in enumerate(read.read_all(many(), tools(), jobs=jobs), start=1):
        most = max(most, taken - given_back + 1)
    assert (taken, most) == (60, read.IN_FLIGHT_PER_JOB * jobs)


def test_items_are_read_at_the_same_time_with_more_than_one_job() -> None:
    together = threading.Barrier(2, timeout=20)

    def meet() -> bytes:
        together.wait()
        return b"\xff\x00\x00"

    results = everything([FakeItem(path=f"{n}.jpg", load=meet) for n in range(2)], tools(), jobs=2)
    assert [r.readings[0].outcome.status for r in results] == [Status.READ] * 2


def test_closing_early_begins_nothing_more() -> None:
    loaded: list[str] = []

    def noted(path: str) -> FakeItem:
        return FakeItem(path=path, load=lambda: loaded.append(path) or b"\xff\x00\x00")  # type: ignore[func-returns-value]

    results = read.read_all((noted(str(n)) for n in range(1000)), tools(), jobs=1)
    next(results)
    results.close()
    assert len(loaded) <= read.IN_FLIGHT_PER_JOB


def test_recalled_item_is_given_back_as_it_was_and_not_read_again() -> None:
    (before,) = everything([item("one.jpg")], tools())
    again = tools(opened_reader(BrokenReader(ZeroDivisionError())), recall=lambda *_: (before.readings,))
    (result,) = everything([item("one.jpg")], again)
    assert result.recalled
    assert result.readings == before.readings


def test_stills_are_handed_on_only_when_wanted() -> None:
    (without,) = everything([item("one.jpg")], tools())
    (with_still,) = everything([item("one.jpg")], tools(keep_stills=True))
    assert without.frames[0].still is None
    assert with_still.frames[0].still is not None


def large(_content: bytes, _name: str) -> Iterator[Still]:
    yield Still(rgb=np.full((1800, 2400, 3), 200, dtype=np.uint8), full_size_px=(2400, 1800))


def test_kept_still_is_reduced_and_keeps_the_size_of_its_file() -> None:
    (result,) = everything([item("large.png")], tools(decode=large, keep_stills=True))
    (frame,) = result.frames
    kept = frame.still
    assert kept is not None
    assert (kept.rgb.shape, kept.full_size_px) == ((1200, 1600, 3), (2400, 1800))
    assert frame.readings[0].source.size_px == (2400, 1800)


def test_recalled_item_has_its_picture_where_a_report_may_be_wanting() -> None:
    (before,) = everything([item("one.jpg")], tools(decode=large))
    again = tools(decode=large, keep_stills=True, recall=lambda *_: (before.readings,))
    (result,) = everything([item("one.jpg")], again)
    assert result.readings == before.readings
    assert result.frames[0].still is not None


def test_recalled_item_is_given_back_where_its_picture_cannot_be_decoded_any_more() -> None:
    def broken(_content: bytes, _name: str) -> Iterator[Still]:
        raise BrokenInputError("truncated")

    (before,) = everything([item("one.jpg")], tools())
    again = tools(decode=broken, keep_stills=True, recall=lambda *_: (before.readings,))
    (result,) = everything([item("one.jpg")], again)
    assert result.readings == before.readings
    assert result.frames[0].still is None


def test_reader_that_answers_for_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one id"):
        parts.OpenReader(reader=RednessReader(), identities={})
