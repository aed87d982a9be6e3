"""Of CT series only what is within the intended use and the memory is read, and which one of several is said."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from aimis.domain.errors import UnsupportedInputError
from aimis.ingest.examinations import Examinations, find_inputs
from aimis.ingest.volumes import VolumeItem
from tests.fakes import ct
from tests.fakes.ct_series import SMALL, assert_same, changed, codes, files, read, small, written

pytestmark = pytest.mark.integration


def test_twenty_slices_are_too_few() -> None:
    with pytest.raises(UnsupportedInputError, match=r"too-few-slices.*'slices': 20"):
        read(files()[:20])


def test_many_slices_over_few_centimetres_are_too_few() -> None:
    thin = replace(small(), spacing_mm=(0.5, *SMALL.spacing_mm[1:]))
    with pytest.raises(UnsupportedInputError, match="too-few-slices"):
        read(list(ct.dicom_files(thin)))


@pytest.mark.parametrize(
    ("millimetres", "status"), [(3.0, "read"), (4.0, "thick-slices"), (5.0, "thick-slices"), (6.0, "refused")]
)
def test_thick_slices_limit_and_thicker_ones_are_refused(millimetres: float, status: str) -> None:
    def thicken(dataset: Dataset, _at: int) -> None:
        dataset.SliceThickness = f"{millimetres:g}"

    contents = written(thicken)
    if status == "refused":
        with pytest.raises(UnsupportedInputError, match="too-thick-slices"):
            read(contents)
    else:
        assert codes(read(contents)) == [status] * (status != "read")


@pytest.mark.parametrize(
    ("hu", "code"),
    [(-1000, "no-body"), (3071, "mostly-metal"), (20, "hounsfield-implausible")],
    ids=["air", "metal", "water"],
)
def test_uniform_scan_is_no_body(hu: int, code: str) -> None:
    noise = np.random.default_rng(1).integers(-20, 20, small().hu.shape)
    with pytest.raises(UnsupportedInputError, match=code):
        read(list(ct.dicom_files(replace(small(), hu=np.clip(hu + noise, -1024, 3071).astype(np.int16)))))


@pytest.mark.parametrize("off", [1024, 400, -400, -1024])
def test_wrong_rescale_intercept_is_refused(off: int) -> None:
    def shift(dataset: Dataset, _at: int) -> None:
        dataset.RescaleIntercept = str(-1024 + off)

    with pytest.raises(UnsupportedInputError, match=r"hounsfield-implausible|no-body"):
        read(written(shift))


@pytest.mark.parametrize("modality", ["MR", "PT", "NM", "SR"])
def test_other_modalities_are_refused_by_name(modality: str) -> None:
    def other(dataset: Dataset, _at: int) -> None:
        dataset.Modality = modality

    with pytest.raises(UnsupportedInputError, match=f"not-a-ct.*{modality}"):
        read(written(other))


@pytest.mark.parametrize(
    ("image_type", "code"),
    [(["ORIGINAL", "PRIMARY", "LOCALIZER"], "localiser"), (["DERIVED", "SECONDARY", "AXIAL", "MIP"], "no-slices")],
)
def test_localiser_and_projection_alone_are_refused(image_type: list[str], code: str) -> None:
    def call(dataset: Dataset, _at: int) -> None:
        dataset.ImageType = image_type

    with pytest.raises(UnsupportedInputError, match=code):
        read(written(call))


def test_series_of_two_thousand_slices_is_read_in_part_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimis.imaging.ct_stack.MOST_VOXELS", 60 * 40 * 44)
    long = replace(small(), hu=np.repeat(small().hu, 4, axis=0)[:160], spacing_mm=(0.8, 8.0, 8.5))
    volume = read(list(ct.dicom_files(long)))
    assert codes(volume) == ["slices-passed-over"]
    np.testing.assert_array_equal(volume.hu, long.hu[::3])
    assert volume.spacing_mm[0] == pytest.approx(2.4)


def test_series_too_long_to_be_thinned_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimis.imaging.ct_stack.MOST_VOXELS", 20 * 40 * 44)
    with pytest.raises(UnsupportedInputError, match=r"too-many-slices.*46"):
        read(files())


def test_series_mixed_in_one_folder_are_told_apart_and_the_choice_is_said() -> None:
    def lie_elsewhere(dataset: Dataset, at: int) -> None:
        dataset.SliceThickness, dataset.SOPInstanceUID = "5", f"1.2.9.{at}"

    thick = list(ct.dicom_files(small(), ct.Writing(series_uid="1.2.9", description="Thick", change=lie_elsewhere)))
    volume = read([content for pair in zip(thick, files(), strict=True) for content in pair])
    assert_same(volume, small())
    assert volume.series.choice == "thinner-slices"
    assert volume.series.others == (("Thick (46)", "thicker-slices"),)


def test_slice_of_another_size_is_left_out_and_its_gap_said() -> None:
    def halve(dataset: Dataset) -> None:
        dataset.Rows //= 2
        dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2]

    volume = read(changed(20, halve))
    assert codes(volume) == ["slices-missing-few"]
    assert volume.series.others == (("Thorax 1.0 (1)", "too-few-slices"),)


def test_zip_of_a_series_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "scan.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(files()):
            archive.writestr(f"series/{number}", content)
    (item,) = find_inputs([str(tmp_path / "scan.zip")], examinations=Examinations.NONE, volumes=True)
    assert isinstance(item, VolumeItem)
    assert item.path == f"{tmp_path}/scan.zip/series"
    assert_same(item.load(), small())
