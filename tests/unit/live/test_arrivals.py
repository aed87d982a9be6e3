"""When frames are due: laws that hold whatever the stream's clock counts from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.live.arrivals import Arrivals

PERIOD_S = 0.04
WAYS = st.lists(st.floats(0, 1), min_size=2, max_size=60)


def lateness(ways_s: list[float], *, starts_s: float = 0.0) -> list[float]:
    """Of frames that come in order, each by its own way."""
    arrivals, now_s, found = Arrivals(), 0.0, []
    for number, way_s in enumerate(ways_s):
        now_s = max(now_s, 100 + number * PERIOD_S + way_s)
        found.append(arrivals.arrived(starts_s + number * PERIOD_S, now_s))
    return found


@given(WAYS)
def test_no_frame_is_early_and_the_first_is_in_time(ways_s: list[float]) -> None:
    found = lateness(ways_s)
    assert found[0] == 0
    assert min(found) >= 0


@given(WAYS, st.floats(-1e6, 1e6))
def test_lateness_does_not_depend_on_what_the_stream_counts_from(ways_s: list[float], starts_s: float) -> None:
    assert lateness(ways_s, starts_s=starts_s) == pytest.approx(lateness(ways_s), abs=1e-6)


@given(st.integers(2, 200), st.floats(0, 3))
def test_stream_of_constant_way_is_never_late(frames: int, way_s: float) -> None:
    assert lateness([way_s] * frames) == pytest.approx([0.0] * frames, abs=1e-9)


def test_backlog_that_grows_is_seen_in_full() -> None:
    found = lateness([0.01 * number for number in range(50)])
    assert found[-1] == pytest.approx(0.49, abs=0.01)
    assert found == sorted(found)


def test_late_beginning_is_found_out_when_quicker_frames_come() -> None:
    arrivals = Arrivals()
    arrivals.arrived(0.0, 10.8)
    arrivals.arrived(1.0, 11.0)
    assert arrivals.due_s(2.0, 12.0) == pytest.approx(12.0)
    assert arrivals.arrived(2.0, 12.3) == pytest.approx(0.3, abs=1e-3)


def test_clock_that_runs_slow_by_a_ten_thousandth_makes_no_delay() -> None:
    arrivals = Arrivals()
    late = [arrivals.arrived(second * 0.9999, float(second)) for second in range(0, 36_000, 10)]
    assert max(late) < 0.01


def test_stream_that_counts_anew_is_followed_from_there() -> None:
    arrivals = Arrivals()
    arrivals.arrived(1000.0, 1.0)
    assert arrivals.arrived(0.0, 2.0) == 0
    assert arrivals.arrived(1.0, 3.1) == pytest.approx(0.1, abs=1e-3)
