"""The field of view is found wherever it lies, and normalised to one frame."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.imaging.field import disc, find_field, normalise_field
from tests.fakes.eyes import eye


def canvas(x: int, y: int, radius: int, rows: int = 480, columns: int = 640) -> np.ndarray:
    """A lit disc on black."""
    picture = np.zeros((rows, columns, 3), np.uint8)
    cv2.circle(picture, (x, y), radius, (180, 90, 40), -1)
    return picture


@settings(max_examples=40, deadline=None)
@given(st.integers(200, 440), st.integers(150, 330), st.integers(90, 320))
def test_the_circle_is_found_wherever_it_lies(x: int, y: int, radius: int) -> None:
    field = find_field(canvas(x, y, radius))
    assert field is not None
    tolerance = 0.03 * radius + 3
    assert abs(field.radius_px - radius) < 2 * tolerance
    assert np.hypot(field.centre_px[0] - x, field.centre_px[1] - y) < 2 * tolerance


@pytest.mark.parametrize("cut", [0.05, 0.1, 0.2])
def test_a_disc_cut_above_and_below_keeps_its_circle(cut: float) -> None:
    picture = eye(600)
    rows = slice(int(cut * 600), int((1 - cut) * 600))
    field = find_field(picture[rows])
    assert field is not None
    assert field.radius_px == pytest.approx(0.47 * 600, rel=0.04)
    assert field.visible_fraction < 1.0


@pytest.mark.parametrize("level", [0, 3, 9])
def test_a_dark_frame_has_no_field(level: int) -> None:
    assert find_field(np.full((300, 400, 3), level, np.uint8)) is None


def test_a_frame_lit_to_its_edges_is_its_own_field() -> None:
    field = find_field(np.full((300, 400, 3), 120, np.uint8))
    assert field is not None
    assert field.centre_px == pytest.approx((199.5, 149.5), abs=3)


def normalised(picture: np.ndarray) -> np.ndarray:
    field = find_field(picture)
    assert field is not None
    return normalise_field(picture, field, 128).astype(float)


LARGE = eye(1000)


@cache
def normalised_large() -> np.ndarray:
    return normalised(LARGE)


@settings(max_examples=15, deadline=None)
@given(st.integers(260, 1500))
def test_normalising_takes_the_size_of_the_photograph_away(side: int) -> None:
    picture = np.asarray(cv2.resize(LARGE, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    assert np.abs(normalised(picture) - normalised_large()).mean() < 6


def test_outside_the_circle_all_is_black() -> None:
    field = find_field(np.full((300, 300, 3), 200, np.uint8))
    assert field is not None
    square = normalise_field(np.full((300, 300, 3), 200, np.uint8), field, 64)
    assert square[disc(64) == 0].max() == 0
    assert square.shape == (64, 64, 3)
