"""A NIfTI file is the volume that its header says, whichever way its axes run."""

from __future__ import annotations

import gzip
from functools import cache
from itertools import permutations, product
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain.errors import BrokenInputError, CaseError, UnsupportedInputError
from aimis.domain.reading import Reason
from aimis.imaging import nifti
from aimis.imaging.volume import Volume
from tests.fakes import ct


@cache
def small() -> Volume:
    return ct.scan(ct.Scanner(shape=(42, 24, 26), spacing_mm=(3.0, 9.5, 9.9), first_mm=80.0), vessels=0)


def content_of(image: Any) -> bytes:
    return bytes(image.to_bytes())


@cache
def plain() -> bytes:
    return content_of(ct.nifti_of(small()))


def assert_same(read: Volume, *, off_hu: float = 0) -> None:
    assert read.hu.shape == small().hu.shape
    assert np.abs(read.hu.astype(int) - small().hu).max() <= off_hu
    np.testing.assert_allclose(read.origin_lps_mm, small().origin_lps_mm, atol=1e-3)
    np.testing.assert_allclose(read.spacing_mm, small().spacing_mm, atol=1e-5)
    np.testing.assert_allclose(read.directions, small().directions, atol=1e-6)


@pytest.mark.parametrize("zipped", [False, True], ids=["nii", "nii.gz"])
def test_volume_is_what_was_written(zipped: bool) -> None:
    volume = nifti.load_nifti(gzip.compress(plain(), 1) if zipped else plain())
    assert_same(volume)
    assert volume.limited == ()
    assert (volume.series.date, volume.patient_id, volume.instance_numbers) == (None, None, ())


@pytest.mark.parametrize(("order", "signs"), list(product(permutations(range(3)), product((1, -1), repeat=3)))[::5])
def test_axes_may_be_stored_in_any_order_and_direction(order: tuple[int, ...], signs: tuple[int, ...]) -> None:
    image: Any = ct.nifti_of(small())
    turn = np.array([[axis, sign] for axis, sign in zip(order, signs, strict=True)])
    assert_same(nifti.load_nifti(content_of(image.as_reoriented(turn))))


@pytest.mark.parametrize(
    ("dtype", "slope", "inter", "off"),
    [(np.uint16, 1.0, -1024.0, 0), (np.float32, 1.0, 0.0, 0), (np.float64, 1.0, 0.0, 0), (np.int16, 0.5, 10.0, 1)],
)
def test_values_are_scaled_to_hounsfield_units(dtype: type, slope: float, inter: float, off: int) -> None:
    assert_same(nifti.load_nifti(content_of(ct.nifti_of(small(), dtype, slope=slope, inter=inter))), off_hu=off)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_finite_numbers_are_air_and_limit_the_reading(value: float) -> None:
    image: Any = ct.nifti_of(small(), np.float32)
    image.dataobj[:3] = value
    volume = nifti.load_nifti(content_of(image))
    assert (volume.hu[:, :, :3] == -1024).all()
    assert volume.limited == (Reason.of("voxels-missing", percent=12),)


@pytest.mark.parametrize(("unit", "factor"), [("meter", 0.001), ("micron", 1000.0)])
def test_units_are_those_of_the_header(unit: str, factor: float) -> None:
    image: Any = ct.nifti_of(small())
    affine = image.affine.copy()
    affine[:3] *= factor
    image.set_sform(affine, 1)
    image.header.set_xyzt_units(unit)
    assert_same(nifti.load_nifti(content_of(image)))


def test_second_version_of_the_format_is_read() -> None:
    image: Any = ct.nifti_of(small())
    second: Any = nibabel.Nifti2Image
    assert_same(nifti.load_nifti(content_of(second(image.dataobj, image.affine, dtype=np.int16))))


def test_file_that_does_not_say_how_it_lies_is_read_with_that_limit() -> None:
    image: Any = ct.nifti_of(small())
    image.set_sform(None, 0)
    image.set_qform(None, 0)
    volume = nifti.load_nifti(content_of(image))
    assert [reason.code for reason in volume.limited] == ["orientation-unknown"]


def test_fourth_dimension_is_refused_unless_it_is_one() -> None:
    image: Any = ct.nifti_of(small())
    make: Any = nibabel.Nifti1Image
    stacked = np.asarray(image.dataobj)[..., None]
    assert_same(nifti.load_nifti(content_of(make(stacked, image.affine))))
    with pytest.raises(UnsupportedInputError, match=r"no-volume.*4"):
        nifti.load_nifti(content_of(make(np.concatenate([stacked] * 2, axis=3), image.affine)))


def test_oblique_and_thick_volumes_are_refused() -> None:
    image: Any = ct.nifti_of(small())
    affine = image.affine.copy()
    affine[:3, 1] = [0, 7, 7]
    image.set_sform(affine, 1)
    with pytest.raises(UnsupportedInputError, match="not-axial"):
        nifti.load_nifti(content_of(image))
    thick: Any = ct.nifti_of(ct.part(small(), slice(0, 42, 2)))
    with pytest.raises(UnsupportedInputError, match="too-thick-slices"):
        nifti.load_nifti(content_of(thick))


def test_values_without_air_are_refused() -> None:
    image: Any = ct.nifti_of(small(), np.uint16, inter=-1024.0)
    image.header.set_slope_inter(1, 0)
    with pytest.raises(UnsupportedInputError, match="hounsfield-implausible"):
        nifti.load_nifti(content_of(image))


@given(st.integers(0, 352 + 2000))
def test_cut_off_file_is_said_to_be_one(length: int) -> None:
    with pytest.raises(BrokenInputError, match=r"truncated|broken-picture"):
        nifti.load_nifti(plain()[:length])


@given(at=st.integers(0, 351), value=st.integers(0, 255))
def test_any_header_is_read_or_refused(at: int, value: int) -> None:
    content = bytearray(plain())
    content[at] = value
    try:
        volume = nifti.load_nifti(bytes(content))
    except CaseError:
        return
    assert volume.hu.size == small().hu.size
