"""What is cut from a scan about a place, and what two outlines share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.imaging.volume import Volume
from aimis.readers.lung import slices
from tests.fakes.volumes import volume

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


def rod(axis: int, spacing_mm: tuple[float, float, float], place_mm: float, wide_mm: float = 6.0) -> Volume:
    """A vessel along an axis of a volume of 60 mm, through `place_mm` of the two other axes."""
    middles = [np.arange(round(60 / mm)) * mm for mm in spacing_mm]
    away = np.meshgrid(*(np.zeros_like(m) if a == axis else m - place_mm for a, m in enumerate(middles)), indexing="ij")
    inside = np.sqrt(sum(a**2 for a in away)) <= wide_mm / 2
    return volume(hu=np.where(inside, 40, -860).astype(np.int16), spacing_mm=spacing_mm)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("spacing_mm", [(1.0, 0.7, 0.7), (2.5, 0.8, 0.8)])
@pytest.mark.parametrize("place_mm", [30.0, 8.0])
def test_vessel_is_round_only_across_its_axis(
    axis: int, spacing_mm: tuple[float, float, float], place_mm: float
) -> None:
    found = rod(axis, spacing_mm, place_mm)
    place = [place_mm / mm for mm in spacing_mm]
    place[axis] = 30.0 / spacing_mm[axis]
    squares = slices.looked_at(found, (place[0], place[1], place[2]))
    bright = (squares > (int(squares.max()) + int(squares.min())) / 2).reshape(3, 3, slices.SIDE, slices.SIDE)
    wide = np.sqrt(4 * bright.mean(axis=1).sum(axis=(1, 2)) / np.pi) * slices.PIXEL_MM
    assert wide[axis] == pytest.approx(6.0, abs=1.6)
    assert np.delete(wide, axis).min() > 12.0
    middle = np.argwhere(bright[axis, 1]).mean(axis=0)
    assert middle == pytest.approx([(slices.SIDE - 1) / 2] * 2, abs=1.5)
