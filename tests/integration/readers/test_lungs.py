import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.imaging.volume import Volume
from aimis.readers.lung import lungs
from aimis.readers.lung.lungs import LEFT, RIGHT, Lungs
from tests.fakes import ct

pytestmark = pytest.mark.integration

SCANNER = ct.Scanner(shape=(100, 112, 128), spacing_mm=(3.0, 2.9, 2.9))
ELLIPSOID_ML = 4 / 3 * math.pi * 56 * 82 * 130 / 1000
INNER, AT_WALL, AT_DIAPHRAGM = (-75.0, 10.0, 180.0), (-125.0, 0.0, 150.0), (80.0, 20.0, 30.0)
NODULES = (
    ct.Ball(lps_mm=INNER, diameter_mm=12),
    ct.Ball(lps_mm=AT_WALL, diameter_mm=18),
    ct.Ball(lps_mm=AT_DIAPHRAGM, diameter_mm=14),
)


@pytest.fixture(scope="module")
def volume() -> Volume:
    return ct.scan(SCANNER, NODULES)


@pytest.fixture(scope="module")
def found(volume: Volume) -> Lungs:
    return _find(volume.hu)


def _find(hu: npt.NDArray[np.int16]) -> Lungs:
    return lungs.find_lungs(hu, SCANNER.spacing_mm)


def _at(volume: Volume, found: Lungs, x: float, y: float, z: float) -> int:
    return int(found.at(volume.to_indices((x, y, z))))


def test_both_lungs_are_found_with_their_volumes(found: Lungs) -> None:
    right, left = found.volumes_ml
    assert right == pytest.approx(ELLIPSOID_ML, rel=0.04)
    assert 0.8 * ELLIPSOID_ML < left < 0.96 * ELLIPSOID_ML  # the heart lies partly in the left one


def test_sides_are_the_patients(volume: Volume, found: Lungs) -> None:
    assert _at(volume, found, -78, 0, 150) == RIGHT
    assert _at(volume, found, 78, 0, 200) == LEFT


@pytest.mark.parametrize("place", [INNER, AT_WALL, AT_DIAPHRAGM])
def test_nodules_belong_to_the_lung_even_at_its_wall(
    volume: Volume, found: Lungs, place: tuple[float, float, float]
) -> None:
    assert volume.hu[tuple(np.rint(volume.to_indices(place)).astype(int))] > -50
    assert _at(volume, found, *place) > 0


def test_windpipe_heart_spine_table_and_room_belong_to_no_lung(volume: Volume, found: Lungs) -> None:
    outside = [(0, 5, 250), (30, -35, 90), (0, 80, 150), (0, 134, 150), (0, -140, 150)]
    assert [_at(volume, found, *place) for place in outside] == [0] * 5
    assert found.air[tuple(np.rint(found.blocks(volume.to_indices((0, 5, 250)))).astype(int))]


def test_a_lung_full_of_fluid_leaves_the_other_alone(volume: Volume, found: Lungs) -> None:
    hu = volume.hu.copy()
    half = hu[:, :, 64:]
    half[half < -400] = 15
    right, left = _find(hu).volumes_ml
    assert left == 0
    assert right == pytest.approx(found.volumes_ml[0], rel=0.02)


def test_fluid_at_the_back_leaves_the_air_before_it(volume: Volume, found: Lungs) -> None:
    hu = volume.hu.copy()
    back = hu[:, 60:90, 64:]
    back[back < -400] = 15
    left = _find(hu).volumes_ml[1]
    assert 0.3 * found.volumes_ml[1] < left < 0.8 * found.volumes_ml[1]


def test_lungs_that_touch_are_parted(volume: Volume) -> None:
    hu = volume.hu.copy()
    hu[60:75, 30:40, 45:83] = -830
    hu[60:75, 30:40, 63:65] = -600  # two layers of pleura
    right, left = _find(hu).volumes_ml
    assert right == pytest.approx(ELLIPSOID_ML, rel=0.08)
    assert left > 0.8 * ELLIPSOID_ML


def test_a_field_that_cuts_the_body_still_shows_its_part_of_the_lungs(volume: Volume, found: Lungs) -> None:
    cut = slice(28, 100)
    part = lungs.find_lungs(np.ascontiguousarray(volume.hu[:, :, cut]), SCANNER.spacing_mm)
    both = (found.labels[:, :, cut] > 0) & (part.labels > 0)
    assert both.sum() > 0.97 * (found.labels[:, :, cut] > 0).sum()
    assert (part.labels > 0).sum() < 1.05 * both.sum()


def test_gas_in_the_belly_is_no_lung(volume: Volume) -> None:
    hu = volume.hu.copy()
    z, y, x = np.ogrid[:100, :112, :128]
    hu[(((z - 4) * 3.0) ** 2 + ((y - 55) * 2.9) ** 2 + ((x - 64) * 2.9) ** 2) < 30**2] = -990
    found = _find(hu)
    assert int(found.at((4, 55, 64))) == 0


def test_a_lung_as_thin_as_gas_is_still_a_lung(volume: Volume, found: Lungs) -> None:
    hu = volume.hu.copy()
    hu[:, :, :64][found.labels[:, :, :64] == RIGHT] -= 130
    assert _find(hu).volumes_ml == pytest.approx(found.volumes_ml, rel=0.03)


@pytest.mark.parametrize("hu", [-1000, 0, 3000])
def test_nothing_is_found_in_air_water_or_metal(hu: int) -> None:
    found = lungs.find_lungs(np.full((50, 64, 64), hu, np.int16), (3.0, 3.0, 3.0))
    assert not any(found.volumes_ml)
    assert found.box is None


def test_thin_slices_give_the_same_lungs(found: Lungs, volume: Volume) -> None:
    thin = lungs.find_lungs(np.repeat(volume.hu, 3, axis=0), (1.0, *SCANNER.spacing_mm[1:]))
    assert thin.volumes_ml == pytest.approx(found.volumes_ml, rel=0.02)
    assert thin.spacing_mm[0] == pytest.approx(2.0)


def test_the_box_holds_both_lungs(found: Lungs) -> None:
    assert found.box is not None
    inside = np.zeros(SCANNER.shape, bool)
    inside[found.box] = True
    assert inside[found.labels > 0].all()
    assert inside.mean() < 0.5


def test_distance_to_the_edge_is_that_of_the_ellipsoid(volume: Volume, found: Lungs) -> None:
    places = volume.to_indices([(-78, 0, 150), (-78, 72, 150), (-78, 87, 150), (0, 134, 150)])
    middle, near, beyond, table = found.to_edge_mm(places)
    assert middle == 20
    assert near == pytest.approx(10, abs=2)
    assert beyond == pytest.approx(-5, abs=2)
    assert table == -20


def test_the_end_of_the_scan_is_no_edge(volume: Volume) -> None:
    cut = lungs.find_lungs(volume.hu[30:], SCANNER.spacing_mm)
    assert cut.to_edge_mm([(0, 55, 37)])[0] == pytest.approx(20)


@given(st.tuples(*(st.floats(-50, 500) for _ in range(3))))
def test_blocks_and_voxels_are_inverse(found: Lungs, place: tuple[float, float, float]) -> None:
    assert found.voxels(found.blocks(place)) == pytest.approx(np.array(place), abs=1e-6)
    if min(place) < -2 or max(place) > 200:
        assert found.at(place) == 0
