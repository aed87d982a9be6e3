"""Pictures of every format, depth and colour come in as the same 8-bit RGB."""

from __future__ import annotations

import dataclasses
import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from aimis.domain.errors import CaseError, UnsupportedInputError
from aimis.domain.reading import Laterality, LateralitySource
from aimis.imaging import decode as door
from aimis.imaging.limits import Limits
from tests.fakes.pictures import decode_all, decode_one, encoded, mean_error, photograph, refusal

pytestmark = pytest.mark.integration

RGB = photograph()
GREY = RGB[..., 0]
DEEP = RGB.astype(np.uint16) * 257
CLOSEST: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", {"compression": "packbits"}),
    ],
)
def test_lossless_picture_decodes_to_its_own_pixels(form: str, options: dict[str, Any]) -> None:
    still = decode_one(encoded(RGB, form, **options))

    assert np.array_equal(still.rgb, RGB)
    assert still.full_size_px == (48, 32)
    assert (still.frame, still.modality) == (None, None)


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("JPEG", {"quality": 95, "keep_rgb": True}),
        ("WEBP", {"quality": 95}),
        ("TIFF", {"compression": "jpeg", "quality": 95}),
    ],
)
def test_lossy_picture_decodes_close_to_its_pixels(form: str, options: dict[str, Any]) -> None:
    assert mean_error(decode_one(encoded(RGB, form, **options)).rgb, RGB) < 3


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_grey_picture_has_three_equal_channels(form: str) -> None:
    rgb = decode_one(encoded(GREY, form, **CLOSEST.get(form, {}))).rgb

    assert mean_error(rgb, np.dstack([GREY] * 3)) < 3
    assert (rgb[..., 0] == rgb[..., 1]).all()
    assert (rgb[..., 1] == rgb[..., 2]).all()


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP"])
def test_bilevel_picture_is_black_and_white(form: str) -> None:
    bilevel = Image.fromarray(GREY).convert("1")

    rgb = decode_one(encoded(bilevel, form)).rgb

    assert np.array_equal(rgb[..., 1], np.asarray(bilevel) * np.uint8(255))


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP"])
def test_palette_picture_has_its_colours(form: str) -> None:
    palette = Image.fromarray(RGB).quantize(64)

    assert np.array_equal(decode_one(encoded(palette, form)).rgb, np.asarray(palette.convert("RGB")))


def test_transparent_palette_entry_is_black() -> None:
    palette = Image.fromarray(RGB).quantize(8)
    clear = int(np.asarray(palette)[0, 0])

    rgb = decode_one(encoded(palette, "PNG", transparency=clear)).rgb

    assert (rgb[np.asarray(palette) == clear] == 0).all()
    assert rgb[np.asarray(palette) != clear].any()


@pytest.mark.parametrize(("form", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})])
def test_transparency_is_laid_over_black(form: str, options: dict[str, Any]) -> None:
    alpha = np.linspace(0, 255, GREY.size).reshape(GREY.shape).astype(np.uint8)

    rgb = decode_one(encoded(np.dstack([RGB, alpha]), form, **options)).rgb

    expected = np.rint(RGB * (alpha[..., None] / 255)).astype(np.uint8)
    assert np.abs(rgb.astype(int) - expected).max() <= 1


def test_grey_with_alpha_is_laid_over_black() -> None:
    image = Image.merge("LA", [Image.fromarray(GREY), Image.new("L", (48, 32), 128)])

    rgb = decode_one(encoded(image, "PNG")).rgb

    assert np.abs(rgb[..., 2].astype(int) - np.rint(GREY * (128 / 255))).max() <= 1


def test_cmyk_jpeg_is_not_inverted() -> None:
    """Pillow writes Adobe's marker and inverted inks, as Photoshop does."""
    content = encoded(Image.fromarray(RGB).convert("CMYK"), "JPEG", quality=95)

    assert mean_error(decode_one(content).rgb, RGB) < 3


def test_cmyk_jpeg_without_adobe_marker_holds_plain_inks() -> None:
    content = encoded(Image.fromarray(255 - np.asarray(Image.fromarray(RGB).convert("CMYK")), "CMYK"), "JPEG")
    at = content.index(b"\xff\xee")
    length = int.from_bytes(content[at + 2 : at + 4])

    unmarked = content[:at] + content[at + 2 + length :]

    assert mean_error(decode_one(unmarked).rgb, RGB) < 4


def test_cmyk_tiff_has_its_colours() -> None:
    assert mean_error(decode_one(encoded(Image.fromarray(RGB).convert("CMYK"), "TIFF")).rgb, RGB) < 1


