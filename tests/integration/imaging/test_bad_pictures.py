"""Broken, foreign and hostile files: each gets its own status and code, and none a half picture."""

from __future__ import annotations

import gzip
import itertools
import pickle
import re
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aimis.domain.errors import CaseError
from aimis.imaging.foreign import foreign_decoder
from aimis.imaging.jpeg import read_header
from aimis.imaging.limits import Limits
from tests.fakes.pictures import decode_all, decode_one, encoded, mean_error, photograph, refusal

pytestmark = pytest.mark.integration

RGB = photograph()
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "jpeg": ("JPEG", {"quality": 90}),
    "progressive jpeg": ("JPEG", {"quality": 90, "progressive": True}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {}),
    "lossless webp": ("WEBP", {"lossless": True}),
    "tiff": ("TIFF", {}),
    "lzw tiff": ("TIFF", {"compression": "tiff_lzw"}),
    "bmp": ("BMP", {}),
}


def sample(name: str) -> bytes:
    form, options = FORMS[name]
    return encoded(RGB, form, **options)


def png_chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png_of(columns: int, rows: int, bits: int = 8, colour_type: int = 2, pixels: bytes = b"") -> bytes:
    """A PNG that says any size, in a few bytes."""
    header = struct.pack(">IIBBBBB", columns, rows, bits, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(itertools.starmap(png_chunk, chunks))


def resized(content: bytes, name: str, columns: int, rows: int) -> bytes:
    """A file whose header says another size than it has."""
    if "jpeg" in name:
        at = re.search(rb"\xff[\xc0\xc2]\x00\x11\x08", content).end()  # type: ignore[union-attr]
        return content[:at] + struct.pack(">HH", rows, columns) + content[at + 4 :]
    if name == "bmp":
        return content[:18] + struct.pack("<ii", columns, rows) + content[26:]
    if name == "webp":
        at = content.index(b"\x9d\x01\x2a") + 3
        return content[:at] + struct.pack("<HH", columns, rows) + content[at + 4 :]
    if name == "lossless webp":
        at = content.index(b"VP8L") + 9
        flags = int.from_bytes(content[at : at + 4], "little") >> 28 << 28
        return content[:at] + (flags | (rows - 1) << 14 | (columns - 1)).to_bytes(4, "little") + content[at + 4 :]
    if name == "png":
        return png_of(columns, rows)
    for tag, value in ((256, columns), (257, rows)):
        content = re.sub(
            struct.pack("<H", tag) + rb"[\x03\x04]\x00\x01\x00\x00\x00....",
            re.escape(struct.pack("<HHII", tag, 4, 1, value)).replace(rb"\.", b"."),
            content,
            count=1,
            flags=re.DOTALL,
        )
    return content


def test_empty_file_is_said_to_be_empty() -> None:
    assert refusal(b"") == ("failed", "empty-file")


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("kept", [0.999, 0.9, 0.5, 0.2])
def test_truncated_picture_is_no_half_picture(name: str, kept: float) -> None:
    content = sample(name)

    assert refusal(content[: int(len(content) * kept)]) == ("failed", "truncated")


@given(st.sampled_from(sorted(FORMS)), st.data())
@settings(max_examples=100)
def test_cut_anywhere_is_refused(name: str, data: st.DataObject) -> None:
    content = sample(name)
    cut = data.draw(st.integers(16, len(content) - 1))

    status, code = refusal(content[:cut])

    assert status == "failed"
    assert code in {"truncated", "broken-picture", "not-a-known-format"}


def test_jpeg_without_its_last_two_bytes_is_truncated() -> None:
    assert refusal(sample("jpeg")[:-2]) == ("failed", "truncated")


@pytest.mark.parametrize("kept", [0.5, 0.8])
@pytest.mark.parametrize("name", ["jpeg", "progressive jpeg"])
def test_jpeg_filled_up_with_zeros_is_no_half_grey_picture(name: str, kept: float) -> None:
    """As an interrupted copy leaves it."""
    content = sample(name)
    size = int(len(content) * kept)

    assert refusal(content[:size] + bytes(len(content) - size))[0] == "failed"


def test_jpeg_that_ends_in_the_middle_of_its_picture_is_refused() -> None:
    content = sample("jpeg")

    status, code = refusal(content[: len(content) // 2] + b"\xff\xd9")

    assert status == "failed"
    assert code in {"truncated", "broken-picture"}


def test_jpeg_damaged_in_the_middle_is_broken() -> None:
    content = encoded(photograph(256, 256), "JPEG", quality=95)
    middle = len(content) // 2

    assert refusal(content[:middle] + b"\xff\xd3" + content[middle + 2 :]) == ("failed", "broken-picture")


def test_jpeg_with_garbage_before_its_end_is_still_whole() -> None:
    content = sample("jpeg")

    assert mean_error(decode_one(content[:-2] + bytes(12) + b"\xff\xd9").rgb, decode_one(content).rgb) == 0


def test_png_with_a_wrong_checksum_is_broken() -> None:
    content = bytearray(sample("png"))
    content[content.index(b"IDAT") + 20] ^= 1

    assert refusal(bytes(content)) == ("failed", "broken-picture")


@pytest.mark.parametrize("bits", [8, 16])
def test_png_whose_pixels_end_early_is_no_half_picture(bits: int) -> None:
    assert refusal(png_of(64, 64, bits, pixels=bytes(1000)))[0] == "failed"


def test_png_texts_of_any_size_do_not_matter() -> None:
    content = sample("png")
    bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000)))

    assert np.array_equal(decode_one(content[:33] + bomb + content[33:]).rgb, RGB)


