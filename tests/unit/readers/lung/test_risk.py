"""The models against published figures, and laws that they hold."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain.scan import Density, Place, Series
from aimis.readers.lung import risk
from tests.unit.readers.lung.nodules import GROUND_GLASS, PART_SOLID, SOLID, THIN, nodule, sized

UPPER, LOWER = Place(side="R", zone="upper"), Place(side="R", zone="lower")


def patient(age: int | None, sex: str | None) -> Series:
    """A series of a patient."""
    return replace(THIN, age_years=age, sex=sex)


@pytest.mark.parametrize("density", list(Density))
@pytest.mark.parametrize(("sex", "spiculated", "upper"), [("F", True, True), ("M", False, False), ("F", False, True)])
def test_brock_is_the_published_sum(density: Density, sex: str, spiculated: bool, upper: bool) -> None:
    """Uncentred, as tabled by Uthoff et al., Eur Radiol 2019;29:5367 (PMC6717521), table 2: intercept 0.2761."""
    kind = {SOLID: 0.0, PART_SOLID: 0.377, GROUND_GLASS: -0.1276}[density]
    logit = 0.2761 + 0.0287 * 70 + 0.6011 * (sex == "F") - 5.3854 * 1.2**-0.5
    logit += kind + 0.6581 * upper - 0.0824 * 3 + 0.7729 * spiculated
    of = nodule(12.0, density, place=UPPER if upper else LOWER)
    told = risk.brock(of, patient(70, sex), 3, spiculated=spiculated)
    assert told.probability == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-4)
    assert told.missing == ("family-history", "emphysema")


def test_brock_without_spiculation_is_the_model_made_without_it() -> None:
    """Model 2a at its centre (62 years, 4 mm, 4 nodules, a man's solid one in a lower lobe): its constant, -6.8071."""
    told = risk.brock(nodule(4.0, place=LOWER), patient(62, "M"), 4)
    assert told.probability == pytest.approx(1 / (1 + math.exp(6.8071)), rel=1e-6)
    assert "spiculation" in told.missing


def test_mayo_is_the_published_sum_without_what_is_not_known() -> None:
    """A man of 80 with a spiculated 3 mm nodule in an upper lobe, a smoker with an earlier cancer: 65 % as published
    beside a public calculator (openRules, issue 3); smoking 0.7917 and cancer 1.3388 are what a CT does not tell."""
    told = risk.mayo(nodule(4.0, place=UPPER), patient(80, "M"), 1, spiculated=True)
    assert told.probability is not None
    logit = math.log(told.probability / (1 - told.probability)) - 0.1274 + 0.7917 + 1.3388
    assert 1 / (1 + math.exp(-logit)) == pytest.approx(0.65, abs=0.005)
    assert told.missing == ("smoking", "earlier-cancer")


@pytest.mark.parametrize(
    ("mm", "count", "missing"), [(3.9, 1, "size-4-to-30-mm"), (30.1, 1, "size-4-to-30-mm"), (9, 2, "single-nodule")]
)
def test_mayo_says_nothing_outside_what_it_was_made_for(mm: float, count: int, missing: str) -> None:
    told = risk.mayo(nodule(mm, place=UPPER), patient(60, "F"), count, spiculated=False)
    assert told.probability is None
    assert told.missing[0] == missing


def test_calcified_nodule_has_no_risk_by_either() -> None:
    for told in risk.risks(nodule(9.0, place=UPPER, calcified=True), patient(60, "F"), 1):
        assert told.probability is None
        assert told.missing[0] == "without-calcium"


@pytest.mark.parametrize("mm", [4.0, 30.0])
def test_mayo_holds_at_the_ends_of_its_range(mm: float) -> None:
    assert risk.mayo(nodule(mm, place=UPPER), patient(60, "F"), 1).probability is not None


@pytest.mark.parametrize(
    ("age", "sex", "brock", "mayo"),
    [(None, "F", False, False), (60, None, False, True), (60, "O", False, True), (60, "M", True, True)],
)
def test_model_without_what_it_asks_for_says_nothing(age: int | None, sex: str | None, brock: bool, mayo: bool) -> None:
    told = risk.risks(nodule(9.0, place=UPPER), patient(age, sex), 1)
    assert [r.model for r in told] == ["brock", "mayo"]
    assert [r.probability is not None for r in told] == [brock, mayo]
    assert ("age" in told[0].missing, "sex" in told[0].missing) == (age is None, sex not in ("F", "M"))


def test_place_that_is_not_known_is_named() -> None:
    for told in risk.risks(nodule(9.0), patient(60, "F"), 1):
        assert "upper-lobe" in told.missing


@pytest.mark.parametrize(
    ("place", "upper"),
    [
        (Place(lobe="left-upper-lobe", zone="lower"), True),
        (Place(lobe="lingula"), True),
        (Place(lobe="right-middle-lobe", zone="upper"), False),
        (Place(zone="upper"), True),
        (Place(zone="middle"), False),
    ],
)
def test_lobe_outranks_the_zone(place: Place, upper: bool) -> None:
    one, other = (risk.mayo(nodule(9.0, place=p), patient(60, "F"), 1).probability for p in (place, UPPER))
    assert (one == other) is upper


def test_size_is_the_greatest_axial_diameter() -> None:
    oval = nodule(9.0, size=sized(9.0, long_mm=12.0), place=LOWER)
    for of_oval, of_round in zip(
        risk.risks(oval, patient(60, "F"), 1), risk.risks(nodule(12.0, place=LOWER), patient(60, "F"), 1), strict=True
    ):
        assert of_oval.probability == of_round.probability


@given(st.floats(4.0, 30.0), st.floats(4.0, 30.0), st.integers(30, 90), st.sampled_from("FM"), st.booleans())
def test_risk_grows_with_size_and_spiculation(a: float, b: float, age: int, sex: str, spiculated: bool) -> None:
    small, large = sorted((a, b))
    for model in (risk.brock, risk.mayo):
        low = model(nodule(small, place=LOWER), patient(age, sex), 1, spiculated=spiculated).probability
        high = model(nodule(large, place=UPPER), patient(age, sex), 1, spiculated=True).probability
        assert low is not None
        assert high is not None
        assert 0 < low <= high < 1
