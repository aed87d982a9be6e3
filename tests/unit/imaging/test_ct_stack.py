"""Slices stack up by orientation and position alone; what is missing is filled in or refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain.errors import CaseError, NotAssessableError
from aimis.domain.reading import Reason
from aimis.imaging import ct_stack
from aimis.imaging.ct_instance import Plane

SHAPE = (30, 40)
STEPS = st.floats(0.4, 5.0)


def codes(act: Callable[[], tuple[Reason, ...]]) -> list[str]:
    """Of what an act says, or refuses by."""
    try:
        return [reason.code for reason in act()]
    except CaseError as error:
        return [error.reason.code]


def plane(
    height: float, *, across: tuple[float, float, float] = (1, 0, 0), down: tuple[float, float, float] = (0, 1, 0)
) -> Plane:
    return Plane(position_mm=(-20.0, -15.0, height), across=across, down=down, spacing_mm=(0.7, 0.8))


@given(step=STEPS, order=st.permutations(range(12)))
def test_slices_come_in_the_order_of_their_heights(step: float, order: list[int]) -> None:
    stack = ct_stack.stack_up([plane(at * step) for at in order], SHAPE)
    assert [order[at] for at in stack.order] == list(range(12))
    assert stack.is_straight
    assert stack.origin_lps_mm == pytest.approx((-20.0, -15.0, 0.0))
    assert ct_stack.even_out(stack.heights_mm).step_mm == pytest.approx(step)


@given(
    rows=st.booleans(),
    columns=st.booleans(),
    transposed=st.booleans(),
    row=st.integers(0, 29),
    column=st.integers(0, 39),
)
def test_pixel_stays_where_it_is_in_the_patient_however_its_slice_is_written(
    rows: bool, columns: bool, transposed: bool, row: int, column: int
) -> None:
    across, down = np.array([-1.0 if columns else 1.0, 0, 0]), np.array([0, -1.0 if rows else 1.0, 0])
    if transposed:
        across, down = down, across
    written = Plane(position_mm=(5, 6, 7), across=tuple(across), down=tuple(down), spacing_mm=(0.7, 0.8))
    place = np.array([5, 6, 7]) + column * 0.8 * across + row * 0.7 * down
    pixels = np.zeros(SHAPE, np.int16)
    pixels[row, column] = 1
    stack = ct_stack.stack_up([written], SHAPE)
    (found,) = np.argwhere(stack.turn.of(pixels))
    steps = np.array(stack.spacing_mm)[:, None] * stack.directions[1:]
    np.testing.assert_allclose(np.array(stack.origin_lps_mm) + found @ steps, place)
    assert stack.directions[1] @ (0, 1, 0) == stack.directions[2] @ (1, 0, 0) == 1


@given(degrees=st.floats(2.0, 25.0), step=st.floats(1.0, 3.0))
def test_tilt_is_what_slices_are_moved_by(degrees: float, step: float) -> None:
    angle = np.radians(degrees)
    planes = [plane(at * step, down=(0, float(np.cos(angle)), float(np.sin(angle)))) for at in range(60)]
    stack = ct_stack.stack_up(planes, SHAPE)
    assert stack.tilt_degrees == pytest.approx(degrees, abs=0.1)
    assert stack.heights_mm[-1] - stack.heights_mm[0] == pytest.approx(59 * step * np.cos(angle))
    for at in (0, 30, 59):
        corner = np.array(stack.origin_lps_mm) + (stack.heights_mm[at] - stack.heights_mm[0]) * stack.directions[0]
        row, column = stack.shifts_px[at]
        corner = corner + row * 0.7 * stack.directions[1] + column * 0.8 * stack.directions[2]
        np.testing.assert_allclose(corner, planes[stack.order[at]].position_mm, atol=1e-6)


@given(step=STEPS, gone=st.integers(1, 48))
def test_one_missing_slice_is_half_of_each_neighbour(step: float, gone: int) -> None:
    heights = np.delete(np.arange(50) * step, gone)
    grid = ct_stack.even_out(heights)
    assert len(grid.sources) == 50
    lower, upper, share = grid.sources[gone]
    assert (lower, upper) == (gone - 1, gone)
    assert share == pytest.approx(0.5)
    assert [(reason.code, dict(reason.values)["count"]) for reason in grid.limited] == [("slices-missing-few", "1")]
    assert ct_stack.even_out(heights, broken=1).limited == ()


@given(st.lists(st.floats(0.3, 9.0), min_size=1, max_size=60))
def test_evened_slices_lie_between_those_that_are_there_or_are_refused(gaps: list[float]) -> None:
    heights = np.concatenate([[0.0], np.cumsum(gaps)])
    try:
        grid = ct_stack.even_out(heights)
    except NotAssessableError:
        return
    for at, (lower, upper, share) in enumerate(grid.sources):
        place = heights[lower] + share * (heights[upper] - heights[lower])
        assert place == pytest.approx(at * grid.step_mm, abs=max(0.15 * grid.step_mm, 0.06 * grid.step_mm * len(gaps)))
        assert 0 <= share < 1
        assert lower <= upper <= lower + 1


def test_gap_in_which_a_nodule_could_hide_is_not_judged() -> None:
    with pytest.raises(NotAssessableError) as refused:
        ct_stack.even_out(np.array([*range(0, 60, 2), *range(72, 140, 2)], float))
    assert dict(refused.value.reason.values) == {"count": "6", "millimetres": "14"}


@given(slices=st.integers(1, 3000), step=st.floats(0.2, 8), thickness=st.none() | st.floats(0.2, 8))
def test_extent_and_thickness_decide_what_is_read(slices: int, step: float, thickness: float | None) -> None:
    thickest = max(step, thickness or 0)
    found = codes(lambda: ct_stack.check_extent(slices, step, (slices - 1) * step, thickness))
    if thickest > 5.02:
        assert found == ["too-thick-slices"]
    elif slices < 40 or slices * step < 119.9:
        assert found == ["too-few-slices"] or thickest > 5
    else:
        assert found == ["thick-slices"] * (thickest > 3.011) or min(abs(slices * step - 120), abs(thickest - 5)) < 0.1


@given(slices=st.integers(1, 10_000), pixels=st.sampled_from([256**2, 512**2, 1024**2]), step=st.floats(0.2, 3.0))
def test_no_series_takes_more_than_half_a_gigabyte(slices: int, pixels: int, step: float) -> None:
    try:
        every, limited = ct_stack.thinning(slices, pixels, step)
    except CaseError:
        assert slices * pixels * step > ct_stack.MOST_VOXELS * 1.2
        return
    assert len(range(0, slices, every)) * pixels * 2 <= 2 * ct_stack.MOST_VOXELS * 1.01
    assert bool(limited) == (every > 1)
    assert every == 1 or every * step <= 2.51
