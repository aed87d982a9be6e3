"""What two outlines share is what their voxels in the scan share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.readers.lung import slices

Corner = tuple[int, int, int]
CORNERS = st.tuples(*[st.integers(0, 9)] * 3)
SIDES = st.tuples(*[st.integers(1, 6)] * 3)


def outline(corner: Corner, sides: Corner, seed: int) -> slices.Outline:
    mask = np.random.default_rng(seed).random(sides) < 0.6
    mask.flat[0] = True
    return slices.Outline(origin_zyx=corner, mask=mask)


def voxels(of: slices.Outline) -> set[tuple[int, ...]]:
    return {tuple(int(v) for v in at) for at in np.argwhere(of.mask) + of.origin_zyx}


@given(CORNERS, SIDES, CORNERS, SIDES, st.integers(0, 99))
def test_share_is_that_of_the_smaller_one(one: Corner, wide: Corner, other: Corner, high: Corner, seed: int) -> None:
    first, second = outline(one, wide, seed), outline(other, high, seed + 1)
    both, least = voxels(first) & voxels(second), min(len(voxels(first)), len(voxels(second)))
    assert slices.shared(first, second) == pytest.approx(len(both) / least)
    assert slices.shared(second, first) == slices.shared(first, second)
