"""Every row of the three guidelines' tables at its boundaries, written down here a second time."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain.scan import Change, Density, Growth, Nodule, Series
from aimis.readers.lung import guidelines
from tests.unit.readers.lung.nodules import (
    GROUND_GLASS,
    PART_SOLID,
    SOLID,
    THICK,
    THIN,
    at,
    brock,
    grown,
    nodule,
    sized,
)

FLEISCHNER, LUNG_RADS, BTS = guidelines.IDS
NEW, STABLE, SMALLER, GROWING = Change.NEW, Change.STABLE, Change.SHRINKING, Change.GROWING
Case = tuple[Nodule, str, str]


def answered(guideline: str, of: Nodule, series: Series = THICK, number: str = "single") -> tuple[str, str]:
    """Row and category."""
    table = guidelines.load(guideline)
    row, _ = guidelines.fitting(table, guidelines.facts_of(of, series, table, number))
    return (row.id, row.category) if row else ("", "")


def beside(guideline: str, of: Nodule, series: Series = THICK, spiculated: str = "no") -> list[str]:
    """Rows said beside the answer."""
    table = guidelines.load(guideline)
    _, rows = guidelines.fitting(table, guidelines.facts_of(of, series, table, "single", spiculated))
    return [row.id for row in rows]


def volume(mm3: float, density: Density = SOLID, **more: Any) -> Nodule:
    """Narrow in plane: the volume alone speaks."""
    return nodule(3.0, density, size=sized(3.0, 3.0 if density is SOLID else 0.0, mm3), **more)


# ---- Fleischner 2017, table 1

FLEISCHNER_BY_DIAMETER = [
    (SOLID, "single", 5.49, 0, "solid-single-under-6"),
    (SOLID, "single", 5.5, 0, "solid-single-6-to-8"),
    (SOLID, "single", 8.49, 0, "solid-single-6-to-8"),
    (SOLID, "single", 8.5, 0, "solid-single-over-8"),
    (SOLID, "single", 60.0, 0, "solid-single-over-8"),
    (SOLID, "multiple", 5.49, 0, "solid-multiple-under-6"),
    (SOLID, "multiple", 5.5, 0, "solid-multiple-6-to-8"),
    (SOLID, "multiple", 8.49, 0, "solid-multiple-6-to-8"),
    (SOLID, "multiple", 8.5, 0, "solid-multiple-over-8"),
    (GROUND_GLASS, "single", 5.49, 0, "ground-glass-single-under-6"),
    (GROUND_GLASS, "single", 5.5, 0, "ground-glass-single-from-6"),
    (GROUND_GLASS, "single", 40.0, 0, "ground-glass-single-from-6"),
    (PART_SOLID, "single", 5.49, 5.0, "part-solid-single-under-6"),
    (PART_SOLID, "single", 5.5, 5.0, "part-solid-single-from-6"),
    (PART_SOLID, "single", 20.0, 5.49, "part-solid-single-from-6"),
    (PART_SOLID, "single", 20.0, 5.5, "part-solid-single-solid-from-6"),
    (GROUND_GLASS, "multiple", 5.49, 0, "subsolid-multiple-under-6"),
    (GROUND_GLASS, "multiple", 5.5, 0, "subsolid-multiple-from-6"),
    (PART_SOLID, "multiple", 5.49, 3.0, "subsolid-multiple-under-6"),
    (PART_SOLID, "multiple", 5.5, 3.0, "subsolid-multiple-from-6"),
]


@pytest.mark.parametrize(("density", "number", "mm", "solid", "row"), FLEISCHNER_BY_DIAMETER)
def test_fleischner_row_by_diameter(density: Density, number: str, mm: float, solid: float, row: str) -> None:
    of = nodule(mm, density, solid) if density is PART_SOLID else nodule(mm, density)
    assert answered(FLEISCHNER, of, THICK, number) == (row, "")


FLEISCHNER_BY_VOLUME = [
    (SOLID, "single", 99.4, "solid-single-under-6"),
    (SOLID, "single", 99.5, "solid-single-6-to-8"),
    (SOLID, "single", 250.4, "solid-single-6-to-8"),
    (SOLID, "single", 250.5, "solid-single-over-8"),
    (SOLID, "multiple", 99.4, "solid-multiple-under-6"),
    (SOLID, "multiple", 99.5, "solid-multiple-6-to-8"),
    (SOLID, "multiple", 250.4, "solid-multiple-6-to-8"),
    (SOLID, "multiple", 250.5, "solid-multiple-over-8"),
    (GROUND_GLASS, "single", 99.4, "ground-glass-single-under-6"),
    (GROUND_GLASS, "single", 99.5, "ground-glass-single-from-6"),
    (GROUND_GLASS, "multiple", 99.4, "subsolid-multiple-under-6"),
    (GROUND_GLASS, "multiple", 99.5, "subsolid-multiple-from-6"),
    (PART_SOLID, "single", 99.4, "part-solid-single-under-6"),
    (PART_SOLID, "single", 99.5, "part-solid-single-from-6"),
]


@pytest.mark.parametrize(("density", "number", "mm3", "row"), FLEISCHNER_BY_VOLUME)
def test_fleischner_row_by_volume_where_slices_are_thin(density: Density, number: str, mm3: float, row: str) -> None:
    assert answered(FLEISCHNER, volume(mm3, density), THIN, number)[0] == row
    assert answered(FLEISCHNER, volume(mm3, density), THICK, number)[0].endswith("under-6")


def test_volume_counts_up_to_slices_of_1_5_mm() -> None:
    assert guidelines.volumetry(replace(THIN, thickness_mm=1.5, spacing_zyx_mm=(1.5, 0.7, 0.7)))
    assert not guidelines.volumetry(replace(THIN, thickness_mm=1.6))
    assert not guidelines.volumetry(replace(THIN, thickness_mm=None, spacing_zyx_mm=(1.6, 0.7, 0.7)))


def test_more_cautious_of_diameter_and_volume_is_taken() -> None:
    flat = nodule(9.0, size=sized(9.0, 9.0, 120.0))
    assert answered(FLEISCHNER, flat, THIN)[0] == "solid-single-over-8"


@pytest.mark.parametrize(
    ("age", "row"), [(34, "under-35-years"), (35, "solid-single-6-to-8"), (None, "solid-single-6-to-8")]
)
def test_fleischner_speaks_of_people_from_35_years(age: int | None, row: str) -> None:
    assert answered(FLEISCHNER, nodule(7.0), replace(THICK, age_years=age))[0] == row


@pytest.mark.parametrize(
    ("mm", "pleura", "said"),
    [(5.49, 0.0, False), (5.5, 0.0, True), (10.4, 0.9, True), (10.5, 0.0, False), (7, 1.0, False)],
)
def test_fleischner_lymph_node_is_said_beside(mm: float, pleura: float, said: bool) -> None:
    assert ("lymph-node" in beside(FLEISCHNER, nodule(mm, place=at(pleura)))) is said
    assert "lymph-node" not in beside(FLEISCHNER, nodule(mm, GROUND_GLASS, place=at(pleura)))


def test_fleischner_says_that_intervals_count_from_the_first_ct() -> None:
    assert beside(FLEISCHNER, nodule(7.0, growth=grown(STABLE))) == ["earlier-ct"]
    assert beside(FLEISCHNER, nodule(7.0, growth=grown(NEW))) == []


def test_fleischner_row_differs_by_risk_where_the_table_does() -> None:
    told, _ = guidelines.managed([nodule(7.0)], THICK)
    said = [(m.rule, m.applies_if[0]) for m in told[0].management if m.guideline == FLEISCHNER]
    assert said == [("solid-single-6-to-8-low-risk", "low-risk"), ("solid-single-6-to-8-high-risk", "high-risk")]


# ---- Lung-RADS v2022

GREW = (GROWING, 365)
LUNG_RADS_ROWS = [
    (SOLID, None, 5.9, 0, "solid-2", "2"),
    (SOLID, None, 6.0, 0, "solid-3", "3"),
    (SOLID, None, 7.9, 0, "solid-3", "3"),
    (SOLID, None, 8.0, 0, "solid-4a", "4A"),
    (SOLID, None, 14.9, 0, "solid-4a", "4A"),
    (SOLID, None, 15.0, 0, "solid-4b", "4B"),
    (SOLID, (NEW, 365), 3.9, 0, "solid-new-2", "2"),
    (SOLID, (NEW, 365), 4.0, 0, "solid-new-3", "3"),
    (SOLID, (NEW, 365), 5.9, 0, "solid-new-3", "3"),
    (SOLID, (NEW, 365), 6.0, 0, "solid-new-4a", "4A"),
    (SOLID, (NEW, 365), 7.9, 0, "solid-new-4a", "4A"),
    (SOLID, (NEW, 365), 8.0, 0, "solid-changed-4b", "4B"),
    (SOLID, GREW, 4.0, 0, "solid-growing-4a", "4A"),
    (SOLID, GREW, 7.9, 0, "solid-growing-4a", "4A"),
    (SOLID, GREW, 8.0, 0, "solid-changed-4b", "4B"),
    (SOLID, (STABLE, 179), 7.0, 0, "solid-3", "3"),
    (SOLID, (STABLE, 180), 7.0, 0, "stable-3-to-2", "2"),
    (SOLID, (SMALLER, 180), 7.0, 0, "stable-3-to-2", "2"),
    (SOLID, (STABLE, 89), 8.0, 0, "solid-4a", "4A"),
    (SOLID, (STABLE, 90), 8.0, 0, "stable-4a-to-3", "3"),
    (SOLID, (STABLE, 90), 14.9, 0, "stable-4a-to-3", "3"),
    (SOLID, (STABLE, 900), 15.0, 0, "solid-4b", "4B"),
    (PART_SOLID, None, 5.9, 5.0, "part-solid-2", "2"),
    (PART_SOLID, None, 6.0, 5.9, "part-solid-3", "3"),
    (PART_SOLID, None, 40.0, 5.9, "part-solid-3", "3"),
    (PART_SOLID, None, 10.0, 6.0, "part-solid-4a", "4A"),
    (PART_SOLID, None, 10.0, 7.9, "part-solid-4a", "4A"),
    (PART_SOLID, None, 10.0, 8.0, "part-solid-4b", "4B"),
    (PART_SOLID, (NEW, 365), 5.9, 3.9, "part-solid-new-3", "3"),
    (PART_SOLID, (NEW, 365), 6.0, 3.9, "part-solid-new-4a", "4A"),
    (PART_SOLID, (NEW, 365), 6.0, 4.0, "part-solid-changed-4b", "4B"),
    (PART_SOLID, GREW, 6.0, 3.9, "part-solid-growing-4a", "4A"),
    (PART_SOLID, GREW, 6.0, 4.0, "part-solid-changed-4b", "4B"),
    (PART_SOLID, (STABLE, 179), 8.0, 5.9, "part-solid-3", "3"),
    (PART_SOLID, (STABLE, 180), 8.0, 5.9, "stable-3-to-2", "2"),
    (PART_SOLID, (STABLE, 89), 9.0, 7.9, "part-solid-4a", "4A"),
    (PART_SOLID, (STABLE, 90), 9.0, 7.9, "stable-4a-to-3", "3"),
    (PART_SOLID, (STABLE, 900), 9.0, 8.0, "part-solid-4b", "4B"),
    (GROUND_GLASS, None, 29.9, 0, "ground-glass-2", "2"),
    (GROUND_GLASS, None, 30.0, 0, "ground-glass-3", "3"),
    (GROUND_GLASS, (NEW, 365), 29.9, 0, "ground-glass-2", "2"),
    (GROUND_GLASS, (NEW, 365), 30.0, 0, "ground-glass-3", "3"),
    (GROUND_GLASS, GREW, 29.9, 0, "ground-glass-2", "2"),
    (GROUND_GLASS, GREW, 30.0, 0, "ground-glass-3", "3"),
    (GROUND_GLASS, (STABLE, 365), 30.0, 0, "ground-glass-large-2", "2"),
]


def changed(to: tuple[Change, int] | None, mm: float) -> Growth | None:
    """Growing means here by 1.6 mm, stable by nothing."""
    if to is None:
        return None
    before = {GROWING: mm - 1.6, SMALLER: mm + 2.0, NEW: None}.get(to[0], mm)
    return grown(to[0], before, to[1])


@pytest.mark.parametrize(("density", "change", "mm", "solid", "row", "category"), LUNG_RADS_ROWS)
def test_lung_rads_row_by_diameter(
    density: Density, change: tuple[Change, int] | None, mm: float, solid: float, row: str, category: str
) -> None:
    of = nodule(mm, density, solid if density is PART_SOLID else None, growth=changed(change, mm))
    assert answered(LUNG_RADS, of) == (row, category)


LUNG_RADS_VOLUMES = [
    (None, 112.4, "solid-2"),
    (None, 112.5, "solid-3"),
    (None, 267.4, "solid-3"),
    (None, 267.5, "solid-4a"),
    (None, 1766.4, "solid-4a"),
    (None, 1766.5, "solid-4b"),
    (NEW, 33.4, "solid-new-2"),
    (NEW, 33.5, "solid-new-3"),
    (NEW, 112.4, "solid-new-3"),
    (NEW, 112.5, "solid-new-4a"),
    (NEW, 267.4, "solid-new-4a"),
    (NEW, 267.5, "solid-changed-4b"),
]


@pytest.mark.parametrize(("change", "mm3", "row"), LUNG_RADS_VOLUMES)
def test_lung_rads_row_by_volume(change: Change | None, mm3: float, row: str) -> None:
    assert answered(LUNG_RADS, volume(mm3, growth=grown(change) if change else None), THIN)[0] == row


@pytest.mark.parametrize(("mm3", "row"), [(14136.4, "ground-glass-2"), (14136.5, "ground-glass-3")])
def test_lung_rads_ground_glass_by_volume(mm3: float, row: str) -> None:
    assert answered(LUNG_RADS, volume(mm3, GROUND_GLASS), THIN)[0] == row


@pytest.mark.parametrize(("mm", "row"), [(5.94, "solid-2"), (5.95, "solid-3")])
def test_lung_rads_rounds_to_one_decimal(mm: float, row: str) -> None:
    assert answered(LUNG_RADS, nodule(mm))[0] == row


@pytest.mark.parametrize(
    ("before", "now", "days", "row"),
    [
        (6.0, 7.5, 365, "solid-3"),
        (6.0, 7.6, 365, "solid-growing-4a"),
        (6.0, 7.6, 90, "solid-growing-4a"),
        (6.0, 7.6, None, "solid-growing-4a"),
        (4.5, 7.5, 730, "solid-3"),
        (4.5, 7.6, 730, "solid-growing-4a"),
    ],
)
def test_lung_rads_growth_is_more_than_1_5_mm_in_12_months(
    before: float, now: float, days: int | None, row: str
) -> None:
    assert answered(LUNG_RADS, nodule(now, growth=grown(GROWING, before, days)))[0] == row


def test_slow_growth_is_4b_only_if_it_went_over_several_exams() -> None:
    slow = nodule(7.0, growth=grown(GROWING, 6.0, 365))
    assert beside(LUNG_RADS, slow) == ["slowly-growing-4b"]
    assert beside(LUNG_RADS, replace(slow, density=GROUND_GLASS)) == []
    assert beside(LUNG_RADS, nodule(7.0, growth=grown(STABLE, 7.0, 365))) == []


@pytest.mark.parametrize(
    ("mm", "pleura", "said"),
    [(5.9, 0.0, False), (6.0, 0.0, True), (9.9, 0.9, True), (10.0, 0.0, False), (7, 1.0, False)],
)
def test_lung_rads_juxtapleural_is_said_beside(mm: float, pleura: float, said: bool) -> None:
    assert ("juxtapleural" in beside(LUNG_RADS, nodule(mm, place=at(pleura)))) is said
    growing = nodule(mm, place=at(pleura), growth=grown(GROWING, mm - 2, 365))
    assert "juxtapleural" not in beside(LUNG_RADS, growing)


@pytest.mark.parametrize(("mm", "said"), [(5.9, False), (6.0, True), (9.0, True), (20.0, True)])
def test_spiculated_nodule_of_category_3_or_4_may_be_4x(mm: float, said: bool) -> None:
    assert ("suspicious-4x" in beside(LUNG_RADS, nodule(mm), spiculated="yes")) is said
    assert "suspicious-4x" not in beside(LUNG_RADS, nodule(mm))


def test_calcified_nodule_is_negative_in_all_guidelines() -> None:
    of = nodule(20.0, calcified=True)
    assert [answered(g, of) for g in guidelines.IDS] == [("calcified", ""), ("calcified", "1"), ("calcified", "")]


def test_scan_has_the_category_of_its_most_suspicious_nodule() -> None:
    seen = [nodule(5.0), nodule(9.0, index=1), nodule(30.0, index=2, present=False)]
    told, of_scan = guidelines.managed(seen, THICK)
    assert [(m.category, m.rule) for m in of_scan] == [("4A", "solid-4a")]
    assert told[2].management == ()
    assert {m.rule for m in told[0].management if m.guideline == FLEISCHNER} == {
        "solid-multiple-under-6-low-risk",
        "solid-multiple-under-6-high-risk",
    }


def test_scan_is_category_0_alone_where_lung_is_missing_unless_a_nodule_asks_for_more() -> None:
    assert [(m.category, m.rule) for m in guidelines.managed([], THICK)[1]] == [("1", "no-nodule")]
    missing = guidelines.managed([], THICK, whole_lungs=False)[1]
    assert [(m.category, m.rule) for m in missing] == [("0", "incomplete")]
    benign = guidelines.managed([nodule(5.0)], THICK, whole_lungs=False)[1]
    assert [(m.category, m.rule) for m in benign] == [("0", "incomplete")]
    partly = guidelines.managed([nodule(7.0)], THICK, whole_lungs=False)[1]
    assert [(m.category, m.rule) for m in partly] == [("3", "solid-3"), ("0", "incomplete")]


def test_nodule_that_was_not_measured_leaves_the_scan_without_a_category_rather_than_with_a_low_one() -> None:
    unmeasured = replace(nodule(7.0, index=1), size=None)
    told, of_scan = guidelines.managed([nodule(5.0), unmeasured], THICK)
    assert told[0].management
    assert told[1].management == ()
    assert of_scan == ()
    assert guidelines.managed([unmeasured], THICK)[1] == ()


def test_condition_does_not_raise_the_scan() -> None:
    spiculated = guidelines.managed([nodule(7.0)], THICK, spiculated={0})
    assert "suspicious-4x" in {m.rule for m in spiculated[0][0].management}
    assert [m.category for m in spiculated[1]] == ["3"]


def test_calcified_nodules_do_not_make_a_single_one_multiple() -> None:
    told, _ = guidelines.managed([nodule(7.0), nodule(8.0, index=1, calcified=True)], THICK)
    assert any(m.rule.startswith("solid-single") for m in told[0].management)


# ---- BTS 2015, algorithms 1 to 3

BTS_DIAMETERS = [
    (nodule(4.9), "solid-under-5"),
    (nodule(4.9, growth=grown(NEW)), "solid-under-5-new"),
    (nodule(5.0), "solid-5-to-6"),
    (nodule(5.9), "solid-5-to-6"),
    (nodule(6.0), "solid-6-to-8"),
    (nodule(7.9), "solid-6-to-8"),
    (nodule(8.0), "solid-from-8-brock-unknown"),
    (nodule(8.0, risks=brock(0.099)), "solid-from-8-brock-under-10"),
    (nodule(8.0, risks=brock(0.1)), "solid-from-8-brock-from-10"),
    (nodule(7.9, risks=brock(0.5)), "solid-6-to-8"),
    (nodule(5.0, growth=grown(STABLE, days=90)), "solid-stable-3-months"),
    (nodule(4.9, growth=grown(STABLE, days=90)), "solid-under-5"),
    (nodule(7.0, growth=grown(STABLE, days=329)), "solid-stable-3-months"),
    (nodule(7.0, growth=grown(STABLE, days=330)), "solid-stable-1-year-diameter"),
    (nodule(7.0, growth=grown(SMALLER, days=729)), "solid-stable-1-year-diameter"),
    (nodule(7.0, growth=grown(STABLE, days=730)), "solid-stable-discharge"),
    (nodule(7.0, growth=grown(STABLE)), "solid-6-to-8"),
    (nodule(7.0, growth=grown(GROWING, days=90, vdt=400)), "solid-growing-fast"),
    (nodule(7.0, growth=grown(GROWING, days=90, vdt=401)), "solid-growing-3-months-slow"),
    (nodule(7.0, growth=grown(GROWING, days=330, vdt=400)), "solid-growing-fast"),
    (nodule(7.0, growth=grown(GROWING, days=330, vdt=401)), "solid-growing-400-to-600"),
    (nodule(7.0, growth=grown(GROWING, days=330, vdt=600)), "solid-growing-400-to-600"),
    (nodule(7.0, growth=grown(GROWING, days=330, vdt=601)), "solid-growing-over-600"),
    (nodule(7.0, growth=grown(GROWING)), "solid-growing-fast"),
    (nodule(4.9, GROUND_GLASS), "subsolid-under-5"),
    (nodule(5.0, GROUND_GLASS), "subsolid-from-5"),
    (nodule(4.9, PART_SOLID), "subsolid-under-5"),
    (nodule(5.0, PART_SOLID), "subsolid-from-5"),
    (nodule(9.0, PART_SOLID, growth=grown(NEW)), "subsolid-from-5"),
    (nodule(9.0, PART_SOLID, growth=grown(STABLE, days=79)), "subsolid-from-5"),
    (nodule(9.0, PART_SOLID, growth=grown(STABLE, days=80)), "subsolid-stable-brock-unknown"),
    (nodule(9.0, PART_SOLID, growth=grown(STABLE, days=80), risks=brock(0.099)), "subsolid-stable-brock-under-10"),
    (nodule(9.0, PART_SOLID, growth=grown(STABLE, days=80), risks=brock(0.1)), "subsolid-stable-brock-from-10"),
    (nodule(9.0, GROUND_GLASS, growth=grown(STABLE, days=1459), risks=brock(0.1)), "subsolid-stable-brock-from-10"),
    (nodule(9.0, GROUND_GLASS, growth=grown(STABLE, days=1460), risks=brock(0.1)), "subsolid-stable-4-years"),
    (nodule(9.0, GROUND_GLASS, growth=grown(GROWING, days=365, vdt=900)), "subsolid-growing"),
]


@pytest.mark.parametrize(("of", "row"), BTS_DIAMETERS)
def test_bts_row_by_greatest_diameter_where_slices_are_thick(of: Nodule, row: str) -> None:
    assert answered(BTS, of)[0] == row


BTS_VOLUMES = [
    (79.4, {}, "solid-under-5"),
    (79.5, {}, "solid-6-to-8"),
    (299.4, {}, "solid-6-to-8"),
    (299.5, {}, "solid-from-8-brock-unknown"),
    (299.5, {"risks": brock(0.09)}, "solid-from-8-brock-under-10"),
    (299.5, {"risks": brock(0.1)}, "solid-from-8-brock-from-10"),
    (79.4, {"growth": grown(NEW)}, "solid-under-5-new"),
    (79.5, {"growth": grown(STABLE, days=329)}, "solid-stable-3-months"),
    (79.5, {"growth": grown(STABLE, days=330)}, "solid-stable-discharge"),
    (79.4, {"growth": grown(STABLE, days=330)}, "solid-under-5"),
]


@pytest.mark.parametrize(("mm3", "more", "row"), BTS_VOLUMES)
def test_bts_row_by_volume_alone_where_slices_are_thin(mm3: float, more: dict[str, Any], row: str) -> None:
    wide = nodule(20.0, size=sized(20.0, 20.0, mm3), **more)
    assert answered(BTS, wide, THIN)[0] == row


def test_bts_diameter_is_the_greatest() -> None:
    assert answered(BTS, nodule(7.0, size=sized(7.0, 7.0, long_mm=8.0)))[0] == "solid-from-8-brock-unknown"


@pytest.mark.parametrize(
    ("mm", "pleura", "said"),
    [(4.9, 0.0, False), (5.0, 9.9, True), (9.9, 0.0, True), (10.0, 0.0, False), (7, 10.0, False)],
)
def test_bts_lymph_node_is_said_beside(mm: float, pleura: float, said: bool) -> None:
    assert ("lymph-node" in beside(BTS, nodule(mm, place=at(pleura)))) is said


def test_spiculated_nodule_is_no_lymph_node_in_any_guideline() -> None:
    at_pleura = nodule(7.0, place=at(0.0))
    for guideline in guidelines.IDS:
        smooth, spiculated = (set(beside(guideline, at_pleura, spiculated=s)) for s in ("no", "yes"))
        assert smooth - spiculated == {"juxtapleural" if guideline == LUNG_RADS else "lymph-node"}


# ---- laws of all three

SIZES = st.floats(3.0, 60.0)
CHANGES = st.sampled_from([None, *Change])


@given(SIZES, st.sampled_from(Density), CHANGES, st.one_of(st.none(), st.integers(1, 2000)), st.booleans())
def test_every_nodule_has_an_answer_from_every_guideline(
    mm: float, density: Density, change: Change | None, days: int | None, thin: bool
) -> None:
    growth = grown(change, mm * 0.8, days, 500.0 if days else None) if change else None
    of = nodule(mm, density, mm / 2, growth=growth)
    for guideline in guidelines.IDS:
        assert answered(guideline, of, THIN if thin else THICK)[0]


@given(SIZES, SIZES, st.sampled_from(Density), st.sampled_from([None, NEW]))
def test_larger_nodule_never_has_a_lower_category(a: float, b: float, density: Density, change: Change | None) -> None:
    growth = grown(change) if change else None
    small, large = (
        answered(LUNG_RADS, nodule(mm, density, mm / 2 if density is PART_SOLID else None, growth=growth))[1]
        for mm in sorted((a, b))
    )
    assert ("2", "3", "4A", "4B").index(small) <= ("2", "3", "4A", "4B").index(large)


def test_every_row_of_the_data_is_tested() -> None:
    fleischner = {row for *_, row in FLEISCHNER_BY_DIAMETER} | {
        "calcified",
        "under-35-years",
        "lymph-node",
        "earlier-ct",
    }
    lung_rads = {row for *_, row, _ in LUNG_RADS_ROWS} | {"no-nodule", "calcified", "juxtapleural", "incomplete"}
    bts = {row for _, row in BTS_DIAMETERS} | {"calcified", "lymph-node"}
    expected = {FLEISCHNER: fleischner, LUNG_RADS: lung_rads | {"slowly-growing-4b", "suspicious-4x"}, BTS: bts}
    assert {g: {row.id for row in guidelines.load(g).rows} for g in guidelines.IDS} == expected


def test_every_guideline_names_its_source_and_version() -> None:
    for guideline in map(guidelines.load, guidelines.IDS):
        assert guideline.version[:4] in guideline.id
        assert "doi:10." in guideline.source


def test_rows_that_are_not_judged_are_never_an_answer() -> None:
    text = (resources.files("aimis.readers.lung") / "rules" / "lung-rads-2022.toml").read_text("utf-8")
    not_judged = {row["id"] for row in tomllib.loads(text)["not_judged"]}
    assert {"airway-4a", "cyst-4b", "modifier-s"} < not_judged
    assert not not_judged & {row.id for row in guidelines.load(LUNG_RADS).rows}
