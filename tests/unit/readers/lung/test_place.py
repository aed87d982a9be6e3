import numpy as np
import pytest

from aimis.domain.scan import Place
from aimis.imaging.volume import Volume
from aimis.readers.lung import lungs
from aimis.readers.lung.lungs import Lungs
from aimis.readers.lung.place import place
from tests.fakes import ct

SCANNER = ct.Scanner(shape=(100, 100, 114), spacing_mm=(3.0, 3.3, 3.3))


@pytest.fixture(scope="module")
def volume() -> Volume:
    return ct.scan(SCANNER, vessels=4)


@pytest.fixture(scope="module")
def found(volume: Volume) -> Lungs:
    return lungs.find_lungs(volume.hu, SCANNER.spacing_mm)


@pytest.mark.parametrize(("x", "side"), [(-78.0, "R"), (78.0, "L")])
@pytest.mark.parametrize(("z", "zone"), [(60.0, "lower"), (150.0, "middle"), (240.0, "upper")])
def test_side_and_third_are_told(volume: Volume, found: Lungs, x: float, z: float, side: str, zone: str) -> None:
    told = place(found, volume.to_indices((x, 20.0, z)))
    assert (told.side, told.zone, told.lobe) == (side, zone, None)


def test_a_nodule_whose_middle_is_in_the_wall_has_the_side_of_the_near_lung(volume: Volume, found: Lungs) -> None:
    told = place(found, volume.to_indices((-140.0, 0.0, 150.0)))
    assert (told.side, told.zone, told.pleura_mm) == ("R", "middle", 0.0)


def test_what_is_far_from_both_lungs_has_no_place(volume: Volume, found: Lungs) -> None:
    assert place(found, volume.to_indices((0.0, -118.0, 0.0))) == Place()


@pytest.mark.parametrize(("edge_y", "expected"), [(62.0, 20.0), (70.0, 12.0), (78.0, 4.0), (83.0, 0.0)])
def test_the_nearest_voxel_gives_the_distance_to_the_pleura(
    volume: Volume, found: Lungs, edge_y: float, expected: float
) -> None:
    voxels = volume.to_indices([(-78.0, y, 150.0) for y in np.linspace(edge_y - 12, edge_y, 9)])
    told = place(found, voxels)
    assert told.pleura_mm == pytest.approx(expected, abs=2.5)
