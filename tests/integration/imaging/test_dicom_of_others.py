"""DICOM files of other makers, from pydicom's own wheel, are read or refused as they should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.pixels.utils import pixel_array

from tests.fakes.dicoms import (
    holding,
)
from tests.fakes.pictures import decode_all, decode_one, mean_error, refusal

pytestmark = pytest.mark.integration


def bundled(name: str) -> Path:
    """A file inside pydicom's wheel; nothing is downloaded."""
    path = get_testdata_file(name, download=False)
    assert path is not None
    return Path(str(path))


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_rle.dcm",
        "SC_rgb_rle_2frame.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_gdcm_KY.dcm",
        "SC_rgb_small_odd.dcm",
        "SC_rgb_small_odd_big_endian.dcm",
        "SC_rgb_jls_lossy_line.dcm",
        "SC_rgb_jls_lossy_sample.dcm",
        "ExplVR_BigEnd.dcm",
        "examples_rgb_color.dcm",
    ],
)
def test_colour_file_of_another_maker_is_exact(name: str) -> None:
    expected = pixel_array(bundled(name))
    frames = expected if expected.ndim == 4 else expected[None]

    stills = decode_all(bundled(name).read_bytes())

    assert len(stills) == len(frames)
    assert all(np.array_equal(still.rgb, frame) for still, frame in zip(stills, frames, strict=True))


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_dcmtk_+eb+cr.dcm",
        "SC_rgb_dcmtk_+eb+cy+n1.dcm",
        "SC_rgb_dcmtk_+eb+cy+n2.dcm",
        "SC_rgb_dcmtk_+eb+cy+np.dcm",
        "SC_rgb_dcmtk_+eb+cy+s2.dcm",
        "SC_rgb_dcmtk_+eb+cy+s4.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_jpeg_lossy_gdcm.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
    ],
)
def test_lossy_colour_file_of_another_maker_is_close(name: str) -> None:
    """All are the same chart: bars of plain colours."""
    chart = pixel_array(bundled("SC_rgb_rle.dcm"))

    assert mean_error(decode_one(bundled(name).read_bytes()).rgb, chart) < 8


@pytest.mark.parametrize(
    "name",
    [
        "MR_small.dcm",
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_expb.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_padded.dcm",
    ],
)
def test_slice_in_any_transfer_syntax_is_the_same_grey(name: str) -> None:
    still = decode_one(bundled(name).read_bytes())

    assert np.array_equal(still.rgb, decode_one(bundled("MR_small.dcm").read_bytes()).rgb)
    assert still.modality == "MR"
    assert still.rgb.std() > 10


@pytest.mark.parametrize("name", ["JPGExtended.dcm", "JPEG-lossy.dcm"])
def test_12_bit_jpeg_is_read_quietly(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The brightest of its 4096 values is 264, as DCMTK decodes it."""
    still = decode_one(bundled(name).read_bytes())

    assert still.full_size_px == (256, 1024)
    assert still.rgb.max() == round(264 * 255 / 4095)
    assert capfd.readouterr() == ("", "")


def test_12_bit_jpeg_that_is_damaged_is_refused_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    dataset = pydicom.dcmread(bundled("JPGExtended.dcm"))
    frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
    scan = frame.index(b"\xff\xda")

    content = holding(dataset, uid.JPEGExtended12Bit, [frame[: scan + 20]])

    assert refusal(content)[0] == "failed"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("MR_truncated.dcm", "failed"),
        ("rtplan_truncated.dcm", "failed"),
        ("JPEG2000-embedded-sequence-delimiter.dcm", "failed"),
        ("rtplan.dcm", "unsupported"),
        ("rtstruct.dcm", "unsupported"),
        ("rtdose.dcm", "unsupported"),
        ("reportsi.dcm", "unsupported"),
        ("test-SR.dcm", "unsupported"),
        ("waveform_ecg.dcm", "unsupported"),
        ("liver_1frame.dcm", "unsupported"),
        ("README.txt", "unsupported"),
    ],
)
def test_file_that_holds_no_whole_picture_is_refused(name: str, status: str) -> None:
    assert refusal(bundled(name).read_bytes())[0] == status
