"""JPEG 2000 is decoded outside the interpreter's lock to the samples that OpenJPEG by itself gives, or refused."""

from __future__ import annotations

import io
import re
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openjpeg import utils as openjpeg
from PIL import Image
from pydicom import uid

from aimis.domain.errors import BrokenInputError, CaseError
from aimis.imaging import dicom_codecs, j2k
from aimis.imaging.dicom_tags import PixelForm
from aimis.imaging.limits import DEFAULT_LIMITS
from aimis.ingest.examinations import Examinations, find_inputs
from aimis.ingest.volumes import VolumeItem
from tests.fakes import ct

pytestmark = pytest.mark.integration

Samples = npt.NDArray[Any]
START_OF_DATA, END_OF_STREAM = b"\xff\x93", b"\xff\xd9"
TILED_SHAPE = (150, 159)
FEW_TICKS = 10
"""More than a decoder allows that gives the lock up for its first and last step alone."""
GREY = PixelForm(
    rows=0,
    columns=0,
    samples=1,
    bits_allocated=16,
    bits_stored=16,
    shift_bits=0,
    signed=False,
    planar=False,
    photometric="MONOCHROME2",
    frames=1,
    transfer_syntax=uid.JPEG2000,
)
SIDES = st.integers(32, 90)


def decoded(codestream: bytes, shape: tuple[int, ...]) -> Samples:
    form = replace(GREY, rows=shape[0], columns=shape[1], samples=3 if len(shape) == 3 else 1)
    return dicom_codecs.decode_j2k_frame(codestream, form, DEFAULT_LIMITS).samples


@st.composite
def slices(draw: st.DrawFn) -> tuple[Samples, int]:
    """Samples with both ends of their range among them, and their bits."""
    bits, signed = draw(st.sampled_from([2, 7, 8, 9, 12, 15, 16])), draw(st.booleans())
    least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    samples = rng.integers(least, most, (draw(SIDES), draw(SIDES)))
    samples[0, :2] = least, most - 1
    return samples.astype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}"), bits


@settings(max_examples=40, deadline=None)
@given(made=slices())
def test_lossless_samples_come_back_bit_for_bit(made: tuple[Samples, int]) -> None:
    samples, bits = made

    found = decoded(
        bytes(openjpeg.encode_array(samples, bits_stored=bits, photometric_interpretation=2)), samples.shape
    )

    assert found.dtype == samples.dtype
    np.testing.assert_array_equal(found, samples)


@settings(max_examples=40, deadline=None)
@given(made=slices(), ratio=st.sampled_from([2.0, 8.0, 40.0]))
def test_lossy_samples_are_those_of_openjpeg(made: tuple[Samples, int], ratio: float) -> None:
    samples, bits = made
    coded = openjpeg.encode_array(samples, bits_stored=bits, photometric_interpretation=2, compression_ratios=[ratio])

    found, expected = decoded(bytes(coded), samples.shape), openjpeg.decode(bytes(coded))

    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=60, deadline=None)
@given(
    mode=st.sampled_from(["L", "I;16", "RGB"]),
    side=st.integers(100, 127),
    tiled=st.booleans(),
    irreversible=st.booleans(),
    signed=st.booleans(),
    transformed=st.booleans(),
    resolutions=st.integers(1, 4),
    progression=st.sampled_from(["LRCP", "RLCP", "RPCL", "PCRL", "CPRL"]),
)
def test_any_form_of_codestream_gives_the_samples_of_openjpeg(
    mode: str,
    side: int,
    tiled: bool,
    irreversible: bool,
    signed: bool,
    transformed: bool,
    resolutions: int,
    progression: str,
) -> None:
    coded = io.BytesIO()
    picture(mode, side).save(
        coded,
        "JPEG2000",
        no_jp2=True,
        irreversible=irreversible,
        signed=signed,
        mct=int(transformed),
        num_resolutions=resolutions,
        progression=progression,
        **({"tile_size": (64, 64)} if tiled else {}),
    )

    expected = openjpeg.decode(coded.getvalue())
    found = decoded(coded.getvalue(), expected.shape)

    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def picture(mode: str, side: int) -> Image.Image:
    down, across = np.indices((side, side + 9))
    if mode == "RGB":
        return Image.fromarray(np.dstack([down * 2, across, (down * across) % 256]).astype(np.uint8))
    return Image.fromarray((down * 301 + across * 577).astype(np.uint16 if mode == "I;16" else np.uint8))


# Damage.


@pytest.fixture(scope="module")
def whole() -> bytes:
    down, across = np.indices((96, 80))
    samples = (down * 21 + across * 13 + np.random.default_rng(1).integers(0, 40, (96, 80))).astype(np.uint16)
    return bytes(openjpeg.encode_array(samples, bits_stored=12, photometric_interpretation=2))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_codestream_that_is_cut_anywhere_is_refused(whole: bytes, data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(whole) - 3))

    with pytest.raises(BrokenInputError):
        decoded(whole[:kept], (96, 80))


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_damage_is_refused_where_openjpeg_refuses_it_and_else_gives_its_samples(
    whole: bytes, data: st.DataObject
) -> None:
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(whole.index(START_OF_DATA) + 2, len(whole) - 1))
        content[at : at + data.draw(st.sampled_from([1, 40]))] = data.draw(st.binary(min_size=1, max_size=40))

    found, expected = outcome(decoded, bytes(content), (96, 80)), outcome(openjpeg.decode, bytes(content))

    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        np.testing.assert_array_equal(found, expected)


