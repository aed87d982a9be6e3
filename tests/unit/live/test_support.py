"""What several judgements bear out: a flicker never alarms, a lesion in view does, once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain.examination import FrameRecord
from aimis.domain.reading import Finding, Reason, Status
from aimis.live.support import Support

LESION = "oesophageal-neoplasia"


def record(seconds: float, *, present: bool | None) -> FrameRecord:
    """A frame that shows the lesion, does not, or (None) could not be judged."""
    if present is None:
        return FrameRecord(index=0, seconds=seconds, status=Status.NOT_ASSESSABLE, reason=Reason.of("blurred"))
    found = Finding(name=LESION, probability=0.9 if present else 0.1, present=present)
    return FrameRecord(index=0, seconds=seconds, status=Status.READ, findings=(found,))


def followed(shown: Sequence[bool | None], *, a_second: float = 10.0) -> tuple[Support, list[bool]]:
    support = Support()
    said = [LESION in support.add(record(n / a_second, present=p)) for n, p in enumerate(shown)]
    return support, said


@given(st.integers(0, 40), st.integers(0, 40), st.sampled_from([1.0, 3.0, 10.0, 15.0]))
def test_single_flicker_is_never_borne_out(before: int, after: int, a_second: float) -> None:
    support, said = followed([False] * before + [True] + [False] * after, a_second=a_second)
    assert not any(said)
    assert not support.alarms


@given(st.lists(st.sampled_from([True, False, None]), max_size=60))
def test_what_is_borne_out_was_seen_several_times_in_the_last_seconds(shown: list[bool | None]) -> None:
    _, said = followed(shown)
    for place, borne_out in enumerate(said):
        if borne_out:
            assert sum(p is True for p in shown[max(0, place - 30) : place + 1]) >= 2


@given(st.lists(st.just(None), max_size=30), st.sampled_from([1.5, 5.0, 10.0, 15.0]))
def test_lesion_in_view_is_borne_out_also_where_frames_between_cannot_be_judged(
    blurred: list[None], a_second: float
) -> None:
    support, said = followed([*blurred[:5], *[True] * 20], a_second=a_second)
    assert said[-1]
    assert support.alarms == {LESION: 1}


def test_frames_that_cannot_be_judged_bear_out_nothing_by_themselves() -> None:
    _, said = followed([True] * 12 + [None] * 60)
    assert said[11]
    assert not said[-1]


@pytest.mark.parametrize(("away", "alarms"), [(10, 1), (80, 2)])
def test_lesion_that_comes_back_alarms_anew_only_after_a_while(away: int, alarms: int) -> None:
    support, _ = followed([True] * 20 + [False] * away + [True] * 20)
    assert support.alarms[LESION] == alarms


def test_every_second_frame_is_too_few() -> None:
    support, _ = followed([True, False] * 40)
    assert not support.alarms
