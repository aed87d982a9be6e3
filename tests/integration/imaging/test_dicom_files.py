"""DICOM files in any wrapping are read; cut, bloated or empty ones are refused, and nothing of a patient is logged."""

from __future__ import annotations

import io
import logging
import struct
import zlib

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid

from aimis.imaging import dicom_tags
from aimis.imaging.limits import Limits
from tests.fakes.dicoms import (
    GREY,
    NATIVE,
    RGB,
    changed,
    compressed,
    dataset_of,
    file_of,
    holding,
    jpeg_file,
    padded,
)
from tests.fakes.pictures import decode_one, photograph, refusal

pytestmark = pytest.mark.integration


FILES = {
    "native": lambda: file_of(dataset_of(RGB)),
    "implicit": lambda: file_of(dataset_of(RGB), transfer_syntax=uid.ImplicitVRLittleEndian),
    "deflated": lambda: file_of(dataset_of(RGB), transfer_syntax=uid.DeflatedExplicitVRLittleEndian),
    "jpeg": lambda: jpeg_file(RGB, "YBR_FULL_422"),
    "rle": lambda: compressed(dataset_of(RGB), uid.RLELossless),
    "jpeg-ls": lambda: compressed(dataset_of(RGB), uid.JPEGLSLossless),
    "jpeg 2000": lambda: compressed(dataset_of(RGB), uid.JPEG2000Lossless),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [0.98, 0.9, 0.6])
def test_truncated_file_is_no_half_picture(name: str, kept: float) -> None:
    content = FILES[name]()

    assert refusal(content[: int(len(content) * kept)]) == ("failed", "truncated")


@given(st.sampled_from(sorted(FILES)), st.data())
@settings(max_examples=60)
def test_file_cut_anywhere_is_refused(name: str, data: st.DataObject) -> None:
    content = FILES[name]()
    cut = data.draw(st.integers(132, len(content) - 9))

    assert refusal(content[:cut])[0] == "failed"


@pytest.mark.parametrize("codec", ["jpeg 2000", "jpeg-ls", "rle"])
def test_frame_cut_inside_a_whole_file_is_refused(codec: str) -> None:
    dataset = pydicom.dcmread(io.BytesIO(FILES[codec]()))
    frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))

    content = holding(dataset, dataset.file_meta.TransferSyntaxUID, [frame[: len(frame) // 2]])

    assert refusal(content)[0] == "failed"


@pytest.mark.parametrize("transfer_syntax", NATIVE, ids=lambda syntax: syntax.keyword)
def test_file_without_preamble_is_read(transfer_syntax: uid.UID) -> None:
    content = file_of(dataset_of(RGB), transfer_syntax=transfer_syntax)

    assert np.array_equal(decode_one(content[132:]).rgb, RGB)


def test_data_set_alone_is_read() -> None:
    """As some exports write it: neither preamble nor file meta information."""
    for transfer_syntax in (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian):
        content = file_of(dataset_of(RGB), transfer_syntax=transfer_syntax)
        meta_end = 144 + int.from_bytes(content[140:144], "little")

        assert np.array_equal(decode_one(content[meta_end:]).rgb, RGB)


def test_dicom_with_a_tiff_header_in_its_preamble_is_dicom() -> None:
    content = file_of(dataset_of(RGB))

    assert decode_one(b"II*\0\x08\0\0\0" + content[8:]).modality == "OP"


@pytest.mark.parametrize("change", ["none", "no preamble", "no group length", "lying group length", "long meta"])
def test_deflated_bomb_is_refused(change: str) -> None:
    content = file_of(dataset_of(GREY), transfer_syntax=uid.DeflatedExplicitVRLittleEndian)
    preamble, length, meta = content[:132], content[132:144], content[144 : 144 + content[140]]
    if change == "long meta":
        meta = struct.pack("<HH2sHI", 2, 0x0102, b"OB", 0, 100_000) + bytes(100_000) + meta
    deflater = zlib.compressobj(wbits=-15)
    bomb = deflater.compress(bytes(20_000_000)) + deflater.flush()

    changed_parts = {
        "no preamble": (b"", length),
        "no group length": (preamble, b""),
        "lying group length": (preamble, length[:8] + b"\1\0\0\0"),
    }
    start = b"".join(changed_parts.get(change, (preamble, length)))

    assert refusal(start + meta + bomb, Limits(max_bytes=10_000_000)) == ("unsupported", "file-too-large")


@pytest.mark.parametrize("group", [2, 9])
def test_endless_elements_are_refused(group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_tags, "_MOST_READS", 5_000)  # of 500,000, which take their time
    elements = b"".join(struct.pack("<HH2sH", group, element, b"LO", 0) for element in range(10_000))

    assert refusal(bytes(128) + b"DICM" + elements) == ("failed", "broken-dicom")


def test_sequences_nested_without_end_are_refused() -> None:
    opened = struct.pack("<HH2sHI", 0x40, 0xA730, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )

    status, code = refusal(file_of(dataset_of(GREY))[:400] + opened * 5000)

    assert status == "failed"
    assert code in {"broken-dicom", "truncated"}


@pytest.mark.parametrize(
    ("sop_class", "modality", "code"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.33", "SR", "wrong-modality"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "OT", "unsupported-file"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "RTPLAN", "wrong-modality"),
        ("1.2.840.10008.1.3.10", None, "unsupported-file"),
    ],
)
def test_dicom_that_holds_no_picture_is_unsupported(sop_class: str, modality: str | None, code: str) -> None:
    dataset = changed(dataset_of(GREY), SOPClassUID=sop_class, Modality=modality, Rows=None, PixelData=None)

    assert refusal(file_of(dataset)) == ("unsupported", code)


def test_photograph_without_pixels_is_broken() -> None:
    dataset = changed(dataset_of(GREY), Rows=None, PixelData=None)

    assert refusal(file_of(dataset)) == ("failed", "no-pixels")


def test_nothing_of_the_patient_is_logged() -> None:
    """pydicom quotes values that it finds wrong."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    content = file_of(changed(dataset_of(RGB), StudyInstanceUID="1.2.345678"))
    logging.getLogger().addHandler(handler)
    try:
        decode_one(content.replace(b"1.2.345678", b"1.2.SECRET"))
    finally:
        logging.getLogger().removeHandler(handler)

    assert lines == []


def test_pydicom_would_have_logged_it() -> None:
    """Else the test before this one would prove nothing."""
    dataset = pydicom.dcmread(io.BytesIO(file_of(dataset_of(GREY)).replace(b"1.2.3.2", b"1.X.3.2")))

    with pytest.warns(UserWarning, match=r"1\.X\.3\.2"):
        assert dataset.StudyInstanceUID


def test_even_padding_is_no_lie() -> None:
    odd = photograph(3, 3)

    assert len(padded(odd.tobytes())) == 28
    assert np.array_equal(decode_one(file_of(dataset_of(odd))).rgb, odd)