def test_ycbcr_tiff_has_its_colours() -> None:
    content = encoded(Image.fromarray(RGB).convert("YCbCr"), "TIFF")

    assert mean_error(decode_one(content).rgb, RGB) < 3


def deep_file(samples: npt.NDArray[Any], suffix: str) -> bytes:
    """16-bit or float file by OpenCV, which takes blue first."""
    shown = samples if samples.ndim == 2 else samples[..., [2, 1, 0, 3][: samples.shape[2]]]
    return bytes(cv2.imencode(suffix, np.ascontiguousarray(shown))[1])


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("samples", [DEEP, DEEP[..., 0]], ids=["rgb", "grey"])
def test_16_bit_picture_is_scaled_to_8_bit(suffix: str, samples: npt.NDArray[Any]) -> None:
    rgb = decode_one(deep_file(samples, suffix)).rgb

    assert np.array_equal(rgb, RGB if samples.ndim == 3 else np.dstack([GREY] * 3))


def test_16_bit_colours_keep_more_than_their_upper_byte() -> None:
    """12 bits in 16: the upper byte alone would leave 16 shades."""
    twelve = (RGB.astype(np.uint32) * 4095 // 255).astype(np.uint16)

    for suffix in (".png", ".tiff"):
        assert mean_error(decode_one(deep_file(twelve, suffix)).rgb, RGB) < 1


def test_16_bit_transparency_is_laid_over_black() -> None:
    half = np.dstack([DEEP, np.full(GREY.shape, 32768, np.uint16)])

    rgb = decode_one(deep_file(half, ".png")).rgb

    assert np.abs(rgb.astype(int) - np.rint(RGB / 2)).max() <= 1


@pytest.mark.parametrize("value", [0, 65535])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bit_extremes_stay_black_and_white(suffix: str, value: int) -> None:
    samples = np.full((8, 8, 3), value, np.uint16)

    assert (decode_one(deep_file(samples, suffix)).rgb == value // 257).all()


@pytest.mark.parametrize("samples", [RGB / 255, RGB.astype(float), DEEP.astype(float)], ids=["1", "255", "65535"])
def test_float_tiff_is_scaled_by_its_range(samples: npt.NDArray[Any]) -> None:
    for picture in (samples, samples[..., 0]):
        rgb = decode_one(deep_file(picture.astype(np.float32), ".tiff")).rgb
        assert mean_error(rgb, RGB if picture.ndim == 3 else np.dstack([GREY] * 3)) < 0.5


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
def test_float_tiff_with_missing_pixels_is_not_assessable(missing: float) -> None:
    samples = (RGB / 255).astype(np.float32)
    samples[3, 4, 1] = missing

    assert refusal(deep_file(samples, ".tiff")) == ("not-assessable", "pixels-missing")


@pytest.mark.parametrize("samples", [np.full((4, 4), -5.0), np.full((4, 4), 1e9)])
def test_float_tiff_that_holds_no_intensities_is_unsupported(samples: npt.NDArray[Any]) -> None:
    assert refusal(deep_file(samples.astype(np.float32), ".tiff")) == ("unsupported", "unsupported-pixels")


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "f8"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("colours", [1, 3, 4])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rowsperstrip": 5},
        {"compression": "zlib"},
        {"compression": "zlib", "rowsperstrip": 7, "byteorder": ">"},
        {"tile": (16, 16)},
        {"bigtiff": True},
        {"bigtiff": True, "byteorder": ">"},
    ],
    ids=str,
)
def test_tiff_of_any_layout_decodes_exactly_or_is_refused(
    dtype: str, planar: str, colours: int, options: dict[str, Any]
) -> None:
    opaque = np.dstack([RGB, np.full(GREY.shape, 255, np.uint8)])[..., : max(colours, 1)].astype(dtype)
    samples = opaque * {"u1": 1, "u2": 257, "f4": 1, "f8": 1}[dtype]
    stream = io.BytesIO()
    if colours == 1:
        tifffile.imwrite(stream, samples[..., 0], photometric="minisblack", **options)
    else:
        pixels = samples if planar == "contig" else samples.transpose(2, 0, 1)
        extra = ["unassalpha"] if colours == 4 else []
        tifffile.imwrite(stream, pixels, photometric="rgb", planarconfig=planar, extrasamples=extra, **options)

    try:
        rgb = decode_one(stream.getvalue()).rgb
    except UnsupportedInputError:
        assert planar == "separate"
        assert "tile" in options
        assert dtype != "u1"
        return

    assert np.array_equal(rgb, RGB if colours > 1 else np.dstack([GREY] * 3))


