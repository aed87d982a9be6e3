"""A CT series lies where orientation and position alone say; slices that are missing or uneven are said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from aimis.domain.errors import NotAssessableError, UnsupportedInputError
from tests.fakes import ct
from tests.fakes.ct_series import SLICES, assert_same, codes, files, read, small, written

pytestmark = pytest.mark.integration


@settings(max_examples=2, suppress_health_check=[HealthCheck.too_slow])
@given(order=st.permutations(range(SLICES)))
def test_file_order_and_instance_numbers_do_not_matter(order: list[int]) -> None:
    assert_same(read([files()[at] for at in order]), small())


def test_slices_numbered_from_the_head_come_from_the_feet() -> None:
    volume = read(list(ct.dicom_files(small(), ct.Writing(order=range(SLICES)[::-1]))))
    assert_same(volume, small())
    assert volume.instance_numbers == tuple(range(SLICES, 0, -1))


def test_prone_patient_lies_in_the_volume_like_any_other() -> None:
    assert_same(read(list(ct.dicom_files(small(), ct.Writing(turned=True)))), small())


def test_slice_location_is_not_asked() -> None:
    def lie(dataset: Dataset, at: int) -> None:
        dataset.SliceLocation = str(at % 7)

    assert_same(read(written(lie)), small())


def test_transposed_slices_are_turned_back() -> None:
    def transpose(dataset: Dataset, _at: int) -> None:
        pixels = np.frombuffer(dataset.PixelData, "<u2").reshape(dataset.Rows, dataset.Columns).T
        dataset.PixelData = pixels.tobytes()
        dataset.Rows, dataset.Columns = pixels.shape
        dataset.PixelSpacing = [*dataset.PixelSpacing][::-1]
        axes = [*dataset.ImageOrientationPatient]
        dataset.ImageOrientationPatient = [*axes[3:], *axes[:3]]

    assert_same(read(written(transpose)), small())


def test_tilted_gantry_is_undone_where_the_slices_lie() -> None:
    ball = ct.Ball(lps_mm=(-80.0, 30.0, 150.0), diameter_mm=30.0, hu=300.0)
    scanner = ct.Scanner(shape=(60, 100, 96), spacing_mm=(3.0, 3.5, 3.6), first_mm=70.0, tilt_degrees=15.0)
    volume = read(list(ct.dicom_files(ct.scan(scanner, [ball], vessels=0, noise_hu=2))))
    assert codes(volume) == ["gantry-tilt"]
    assert volume.limited[0].values == (("degrees", "15"),)
    np.testing.assert_allclose(volume.directions @ volume.directions.T, np.eye(3), atol=1e-6)
    inside = np.argwhere((volume.hu > 150) & (np.indices(volume.hu.shape)[2] < volume.hu.shape[2] * 0.4))
    np.testing.assert_allclose(volume.to_lps(inside).mean(axis=0), ball.lps_mm, atol=1.5)


@pytest.mark.parametrize(
    ("axes", "named"),
    [
        ([0, 1, 0, 0, 0, -1], "sagittal"),
        ([1, 0, 0, 0, 0, -1], "coronal"),
        ([1, 0, 0, 0, 0.7071068, -0.7071068], "oblique"),
    ],
)
def test_slices_that_are_not_axial_are_refused(axes: list[float], named: str) -> None:
    def lay(dataset: Dataset, _at: int) -> None:
        dataset.ImageOrientationPatient = axes

    with pytest.raises(UnsupportedInputError, match=f"not-axial.*{named}|{named}"):
        read(written(lay))


@pytest.mark.parametrize("at", [[20], [0], [7, 30]])
def test_missing_slice_is_filled_in_and_said(at: list[int]) -> None:
    volume = read([content for index, content in enumerate(files()) if index not in at])
    inside = [index for index in at if index]
    assert codes(volume) == ["slices-missing-few"] * bool(inside)
    assert len(volume.hu) == SLICES - (len(at) - len(inside))
    for index in inside:
        between = (small().hu[index - 1].astype(float) + small().hu[index + 1]) / 2
        assert np.abs(volume.hu[index - (SLICES - len(volume.hu))] - between).max() <= 1
    if inside:
        assert_same(
            replace(volume, hu=np.delete(volume.hu, inside, 0)), replace(small(), hu=np.delete(small().hu, inside, 0))
        )


def test_wide_gap_is_not_judged() -> None:
    with pytest.raises(NotAssessableError, match="slices-missing"):
        read([*files()[:18], *files()[23:]])


def test_copies_of_a_slice_are_left_out_and_said() -> None:
    volume = read([*files(), files()[3], files()[4]])
    assert_same(volume, small())
    assert codes(volume) == ["slices-doubled"]


def test_two_acquisitions_in_one_series_are_told_apart() -> None:
    def number(which: int, shift: int) -> Callable[[Dataset, int], None]:
        def change(dataset: Dataset, at: int) -> None:
            dataset.AcquisitionNumber = which
            dataset.SOPInstanceUID = f"1.2.3.{which}.{at}"
            dataset.RescaleIntercept = str(-1024 + shift)

        return change

    volume = read([*written(number(1, 0)), *written(number(2, 20))])
    assert_same(volume, small())
    assert (volume.series.choice, volume.series.others) == ("first-of-alike", (("Thorax 1.0 (46)", "alike"),))


def test_uneven_slices_are_resampled_to_their_usual_distance() -> None:
    fine = replace(small(), hu=np.repeat(small().hu, 3, axis=0)[:130], spacing_mm=(1.0, 8.0, 8.5))
    kept = [*range(0, 60, 2), *range(60, 105, 3), *range(105, 130, 2)]
    volume = read([content for at, content in enumerate(ct.dicom_files(fine)) if at in kept])
    assert volume.spacing_mm[0] == pytest.approx(2.0)
    assert codes(volume) == ["slices-uneven"]
    expected = fine.hu[::2][: len(volume.hu)].astype(int)
    assert np.median(np.abs(volume.hu - expected)) == 0
    np.testing.assert_allclose(volume.origin_lps_mm, fine.origin_lps_mm, atol=1e-3)


def test_rounded_positions_are_even() -> None:
    def rounded(dataset: Dataset, _at: int) -> None:
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y, f"{z * 1.0001:.1f}"]

    assert codes(read(written(rounded))) == []
