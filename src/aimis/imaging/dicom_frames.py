"""The frames of a data set's pixel data, one by one.

Source: DICOM PS3.5 section 8 and annex A.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from pydicom import encaps, uid

from aimis.domain.errors import BrokenInputError, UnsupportedInputError
from aimis.imaging import dicom_tags
from aimis.imaging.dicom_codecs import CODECS, Decoded

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from aimis.imaging import colour
    from aimis.imaging.dicom_tags import PixelForm
    from aimis.imaging.limits import Limits

_NATIVE = frozenset(
    {
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
    }
)
FrameWork = Callable[[], Decoded]
"""Decodes one frame when called; raises what its codec raises."""
_CODESTREAM_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")


def frame_works(dataset: Dataset, form: PixelForm, limits: Limits) -> Iterator[FrameWork]:
    """What decodes each frame, exactly as many as the data set says it holds.

    Raises `BrokenInputError` "truncated" where the pixel data are too short, "broken-dicom" where they hold more
    than is said, and `UnsupportedInputError` "unsupported-transfer-syntax".
    """
    known = form.transfer_syntax in _NATIVE or form.transfer_syntax in CODECS
    if not known:
        raise UnsupportedInputError("unsupported-transfer-syntax", transfer_syntax=form.transfer_syntax.name)
    with dicom_tags.reading_tag("PixelData"):
        element = dataset["PixelData"]
        pixels = bytes(element.value or b"")
    if (form.transfer_syntax in CODECS) != bool(element.is_undefined_length) and pixels:
        raise BrokenInputError("broken-dicom", why="TransferSyntaxUID")
    if not pixels:
        raise BrokenInputError("no-pixels")
    if form.transfer_syntax in _NATIVE:
        yield from _native_frames(pixels, form, swapped=_is_swapped(element.VR, form))
    else:
        for frame in _encoded_frames(dataset, pixels, form):
            yield partial(CODECS[form.transfer_syntax], frame, form, limits)


def _is_swapped(vr: str, form: PixelForm) -> bool:
    """8-bit samples written as 16-bit words, big end first."""
    return vr == "OW" and form.bits_allocated == 8 and form.transfer_syntax == uid.ExplicitVRBigEndian


def _native_frames(pixels: bytes, form: PixelForm, *, swapped: bool) -> Iterator[FrameWork]:
    halved = form.photometric == "YBR_FULL_422"
    frame_bytes = form.rows * form.columns * (2 if halved else form.samples) * form.bits_allocated // 8
    _check_length(pixels, frame_bytes, form)
    order = ">" if form.transfer_syntax == uid.ExplicitVRBigEndian else "<"
    flat = np.frombuffer(pixels, np.uint8 if form.bits_allocated == 8 else f"{order}u2")
    if swapped:
        flat = flat[: len(flat) // 2 * 2].reshape(-1, 2)[:, ::-1].ravel()
    size = frame_bytes * 8 // form.bits_allocated
    for frame in range(form.frames):
        yield partial(_native_frame, flat[frame * size : (frame + 1) * size], form)


def _native_frame(samples: colour.Samples, form: PixelForm) -> Decoded:
    halved = form.photometric == "YBR_FULL_422"
    return Decoded(
        samples=_unpack_422(samples, form) if halved else _stored_values(samples, form), bits=form.bits_stored
    )


def _check_length(pixels: bytes, frame_bytes: int, form: PixelForm) -> None:
    """Too few bytes are a cut file; too many mean that a tag lies, unless they are padding."""
    expected = frame_bytes * form.frames
    excess = pixels[expected:]
    if len(pixels) < expected:
        raise BrokenInputError("truncated")
    if len(excess) > 1 and (len(excess) >= frame_bytes or any(excess)):
        raise BrokenInputError("broken-dicom", why="PixelData")


def _stored_values(samples: colour.Samples, form: PixelForm) -> colour.Samples:
    """Shape (rows, columns) or (rows, columns, 3); bits outside the stored ones are dropped."""
    values = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    if form.shift_bits:
        values = values >> form.shift_bits
    if form.bits_stored < form.bits_allocated:
        values = values & np.array(2**form.bits_stored - 1, values.dtype)
    if not form.is_colour:
        return values.reshape(form.rows, form.columns)
    if form.planar:
        return np.ascontiguousarray(values.reshape(3, form.rows, form.columns).transpose(1, 2, 0))
    return values.reshape(form.rows, form.columns, 3)


def _unpack_422(samples: colour.Samples, form: PixelForm) -> colour.Samples:
    """Two pixels in four bytes, Y Y Cb Cr (PS3.3 C.7.6.3.1.2), to three bytes a pixel."""
    if form.columns % 2 or form.bits_allocated != 8:
        raise BrokenInputError("broken-dicom", why="Columns")
    pairs = samples.reshape(form.rows, form.columns // 2, 4)
    luminance = pairs[..., :2].reshape(form.rows, form.columns)
    blue, red = (np.repeat(pairs[..., at], 2, axis=1) for at in (2, 3))
    return np.dstack([luminance, blue, red])


def _encoded_frames(dataset: Dataset, pixels: bytes, form: PixelForm) -> Iterator[bytes]:
    """The encoded frames; their count is checked against what is said."""
    with dicom_tags.reading_tag("PixelData"):
        _check_fragments(pixels, form)
        offsets = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
        frames = encaps.generate_frames(
            pixels, number_of_frames=form.frames, extended_offsets=offsets if all(offsets) else None
        )
    found = 0
    while (frame := _next(frames)) is not None:
        found += 1
        if found > form.frames:
            raise BrokenInputError("broken-dicom", why="NumberOfFrames")
        yield frame
    if found < form.frames:
        raise BrokenInputError("truncated" if found else "no-pixels")


def _next(frames: Iterator[bytes]) -> bytes | None:
    with dicom_tags.reading_tag("PixelData"):
        return next(frames, None)


def _check_fragments(pixels: bytes, form: PixelForm) -> None:
    """A fragment that starts a picture of its own must be counted as a frame."""
    starts = sum(fragment.startswith(_CODESTREAM_STARTS) for fragment in _fragments(pixels))
    if starts > form.frames:
        raise BrokenInputError("broken-dicom", why="NumberOfFrames")


def _fragments(pixels: bytes) -> Iterator[bytes]:
    """The fragments after the basic offset table."""
    fragments = encaps.generate_fragments(pixels)
    next(fragments, None)
    return fragments
