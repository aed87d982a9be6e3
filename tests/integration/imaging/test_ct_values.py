"""The values of a CT series are the same in every form: each slice's own rescale, padding and codec."""

from __future__ import annotations

from pathlib import Path

import gdcm
import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from aimis.domain.errors import BrokenInputError
from aimis.imaging.limits import DEFAULT_LIMITS
from aimis.ingest.volumes import Volumes
from tests.fakes import ct
from tests.fakes.ct_series import SLICES, assert_same, codes, files, item_of, read, small, written

pytestmark = pytest.mark.integration


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
    assert volumes.take(item_of(1, ct.enhanced_file(small(), how)), "scan") == ()
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
