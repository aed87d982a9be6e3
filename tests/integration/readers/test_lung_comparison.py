"""Two scans of one drawn body, compared as whole scans: registration, matching and growth together."""

from dataclasses import replace

import numpy as np
import pytest

from aimis.domain.scan import Change, Nodule, Point, Series
from aimis.readers.lung import compare, lungs, registration
from aimis.readers.lung.compare import Side
from tests.fakes import ct
from tests.unit.readers.lung.nodules import nodule

pytestmark = pytest.mark.integration

NEW = ct.Scanner(shape=(100, 92, 104), spacing_mm=(3.0, 3.6, 3.6))
OLD = ct.Scanner(shape=(80, 100, 112), spacing_mm=(3.6, 3.3, 3.3), first_mm=6.0)
DATES = ("2026-03-01", "2025-11-21")
DAYS = 100


def _spread(_: float) -> float:
    return 0.08


def _nodule(volume_mm3: float, place: Point, index: int = 0, *, present: bool = True) -> Nodule:
    diameter = (6 * volume_mm3 / np.pi) ** (1 / 3)
    return nodule(diameter, centre_lps_mm=place, index=index, present=present)


def _side(scanner: ct.Scanner, date: str, nodules: tuple[Nodule, ...], seed: int = 0) -> Side:
    series = Series(shape_zyx=scanner.shape, spacing_zyx_mm=scanner.spacing_mm, date=date)
    volume = ct.scan(scanner, seed=seed, series=series)
    return Side(volume=volume, lungs=lungs.find_lungs(volume.hu, volume.spacing_mm), nodules=nodules)


@pytest.fixture(scope="module")
def sides() -> tuple[Side, Side]:
    """The same body under two scanners, no nodules yet."""
    return _side(NEW, DATES[0], ()), _side(OLD, DATES[1], ())


def test_each_nodule_finds_itself_in_the_earlier_ct(sides: tuple[Side, Side]) -> None:
    near, beside, fresh, lost = (-70.0, 20.0, 200.0), (-82.0, 20.0, 200.0), (80.0, 30.0, 220.0), (75.0, 40.0, 150.0)
    new = replace(sides[0], nodules=(_nodule(600, near), _nodule(300, beside, 1), _nodule(90, fresh, 2)))
    old = replace(sides[1], nodules=(_nodule(290, beside), _nodule(300, near, 1), _nodule(500, lost, 2)))
    told = compare.compare(new, old, _spread)
    changes = [n.growth and (n.growth.change, n.growth.prior_index) for n in told.nodules]
    assert changes == [(Change.GROWING, 1), (Change.STABLE, 0), (Change.NEW, None)]
    assert told.nodules[0].growth is not None
    assert told.nodules[0].growth.doubling_days == pytest.approx(DAYS)
    assert [(n.index, n.growth and n.growth.change) for n in told.gone] == [(2, Change.GONE)]


def test_places_agree_between_two_scanners(sides: tuple[Side, Side]) -> None:
    new, old = sides
    alignment = registration.align(new.lungs, old.lungs)
    assert alignment.credible
    for place in [(-70.0, 20.0, 200.0), (80.0, 30.0, 220.0), (-90.0, -20.0, 90.0)]:
        there = old.volume.to_lps(alignment.to_old(new.volume.to_indices(place)))
        assert np.linalg.norm(there - place) < 2.5
        back = new.volume.to_lps(alignment.to_new(old.volume.to_indices(there)))
        assert np.linalg.norm(back - place) < 5


def test_a_place_that_one_ct_does_not_show_is_neither_new_nor_gone(sides: tuple[Side, Side]) -> None:
    low = (-80.0, 30.0, 60.0)
    whole, cut = sides[0], _side(replace(OLD, shape=(60, 100, 112), first_mm=80.0), DATES[1], ())
    lacking = compare.compare(replace(whole, nodules=(_nodule(300, low),)), cut, _spread)
    assert [n.growth and n.growth.change for n in lacking.nodules] == [Change.NOT_COVERED]
    unseen = compare.compare(cut, replace(whole, nodules=(_nodule(300, low),)), _spread)
    assert [n.growth and n.growth.change for n in unseen.gone] == [Change.NOT_COVERED]


def test_candidates_below_the_point_get_no_growth_but_keep_a_nodule_from_being_gone(sides: tuple[Side, Side]) -> None:
    place = (-70.0, 20.0, 200.0)
    told = compare.compare(
        replace(sides[0], nodules=(_nodule(300, place, present=False),)),
        replace(sides[1], nodules=(_nodule(300, place),)),
        _spread,
    )
    assert told.nodules[0].growth is None
    assert told.gone == ()


def test_nodule_without_a_size_is_matched_without_growth_or_new(
    sides: tuple[Side, Side],
) -> None:
    place, other = (-70.0, 20.0, 200.0), (80.0, 30.0, 220.0)
    unsized = tuple(replace(_nodule(300, at, k), size=None) for k, at in enumerate((place, other)))
    told = compare.compare(
        replace(sides[0], nodules=unsized), replace(sides[1], nodules=(_nodule(300, place),)), _spread
    )
    assert [n.growth and n.growth.change for n in told.nodules] == [None, Change.NEW]
    assert told.gone == ()


def test_lungs_that_are_not_the_same_are_not_compared(sides: tuple[Side, Side]) -> None:
    new, old = replace(sides[0], nodules=(_nodule(300, (-70.0, 20.0, 200.0)),)), sides[1]
    hu = np.full_like(old.volume.hu, 40)
    empty = replace(old, lungs=lungs.find_lungs(hu, old.volume.spacing_mm))
    told = compare.compare(new, empty, _spread)
    assert told.limited is not None
    assert told.limited.code == "prior-not-alike"
    assert told.nodules[0].growth is None
