"""What a finding can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain.reading import Claim, Finding


@pytest.mark.parametrize("claim", [Claim.MARK, Claim.NOT_JUDGED])
def test_only_an_alarm_is_present(claim: Claim) -> None:
    with pytest.raises(ValueError, match="never present"):
        Finding(name="x", probability=0.9, present=True, claim=claim)


@pytest.mark.parametrize("claim", [None, Claim.ALARM, Claim.NOT_JUDGED])
def test_only_a_mark_is_marked(claim: Claim | None) -> None:
    with pytest.raises(ValueError, match="is marked"):
        Finding(name="x", probability=0.9, present=False, claim=claim, marked=True)


@given(st.floats(0, 1), st.sampled_from([None, *Claim]))
def test_what_is_not_judged_is_never_pointed_out(probability: float, claim: Claim | None) -> None:
    found = Finding(name="x", probability=probability, present=False, claim=claim)
    assert not found.pointed_out
    assert found.not_judged is (claim is Claim.NOT_JUDGED)