@pytest.mark.parametrize("name", FORMS)
def test_picture_beyond_the_limit_is_refused(name: str) -> None:
    assert refusal(sample(name), Limits(max_pixels=48 * 32 - 1)) == ("unsupported", "too-large")
    assert decode_one(sample(name), limits=Limits(max_pixels=48 * 32)).full_size_px == (48, 32)


@pytest.mark.parametrize("name", sorted(set(FORMS) - {"lossless webp"}))  # which cannot say that it has no width
def test_picture_of_no_width_is_broken(name: str) -> None:
    assert refusal(resized(sample(name), name, 0, 32))[0] == "failed"


MEASURE_MEMORY = """
import pickle, resource, sys
from aimis.domain.errors import CaseError
from aimis.imaging import decode
for name, content in pickle.load(sys.stdin.buffer):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        code = len(list(decode.decode(content, name)))
    except CaseError as error:
        code = error.reason.code
    print(name, code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, sep=";")
"""


def test_huge_pictures_are_refused_before_their_pixels_are_held() -> None:
    """30,000 x 30,000, or the most a WebP can say; in a process of its own, for the peak of memory never falls."""
    bombs = [(name, resized(sample(name), name, *[16383 if "webp" in name else 30_000] * 2)) for name in FORMS]

    done = subprocess.run(
        [sys.executable, "-c", MEASURE_MEMORY], input=pickle.dumps(bombs), capture_output=True, check=True
    )

    lines = [line.split(";") for line in done.stdout.decode().splitlines()]
    assert [(name, code) for name, code, _ in lines] == [(name, "too-large") for name in FORMS]
    assert max(int(grown_kb) for _, _, grown_kb in lines) < 50_000
    assert done.stderr == b""


def test_deep_picture_meets_the_limit_of_bytes_first() -> None:
    deep = bytes(cv2.imencode(".png", np.zeros((40, 40, 3), np.uint16))[1])
    flat = encoded(np.zeros((40, 40, 3), np.uint8), "PNG")
    limits = Limits(max_decoded_bytes=40 * 40 * 8)

    assert refusal(deep, limits) == ("unsupported", "too-large")
    assert decode_one(flat, limits=limits).full_size_px == (40, 40)


def test_jpeg_of_endless_scans_is_refused() -> None:
    """A progressive JPEG may ask for any number of passes over a huge picture, a few bytes each."""
    content = resized(sample("progressive jpeg"), "progressive jpeg", 9000, 9000)
    scan = content[content.rindex(b"\xff\xda") : -2]

    assert refusal(content[:-2] + scan * 60 + b"\xff\xd9") == ("failed", "broken-picture")


def test_scan_after_one_of_all_colours_is_no_picture() -> None:
    """So that of such a file nobody need count the scans."""
    content = encoded(RGB, "JPEG")
    scan = content[content.rindex(b"\xff\xda") : -2]

    assert read_header(content).one_scan
    assert not read_header(sample("progressive jpeg")).one_scan
    assert refusal(content[:-2] + scan + b"\xff\xd9") == ("failed", "broken-picture")