def outcome(decode: Callable[..., Samples], *arguments: Any) -> Samples | None:
    try:
        return decode(*arguments)
    except (CaseError, RuntimeError):
        return None


def test_components_that_differ_in_sign_are_refused() -> None:
    coded = bytearray(openjpeg.encode_array(np.zeros((40, 40, 3), np.uint8), photometric_interpretation=1))
    coded[45] |= 0x80

    with pytest.raises(CaseError, match="unsupported-pixels"):
        decoded(bytes(coded), (40, 40, 3))


def test_header_of_a_larger_picture_than_its_tiles_make_is_truncated(whole: bytes) -> None:
    wider = bytearray(whole)
    wider[8:12] = struct.pack(">I", 5000)

    with pytest.raises(BrokenInputError, match="truncated"):
        decoded(bytes(wider), (96, 5000))


def test_header_of_tiles_without_a_size_is_refused(whole: bytes) -> None:
    sizeless = bytearray(whole)
    sizeless[24:28] = bytes(4)

    with pytest.raises(BrokenInputError, match="broken-picture"):
        decoded(bytes(sizeless), (96, 80))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_codestream_of_tiles_that_is_cut_anywhere_is_refused(data: st.DataObject) -> None:
    content, starts = tiled()
    kept = data.draw(st.sampled_from([near for at in starts for near in (at, at + 1, at + 2, at + 12, at + 14)]))

    with pytest.raises(BrokenInputError):
        decoded(content[:kept] + data.draw(st.sampled_from([b"", END_OF_STREAM])), TILED_SHAPE)


def test_missing_tile_in_the_middle_is_noticed() -> None:
    content, starts = tiled()

    with pytest.raises(BrokenInputError, match="truncated"):
        decoded(content[: starts[3]] + content[starts[4] :], TILED_SHAPE)


def test_missing_part_of_a_tile_is_noticed() -> None:
    content, starts = tiled()
    of_two = bytearray(content)
    of_two[starts[3] + 11] = 2

    with pytest.raises(BrokenInputError, match="truncated"):
        decoded(bytes(of_two), TILED_SHAPE)


def test_last_tile_need_not_say_its_length() -> None:
    content, starts = tiled()
    unsaid = bytearray(content)
    unsaid[starts[-1] + 6 : starts[-1] + 10] = bytes(4)

    np.testing.assert_array_equal(decoded(bytes(unsaid), TILED_SHAPE), decoded(content, TILED_SHAPE))


@cache
def tiled() -> tuple[bytes, list[int]]:
    """Nine tiles, and where each starts."""
    coded = io.BytesIO()
    picture("I;16", TILED_SHAPE[0]).save(coded, "JPEG2000", no_jp2=True, tile_size=(64, 64))
    content = coded.getvalue()
    return content, [found.start() for found in re.finditer(b"\xff\x90\x00\x0a", content)]


def test_one_damaged_slice_of_a_series_limits_it(tmp_path: Path) -> None:
    scan = ct.scan(ct.Scanner(shape=(46, 40, 44), spacing_mm=(3.0, 8.0, 8.5), first_mm=80.0), vessels=0)
    folder = ct.write_dicom(tmp_path, scan, ct.Writing(transfer_syntax=uid.JPEG2000Lossless, signed=True, intercept=0))
    damaged = sorted(folder.iterdir())[12]
    damaged.write_bytes(damaged.read_bytes()[:-100])

    (item,) = find_inputs([str(folder)], examinations=Examinations.NONE, volumes=True)
    assert isinstance(item, VolumeItem)
    volume = item.load()

    assert [reason.code for reason in volume.limited] == ["slices-broken-few"]
    np.testing.assert_array_equal(np.delete(volume.hu, 12, 0), np.delete(scan.hu, 12, 0))


# Both cores.


def test_other_threads_go_on_while_a_slice_is_decoded() -> None:
    """Where no thread is made to give the interpreter's lock up, others run only if the decoder does."""
    samples = np.random.default_rng(2).integers(0, 4096, (512, 512)).astype(np.uint16)
    coded = bytes(openjpeg.encode_array(samples, bits_stored=12, photometric_interpretation=2))
    header = j2k.read_j2k_header(coded)

    with never_made_to_switch(), ticking() as ticks:
        assert any(ticks_of(ticks, lambda: j2k.decode_samples(coded, header)) > FEW_TICKS for _ in range(50))


def ticks_of(ticks: list[int], work: Callable[[], object]) -> int:
    before = ticks[0]
    work()
    return ticks[0] - before


@contextmanager
def never_made_to_switch() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(3600.0)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def ticking() -> Iterator[list[int]]:
    """A thread that counts, and lets go of the lock after each number."""
    ticks, ended = [0], threading.Event()

    def count() -> None:
        while not ended.wait(0.0005):
            ticks[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield ticks
    finally:
        ended.set()
        thread.join()
