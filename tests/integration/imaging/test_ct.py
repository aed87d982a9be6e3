"""A CT series is the volume that its headers say, or is refused with the reason; never a silent half of one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import gdcm
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from aimis.domain.errors import BrokenInputError, CaseError, NotAssessableError, UnsupportedInputError
from aimis.imaging.limits import DEFAULT_LIMITS
from aimis.imaging.volume import Volume
from aimis.ingest.examinations import Examinations, find_inputs
from aimis.ingest.item import Item
from aimis.ingest.volumes import VolumeItem, Volumes
from tests.fakes import ct
from tests.fakes.dicoms import file_of

pytestmark = pytest.mark.integration
SMALL = ct.Scanner(shape=(46, 40, 44), spacing_mm=(3.0, 8.0, 8.5), first_mm=80.0)
SLICES = SMALL.shape[0]


@cache
def small() -> Volume:
    return ct.scan(SMALL, vessels=2)


@cache
def files() -> tuple[bytes, ...]:
    return tuple(ct.dicom_files(small()))


@cache
def encoded(syntax: uid.UID) -> tuple[bytes, ...]:
    return tuple(ct.dicom_files(small(), ct.Writing(transfer_syntax=syntax)))


def item_of(number: int, content: bytes) -> Item:
    return Item(path=f"scan/{number:04}.dcm", load=lambda: content, beginning=lambda size: content[:size])


def read(contents: Sequence[bytes]) -> Volume:
    volumes = Volumes(limits=DEFAULT_LIMITS)
    for number, content in enumerate(contents):
        assert volumes.take(item_of(number, content)) == ()
    (item,) = volumes.items()
    assert item.path == "scan"
    return item.load()


def written(change: Callable[[Dataset, int], None], volume: Volume | None = None) -> list[bytes]:
    return list(ct.dicom_files(volume or small(), ct.Writing(change=change)))


def changed(at: int, change: Callable[[Dataset], None], contents: Sequence[bytes] | None = None) -> list[bytes]:
    """The files with one slice changed."""
    found = list(contents or files())
    dataset = dcmread(io.BytesIO(found[at]))
    change(dataset)
    found[at] = file_of(dataset)
    return found


def codes(volume: Volume) -> list[str]:
    return [reason.code for reason in volume.limited]


def assert_same(read_back: Volume, original: Volume, *, off_hu: int = 0) -> None:
    assert read_back.hu.shape == original.hu.shape
    assert np.abs(read_back.hu.astype(int) - original.hu).max() <= off_hu
    np.testing.assert_allclose(read_back.origin_lps_mm, original.origin_lps_mm, atol=1e-3)
    np.testing.assert_allclose(read_back.spacing_mm, original.spacing_mm, atol=1e-4)
    np.testing.assert_allclose(read_back.directions, original.directions, atol=1e-6)


# Geometry: from orientation and position alone.


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


# Values: each slice's own rescale, padding and form.


def test_each_slice_has_its_own_rescale() -> None:
    def scale(dataset: Dataset, at: int) -> None:
        stored = np.frombuffer(dataset.PixelData, "<u2").astype(int) - 1024
        dataset.RescaleSlope, dataset.RescaleIntercept = str(1 + at % 3), str(-1000 - at)
        dataset.PixelData = np.rint((stored + 1000 + at) / (1 + at % 3)).clip(0).astype("<u2").tobytes()

    volume = read(written(scale))
    assert np.abs(volume.hu - np.maximum(small().hu, -1000 - np.arange(SLICES)[:, None, None])).max() <= 2


def test_signed_values_below_air_are_air() -> None:
    def pad(dataset: Dataset, _at: int) -> None:
        stored = np.frombuffer(dataset.PixelData, "<i2").copy()
        stored[:80] = -32768
        stored[80:90] = -2000
        dataset.PixelData = stored.tobytes()

    volume = read(list(ct.dicom_files(small(), ct.Writing(signed=True, intercept=0.0, change=pad))))
    expected = small().hu.copy()
    expected.reshape(SLICES, -1)[:, :90] = -1024
    np.testing.assert_array_equal(volume.hu, expected)


def test_padding_value_is_air_wherever_it_stands() -> None:
    def pad(dataset: Dataset, _at: int) -> None:
        stored = np.frombuffer(dataset.PixelData, "<u2").copy()
        stored[:80] = 4000
        dataset.PixelData = stored.tobytes()
        dataset.PixelPaddingValue = 4000

    volume = read(written(pad))
    assert (volume.hu.reshape(SLICES, -1)[:, :80] == -1024).all()


def test_bits_that_are_not_stored_are_dropped() -> None:
    def litter(dataset: Dataset, _at: int) -> None:
        stored = np.frombuffer(dataset.PixelData, "<u2") | 0xA000
        dataset.PixelData = stored.astype("<u2").tobytes()

    assert_same(read(written(litter)), small())


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
        uid.RLELossless,
        uid.JPEGLSLossless,
        uid.JPEG2000Lossless,
    ],
    ids=lambda syntax: syntax.name,
)
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
def test_transfer_syntax_makes_no_difference(syntax: uid.UID, signed: bool) -> None:
    how = ct.Writing(transfer_syntax=syntax, signed=signed, intercept=0.0 if signed else -1024.0)
    assert_same(read(list(ct.dicom_files(small(), how))), small())


def as_lossless_jpeg(content: bytes, folder: Path) -> bytes:
    """The file as GDCM encodes it: pydicom does not."""
    plain, coded = folder / "plain.dcm", folder / "coded.dcm"
    plain.write_bytes(content)
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(plain))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(coded))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return coded.read_bytes()


def test_series_of_lossless_jpeg_is_read_and_a_damaged_slice_said(tmp_path: Path) -> None:
    contents = [as_lossless_jpeg(content, tmp_path) for content in files()]
    assert_same(read(contents), small())
    at = contents[5].rindex(b"\xff\xda") + 200
    contents[5] = contents[5][:at] + b"\xff\xd9" + bytes(398) + contents[5][at + 400 :]
    volume = read(contents)
    assert codes(volume) == ["slices-broken-few"]
    np.testing.assert_array_equal(np.delete(volume.hu, 5, 0), np.delete(small().hu, 5, 0))


@pytest.mark.parametrize(
    "syntax", [uid.RLELossless, uid.JPEG2000Lossless, uid.JPEGLSLossless], ids=lambda uid: uid.name
)
def test_multi_frame_object_may_be_compressed(syntax: uid.UID) -> None:
    assert_same(read([ct.enhanced_file(small(), ct.Writing(transfer_syntax=syntax))]), small())


def test_multi_frame_object_is_the_same_volume() -> None:
    how = ct.Writing(order=[*range(20, SLICES), *range(20)])
    volumes = Volumes(limits=DEFAULT_LIMITS)
    assert volumes.take(item_of(1, ct.enhanced_file(small(), how))) == ()
    (item,) = volumes.items()
    volume = item.load()
    assert_same(volume, small())
    assert volume.instance_numbers[:2] == (SLICES - 20 + 1, SLICES - 20 + 2)
    assert volume.series.choice == "only-series"


def test_multi_frame_object_without_places_is_refused() -> None:
    def forget(dataset: Dataset, _at: int) -> None:
        del dataset.PerFrameFunctionalGroupsSequence[5].PlanePositionSequence

    with pytest.raises(BrokenInputError, match="ImagePositionPatient"):
        read([ct.enhanced_file(small(), ct.Writing(change=forget))])


# Damage: one slice limits, many refuse.


def cut_off(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def not_in_the_patient(dataset: Dataset) -> None:
    del dataset.ImagePositionPatient


def test_truncated_slice_is_filled_in_and_said() -> None:
    contents = list(files())
    contents[12] = cut_off(contents[12])
    volume = read(contents)
    assert [reason.values for reason in volume.limited] == [(("count", "1"),)]
    assert codes(volume) == ["slices-broken-few"]
    assert len(volume.hu) == SLICES
    np.testing.assert_array_equal(np.delete(volume.hu, 12, 0), np.delete(small().hu, 12, 0))


def test_slice_that_does_not_say_its_place_counts_as_damaged() -> None:
    volume = read(changed(12, not_in_the_patient))
    assert codes(volume) == ["slices-broken-few"]
    assert volume.series.others == ()


def test_missing_and_damaged_slices_are_counted_apart() -> None:
    contents = list(files())
    contents[12] = cut_off(contents[12])
    volume = read([*contents[:30], *contents[31:]])
    assert [(reason.code, dict(reason.values)["count"]) for reason in volume.limited] == [
        ("slices-broken-few", "1"),
        ("slices-missing-few", "1"),
    ]
    assert len(volume.hu) == SLICES


def test_many_truncated_slices_refuse_the_series() -> None:
    contents = [cut_off(content) if at in {3, 9} else content for at, content in enumerate(files())]
    with pytest.raises(BrokenInputError, match=r"slices-broken.*'count': 2"):
        read(contents)


def test_pixel_data_shorter_than_the_header_says_are_truncated() -> None:
    def grow(dataset: Dataset, _at: int) -> None:
        dataset.Rows = dataset.Rows + 8

    with pytest.raises(BrokenInputError, match="truncated"):
        read(written(grow))


def test_frames_of_jpeg_ls_without_their_end_are_truncated() -> None:
    with pytest.raises(BrokenInputError, match="truncated"):
        read([cut_off(content) for content in encoded(uid.JPEGLSLossless)])


def test_private_transfer_syntax_is_refused_by_its_name() -> None:
    contents = [content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.113619.5.2\0\0", 1) for content in files()]
    with pytest.raises(UnsupportedInputError, match="unsupported-transfer-syntax"):
        read(contents)


@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "Rows"])
def test_missing_geometry_is_named(keyword: str) -> None:
    def forget(dataset: Dataset, _at: int) -> None:
        delattr(dataset, keyword)

    with pytest.raises(BrokenInputError, match=f"broken-dicom.*{keyword}"):
        read(written(forget))


def damaged(data: st.DataObject, contents: list[bytes]) -> list[bytes]:
    """Files as a bad disk and a careless copy leave them."""
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(contents) - 1))
        content = bytearray(contents[at])
        match data.draw(st.sampled_from(["header", "pixels", "cut", "twice", "lost", "empty"])):
            case "header":
                content[data.draw(st.integers(132, min(900, len(content) - 1)))] = data.draw(st.integers(0, 255))
            case "pixels":
                content[data.draw(st.integers(len(content) // 2, len(content) - 1))] ^= 0xFF
            case "cut":
                content = content[: data.draw(st.integers(200, len(content)))]
            case "twice":
                contents.append(bytes(content))
            case "lost":
                content = bytearray(contents.pop())
        contents[min(at, len(contents) - 1)] = bytes(content)
    return contents


@pytest.mark.parametrize(
    "syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless, uid.JPEGLSLossless], ids=lambda uid: uid.name
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_damage_leaves_a_volume_or_a_reason(syntax: uid.UID, data: st.DataObject) -> None:
    volumes = Volumes(limits=DEFAULT_LIMITS)
    for number, content in enumerate(damaged(data, list(encoded(syntax)))):
        volumes.take(item_of(number, content))
    for item in volumes.items():
        try:
            volume = item.load()
        except CaseError:
            continue
        assert volume.hu.shape == volume.series.shape_zyx
        assert len(volume.sop_instance_uids) == len(volume.instance_numbers) == len(volume.hu) >= 40
        assert volume.hu.min() >= -1024
        assert np.isfinite(volume.to_lps([0, 0, 0])).all()
        assert all(mm > 0 for mm in volume.spacing_mm)


# Outside the intended use.


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


# Memory.


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


# Which series.


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