def test_file_beyond_the_limit_of_bytes_is_refused() -> None:
    assert refusal(sample("bmp"), Limits(max_bytes=1000)) == ("unsupported", "file-too-large")


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (encoded(RGB, "GIF"), "GIF"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
        (b"PK\x03\x04" + bytes(40), "ZIP"),
        (struct.pack("<i", 348) + bytes(340) + b"n+1\0" + bytes(20), "NIfTI"),
        (gzip.compress(struct.pack("<i", 348) + bytes(340) + b"n+1\0" + bytes(20)), "NIfTI"),
        (gzip.compress(b"something"), "gzip"),
        (b"\0\0\0\x20ftypheic" + bytes(20), "HEIC"),
        (b"\0\0\0\x20ftypisom" + bytes(20), "video"),
        (encoded(RGB, "JPEG2000"), "JPEG 2000"),
        (b"patient;eye;grade\n1;left;3\n", "text"),
        ("眼底照片\n".encode() * 100, "text"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_known_other_format_is_named(content: bytes, shown: str) -> None:
    with pytest.raises(CaseError) as raised:
        decode_all(content)

    assert raised.value.status == "unsupported"
    assert raised.value.reason.code == "unsupported-file"
    assert raised.value.reason.values == (("format", shown),)


@given(st.binary(min_size=1, max_size=300))
def test_bytes_of_no_format_are_refused(content: bytes) -> None:
    assert refusal(b"\x07" + content) == ("failed", "not-a-known-format")


@pytest.mark.parametrize("form", ["WEBP", "PNG"])
def test_animation_is_unsupported(form: str) -> None:
    frames = [Image.fromarray(RGB), Image.fromarray(RGB[::-1])]

    content = encoded(frames[0], form, save_all=True, append_images=frames[1:])

    assert refusal(content) == ("unsupported", "animation")


@pytest.mark.parametrize(("process", "bits"), [(0xC3, 8), (0xC1, 12), (0xC9, 8)])
def test_jpeg_of_unread_process_is_unsupported(process: int, bits: int) -> None:
    content = bytearray(sample("jpeg"))
    frame = content.index(b"\xff\xc0\x00\x11")
    content[frame + 1], content[frame + 4] = process, bits

    assert refusal(bytes(content)) == ("unsupported", "unsupported-file")


def test_jpeg_without_picture_is_broken() -> None:
    assert refusal(b"\xff\xd8\xff\xd9") == ("failed", "broken-picture")
    assert refusal(b"\xff\xd8\xff\xe0\x00\x02\xff\xd9")[0] == "failed"


def test_tiff_whose_strips_lie_outside_the_file_is_truncated() -> None:
    content = sample("tiff")

    assert refusal(content[: len(content) - 100]) == ("failed", "truncated")


def test_tiff_whose_directories_loop_ends() -> None:
    content = bytearray(sample("tiff"))
    first = int.from_bytes(content[4:8], "little")
    entries = int.from_bytes(content[first : first + 2], "little")
    content[first + 2 + 12 * entries : first + 6 + 12 * entries] = content[4:8]

    assert np.array_equal(decode_one(bytes(content)).rgb, RGB)


def test_tiff_without_size_holds_no_pixels() -> None:
    content = sample("tiff").replace(struct.pack("<HH", 256, 4), struct.pack("<HH", 255, 4))
    content = content.replace(struct.pack("<HH", 256, 3), struct.pack("<HH", 255, 3))

    assert refusal(content) == ("failed", "no-pixels")


def test_webp_without_picture_is_broken() -> None:
    chunk = b"XMP " + struct.pack("<I", 8) + bytes(8)

    assert refusal(b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk) == ("failed", "broken-picture")


def test_decoders_say_nothing_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    for name in FORMS:
        content = sample(name)
        for position in range(30, len(content), max(1, len(content) // 40)):
            broken = content[:position] + b"\xff\x00\x41" + content[position + 3 :]
            try:
                decode_all(broken)
            except CaseError:
                continue

    assert capfd.readouterr() == ("", "")


def test_warnings_of_decoders_are_dropped_and_filters_restored() -> None:
    before = list(warnings.filters)

    with foreign_decoder("broken-picture"):
        warnings.warn("a decoder's worry", stacklevel=1)

    assert list(warnings.filters) == before
    with pytest.warns(UserWarning, match="ours"):
        warnings.warn("ours", stacklevel=1)


def test_filters_are_restored_after_decoding_in_many_threads() -> None:
    before = list(warnings.filters)
    content = sample("png")

    threads = [threading.Thread(target=lambda: [decode_one(content) for _ in range(30)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(warnings.filters) == before


def test_unforeseen_exception_is_not_hidden() -> None:
    class UnforeseenError(Exception):
        pass

    with pytest.raises(UnforeseenError), foreign_decoder("broken-picture"):
        raise UnforeseenError


def test_case_error_passes_the_border_unchanged() -> None:
    with pytest.raises(CaseError, match="too-large"), foreign_decoder("broken-picture"):
        Limits(max_pixels=1).check_size(2, 2)


@given(st.integers(1, 70_000), st.integers(1, 70_000))
def test_reduction_keeps_the_shortest_side_long_enough(columns: int, rows: int) -> None:
    limits = Limits()
    by = limits.reduction(columns, rows)

    assert by in {1, 2, 4, 8}
    assert by == 1 or min(columns, rows) // by >= limits.enough_px
    assert by == 8 or min(columns, rows) < 2 * by * limits.enough_px
