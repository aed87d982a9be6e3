"""Times of a video go up whatever its timestamps say; what was lost is told in order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.imaging.video_losses import Losses
from aimis.imaging.video_times import Timeline


@dataclass
class FakePacket:
    """What a timeline asks of a packet."""

    pts: int | None
    dts: int | None
    duration: int | None = None


@dataclass(frozen=True)
class FakeStream:
    """25 frames a second, in ticks of a hundredth."""

    time_base: Fraction = Fraction(1, 100)
    average_rate: Fraction = Fraction(25)
    start_time: int | None = None


def seconds_of(times: Sequence[int]) -> tuple[list[float], list[bool]]:
    """When the packets with these timestamps are shown, and whether a gap lies before each."""
    line = Timeline(cast("Any", FakeStream()))
    packets = [FakePacket(pts=time, dts=time) for time in times]
    seconds, gaps = [], []
    for packet, following in itertools.zip_longest(packets, packets[1:]):
        seconds.append(line.seconds(line.place(cast("Any", packet), cast("Any", following))))
        gaps.append(line.is_gap(None))
    return seconds, gaps


STEADY = list(range(0, 400, 4))


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=60))
def test_time_never_goes_far_back_whatever_the_timestamps(times: list[int]) -> None:
    seconds, _ = seconds_of(times)

    assert all(later - earlier >= -0.51 for earlier, later in itertools.pairwise(seconds))


@given(st.integers(1, 98), st.integers(-(10**9), 10**9))
def test_one_bad_timestamp_moves_no_other(at: int, bad: int) -> None:
    seconds, _ = seconds_of([*STEADY[:at], bad, *STEADY[at + 1 :]])

    others = [n for n in range(100) if n != at]
    assert [seconds[n] for n in others] == pytest.approx([STEADY[n] / 100 for n in others], abs=0.51)


@pytest.mark.parametrize("missing", [10, 60, 5000])
def test_frames_missing_leave_a_gap_of_their_length(missing: int) -> None:
    seconds, gaps = seconds_of([*STEADY[:50], *(time + 4 * missing for time in STEADY[50:])])

    assert [n for n, gap in enumerate(gaps) if gap] == [50]
    assert seconds[50] - seconds[49] == pytest.approx(0.04 * (missing + 1))


def test_recording_joined_on_follows() -> None:
    seconds, gaps = seconds_of([*STEADY, *STEADY])

    assert seconds == pytest.approx([0.04 * n for n in range(200)])
    assert not any(gaps)


def test_damage_lasts_to_the_next_key_frame() -> None:
    losses = Losses()

    sound = [losses.is_sound(n / 4, key=n % 8 == 0, corrupt=n == 10) for n in range(24)]

    assert [n for n, one in enumerate(sound) if not one] == [10, 11, 12, 13, 14, 15]
    reason = losses.reason(5.75)
    assert reason is not None
    assert (reason.code, reason.values) == ("video-damaged", (("times", "2.2-4.0 s"),))


def test_sound_video_has_lost_nothing() -> None:
    losses = Losses()

    assert all(losses.is_sound(n / 4, key=n == 0, corrupt=False) for n in range(24))
    assert losses.reason(5.9) is None


def test_very_many_losses_are_told_in_short() -> None:
    losses = Losses()
    for n in range(100):
        losses.is_sound(float(n), key=n % 2 == 0, corrupt=n % 2 == 1)

    reason = losses.reason(None)
    assert reason is not None
    assert len(dict(reason.values)["times"]) < 120
