"""A run: recorded before shown, shown before reported, and whole when it is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aimis.domain.reading import Finding, Laterality, Outcome, Reading, Reason, Source, Status
from aimis.imaging.still import Still
from aimis.pipeline.journal import FILE_NAME, Journal
from aimis.pipeline.run import Run
from aimis.pipeline.tally import Tally
from aimis.pipeline.tools import CutViews, FrameResult, ItemResult, Pictures, StoppedError
from aimis.reports import json as records
from aimis.reports.case import Case
from tests.fakes.items import item
from tests.fakes.redness import identity


def outcome(status: Status = Status.READ, *, present: bool = True) -> Outcome:
    if status is Status.READ:
        return Outcome(status=status, findings=(Finding(name="red", probability=0.9, present=present),))
    return Outcome(status=status, reason=Reason.of("too-dark"))


def result(path: str, *outcomes: Outcome, side: Laterality | None = None, recalled: bool = False) -> ItemResult:
    source = Source(path=path, sha256="ab" * 32, laterality=side)
    readings = tuple(
        Reading(
            source=source,
            identity=identity(f"reader-{n}"),
            outcome=said,
            seconds=0.1,
            read_at_utc="2026-01-02T03:04:05+00:00",
        )
        for n, said in enumerate(outcomes or (outcome(),))
    )
    still = Still(rgb=np.zeros((4, 4, 3), dtype=np.uint8), full_size_px=(4, 4))
    return ItemResult(item=item(path), frames=(FrameResult(readings=readings, still=still),), recalled=recalled)


def never() -> bool:
    return False


def test_result_is_on_the_disk_when_it_is_shown(tmp_path: Path) -> None:
    recorded: list[list[str]] = []

    def show(_result: ItemResult) -> None:
        recorded.append([r.source.path for r in records.readings(tmp_path / FILE_NAME)])

    with Journal(tmp_path, resume=False) as journal:
        Run(show=show, is_stopped=never, journal=journal).through(iter([result("a.jpg"), result("b.jpg")]))
    assert recorded == [["a.jpg"], ["a.jpg", "b.jpg"]]


def test_recalled_result_is_shown_and_not_recorded_again(tmp_path: Path) -> None:
    shown: list[str] = []
    with Journal(tmp_path, resume=False) as journal:
        run = Run(show=lambda r: shown.append(r.item.path), is_stopped=never, journal=journal)
        run.through(iter([result("a.jpg", recalled=True)]))
    assert shown == ["a.jpg"]
    assert (tmp_path / FILE_NAME).read_bytes() == b""


def test_eyes_of_one_patient_are_reported_together_and_new_is_told_from_recalled() -> None:
    reported: list[tuple[list[str], bool]] = []

    def report(case: Case, new: bool) -> None:
        reported.append(([eye.source.path for eye in case.eyes], new))

    pair = [result("p_left.jpg", side=Laterality.LEFT), result("p_right.jpg", side=Laterality.RIGHT, recalled=True)]
    single = result("q.jpg", recalled=True)
    Run(show=lambda _: None, is_stopped=never, report=report).through(iter([*pair, single]))
    assert reported == [(["p_right.jpg", "p_left.jpg"], True), (["q.jpg"], False)]


def test_stopped_run_leaves_the_waiting_eye_to_the_rerun() -> None:
    shown: list[str] = []
    reported: list[Case] = []
    run = Run(
        show=lambda r: shown.append(r.item.path),
        is_stopped=lambda: len(shown) == 3,
        report=lambda case, _new: reported.append(case),
    )
    one, two, left, right = (
        result("a.jpg"),
        result("b.jpg"),
        result("p_left.jpg", side=Laterality.LEFT),
        result("p_right.jpg", side=Laterality.RIGHT),
    )
    with pytest.raises(StoppedError):
        run.through(iter([one, two, left, right]))
    assert shown == ["a.jpg", "b.jpg", "p_left.jpg"]
    assert [[eye.source.path for eye in case.eyes] for case in reported] == [["a.jpg"], ["b.jpg"]]


def test_stopped_run_takes_nothing_more_without_reports() -> None:
    taken: list[str] = []

    def results() -> Iterator[ItemResult]:
        for name in "abc":
            taken.append(name)
            yield result(name)

    with pytest.raises(StoppedError):
        Run(show=lambda _: None, is_stopped=lambda: True).through(results())
    assert taken == ["a"]


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        ((Status.READ, Status.READ), Status.READ),
        ((Status.READ, Status.NOT_ASSESSABLE), Status.NOT_ASSESSABLE),
        ((Status.UNSUPPORTED, Status.NOT_ASSESSABLE), Status.NOT_ASSESSABLE),
        ((Status.UNSUPPORTED, Status.READ), Status.READ),
        ((Status.UNSUPPORTED, Status.UNSUPPORTED), Status.UNSUPPORTED),
        ((Status.FAILED, Status.READ), Status.FAILED),
    ],
)
def test_picture_counts_by_the_worst_that_a_reader_said(statuses: tuple[Status, ...], worst: Status) -> None:
    tally = Tally()
    tally.add(result("a.jpg", *map(outcome, statuses)))
    assert tally.pictures == {worst: 1}
    assert tally.all_read == (worst is Status.READ)


def test_scan_is_reported_at_once_with_its_views() -> None:
    reported: list[tuple[str, bool, bool]] = []

    def report(reading: Reading, views: CutViews, new: bool) -> None:
        reported.append((reading.source.path, views(reading) is None, new))

    scans = [replace(result(name, recalled=name == "b"), views=lambda _: None) for name in "ab"]
    eyes: list[Case] = []
    run = Run(show=lambda _: None, is_stopped=never, report=lambda c, _: eyes.append(c), report_scan=report)
    run.through(iter(scans))
    assert (reported, eyes) == ([("a", True, True), ("b", True, False)], [])
    Run(show=lambda _: None, is_stopped=never).through(iter(scans))


def test_examination_is_reported_at_once_and_by_itself() -> None:
    reported: list[tuple[str, bool]] = []
    eyes: list[Case] = []

    def report(reading: Reading, _pictures: Pictures, new: bool) -> None:
        reported.append((reading.source.path, new))

    examination = replace(result("exam"), pictures=dict)
    results = [result("p_left.jpg", side=Laterality.LEFT), examination, replace(examination, recalled=True)]
    Run(
        show=lambda _: None, is_stopped=never, report=lambda case, _new: eyes.append(case), report_examination=report
    ).through(iter(results))
    assert reported == [("exam", True), ("exam", False)]
    assert [[eye.source.path for eye in case.eyes] for case in eyes] == [["p_left.jpg"]]


def test_finding_of_two_readers_counts_once_a_picture() -> None:
    tally = Tally()
    tally.add(result("a.jpg", outcome(), outcome()))
    tally.add(replace(result("b.jpg", outcome(present=False)), recalled=True))
    assert tally.present == {"red": 1}
    assert (tally.items, tally.recalled) == (2, 1)


def test_nothing_read_counts_as_all_read() -> None:
    assert Tally().all_read
