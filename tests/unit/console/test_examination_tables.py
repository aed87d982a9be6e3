"""The terminal's tables of an examination: what was judged, what to look at first, what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.console import examination_tables, tables
from aimis.domain.examination import Examination, ExaminationKind, FrameRecord, Station, Track
from aimis.domain.reading import Claim, Finding, Outcome, Reading, Reason, Source, Status
from aimis.reports.texts import LANGUAGES
from tests.fakes.redness import identity
from tests.unit.console.test_tables import printed, words_of

SUSPECT = Finding(name="spot", probability=0.87, present=True)
READ = FrameRecord(index=0, status=Status.READ, name="a.jpg", site="oesophagus", findings=(SUSPECT,))
STILLS = Examination(
    kind=ExaminationKind.STILLS,
    frames=(READ, *(FrameRecord(index=n, status=Status.FAILED, reason=Reason.of("truncated")) for n in range(1, 4))),
    key_frames=(0,),
    stations=(Station(site="oesophagus", frames=1), Station(site="antrum", frames=0)),
)
VIDEO = Examination(
    kind=ExaminationKind.VIDEO,
    frames=(FrameRecord(index=50, status=Status.READ, seconds=62.4, findings=(SUSPECT,)),),
    key_frames=(50, 99),
    tracks=(Track(finding="spot", frames=(50,), key_frame=50, first_seconds=61, last_seconds=70, probability=0.9),),
    seconds=600.2,
)


def reading(examination: Examination) -> Reading:
    outcome = Outcome(status=Status.READ, findings=(SUSPECT,), examination=examination)
    return Reading(
        source=Source(path="exam"), identity=identity(), outcome=outcome, seconds=0.5, read_at_utc="2026-01-02T03:04:05"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_examination_of_stills_names_counts_reasons_key_frames_and_stations(language: str) -> None:
    texts = words_of(language)
    text = printed(tables.photograph([reading(STILLS)], texts), 200)
    assert texts.label("cli-judged-of", judged=1, total=4) in text
    assert text.count(texts.reason(Reason.of("truncated"))) == 1
    for said in ("3 × ", "a.jpg", "0.870", "oesophagus (1)", "antrum", texts.label("cli-frames", count=4)):
        assert said in text
    assert texts.laterality(None) not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_video_is_told_in_time(language: str) -> None:
    text = printed(tables.photograph([reading(VIDEO)], words_of(language)))
    for said in ("10:00", "1:02", "1:01 - 1:10", "0.900"):
        assert said in text


def test_reasons_beyond_the_most_frequent_are_counted() -> None:
    frames = [FrameRecord(index=n, status=Status.FAILED, reason=Reason.of(f"code-{n}")) for n in range(9)]
    shown = examination_tables.examination(
        Examination(kind=ExaminationKind.STILLS, frames=tuple(frames)), words_of("en")
    )
    assert "3 more reasons" in printed(shown)


def test_row_of_an_examination_counts_its_frames_instead_of_naming_an_eye() -> None:
    assert "4 frames" in printed(tables.overview_row([reading(STILLS)], words_of("en"), 120), 120)


@given(st.floats(0, 1e6))
def test_clock_gives_the_seconds_back(seconds: float) -> None:
    parts = [int(part) for part in examination_tables.clock(seconds).split(":")]
    assert sum(part * 60**place for place, part in enumerate(reversed(parts))) == round(seconds)
    assert all(part < 60 for part in parts[1:])


MARK = Finding(name="redness", probability=0.9, present=False, claim=Claim.MARK, marked=True)
SILENT = Finding(name="spot", probability=0.8, present=False, claim=Claim.NOT_JUDGED)


def barretts() -> Reading:
    """An examination that marks one thing and does not judge another."""
    frame = FrameRecord(index=0, status=Status.READ, name="a.jpg", findings=(SILENT, MARK))
    told = Examination(kind=ExaminationKind.STILLS, frames=(frame,), key_frames=(0,))
    return replace(reading(told), outcome=Outcome(status=Status.READ, findings=(SILENT, MARK), examination=told))


@pytest.mark.parametrize("language", LANGUAGES)
def test_marks_and_what_was_not_judged_are_said_and_never_in_red(language: str) -> None:
    texts = words_of(language)
    shown = tables.photograph([barretts()], texts)
    text = printed(shown, 200)
    assert text.count(texts.label("cli-silent")) == 2, "of the examination and of its key frame"
    assert texts.label("cli-mark") in text
    assert texts.label("cli-nothing-present") not in printed(tables.overview_row([barretts()], texts, 200), 200)
    assert all(tables.style_of(finding) == "bold" for finding in (MARK, SILENT))
    assert "red" in tables.style_of(SUSPECT)


def test_row_of_an_examination_that_was_judged_in_part_is_no_all_clear() -> None:
    quiet = Finding(name="spot", probability=0.1, present=False, claim=Claim.ALARM)
    frames = tuple(FrameRecord(index=n, status=Status.READ, findings=(f,)) for n, f in enumerate((quiet, SILENT)))
    told = Examination(kind=ExaminationKind.STILLS, frames=frames)
    made = replace(reading(told), outcome=Outcome(status=Status.READ, findings=(quiet,), examination=told))
    text = printed(tables.overview_row([made], words_of("en"), 200), 200)
    assert words_of("en").label("cli-not-judged-in-part") in text
    assert words_of("en").label("cli-nothing-present") not in text


def test_key_frame_that_was_not_read_says_why() -> None:
    frame = FrameRecord(index=0, status=Status.UNSUPPORTED, name="a.jpg", site="colon", reason=Reason.of("truncated"))
    told = Examination(kind=ExaminationKind.STILLS, frames=(frame, replace(READ, index=1)), key_frames=(0, 1))
    assert (
        printed(tables.photograph([reading(told)], words_of("en")), 200).count(
            words_of("en").reason(Reason.of("truncated"))
        )
        == 2
    )