@pytest.mark.parametrize("dtype", ["f2", "i2", "u4", "i4"])
def test_tiff_of_unread_sample_types_is_refused(dtype: str) -> None:
    stream = io.BytesIO()
    tifffile.imwrite(stream, RGB.astype(dtype), photometric="rgb")

    assert refusal(stream.getvalue()) == ("unsupported", "unsupported-pixels")


def test_tiff_pages_are_frames_in_order() -> None:
    pages = [np.full((6, 5 + page, 3), 10 * page + 1, np.uint8) for page in range(4)]
    images = [Image.fromarray(page) for page in pages]

    stills = decode_all(encoded(images[0], "TIFF", save_all=True, append_images=images[1:]))

    assert [still.frame for still in stills] == [0, 1, 2, 3]
    for still, page in zip(stills, pages, strict=True):
        assert np.array_equal(still.rgb, page)


def test_deep_tiff_pages_are_frames_in_order() -> None:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for page in range(3):
            writer.write(DEEP // (page + 1), photometric="rgb")

    stills = decode_all(stream.getvalue())

    assert [mean_error(still.rgb, RGB) < 1 for still in stills] == [True, False, False]
    assert [still.frame for still in stills] == [0, 1, 2]


def test_tiff_thumbnail_is_no_frame() -> None:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        writer.write(RGB[::4, ::4], photometric="rgb", subfiletype=1)
        writer.write(RGB, photometric="rgb")

    still = decode_one(stream.getvalue())

    assert np.array_equal(still.rgb, RGB)
    assert still.frame is None


def test_tiff_of_too_many_pages_is_unsupported() -> None:
    images = [Image.fromarray(RGB)] * 4
    content = encoded(images[0], "TIFF", save_all=True, append_images=images[1:])

    assert refusal(content, Limits(max_frames=3)) == ("unsupported", "too-many-frames")


def test_tiff_pages_before_a_broken_one_are_handed_on() -> None:
    images = [Image.fromarray(RGB)] * 3
    content = encoded(images[0], "TIFF", save_all=True, append_images=images[1:], compression="tiff_lzw")
    third = content.rindex(content[8:40])
    broken = content[:third] + b"\xff" * 400 + content[third + 400 :]

    stills = door.decode(broken, "pages.tif")

    assert next(stills).frame == 0
    assert next(stills).frame == 1
    with pytest.raises(CaseError, match=r"broken|truncated"):
        next(stills)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_undone(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    content = encoded(RGB, form, exif=exif.tobytes(), **CLOSEST.get(form, {}))

    still = decode_one(content)

    with Image.open(io.BytesIO(content)) as image:
        upright = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert mean_error(still.rgb, upright) < 1
    assert still.full_size_px == (upright.shape[1], upright.shape[0])
    assert (still.full_size_px == (32, 48)) == (orientation >= 5)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_orientation_of_deep_tiff_is_undone_as_of_any_tiff(planar: str, orientation: int) -> None:
    stills = []
    for samples in (RGB, DEEP):
        stream = io.BytesIO()
        pixels = samples if planar == "contig" else samples.transpose(2, 0, 1)
        tag = (274, "H", 1, orientation, True)
        tifffile.imwrite(stream, pixels, photometric="rgb", planarconfig=planar, extratags=[tag])
        stills.append(decode_one(stream.getvalue()))

    assert np.array_equal(stills[0].rgb, stills[1].rgb)
    assert stills[0].full_size_px == stills[1].full_size_px == ((32, 48) if orientation >= 5 else (48, 32))


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0nonsense", b"Exif\0\0MM\0*"])
def test_damaged_exif_leaves_the_picture_as_stored(exif: bytes) -> None:
    assert mean_error(decode_one(encoded(RGB, "JPEG", quality=95, exif=exif)).rgb, RGB) < 3


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    ("side", "expected"), [(199, 199), (200, 100), (399, 200), (400, 100), (800, 100), (1700, 213)]
)
def test_large_jpeg_is_reduced_while_its_shortest_side_is_enough(side: int, expected: int, progressive: bool) -> None:
    picture = photograph(side + 64, side)

    still = decode_one(encoded(picture, "JPEG", quality=92, progressive=progressive), limits=Limits(enough_px=100))

    assert still.rgb.shape[0] == expected
    assert still.full_size_px == (side + 64, side)
    assert still.reduction == pytest.approx(side / expected, rel=0.02)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "BMP"])
def test_large_picture_of_any_format_is_shrunk_alike(form: str) -> None:
    picture = photograph(500, 420)
    limits = Limits(enough_px=100)

    still = decode_one(encoded(picture, form), limits=limits)

    reduced = decode_one(encoded(picture, "JPEG", quality=95), limits=limits)
    assert still.rgb.shape == reduced.rgb.shape == (105, 125, 3)
    assert still.full_size_px == (500, 420)
    assert mean_error(still.rgb, reduced.rgb) < 3


