"""What tags say of a picture is handed on, and those that lie are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom import uid

from aimis.domain.errors import CaseError
from aimis.domain.reading import Laterality, LateralitySource
from tests.fakes.dicoms import (
    DEEP_GREY,
    FRAMES,
    GREY,
    RGB,
    changed,
    compressed,
    dataset_of,
    file_of,
    holding,
)
from tests.fakes.pictures import decode_all, decode_one, encoded, refusal

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("modality", ["OP", "SC", "XC", "OT", "ES", "CT", "MR", "OPT", "US"])
def test_modality_is_handed_on(modality: str) -> None:
    assert decode_one(file_of(changed(dataset_of(GREY), Modality=modality))).modality == modality


def test_missing_modality_is_other() -> None:
    assert decode_one(file_of(changed(dataset_of(GREY), Modality=None))).modality == "OT"


def test_identifiers_are_handed_on() -> None:
    still = decode_one(file_of(dataset_of(RGB)))

    assert (still.identity.patient_id, still.sop_instance_uid) == ("P-17", "1.2.3.1")
    assert (still.identity.study_instance_uid, still.series_instance_uid) == ("1.2.3.2", "1.2.3.3")


def test_age_is_that_stated_else_that_of_the_dates() -> None:
    stated = changed(dataset_of(RGB), PatientAge="009Y", PatientBirthDate="19500101", StudyDate="20200101")
    dated = changed(dataset_of(RGB), PatientBirthDate="20100601", StudyDate="20200101")
    assert [decode_one(file_of(d)).age_years for d in (stated, dated, dataset_of(RGB))] == [9, 9, None]


def test_absent_identifiers_are_none() -> None:
    dataset = changed(
        dataset_of(RGB), PatientID=None, StudyInstanceUID=None, SeriesInstanceUID=None, ImageLaterality=None
    )

    still = decode_one(file_of(dataset))

    assert (still.identity.patient_id, still.identity.study_instance_uid) == (None, None)
    assert still.series_instance_uid is None
    assert (still.laterality, still.laterality_source) == (None, None)


def test_patient_id_has_no_control_characters() -> None:
    assert decode_one(file_of(changed(dataset_of(RGB), PatientID="P\x1b[31m-17"))).identity.patient_id == "P[31m-17"


@pytest.mark.parametrize(
    ("tags", "name", "laterality", "source"),
    [
        ({"ImageLaterality": "R"}, "left.dcm", Laterality.RIGHT, LateralitySource.DICOM),
        ({"ImageLaterality": None, "Laterality": "L"}, "OD.dcm", Laterality.LEFT, LateralitySource.DICOM),
        ({"ImageLaterality": "R", "Laterality": "L"}, "x.dcm", Laterality.RIGHT, LateralitySource.DICOM),
        ({"ImageLaterality": None}, "OD.dcm", Laterality.RIGHT, LateralitySource.FILE_NAME),
        ({"ImageLaterality": ""}, "OD.dcm", Laterality.RIGHT, LateralitySource.FILE_NAME),
        ({"ImageLaterality": "B"}, "OD.dcm", None, None),
    ],
)
def test_laterality_of_the_file_goes_before_that_of_its_name(
    tags: dict[str, Any], name: str, laterality: Laterality | None, source: LateralitySource | None
) -> None:
    still = decode_one(file_of(changed(dataset_of(GREY), **tags)), name)

    assert (still.laterality, still.laterality_source) == (laterality, source)


@pytest.mark.parametrize(
    ("tags", "code", "why"),
    [
        ({"Rows": None}, "broken-dicom", "Rows"),
        ({"Rows": 0}, "broken-dicom", "Rows"),
        ({"Rows": 33}, "truncated", None),
        ({"Rows": 31}, "broken-dicom", "PixelData"),
        ({"Columns": None}, "broken-dicom", "Columns"),
        ({"Columns": 47}, "broken-dicom", "PixelData"),
        ({"Columns": 49}, "truncated", None),
        ({"SamplesPerPixel": None}, "broken-dicom", "SamplesPerPixel"),
        ({"SamplesPerPixel": 1}, "broken-dicom", "PhotometricInterpretation"),
        ({"PhotometricInterpretation": None}, "broken-dicom", "PhotometricInterpretation"),
        ({"PhotometricInterpretation": "MONOCHROME2"}, "broken-dicom", "PhotometricInterpretation"),
        ({"PhotometricInterpretation": "YBR_FULL_422"}, "broken-dicom", "PixelData"),
        ({"PhotometricInterpretation": "HSV"}, "unsupported-pixels", None),
        ({"BitsAllocated": None}, "broken-dicom", "BitsAllocated"),
        ({"BitsAllocated": 16}, "truncated", None),
        ({"BitsAllocated": 32}, "unsupported-pixels", None),
        ({"BitsAllocated": 0}, "broken-dicom", "BitsAllocated"),
        ({"BitsStored": None}, "broken-dicom", "BitsStored"),
        ({"BitsStored": 12}, "broken-dicom", "BitsStored"),
        ({"HighBit": 15}, "broken-dicom", "HighBit"),
        ({"PixelRepresentation": 2}, "broken-dicom", "PixelRepresentation"),
        ({"PlanarConfiguration": 2}, "broken-dicom", "PlanarConfiguration"),
        ({"NumberOfFrames": "2"}, "truncated", None),
        ({"NumberOfFrames": "0"}, "broken-dicom", "NumberOfFrames"),
        ({"NumberOfFrames": "-1"}, "broken-dicom", "NumberOfFrames"),
        ({"NumberOfFrames": "2000"}, "too-many-frames", None),
        ({"PixelData": None}, "no-pixels", None),
        ({"PixelData": b""}, "no-pixels", None),
        ({"Rows": 65535, "Columns": 65535}, "too-large", None),
    ],
    ids=str,
)
def test_missing_or_lying_tag_is_named(tags: dict[str, Any], code: str, why: str | None) -> None:
    with pytest.raises(CaseError) as raised:
        decode_all(file_of(changed(dataset_of(RGB), **tags)))

    assert raised.value.reason.code == code
    assert dict(raised.value.reason.values).get("why") == why


def test_bits_allocated_too_few_are_not_read_as_a_picture_of_half_bytes() -> None:
    dataset = changed(dataset_of(DEEP_GREY), BitsAllocated=8, BitsStored=8, HighBit=7)

    assert refusal(file_of(dataset)) == ("failed", "broken-dicom")


def test_frames_more_than_said_are_not_dropped() -> None:
    native = changed(dataset_of(FRAMES, frames=3), NumberOfFrames="2")
    encoded_frames = [encoded(frame, "JPEG") for frame in FRAMES]
    jpeg = holding(dataset_of(FRAMES[:2], frames=2), uid.JPEGBaseline8Bit, encoded_frames, "YBR_FULL_422")
    single = holding(dataset_of(RGB), uid.JPEGBaseline8Bit, encoded_frames, "YBR_FULL_422")

    assert [refusal(content) for content in (file_of(native), jpeg, single)] == [("failed", "broken-dicom")] * 3


def test_frames_fewer_than_said_are_missed() -> None:
    frames = [encoded(frame, "JPEG") for frame in FRAMES[:2]]
    content = holding(dataset_of(FRAMES, frames=3), uid.JPEGBaseline8Bit, frames, "YBR_FULL_422")

    assert refusal(content)[0] == "failed"


@pytest.mark.parametrize("tags", [{"Rows": 48, "Columns": 32}, {"Rows": 16}, {"Columns": 50}], ids=str)
@pytest.mark.parametrize("transfer_syntax", [uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.JPEGLSLossless])
def test_compressed_frame_of_another_size_is_not_reshaped(transfer_syntax: uid.UID, tags: dict[str, int]) -> None:
    dataset = dataset_of(RGB)
    if transfer_syntax == uid.JPEGBaseline8Bit:
        holding(dataset, transfer_syntax, [encoded(RGB, "JPEG")], "YBR_FULL_422")
    else:
        compressed(dataset, transfer_syntax)

    assert refusal(file_of(changed(dataset, **tags))) == ("failed", "broken-dicom")


@pytest.mark.parametrize(
    "tags",
    [
        {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2"},
        {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15},
    ],
    ids=str,
)
@pytest.mark.parametrize("transfer_syntax", [uid.RLELossless, uid.JPEG2000Lossless, uid.JPEGLSLossless])
def test_compressed_frame_of_other_samples_is_refused_or_exact(transfer_syntax: uid.UID, tags: dict[str, Any]) -> None:
    """More bits allocated than the frame needs do no harm where the frame says how many it has."""
    dataset = dataset_of(RGB)
    compressed(dataset, transfer_syntax)
    content = file_of(changed(dataset, **tags))

    if "BitsAllocated" in tags and transfer_syntax != uid.RLELossless:
        assert np.array_equal(decode_one(content).rgb, RGB)
    else:
        assert refusal(content) == ("failed", "broken-dicom")


def test_transfer_syntax_that_lies_is_refused() -> None:
    jpeg = dataset_of(RGB)
    holding(jpeg, uid.JPEGBaseline8Bit, [encoded(RGB, "JPEG")], "YBR_FULL_422")
    jpeg.file_meta.TransferSyntaxUID = uid.JPEG2000Lossless
    native = file_of(dataset_of(RGB))
    at = native.index(b"1.2.840.10008.1.2.1\0")

    assert refusal(file_of(jpeg))[0] == "failed"
    assert refusal(native[:at] + b"1.2.840.10008.1.2.5\0" + native[at + 20 :])[0] == "failed"


@pytest.mark.parametrize("transfer_syntax", [uid.MPEG2MPML, uid.MPEG4HP41, uid.UID("1.2.840.10008.1.2.4.94")])
def test_unread_transfer_syntax_is_unsupported(transfer_syntax: uid.UID) -> None:
    content = holding(dataset_of(RGB), transfer_syntax, [b"video"])

    assert refusal(content) == ("unsupported", "unsupported-transfer-syntax")


def test_padding_after_the_pixels_is_ignored() -> None:
    dataset = dataset_of(RGB)
    dataset.PixelData += bytes(64)

    assert np.array_equal(decode_one(file_of(dataset)).rgb, RGB)
