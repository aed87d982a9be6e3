"""DICOM pictures of every transfer syntax and colour come in as their own pixels, and lying tags are refused."""

from __future__ import annotations

import io
import logging
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

from aimis.domain.errors import CaseError
from aimis.domain.reading import Laterality, LateralitySource
from aimis.imaging import decode as door
from aimis.imaging import dicom_tags
from aimis.imaging.limits import Limits
from tests.fakes.dicoms import compressed, dataset_of, file_of, holding, padded
from tests.fakes.pictures import decode_all, decode_one, encoded, mean_error, photograph, refusal

pytestmark = pytest.mark.integration

RGB = photograph()
GREY = RGB[..., 0]
DEEP_GREY = (GREY.astype(np.uint16) << 4) | (GREY >> 4)  # 12 bits that scale back to the 8 exactly
DEEP_RGB = RGB.astype(np.uint16) * 257
FRAMES = np.stack([RGB, RGB[::-1], RGB[:, ::-1]])
GREY_RGB = np.dstack([GREY] * 3)

NATIVE = [
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
]
LOSSLESS = [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless]
PICTURES: dict[str, tuple[npt.NDArray[Any], int, npt.NDArray[np.uint8]]] = {
    "rgb 8": (RGB, 8, RGB),
    "rgb 16": (DEEP_RGB, 16, RGB),
    "grey 8": (GREY, 8, GREY_RGB),
    "grey 12": (DEEP_GREY, 12, GREY_RGB),
}


def changed(dataset: Dataset, **tags: object) -> Dataset:
    """The data set with tags set, or left out where the value is None."""
    for keyword, value in tags.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def jpeg_file(pixels: npt.NDArray[np.uint8], photometric: str, *, frames: int = 1, **options: Any) -> bytes:
    pictures = pixels if frames > 1 else pixels[None]
    return holding(
        dataset_of(pixels, frames=frames),
        uid.JPEGBaseline8Bit,
        [encoded(picture, "JPEG", **{"quality": 95, "subsampling": 0, **options}) for picture in pictures],
        photometric,
    )


