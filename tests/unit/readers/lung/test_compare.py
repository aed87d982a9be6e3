import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aimis.domain.scan import Change, Growth, Nodule
from aimis.readers.lung import compare
from aimis.readers.lung.compare import growth
from tests.unit.readers.lung.nodules import nodule

DAYS = 100
volumes = st.floats(30, 20_000)


def _spread(volume_mm3: float) -> float:
    return 0.3 if volume_mm3 < 100 else 0.08


def _of(volume_mm3: float) -> Nodule:
    return nodule((6 * volume_mm3 / math.pi) ** (1 / 3))


def _grown(old_mm3: float, new_mm3: float, days: int | None = DAYS) -> Growth:
    return growth(_of(new_mm3), _of(old_mm3), days=days, spread=_spread)


@given(volumes, st.integers(1, 4000))
def test_what_doubles_in_the_time_between_has_that_doubling_time(volume: float, days: int) -> None:
    grown = _grown(volume, 2 * volume, days)
    assert grown.doubling_days == pytest.approx(days, abs=0.1)
    assert grown.volume_ratio == 2


@given(volumes, volumes)
def test_the_interval_holds_the_doubling_time(old: float, new: float) -> None:
    assume(abs(math.log(new / old)) > 1e-3)
    grown = _grown(old, new)
    assert grown.doubling_days is not None
    assert grown.doubling_low_days is None or grown.doubling_low_days <= grown.doubling_days
    assert grown.doubling_high_days is None or grown.doubling_high_days >= grown.doubling_days
    assert (grown.doubling_days > 0) == (new > old)


@given(volumes, volumes)
def test_a_change_is_told_only_where_the_interval_excludes_none(old: float, new: float) -> None:
    grown = _grown(old, new)
    certain = grown.doubling_low_days is not None and grown.doubling_high_days is not None
    if grown.change in {Change.GROWING, Change.SHRINKING}:
        assert certain
        assert max(new / old, old / new) >= compare.LEAST_RATIO * (1 - 1e-9)


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (1000.0, 1249.0, Change.STABLE),
        (1000.0, 1251.0, Change.GROWING),
        (1251.0, 1000.0, Change.SHRINKING),
        (1249.0, 1000.0, Change.STABLE),
        (40.0, 90.0, Change.STABLE),  # measured too roughly: 95 % of repeats differ by up to a factor of 2.3
        (40.0, 95.0, Change.GROWING),
    ],
)
def test_growth_begins_at_a_quarter_and_beyond_what_repeats_differ(old: float, new: float, change: Change) -> None:
    assert _grown(old, new).change == change


def test_nothing_is_said_of_time_where_dates_are_unknown() -> None:
    grown = _grown(500, 900, None)
    assert (grown.change, grown.doubling_days, grown.days) == (Change.GROWING, None, None)


def test_a_nodule_that_was_not_measured_has_no_growth() -> None:
    with pytest.raises(ValueError, match="not measured"):
        growth(replace(_of(100), size=None), _of(100), days=1, spread=_spread)