def test_reduced_jpeg_shows_the_same_picture() -> None:
    picture = photograph(640, 480)

    reduced = decode_one(encoded(picture, "JPEG", quality=92), limits=Limits(enough_px=120)).rgb

    assert mean_error(reduced, cv2.resize(picture, (160, 120), interpolation=cv2.INTER_AREA)) < 2


def test_reduced_jpeg_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[274] = 6
    content = encoded(photograph(640, 480), "JPEG", exif=exif.tobytes())

    still = decode_one(content, limits=Limits(enough_px=120))

    assert still.rgb.shape == (160, 120, 3)
    assert still.full_size_px == (480, 640)


@pytest.mark.parametrize("factors", [0x31, 0x13])
def test_jpeg_of_unnamed_sampling_is_unsupported(factors: int) -> None:
    content = bytearray(encoded(RGB, "JPEG", subsampling=0))
    content[content.index(b"\xff\xc0") + 11] = factors

    assert refusal(bytes(content)) == ("unsupported", "unsupported-pixels")


def test_jpeg_of_an_unknown_jfif_revision_is_read_and_its_damage_seen() -> None:
    content = encoded(RGB, "JPEG", quality=95)
    later = content.replace(b"JFIF\0\1", b"JFIF\0\7", 1)

    assert np.array_equal(decode_one(later).rgb, decode_one(content).rgb)
    assert refusal(later[: len(later) // 2] + b"\xff\xd9")[0] == "failed"


@given(st.binary(max_size=64))
def test_bytes_after_the_end_of_a_jpeg_do_not_matter(rest: bytes) -> None:
    content = encoded(RGB, "JPEG", quality=95)

    assert np.array_equal(decode_one(content + rest).rgb, decode_one(content).rgb)


def test_jpeg_with_preview_appended_is_the_first_picture() -> None:
    """Multi-picture JPEG, as cameras write it."""
    image = Image.fromarray(RGB)
    content = encoded(image, "MPO", save_all=True, append_images=[Image.fromarray(RGB[::-1])], quality=95)

    assert mean_error(decode_one(content).rgb, RGB) < 3


@pytest.mark.parametrize("name", ["eye.png", "eye.dcm", "eye.txt", "eye", "eye.zip"])
def test_content_decides_not_the_name(name: str) -> None:
    still = decode_one(encoded(RGB, "JPEG", quality=95), name)

    assert mean_error(still.rgb, RGB) < 3


def test_laterality_comes_from_a_plain_file_name() -> None:
    content = encoded(RGB, "PNG")

    named = decode_one(content, "clinic/10003_left.png")
    unnamed = decode_one(content, "left/10003.png")

    assert (named.laterality, named.laterality_source) == (Laterality.LEFT, LateralitySource.FILE_NAME)
    assert (unnamed.laterality, unnamed.laterality_source) == (None, None)


def test_frames_are_decoded_one_by_one() -> None:
    images = [Image.fromarray(RGB)] * 3

    stills = door.decode(encoded(images[0], "TIFF", save_all=True, append_images=images[1:]), "a.tif")

    assert next(stills).frame == 0


def png_of(columns: int, rows: int, bits: int = 8, colour_type: int = 2, scanlines: bytes = b"") -> bytes:
    """A PNG of any size in a few bytes."""

    def chunk(kind: bytes, payload: bytes) -> bytes:
        return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))

    header = struct.pack(">IIBBBBB", columns, rows, bits, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(scanlines)) + chunk(b"IEND", b"")
    )


def test_png_whose_pixels_end_early_is_truncated() -> None:
    for bits in (8, 16):
        assert refusal(png_of(64, 64, bits, scanlines=bytes(1000)))[1] in {"truncated", "broken-picture"}


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_png_round_trip_is_exact(columns: int, rows: int, seed: int) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), dtype=np.uint8)

    still = decode_one(encoded(rgb, "PNG"))

    assert np.array_equal(still.rgb, rgb)
    assert still.full_size_px == (columns, rows)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_pixels_cannot_be_changed_by_one_reader_for_the_next(form: str) -> None:
    still = decode_one(encoded(RGB, form))

    with pytest.raises(ValueError, match="read-only"):
        still.rgb[0, 0] = 0


def test_still_of_a_picture_is_complete() -> None:
    """Every field of a still is either set by a plain picture or belongs to DICOM or to many frames."""
    still = decode_one(encoded(RGB, "PNG"), "OD_1.png")

    unset = {field.name for field in dataclasses.fields(still) if getattr(still, field.name) is None}
    assert unset == {
        "frame",
        "modality",
        "age_years",
        "series_instance_uid",
        "sop_instance_uid",
    }