@pytest.mark.parametrize("transfer_syntax", NATIVE, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("planar", [False, True])
def test_uncompressed_picture_is_exact(transfer_syntax: uid.UID, name: str, planar: bool) -> None:
    pixels, stored, expected = PICTURES[name]

    still = decode_one(file_of(dataset_of(pixels, stored=stored, planar=planar), transfer_syntax=transfer_syntax))

    assert np.array_equal(still.rgb, expected)
    assert (still.full_size_px, still.frame, still.modality) == ((48, 32), None, "OP")


def test_8_bit_words_big_end_first_are_turned_round() -> None:
    dataset = dataset_of(RGB)
    dataset["PixelData"].VR = "OW"
    dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").byteswap().tobytes()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRBigEndian

    assert np.array_equal(decode_one(file_of(dataset)).rgb, RGB)


@pytest.mark.parametrize("transfer_syntax", LOSSLESS, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize("name", PICTURES)
def test_losslessly_compressed_picture_is_exact(transfer_syntax: uid.UID, name: str) -> None:
    pixels, stored, expected = PICTURES[name]

    still = decode_one(compressed(dataset_of(pixels, stored=stored), transfer_syntax))

    assert np.array_equal(still.rgb, expected)


@pytest.mark.parametrize("interleave_mode", [0, 1, 2])
def test_jpeg_ls_of_any_interleave_is_exact(interleave_mode: int) -> None:
    import jpeg_ls  # noqa: PLC0415

    ordered = RGB if interleave_mode else np.ascontiguousarray(RGB.transpose(2, 0, 1))
    frame = bytes(jpeg_ls.encode_array(ordered, interleave_mode=interleave_mode))

    assert np.array_equal(decode_one(holding(dataset_of(RGB), uid.JPEGLSLossless, [frame])).rgb, RGB)


def test_jpeg_2000_with_colour_transform_is_exact() -> None:
    dataset = dataset_of(RGB)
    dataset.PhotometricInterpretation = "YBR_RCT"

    assert np.array_equal(decode_one(compressed(dataset, uid.JPEG2000Lossless)).rgb, RGB)


def test_jpeg_2000_in_its_file_format_is_exact() -> None:
    frame = encoded(RGB, "JPEG2000", irreversible=False)

    assert np.array_equal(decode_one(holding(dataset_of(RGB), uid.JPEG2000Lossless, [frame])).rgb, RGB)


@pytest.mark.parametrize(
    ("transfer_syntax", "options", "most"),
    [(uid.JPEG2000, {"j2k_cr": [10]}, 3.0), (uid.JPEGLSNearLossless, {"jls_error": 2}, 2.0)],
    ids=["JPEG2000", "JPEGLSNearLossless"],
)
def test_lossy_compressed_picture_is_close(transfer_syntax: uid.UID, options: dict[str, Any], most: float) -> None:
    dataset = dataset_of(RGB)
    if transfer_syntax == uid.JPEG2000:
        dataset.PhotometricInterpretation = "YBR_ICT"

    assert mean_error(decode_one(compressed(dataset, transfer_syntax, **options)).rgb, RGB) <= most


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_picture_is_close(subsampling: int, progressive: bool) -> None:
    content = jpeg_file(RGB, "YBR_FULL_422", subsampling=subsampling, progressive=progressive)

    assert mean_error(decode_one(content).rgb, RGB) < 3


def without_jfif(frame: bytes) -> bytes:
    assert frame[2:4] == b"\xff\xe0"
    return frame[:2] + frame[4 + int.from_bytes(frame[4:6]) :]


def unmarked(picture: npt.NDArray[np.uint8], *, keep_rgb: bool) -> bytes:
    """A JPEG that says nothing of its colours: no JFIF, no Adobe, components 1, 2, 3."""
    frame = encoded(picture, "JPEG", quality=95, subsampling=0, keep_rgb=keep_rgb)
    if not keep_rgb:
        return without_jfif(frame)
    at = frame.index(b"\xff\xee")
    frame = frame[:at] + frame[at + 2 + int.from_bytes(frame[at + 2 : at + 4]) :]
    return frame.replace(b"R\x11\0G\x11\0B\x11\0", b"\1\x11\0\2\x11\0\3\x11\0").replace(
        b"\3R\0G\0B\0", b"\3\1\0\2\0\3\0"
    )


@pytest.mark.parametrize(("photometric", "keep_rgb"), [("RGB", True), ("YBR_FULL_422", False), ("YBR_FULL", False)])
def test_jpeg_without_colour_marks_has_the_colours_the_data_set_says(photometric: str, keep_rgb: bool) -> None:
    content = holding(dataset_of(RGB), uid.JPEGBaseline8Bit, [unmarked(RGB, keep_rgb=keep_rgb)], photometric)

    assert mean_error(decode_one(content).rgb, RGB) < 3


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("keep_rgb", [False, True])
def test_jpeg_with_colour_marks_is_believed_before_the_data_set(photometric: str, keep_rgb: bool) -> None:
    assert mean_error(decode_one(jpeg_file(RGB, photometric, keep_rgb=keep_rgb)).rgb, RGB) < 3


def test_grey_jpeg_is_close() -> None:
    assert mean_error(decode_one(jpeg_file(GREY, "MONOCHROME2")).rgb, GREY_RGB) < 3


def test_large_jpeg_frame_is_decoded_reduced() -> None:
    still = decode_one(jpeg_file(photograph(640, 480), "YBR_FULL_422"), limits=Limits(enough_px=100))

    assert still.rgb.shape == (120, 160, 3)
    assert still.full_size_px == (640, 480)
    assert mean_error(still.rgb, photograph(160, 120)) < 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: file_of(dataset_of(FRAMES, frames=3)),
        lambda: file_of(dataset_of(FRAMES, frames=3, planar=True)),
        lambda: compressed(dataset_of(FRAMES, frames=3), uid.RLELossless),
        lambda: compressed(dataset_of(FRAMES, frames=3), uid.JPEG2000Lossless),
        lambda: compressed(dataset_of(FRAMES, frames=3), uid.JPEGLSLossless),
    ],
)
def test_frames_come_in_order(make: Callable[[], bytes]) -> None:
    stills = decode_all(make())

    assert [still.frame for still in stills] == [0, 1, 2]
    assert all(np.array_equal(still.rgb, frame) for still, frame in zip(stills, FRAMES, strict=True))


