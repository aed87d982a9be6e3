"""DICOM files that DCMTK writes, in every transfer syntax it knows, come in as the same picture."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from aimis.domain.reading import Laterality
from tests.fakes.dicoms import dataset_of, file_of, holding
from tests.fakes.pictures import Rgb, decode_one, encoded, mean_error, photograph, refusal

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not shutil.which("dcmcjpeg"), reason="needs the Debian package dcmtk"),
]

RGB = photograph(96, 64)
GREY = RGB[..., 0]
DEEP_GREY = (GREY.astype(np.uint16) << 4) | (GREY >> 4)
GREY_RGB = np.dstack([GREY] * 3)
SOURCES: dict[str, tuple[Callable[[], Dataset], Rgb]] = {
    "rgb": (lambda: dataset_of(RGB), RGB),
    "grey": (lambda: dataset_of(GREY), GREY_RGB),
    "grey 12": (lambda: dataset_of(DEEP_GREY, stored=12), GREY_RGB),
}


def converted(content: bytes, folder: Path, *command: str) -> bytes:
    """What a program of DCMTK makes of a file."""
    (folder / "in.dcm").write_bytes(content)
    subprocess.run([*command, str(folder / "in.dcm"), str(folder / "out.dcm")], check=True, capture_output=True)
    return (folder / "out.dcm").read_bytes()


@pytest.mark.parametrize(
    "command",
    [
        ["dcmconv", "+ti"],
        ["dcmconv", "+te"],
        ["dcmconv", "+tb"],
        ["dcmconv", "+td"],
        ["dcmconv", "+te", "-e"],
        ["dcmconv", "+te", "+g"],
        ["dcmconv", "-F", "+te"],
        ["dcmcrle"],
        ["dcmcjpls", "+el"],
        ["dcmcjpls", "+el", "+il"],
        ["dcmcjpls", "+el", "+is"],
        ["dcmcjpls", "+el", "+in"],
        ["dcmcjpeg", "+el"],
        ["dcmcjpeg", "+e1"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("source", SOURCES)
def test_lossless_file_is_exact(command: list[str], source: str, tmp_path: Path) -> None:
    make, expected = SOURCES[source]

    still = decode_one(converted(file_of(make()), tmp_path, *command))

    assert np.array_equal(still.rgb, expected)
    assert (still.modality, still.laterality, still.identity.patient_id) == ("OP", Laterality.LEFT, "P-17")


@pytest.mark.parametrize(
    "command",
    [
        ["dcmcjpeg", "+eb", "+q", "95"],
        ["dcmcjpeg", "+eb", "+q", "95", "+cr"],
        ["dcmcjpeg", "+eb", "+q", "95", "+n2"],
        ["dcmcjpeg", "+eb", "+q", "95", "+s4"],
        ["dcmcjpeg", "+ee", "+q", "95"],
        ["dcmcjpls", "+en", "+md", "2"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("source", ["rgb", "grey"])
def test_lossy_file_is_what_dcmtk_itself_decodes(command: list[str], source: str, tmp_path: Path) -> None:
    make, original = SOURCES[source]

    content = converted(file_of(make()), tmp_path, *command)
    decoded = converted(content, tmp_path, "dcmdjpls" if "dcmcjpls" in command else "dcmdjpeg")

    assert mean_error(decode_one(content).rgb, decode_one(decoded).rgb) < 1.5
    assert source == "grey" or mean_error(decode_one(content).rgb, original) < 4  # DCMTK stretches grey values


def test_12_bit_jpeg_is_what_dcmtk_itself_decodes(tmp_path: Path) -> None:
    content = converted(file_of(dataset_of(DEEP_GREY, stored=12)), tmp_path, "dcmcjpeg", "+ee", "+q", "90")
    decoded = converted(content, tmp_path, "dcmdjpeg")

    assert pydicom.dcmread(tmp_path / "out.dcm").BitsStored == 12
    assert np.array_equal(decode_one(content).rgb, decode_one(decoded).rgb)


@pytest.mark.parametrize("options", [[], ["-vlp"]], ids=["secondary capture", "visible light"])
def test_jpeg_wrapped_by_img2dcm_is_the_jpeg(options: list[str], tmp_path: Path) -> None:
    content = encoded(RGB, "JPEG", quality=92)
    (tmp_path / "eye.jpg").write_bytes(content)
    subprocess.run(
        ["img2dcm", *options, str(tmp_path / "eye.jpg"), str(tmp_path / "eye.dcm")], check=True, capture_output=True
    )

    still = decode_one((tmp_path / "eye.dcm").read_bytes())

    assert np.array_equal(still.rgb, decode_one(content).rgb)
    assert still.modality == ("XC" if options else "OT")


@pytest.mark.parametrize("command", [["dcmcrle"], ["dcmcjpls", "+el"], ["dcmcjpeg", "+e1"]], ids=" ".join)
@pytest.mark.parametrize("kept", [0.95, 0.6])
def test_cut_file_is_refused(command: list[str], kept: float, tmp_path: Path) -> None:
    content = converted(file_of(dataset_of(RGB)), tmp_path, *command)

    assert refusal(content[: int(len(content) * kept)])[0] == "failed"


@pytest.mark.parametrize("kind", ["+e1", "+ee"])
@pytest.mark.parametrize("fate", ["cut", "cut and ended", "blanked"])
def test_damaged_frame_of_many_bits_is_no_half_picture(kind: str, fate: str, tmp_path: Path) -> None:
    """GDCM hands on the half that it could read."""
    content = converted(file_of(dataset_of(DEEP_GREY, stored=12)), tmp_path, "dcmcjpeg", kind)
    dataset = pydicom.dcmread(io.BytesIO(content))
    frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
    half = len(frame) // 2
    damaged = {
        "cut": frame[:half],
        "cut and ended": frame[:half] + b"\xff\xd9",
        "blanked": frame[:half] + b"\xff\xd3" * 20 + frame[half + 40 :],
    }[fate]

    assert refusal(holding(dataset, dataset.file_meta.TransferSyntaxUID, [damaged]))[0] == "failed"
