"""A video along its time."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.domain.examination import Examination, ExaminationKind
from aimis.domain.reading import Claim
from aimis.reports import timeline
from aimis.reports.timeline import Seen, Timeline
from tests.unit.reports.endoscopies import BARRETT, NEOPLASIA, frame, lost, stills, video, words

PRESENT = [(NEOPLASIA, True), (BARRETT, False)]


def of(told: Examination) -> Timeline:
    made = timeline.of(told, PRESENT, words())
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3599.7, "1:00:00"), (3723, "1:02:03")]
)
def test_time_is_shown_as_on_a_player(seconds: float, shown: str) -> None:
    assert timeline.clock(seconds) == shown


def test_tenths_are_shown_where_asked_for() -> None:
    assert timeline.clock(62.44, tenths=True) == "1:02.4"
    assert timeline.clock(59.96, tenths=True) == "1:00.0"


def test_stills_have_no_timeline() -> None:
    assert timeline.of(stills(), PRESENT, words()) is None


def test_lesion_stands_where_it_was_seen() -> None:
    lane = of(video()).lanes[0]
    high = [place for run in lane.runs for place, probability in run if probability > 0.5]
    assert (min(high), max(high)) == pytest.approx((0.5, 0.6), abs=0.01)
    assert lane.tracks == ((0.5, 0.6),)
    assert of(video()).lanes[1].tracks == ()


def test_what_was_not_judged_or_is_missing_is_black_and_has_no_curve() -> None:
    made = of(video())
    black = [(s.start, s.end) for s in made.stretches if s.seen is Seen.UNJUDGED]
    assert black[0] == pytest.approx((0, 0.1), abs=0.01)
    assert black[1] == pytest.approx((0.8, 0.9), abs=0.01)
    places = [place for run in made.lanes[0].runs for place, _ in run]
    assert not any(place < 0.09 or 0.815 < place < 0.89 for place in places)


def test_curve_ends_where_the_finding_is_not_judged() -> None:
    told = video()
    silent = tuple(
        replace(
            one, findings=tuple(replace(f, present=False, marked=False, claim=Claim.NOT_JUDGED) for f in one.findings)
        )
        for one in told.frames
    )
    assert of(told).lanes[0].runs
    assert of(replace(told, frames=silent)).lanes[0].runs == ()


def test_single_flicker_is_still_seen_in_a_long_video() -> None:
    frames = [frame(n, 0.9 if n == 1000 else 0.1, seconds=float(n)) for n in range(3600)]
    told = Examination(kind=ExaminationKind.VIDEO, frames=tuple(frames), seconds=3600.0)
    assert max(p for run in of(told).lanes[0].runs for _, p in run) == pytest.approx(0.9)


def test_key_frames_are_numbered_at_their_time() -> None:
    (mark,) = of(video()).marks
    assert mark.number == 1
    assert mark.place == mark.shown_at == pytest.approx(0.55, abs=0.01)


@pytest.mark.parametrize("times", [(0.0, 0.25, 0.5), (10.0, 50.0, 50.25), (99.0, 99.25, 99.5, 99.75)])
def test_numbers_of_neighbouring_key_frames_do_not_touch(times: tuple[float, ...]) -> None:
    told = replace(video(), key_frames=tuple(range(1, 5)))
    keys = [frame(n, seconds=t) for n, t in enumerate(times, start=1)]
    told = replace(told, frames=tuple(sorted((*told.frames, *keys), key=lambda f: f.seconds or 0)))
    shown = [mark.shown_at for mark in of(told).marks]
    assert all(after - before > 0.019 for before, after in pairwise(shown))
    assert all(0 <= place <= 1 for place in shown)


def test_video_cut_off_shows_its_whole_length() -> None:
    told = replace(video(), seconds=200.0)
    last = of(told).stretches[-1]
    assert last.seen is Seen.UNJUDGED
    assert (last.start, last.end) == pytest.approx((0.5, 1.0), abs=0.01)


@settings(deadline=None, max_examples=12)
@given(
    st.lists(st.tuples(st.floats(0, 5000), st.floats(0, 1)), min_size=1, max_size=30),
    st.none() | st.floats(0, 6000),
)
def test_everything_lies_on_the_axis_for_any_times(samples: list[tuple[float, float]], seconds: float | None) -> None:
    frames = [frame(n, p, seconds=t) if n % 3 else lost(n, seconds=t) for n, (t, p) in enumerate(sorted(samples))]
    told = Examination(kind=ExaminationKind.VIDEO, frames=tuple(frames), key_frames=(0,), seconds=seconds)
    made = of(told)
    assert 1 <= len(made.ticks) <= 13
    places = [place for lane in made.lanes for run in lane.runs for place, _ in run]
    places += [place for place, _ in made.ticks] + [mark.place for mark in made.marks]
    assert all(0 <= place <= 1 for place in places)
    ends = [(s.start, s.end) for s in made.stretches]
    assert ends[0][0] == 0
    assert ends[-1][1] == 1
    assert all(before[1] == after[0] for before, after in pairwise(ends))
