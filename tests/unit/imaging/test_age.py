"""Ages as DICOM files give them: Age String (PS3.5 6.2), else from two dates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.imaging import age


@pytest.mark.parametrize(
    ("stated", "expected"), [("061Y", 61), ("017Y", 17), ("003M", 0), ("216M", 18), ("930W", 17), ("006D", 0)]
)
def test_age_string_counts_in_whole_years(stated: str, expected: int) -> None:
    assert age.years(stated, "19500101", "20260101") == expected


@pytest.mark.parametrize("stated", [None, "", "Y", "61", "6 1Y", "061X", "-01Y"])
def test_what_is_no_age_string_leaves_it_to_the_dates(stated: str | None) -> None:
    assert age.years(stated, "20100315", "20260314") == 15
    assert age.years(stated, "2010-03-15", "2026-03-15") == 16
    assert age.years(stated, None, "20260314") is None


@pytest.mark.parametrize(("birth", "date"), [("20300101", "20260101"), ("18000101", "20260101"), ("2010", "20260101")])
def test_impossible_dates_tell_nothing(birth: str, date: str) -> None:
    assert age.years(None, birth, date) is None


@given(st.one_of(st.none(), st.text(max_size=10)), st.text(max_size=12), st.text(max_size=12))
def test_any_text_gives_a_possible_age_or_none(stated: str | None, birth: str, date: str) -> None:
    found = age.years(stated, birth, date)
    assert found is None or found >= 0
