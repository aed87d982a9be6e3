"""Lungs of real chest CTs: found, whole or not, and laid over themselves after another breath, never over another's."""

from __future__ import annotations

import csv
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from aimis.domain.errors import UnsupportedInputError
from aimis.imaging.volume import Volume
from aimis.ingest.examinations import Examinations, find_inputs
from aimis.ingest.volumes import VolumeItem
from aimis.readers.lung import lungs, registration, scope
from aimis.readers.lung.lungs import Lungs
from aimis.readers.lung.place import place

LUNG = Path(__file__).parents[3] / "shared" / "data" / "lung"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.slow,
    pytest.mark.skipif(not LUNG.exists(), reason="needs ../shared/data"),
]
VOLUMES_ML = {
    "COVID-CT-MD-normal001": (1885, 1635),
    "CPTAC-LSCC_C3N-00247": (2700, 1945),
    "LIDC-IDRI-0001": (2010, 1805),
    "LIDC-IDRI-0003": (2855, 3145),
}
"""Right and left, of masks that were looked at slice by slice."""
SPACING = (2.5, 1.4, 1.4)


@cache
def _volume(name: str) -> Volume:
    (item,) = find_inputs([str(LUNG / "scans" / name)], examinations=Examinations.FOUND, volumes=True)
    assert isinstance(item, VolumeItem)
    return item.load()


@cache
def _lungs(name: str) -> Lungs:
    volume = _volume(name)
    return lungs.find_lungs(volume.hu, volume.spacing_mm)


@pytest.mark.parametrize("name", VOLUMES_ML)
def test_whole_lungs_are_found_and_nothing_limits(name: str) -> None:
    found = _lungs(name)
    assert found.volumes_ml == pytest.approx(VOLUMES_ML[name], rel=0.03)
    assert 5 < found.air.sum() * np.prod(found.spacing_mm) / 1000 < 60
    assert scope.check(found) == ()


@pytest.mark.parametrize("name", VOLUMES_ML)
def test_a_part_of_the_chest_is_limited_and_a_smaller_one_refused(name: str) -> None:
    volume = _volume(name)
    slices = np.flatnonzero((_lungs(name).labels > 0).any(axis=(1, 2))) * _lungs(name).step_zyx[0]
    low, height = int(slices[0]), int(slices[-1] - slices[0])
    apex_off = lungs.find_lungs(volume.hu[: low + height * 3 // 4], volume.spacing_mm)
    assert "lung-apex-cut-off" in [reason.code for reason in scope.check(apex_off)]
    abdomen = lungs.find_lungs(volume.hu[: low + height // 3], volume.spacing_mm)
    with pytest.raises(UnsupportedInputError, match=r"lungs-not-covered|no-lungs"):
        scope.check(abdomen)


def test_labelled_nodules_lie_in_their_lungs() -> None:
    sides = []
    with (LUNG / "nodules" / "nodules.csv").open() as stream:
        for row in csv.DictReader(stream):
            if row["patient_id"] in VOLUMES_ML:
                centre = [float(row[f"coord{axis}"]) for axis in "XYZ"]
                found = _lungs(row["patient_id"])
                told = place(found, _volume(row["patient_id"]).to_indices(centre))
                assert told.side == ("R" if centre[0] < 0 else "L")
                sides.append(int(found.at(_volume(row["patient_id"]).to_indices(centre))))
    assert sorted(sides) == [1, 2, 2, 2]


@pytest.mark.parametrize("name", VOLUMES_ML)
def test_a_place_is_found_again_after_another_breath(name: str) -> None:
    new = _volume(name)
    old = lungs.find_lungs(_breathed_out(new), SPACING)
    alignment = registration.align(_lungs(name), old)
    assert alignment.similarity > 0.9
    blocks = np.argwhere(old.labels > 0)
    there = old.voxels(blocks[np.random.default_rng(0).choice(len(blocks), 30)])
    here = _before(there * SPACING, len(new.hu) * new.spacing_mm[0]) / new.spacing_mm
    inside = _lungs(name).at(here) > 0
    away = [
        float(np.linalg.norm((alignment.to_old(a) - b) * SPACING))
        for a, b in zip(here[inside], there[inside], strict=True)
    ]
    assert np.quantile(away, 0.9) < 2.5


def test_two_patients_lungs_are_not_taken_for_each_other() -> None:
    names = list(VOLUMES_ML)
    for a, b in pairwise(names):
        assert not registration.align(_lungs(a), _lungs(b)).credible


def _before(old_mm: npt.NDArray[np.float64], height_mm: float) -> npt.NDArray[np.float64]:
    """Where a place of the old scan lies in the new one: moved, turned by 4 degrees, the base 12 mm lower."""
    angle = np.deg2rad(4)
    z, y, x = np.moveaxis(old_mm - (-10, 8, 6), -1, 0)
    y, x = np.cos(angle) * y - np.sin(angle) * x, np.sin(angle) * y + np.cos(angle) * x
    z = z + 12 * np.clip(1 - z / height_mm, 0, 1) ** 2 * (1 + 0.3 * np.sin(y / 40))
    return np.stack([z, y, x], axis=-1)


def _breathed_out(new: Volume) -> npt.NDArray[np.int16]:
    """The scan as an earlier one might have been, in other voxels."""
    extent = np.array(new.hu.shape) * new.spacing_mm
    shape = (extent / SPACING).astype(int)
    planes = []
    for z in range(shape[0]):
        grid = np.stack(np.meshgrid([z], np.arange(shape[1]), np.arange(shape[2]), indexing="ij"), axis=-1)[0]
        at = np.moveaxis(_before(grid * SPACING, extent[0]) / new.spacing_mm, -1, 0)
        planes.append(ndimage.map_coordinates(new.hu, at, order=1, cval=-1000))
    return np.asarray(planes, dtype=np.int16)
