"""DICOM pictures of every transfer syntax and colour come in as their own pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydicom import uid

from aimis.domain.errors import CaseError
from aimis.imaging import decode as door
from aimis.imaging.limits import Limits
from tests.fakes.dicoms import (
    DEEP_GREY,
    DEEP_RGB,
    FRAMES,
    GREY,
    GREY_RGB,
    NATIVE,
    RGB,
    changed,
    compressed,
    dataset_of,
    file_of,
    holding,
    jpeg_file,
)
from tests.fakes.pictures import decode_all, decode_one, encoded, mean_error, photograph, refusal

pytestmark = pytest.mark.integration

LOSSLESS = [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless]
PICTURES: dict[str, tuple[npt.NDArray[Any], int, npt.NDArray[np.uint8]]] = {
    "rgb 8": (RGB, 8, RGB),
    "rgb 16": (DEEP_RGB, 16, RGB),
    "grey 8": (GREY, 8, GREY_RGB),
    "grey 12": (DEEP_GREY, 12, GREY_RGB),
}


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
