"""The endoscope's picture is found within drawn frames, whatever lies beside it, and brought to one square."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.readers.oesophagus.aperture import find_aperture, normalise, shown
from tests.fakes import scopes

BOX = (300, 20, 900, 520)
SHAPES: tuple[scopes.Shape, ...] = ("octagon", "circle", "barrel", "square")


def outline_mask(rgb: scopes.Rgb) -> npt.NDArray[np.bool_]:
    mask = np.zeros(rgb.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.round(find_aperture(rgb).outline_px).astype(np.int32), 1)
    return mask > 0


def overlap(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("shape", SHAPES)
def test_outline_is_the_shape_of_the_aperture_text_beside_it_or_not(shape: scopes.Shape) -> None:
    rgb = scopes.frame(shape)
    true = scopes.shape_mask(shape, 540, 960, BOX)
    assert overlap(outline_mask(rgb), true) > 0.94
    scopes.write_text(rgb)
    assert overlap(outline_mask(rgb), true) > 0.94


@pytest.mark.parametrize("surround", [(16, 16, 16), (60, 60, 66), (0, 0, 60)])
def test_surround_of_another_dark_colour_is_left_out(surround: tuple[int, int, int]) -> None:
    rgb = scopes.frame(surround=surround)
    assert overlap(outline_mask(rgb), scopes.shape_mask("octagon", 540, 960, BOX)) > 0.94


def test_dark_lumen_at_the_edge_takes_nothing_of_the_outline() -> None:
    rgb = scopes.frame()
    true = scopes.shape_mask("octagon", 540, 960, BOX)
    cv2.circle(rgb, (820, 440), 130, (0, 0, 0), -1)
    assert overlap(outline_mask(rgb), true) > 0.93


def test_inset_over_a_corner_is_found_and_black_in_the_square() -> None:
    rgb = scopes.frame("barrel", columns=640, rows=530, box=(20, 0, 640, 530))
    rgb[360:, :210] = (16, 166, 136)
    aperture = find_aperture(rgb)
    (inset,) = aperture.insets_px
    assert inset == pytest.approx((0, 360, 210, 530), abs=8)
    square = normalise(rgb, aperture, 320)
    teal = np.abs(square.astype(int) - (16, 166, 136)).max(axis=2) < 20
    assert not teal.any()


def test_second_smaller_picture_beside_is_left_out() -> None:
    rgb = scopes.frame()
    rgb[380:520, 20:200] = scopes.mucosa(140, 180, seed=5)
    assert overlap(outline_mask(rgb), scopes.shape_mask("octagon", 540, 960, BOX)) > 0.94


def test_picture_without_surround_is_taken_whole() -> None:
    rgb = scopes.mucosa(480, 640)
    aperture = find_aperture(rgb)
    x0, y0, x1, y1 = aperture.box_px
    assert (x1 - x0) * (y1 - y0) > 0.95 * 480 * 640
    assert aperture.insets_px == ()


@pytest.mark.parametrize("level", [0, 7, 255])
def test_frame_without_a_picture_is_whole_and_says_so(level: int) -> None:
    aperture = find_aperture(np.full((300, 400, 3), level, np.uint8))
    assert aperture.box_px == (0, 0, 400, 300) or not aperture.found


def test_page_of_text_is_no_picture() -> None:
    rgb = np.zeros((540, 960, 3), np.uint8)
    for column in (10, 300, 600):
        scopes.write_text(rgb, (column, 60), lines=15)
    assert not find_aperture(rgb).found


@given(st.integers(40, 700), st.integers(40, 700), st.integers(32, 320), st.integers(0, 20))
@settings(max_examples=12, deadline=None)
def test_square_has_its_side_and_is_black_outside_whatever_the_frame(
    rows: int, columns: int, side: int, seed: int
) -> None:
    rgb = np.random.default_rng(seed).integers(0, 255, (rows, columns, 3), dtype=np.uint8)
    rgb[:, : columns // 3] = 0
    aperture = find_aperture(rgb)
    square = normalise(rgb, aperture, side)
    assert square.shape == (side, side, 3)
    assert not square[shown(aperture, side) == 0].any()


@pytest.mark.parametrize("factor", [0.4, 1.6])
@pytest.mark.parametrize("shape", ["octagon", "barrel"])
def test_square_is_the_same_at_every_size_of_the_frame(shape: scopes.Shape, factor: float) -> None:
    rgb = cv2.GaussianBlur(scopes.frame(shape), (0, 0), 3)
    scaled = cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    one, other = (
        normalise(np.asarray(f, np.uint8), find_aperture(np.asarray(f, np.uint8)), 200) for f in (rgb, scaled)
    )
    assert np.abs(one.astype(int) - other).mean() < 8


def test_placement_says_where_a_point_of_the_frame_lies_in_the_square() -> None:
    rgb = scopes.frame()
    cv2.circle(rgb, (500, 300), 9, (0, 255, 0), -1)
    aperture = find_aperture(rgb)
    zoom, shift_x, shift_y = aperture.placement(320)
    green = normalise(rgb, aperture, 320).astype(int)
    y, x = np.nonzero((green[..., 1] > 180) & (green[..., 0] < 90))
    assert (x.mean() + 0.5, y.mean() + 0.5) == pytest.approx((zoom * 500.5 + shift_x, zoom * 300.5 + shift_y), abs=1.5)
