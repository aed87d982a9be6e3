"""The reader's way from a volume to nodules, with toy networks on a drawn chest."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from aimis.domain.errors import UnsupportedInputError
from aimis.domain.reading import Outcome, Reason, Status
from aimis.domain.scan import Nodule, Scan
from aimis.imaging.volume import Volume
from aimis.readers.lung import judge, measure, read, slices
from aimis.readers.manifest import Calibration, FindingEntry, OperatingPoints
from tests.fakes import ct
from tests.fakes.lung_networks import ToyFinder, ToySlices

pytestmark = pytest.mark.integration

BALLS = (
    ct.Ball(lps_mm=(-95.0, -10.0, 180.0), diameter_mm=12.0),
    ct.Ball(lps_mm=(80.0, 30.0, 200.0), diameter_mm=8.0),
)
SCANNER = ct.Scanner(shape=(120, 256, 256), spacing_mm=(2.5, 1.35, 1.35))


def reader(least_mm: float = 3.0, contrast: float = 20.0, *, draws: bool = True) -> read.LungReader:
    zero = dict.fromkeys(judge.features(np.zeros((2, len(slices.ANSWERS)), np.float32), SIZE), 0.0)
    return read.LungReader(
        finding=FindingEntry(
            name=read.FINDING,
            calibration=Calibration(slope=1.0, offset=0.0),
            operating_points=OperatingPoints(screening=0.2, balanced=0.5, specific=0.8),
        ),
        reader_id="lung-nodule",
        operating_point="balanced",
        judgement=judge.Judgement(
            slices_share=0.5,
            listed_from=0.001,
            drawn_from=0.01,
            least_mm=least_mm,
            malignancy={**zero, "one": -3.0, "log-diameter": 1.0},
            repeatability=(0.1, -0.3),
        ),
        finder=ToyFinder(contrast),
        slice_engine=ToySlices(draws=draws),
        answer_engine=ToySlices(draws=False),
    )


SIZE = measure.size(np.ones((3, 3, 3), np.bool_), np.zeros((3, 3, 3), np.int16), (1.0, 1.0, 1.0))


@cache
def chest() -> Volume:
    return ct.scan(SCANNER, BALLS, vessels=0)


@cache
def outcome() -> Outcome:
    return reader().read_volume(chest())["lung-nodule"]


def scan_of(said: Outcome) -> Scan:
    assert said.scan is not None
    return said.scan


def nearest(scan: Scan, ball: ct.Ball) -> Nodule:
    return min(scan.nodules, key=lambda n: math.dist(n.centre_lps_mm, ball.lps_mm))


@pytest.mark.parametrize("ball", BALLS)
def test_a_nodule_is_found_at_its_place_and_measured(ball: ct.Ball) -> None:
    found = nearest(scan_of(outcome()), ball)
    assert found.present
    assert math.dist(found.centre_lps_mm, ball.lps_mm) < ball.diameter_mm / 4
    assert found.diameter_mm == pytest.approx(ball.diameter_mm, abs=1.2)
    assert found.size is not None
    assert found.size.diameter_mm == found.diameter_mm


@pytest.mark.parametrize("ball", BALLS)
def test_a_nodule_names_the_slices_that_show_it(ball: ct.Ball) -> None:
    found, volume = nearest(scan_of(outcome()), ball), chest()
    assert found.slices is not None
    first, largest, last = (float(volume.to_lps((k, 0, 0))[2]) for k in found.slices)
    assert first < last
    assert abs(largest - ball.lps_mm[2]) <= ball.diameter_mm / 2
    assert found.sop_instance_uids == tuple(volume.sop_instance_uids[k] for k in found.slices)


@pytest.mark.parametrize("ball", BALLS)
def test_a_nodules_mask_lies_on_it(ball: ct.Ball) -> None:
    found, volume = nearest(scan_of(outcome()), ball), chest()
    assert found.mask is not None
    voxels = np.argwhere(measure.decode(found.mask)) + found.mask.origin_zyx
    away = np.linalg.norm(volume.to_lps(voxels) - ball.lps_mm, axis=1)
    assert away.max() <= ball.diameter_mm / 2 + 2.5


def test_nodules_stand_most_probable_first_and_none_twice() -> None:
    nodules = scan_of(outcome()).nodules
    assert [n.index for n in nodules] == list(range(len(nodules)))
    assert all(a.probability >= b.probability for a, b in pairwise(nodules))
    places = [n.centre_lps_mm for n in nodules if n.present]
    assert all(math.dist(a, b) > 4 for k, a in enumerate(places) for b in places[k + 1 :])


def test_the_finding_is_the_likeliest_nodule() -> None:
    said = outcome()
    assert said.status is Status.READ
    assert said.findings[0].probability == scan_of(said).nodules[0].probability
    assert said.findings[0].present


def test_a_chest_in_which_nothing_is_marked_is_read_without_nodules() -> None:
    said = reader(contrast=0.0).read_volume(chest())["lung-nodule"]
    assert said.status is Status.READ
    assert not said.findings[0].present
    assert not scan_of(said).nodules


def test_a_nodule_below_the_least_size_is_listed_but_not_reported() -> None:
    found = nearest(scan_of(reader(least_mm=10.0).read_volume(chest())["lung-nodule"]), BALLS[1])
    assert found.probability > 0.5
    assert not found.present


@pytest.mark.parametrize("ball", BALLS)
def test_a_probable_nodule_without_an_outline_is_reported_at_its_place_without_a_size(ball: ct.Ball) -> None:
    said, volume = reader(draws=False).read_volume(chest())["lung-nodule"], chest()
    scan = scan_of(said)
    found = nearest(scan, ball)
    assert said.findings[0].present
    assert (found.present, found.size, found.management) == (True, None, ())
    assert found.place is not None
    assert found.place.side == ("R" if ball.lps_mm[0] < 0 else "L")
    assert found.slices is not None
    assert float(volume.to_lps((found.slices[1], 0, 0))[2]) == pytest.approx(ball.lps_mm[2], abs=4)
    assert not any(m.rule == "no-nodule" for m in scan.management)


@pytest.mark.parametrize("code", ["voxels-missing", "lung-base-cut-off", "right-lung-without-air"])
def test_a_scan_of_which_part_cannot_be_judged_is_not_one_without_nodules(code: str) -> None:
    partly = replace(chest(), limited=(Reason.of(code),))
    said = scan_of(reader(contrast=0.0).read_volume(partly)["lung-nodule"])
    assert [(m.category, m.rule) for m in said.management] == [("0", "incomplete")]
    whole = scan_of(reader(contrast=0.0).read_volume(chest())["lung-nodule"])
    assert [(m.category, m.rule) for m in whole.management] == [("1", "no-nodule")]


@pytest.mark.parametrize("years", [0, 6, 17])
def test_a_child_is_not_read(years: int) -> None:
    child = replace(chest(), series=replace(chest().series, age_years=years))
    with pytest.raises(UnsupportedInputError, match="no-adult"):
        reader().read_volume(child)


def test_malignancy_is_the_logistic_of_its_features() -> None:
    found = nearest(scan_of(outcome()), BALLS[0])
    assert found.malignancy_probability == pytest.approx(
        1 / (1 + math.exp(3.0 - math.log(found.diameter_mm))), abs=1e-5
    )


def test_the_same_scan_is_read_alike_twice() -> None:
    assert reader().read_volume(chest())["lung-nodule"] == outcome()


def test_a_mass_is_named_and_then_no_row_says_no_nodule_and_no_category_1_or_2_stands() -> None:
    mass = ct.scan(SCANNER, (ct.Ball(lps_mm=(-80.0, 10.0, 190.0), diameter_mm=60.0),), vessels=0)
    scan = reader(contrast=0.0).read_volume(mass)["lung-nodule"].scan
    assert scan is not None
    (place,) = scan.unjudged
    assert math.dist(place.centre_lps_mm, (-80.0, 10.0, 190.0)) < 15
    assert (place.place.side, mass.instance_numbers[place.slice]) == ("R", place.instance_number)
    assert scan.limited[0].code == "not-judged"
    assert {m.category for m in scan.management} == {"0"}
    assert not any(m.rule == "no-nodule" for m in scan.management)


def test_a_chest_without_one_names_nothing_and_may_be_category_1() -> None:
    empty = ct.scan(SCANNER, (), vessels=0)
    scan = reader(contrast=0.0).read_volume(empty)["lung-nodule"].scan
    assert scan is not None
    assert scan.unjudged == ()
    assert [m.rule for m in scan.management if m.category == "1"] == ["no-nodule"]