def test_jpeg_frames_come_in_order() -> None:
    stills = decode_all(jpeg_file(FRAMES, "YBR_FULL_422", frames=3))

    assert [mean_error(still.rgb, frame) < 3 for still, frame in zip(stills, FRAMES, strict=True)] == [True] * 3


def test_good_frames_before_a_broken_one_are_handed_on() -> None:
    frames = [encoded(RGB, "JPEG", quality=95) for _ in range(3)]
    content = holding(
        dataset_of(FRAMES, frames=3), uid.JPEGBaseline8Bit, [*frames[:2], frames[2][:300]], "YBR_FULL_422"
    )

    stills = door.decode(content, "frames.dcm")

    assert [next(stills).frame, next(stills).frame] == [0, 1]
    with pytest.raises(CaseError, match="truncated"):
        next(stills)


@pytest.mark.parametrize("transfer_syntax", [None, uid.RLELossless], ids=["native", "RLE"])
def test_ybr_full_becomes_rgb(transfer_syntax: uid.UID | None) -> None:
    from PIL import Image  # noqa: PLC0415

    dataset = dataset_of(np.asarray(Image.fromarray(RGB).convert("YCbCr")))
    dataset.PhotometricInterpretation = "YBR_FULL"

    content = compressed(dataset, transfer_syntax) if transfer_syntax else file_of(dataset)

    assert mean_error(decode_one(content).rgb, RGB) < 1


def test_uncompressed_ybr_full_422_becomes_rgb() -> None:
    from PIL import Image  # noqa: PLC0415

    ybr = np.asarray(Image.fromarray(RGB).convert("YCbCr"))
    pairs = np.stack([ybr[:, ::2, 0], ybr[:, 1::2, 0], ybr[:, ::2, 1], ybr[:, ::2, 2]], axis=-1)
    dataset = changed(dataset_of(RGB), PhotometricInterpretation="YBR_FULL_422", PixelData=pairs.tobytes())

    assert mean_error(decode_one(file_of(dataset)).rgb, RGB) < 3


def test_monochrome1_is_inverted() -> None:
    for pixels, stored in ((GREY, 8), (DEEP_GREY, 12)):
        dataset = changed(dataset_of(pixels, stored=stored), PhotometricInterpretation="MONOCHROME1")

        assert mean_error(decode_one(file_of(dataset)).rgb, 255 - GREY_RGB) < 1


@pytest.mark.parametrize("entry_bits", [8, 16])
@pytest.mark.parametrize("first", [0, 5])
def test_palette_has_its_colours(entry_bits: int, first: int) -> None:
    from PIL import Image  # noqa: PLC0415

    palette = Image.fromarray(RGB).quantize(32)
    colours = np.asarray(palette.getpalette()).reshape(-1, 3)[:32].astype(f"u{entry_bits // 8}")
    dataset = dataset_of(np.asarray(palette) + np.uint8(first))
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    for at, name in enumerate(("Red", "Green", "Blue")):
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [32, first, entry_bits])
        entries = colours[:, at] * (257 if entry_bits == 16 else 1)
        setattr(dataset, f"{name}PaletteColorLookupTableData", entries.tobytes())

    assert np.array_equal(decode_one(file_of(dataset)).rgb, np.asarray(palette.convert("RGB")))


def test_palette_without_its_table_is_refused() -> None:
    dataset = changed(dataset_of(GREY), PhotometricInterpretation="PALETTE COLOR")

    assert refusal(file_of(dataset)) == ("failed", "broken-dicom")


