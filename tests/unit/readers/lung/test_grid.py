"""Laws of the working grid."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aimis.readers.lung import grid

POOL = ThreadPoolExecutor(2)


def made(hu: np.ndarray, spacing: tuple[float, float, float], box: grid.Box | None = None) -> grid.Grid:
    whole = (slice(0, hu.shape[0]), slice(0, hu.shape[1]), slice(0, hu.shape[2]))
    return grid.make(hu, spacing, box or whole, POOL)


@given(
    z=st.sampled_from([0.6, 1.0, 2.0, 2.5, 3.0]), pixel=st.sampled_from([0.5, 0.7, 0.98]), hu=st.integers(-1000, 400)
)
@example(z=0.6, pixel=0.5, hu=-860)
def test_a_uniform_scan_stays_uniform_but_for_rounding(z: float, pixel: float, hu: int) -> None:
    found = made(np.full((12, 30, 34), hu, np.int16), (z, pixel, pixel))
    assert np.ptp(found.values) <= 1
    assert found.values[0, 0, 0] == pytest.approx((hu + 1000) * 255 / 1400, abs=0.6)


@pytest.mark.parametrize("spacing", [(0.7, 0.6, 0.6), (1.25, 0.7, 0.7), (2.5, 0.8, 0.8), (3.0, 0.98, 0.98)])
def test_a_ball_is_found_where_it_was_put(spacing: tuple[float, float, float]) -> None:
    shape = tuple(round(60 / mm) for mm in spacing)
    centre = np.array([0.4, 0.6, 0.45]) * shape
    axes = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij", sparse=True)
    away = sum(((a - c) * mm) ** 2 for a, c, mm in zip(axes, centre, spacing, strict=True))
    hu = np.where(away <= 36, 40, -860).astype(np.int16)
    found = made(hu, spacing, (slice(2, shape[0] - 1), slice(2, shape[1] - 1), slice(2, shape[2] - 1)))
    bright = np.argwhere(found.values > 120).mean(axis=0)
    assert np.abs((found.to_scan(bright) - centre) * spacing).max() < 0.6


def test_places_go_to_the_grid_and_back() -> None:
    found = made(np.zeros((20, 40, 50), np.int16), (2.5, 0.7, 0.7), (slice(3, 18), slice(5, 39), slice(0, 44)))
    places = np.array([[4.0, 7.5, 3.0], [12.2, 30.0, 40.0]])
    assert found.to_scan(found.to_grid(places)) == pytest.approx(places)


def test_values_beyond_the_window_are_clipped() -> None:
    hu = np.array([-3024, -1000, 400, 3071], np.int16).repeat(36).reshape(4, 6, 6)
    assert made(hu, (2.0, 1.0, 1.0)).values[[0, 3], 0, 0].tolist() == [0, 255]
