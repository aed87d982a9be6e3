"""Real chest CTs come in as volumes: every slice in its place, with the values that pydicom reads."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest

from aimis.imaging.volume import Volume
from aimis.ingest.examinations import Examinations, find_inputs
from aimis.ingest.volumes import VolumeItem

LUNG = Path(__file__).parents[3] / "shared" / "data" / "lung"
SLICES = {"COVID-CT-MD-normal001": 154, "CPTAC-LSCC_C3N-00247": 99, "LIDC-IDRI-0001": 133, "LIDC-IDRI-0003": 140}

pytestmark = [pytest.mark.real_data, pytest.mark.skipif(not LUNG.exists(), reason="needs ../shared/data")]


def volumes_in(folder: Path) -> list[VolumeItem]:
    found = list(find_inputs([str(folder)], examinations=Examinations.FOUND, volumes=True))
    volumes = [each for each in found if isinstance(each, VolumeItem)]
    assert len(volumes) == len(found)
    return volumes


def loaded(name: str) -> Volume:
    (item,) = volumes_in(LUNG / "scans" / name)
    return item.load()


def test_folder_of_scans_is_a_volume_each() -> None:
    assert [Path(item.path).name for item in volumes_in(LUNG / "scans")] == sorted(SLICES)


@pytest.mark.parametrize("name", SLICES)
def test_every_slice_lies_in_its_place_with_its_values(name: str) -> None:
    volume = loaded(name)
    assert len(volume.hu) == SLICES[name]
    assert volume.limited == ()
    by_uid = {uid: at for at, uid in enumerate(volume.sop_instance_uids)}
    for file in sorted((LUNG / "scans" / name).iterdir())[::20]:
        dataset = pydicom.dcmread(file)
        at = by_uid[dataset.SOPInstanceUID]
        assert volume.instance_numbers[at] == dataset.InstanceNumber
        np.testing.assert_allclose(volume.to_lps([at, 0, 0]), dataset.ImagePositionPatient, atol=0.01)
        values = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        np.testing.assert_array_equal(volume.hu[at], np.maximum(values, -1024))


@pytest.mark.parametrize("name", ["LIDC-IDRI-0001", "LIDC-IDRI-0003"])
def test_labelled_nodules_are_dense_where_their_labels_say(name: str) -> None:
    volume = loaded(name)
    with (LUNG / "nodules" / "nodules.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["seriesuid"] == volume.series.series_instance_uid]
    assert len(rows) == {"LIDC-IDRI-0001": 1, "LIDC-IDRI-0003": 3}[name]
    for row in rows:
        z, y, x = np.rint(volume.to_indices([float(row[f"coord{axis}"]) for axis in "XYZ"])).astype(int)
        assert np.median(volume.hu[z, y - 1 : y + 2, x - 1 : x + 2]) > -100


def test_scan_with_files_of_another_is_read_as_two(tmp_path: Path) -> None:
    for name in ("LIDC-IDRI-0001", "LIDC-IDRI-0003"):
        for file in (LUNG / "scans" / name).iterdir():
            shutil.copy(file, tmp_path / f"{name}-{file.name}")
    assert sorted(len(item.load().hu) for item in volumes_in(tmp_path)) == [133, 140]