def test_unused_bits_are_dropped() -> None:
    dirty = DEEP_GREY | np.uint16(0xA000)

    assert np.array_equal(decode_one(file_of(dataset_of(dirty, stored=12))).rgb, GREY_RGB)


def test_bits_stored_high_are_shifted_down() -> None:
    dataset = changed(dataset_of(DEEP_GREY << 4, stored=12), HighBit=15)

    assert np.array_equal(decode_one(file_of(dataset)).rgb, GREY_RGB)


def test_grey_of_16_stored_bits_is_scaled_by_the_bits_in_use() -> None:
    assert np.array_equal(decode_one(file_of(dataset_of(DEEP_GREY))).rgb, GREY_RGB)


def test_deep_grey_is_shown_through_its_window() -> None:
    ramp = np.linspace(0, 4095, 4096).astype(np.uint16).reshape(64, 64)
    dataset = changed(
        dataset_of(ramp, stored=12), WindowCenter="1000", WindowWidth="200", RescaleSlope="2", RescaleIntercept="-500"
    )

    shown = decode_one(file_of(dataset)).rgb[..., 0].ravel()

    assert shown[699] == 0
    assert shown[801] == 255
    assert abs(int(shown[750]) - 128) < 3
    assert (np.diff(shown.astype(int)) >= 0).all()


@pytest.mark.parametrize("tags", [{"WindowCenter": "10", "WindowWidth": "0"}, {"WindowCenter": "40"}])
def test_invalid_window_is_ignored(tags: dict[str, str]) -> None:
    dataset = changed(dataset_of(DEEP_GREY, stored=12), **tags)

    assert np.array_equal(decode_one(file_of(dataset)).rgb, GREY_RGB)


def test_window_of_colours_and_of_8_bit_grey_is_ignored() -> None:
    for pixels, expected in ((RGB, RGB), (GREY, GREY_RGB)):
        dataset = changed(dataset_of(pixels), WindowCenter="10", WindowWidth="5", RescaleIntercept="100")

        assert np.array_equal(decode_one(file_of(dataset)).rgb, expected)


def test_signed_grey_keeps_its_order() -> None:
    hounsfield = np.linspace(-1024, 3071, 4096).astype(np.int16).reshape(64, 64)

    shown = decode_one(file_of(dataset_of(hounsfield))).rgb[..., 0].ravel().astype(int)

    assert (shown[0], shown[-1]) == (0, 255)
    assert (np.diff(shown) >= 0).all()


@pytest.mark.parametrize("modality", ["OP", "SC", "XC", "OT", "ES", "CT", "MR", "OPT", "US"])
def test_modality_is_handed_on(modality: str) -> None:
    assert decode_one(file_of(changed(dataset_of(GREY), Modality=modality))).modality == modality


def test_missing_modality_is_other() -> None:
    assert decode_one(file_of(changed(dataset_of(GREY), Modality=None))).modality == "OT"


def test_identifiers_are_handed_on() -> None:
    still = decode_one(file_of(dataset_of(RGB)))

    assert (still.patient_id, still.sop_instance_uid) == ("P-17", "1.2.3.1")
    assert (still.study_instance_uid, still.series_instance_uid) == ("1.2.3.2", "1.2.3.3")


def test_absent_identifiers_are_none() -> None:
    dataset = changed(
        dataset_of(RGB), PatientID=None, StudyInstanceUID=None, SeriesInstanceUID=None, ImageLaterality=None
    )

    still = decode_one(file_of(dataset))

    assert (still.patient_id, still.study_instance_uid, still.series_instance_uid) == (None, None, None)
    assert (still.laterality, still.laterality_source) == (None, None)


def test_patient_id_has_no_control_characters() -> None:
    assert decode_one(file_of(changed(dataset_of(RGB), PatientID="P\x1b[31m-17"))).patient_id == "P[31m-17"


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


def test_even_padding_is_no_lie() -> None:
    odd = photograph(3, 3)

    assert len(padded(odd.tobytes())) == 28
    assert np.array_equal(decode_one(file_of(dataset_of(odd))).rgb, odd)
