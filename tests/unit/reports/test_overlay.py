"""The evidence over the photograph: what is drawn, where, and that the lesion stays visible."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.domain.reading import EvidenceMap
from aimis.reports import overlay
from tests.unit.reports.samples import SIZE, evidence, photograph

PLACES = {
    (0.1, 0.1): "upper-left",
    (0.5, 0.1): "upper",
    (0.9, 0.1): "upper-right",
    (0.1, 0.5): "left",
    (0.5, 0.5): "centre",
    (0.9, 0.5): "right",
    (0.1, 0.9): "lower-left",
    (0.5, 0.9): "lower",
    (0.9, 0.9): "lower-right",
}


def flat(value: float, rows: int = 28, columns: int = 28) -> EvidenceMap:
    return EvidenceMap(finding="x", values=((value,) * columns,) * rows, box_px=(0, 0, SIZE[0], SIZE[1]))


def changed(at: tuple[float, float]) -> npt.NDArray[np.int_]:
    """How much each pixel changes, 0..255, for a bump at a place."""
    rgb = photograph().astype(int)
    return np.asarray(np.abs(overlay.draw(photograph(), evidence("x", at), SIZE).astype(int) - rgb).max(axis=2))


def middle_of_change(rgb: npt.NDArray[np.uint8], drawn: npt.NDArray[np.uint8]) -> list[float]:
    return [float(np.mean(places)) for places in np.nonzero((drawn != rgb).any(axis=2))]


@pytest.mark.parametrize("value", [0.0, -0.3, float("nan"), float("-inf")])
def test_nothing_is_drawn_where_nothing_speaks_for_the_finding(value: float) -> None:
    rgb = photograph()
    assert np.array_equal(overlay.draw(rgb, flat(value), SIZE), rgb)
    assert overlay.strongest(flat(value), SIZE) is None
    assert overlay.boxes(flat(value), SIZE) == ()


def test_photograph_given_is_left_as_it_is() -> None:
    rgb = photograph()
    overlay.draw(rgb, evidence("x"), SIZE)
    assert np.array_equal(rgb, photograph())


def test_drawing_stays_near_the_evidence() -> None:
    change = changed((0.75, 0.25))
    assert change[60, 240] > 0
    assert change[120:, :].max() == 0
    assert change[:, :120].max() == 0


def test_lesion_under_the_tint_stays_visible() -> None:
    rgb = photograph().copy()
    rgb[54:66, 234:246] = (250, 240, 200)  # an exudate where the evidence is strongest
    drawn = overlay.draw(rgb, evidence("x"), SIZE).astype(int)
    inside, beside = drawn[58:62, 238:242].mean(axis=(0, 1)), drawn[58:62, 250:253].mean(axis=(0, 1))
    assert np.abs(inside - beside).max() > 40


def test_lines_are_seen_on_dark_and_on_bright_ground() -> None:
    for ground in (0, 255):
        drawn = overlay.draw(np.full((SIZE[1], SIZE[0], 3), ground, np.uint8), evidence("x"), SIZE)
        assert drawn.min() < 60
        assert drawn.max() > 200


@pytest.mark.parametrize(("at", "place"), PLACES.items())
def test_strongest_is_where_the_bump_is(at: tuple[float, float], place: str) -> None:
    found = overlay.strongest(evidence("x", at), SIZE)
    assert found is not None
    assert found.place == place
    assert found.point_px == pytest.approx((at[0] * SIZE[0], at[1] * SIZE[1]), abs=8)


def test_smaller_photograph_shows_the_same_place() -> None:
    halves, wholes = photograph()[::2, ::2].copy(), photograph()
    small = middle_of_change(halves, overlay.draw(halves, evidence("x"), SIZE))
    large = middle_of_change(wholes, overlay.draw(wholes, evidence("x"), SIZE))
    assert [2 * place for place in small] == pytest.approx(large, abs=3)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 9), st.integers(1, 9))
def test_any_size_of_photograph_and_map_is_drawn(columns: int, rows: int, wide: int, high: int) -> None:
    values = np.random.default_rng(columns * rows).normal(size=(high, wide)).tolist()
    found = EvidenceMap(finding="x", values=tuple(map(tuple, values)), box_px=(-5.0, -7.0, columns + 9.0, rows + 3.0))
    rgb = np.zeros((rows, columns, 3), dtype=np.uint8)
    assert overlay.draw(rgb, found, (columns, rows)).shape == rgb.shape


def test_map_without_cells_draws_nothing() -> None:
    empty = EvidenceMap(finding="x", values=(), box_px=(0, 0, 1, 1))
    assert np.array_equal(overlay.draw(photograph(), empty, SIZE), photograph())


def test_map_outside_the_photograph_draws_nothing() -> None:
    beyond = replace(flat(1.0), box_px=(5000.0, 5000.0, 6000.0, 6000.0))
    assert np.array_equal(overlay.draw(photograph(), beyond, SIZE), photograph())


@settings(deadline=None)
@given(st.lists(st.floats(0, 10, width=32), min_size=4, max_size=64), st.floats(0.05, 0.95))
def test_area_above_a_level_holds_its_share_and_no_smaller_one_does(heights: list[float], share: float) -> None:
    field = np.array([heights], dtype=np.float32)
    (height,) = overlay.levels(field, (share,))
    total = field.sum(dtype=np.float64)
    if total > 0:
        assert field[field >= height].sum(dtype=np.float64) >= share * total * (1 - 1e-9)
        assert field[field > height].sum(dtype=np.float64) <= share * total * (1 + 1e-9)


def test_smaller_share_of_the_evidence_needs_less_room() -> None:
    field = overlay.positive_field(evidence("x"), SIZE)
    core, wide = overlay.levels(field, overlay.SHARES)
    assert (field >= core).sum() < (field >= wide).sum()


def test_boxes_lie_in_the_photograph_and_hold_the_strongest_place_first() -> None:
    found = evidence("x", (0.3, 0.6))
    strongest = overlay.strongest(found, SIZE)
    x0, y0, x1, y1 = overlay.boxes(found, SIZE)[0]
    assert strongest is not None
    x, y = strongest.point_px
    assert 0 <= x0 < x < x1 <= SIZE[0]
    assert 0 <= y0 < y < y1 <= SIZE[1]


def test_speck_of_evidence_is_left_out() -> None:
    rows = [list(row) for row in evidence("x", (0.75, 0.25)).values]
    rows[22][3] = 0.05
    speckled = replace(evidence("x"), values=tuple(map(tuple, rows)))
    drawn = overlay.draw(photograph(), speckled, SIZE)
    assert np.array_equal(drawn[120:, :120], photograph()[120:, :120])


def test_tiny_area_is_ringed_so_that_it_is_seen() -> None:
    side = 200
    values = np.zeros((side, side))
    values[100, 100] = 1.0
    spot = EvidenceMap(finding="x", values=tuple(map(tuple, values.tolist())), box_px=(0, 0, 1600.0, 1600.0))
    rgb = np.full((1600, 1600, 3), 90, np.uint8)
    rows = np.nonzero((overlay.draw(rgb, spot, (1600, 1600)) != rgb).any(axis=(1, 2)))[0]
    assert np.ptp(rows) >= 0.02 * 1600
