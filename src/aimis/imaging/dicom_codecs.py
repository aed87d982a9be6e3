"""One compressed frame to samples: a table of transfer syntaxes, and a function for each kind.

Each codec compares the frame's own header with the data set's before it decodes: a frame of another size would
be reshaped into a picture that never was.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jpeg_ls
import numpy as np
from pydicom import uid

from aimis.domain.errors import BrokenInputError
from aimis.imaging import colour, gdcm_process, j2k, jpeg
from aimis.imaging.dicom_tags import PixelForm
from aimis.imaging.foreign import foreign_decoder
from aimis.imaging.limits import Limits

_BASELINE, _EXTENDED, _PROGRESSIVE, _LOSSLESS, _JPEG_LS = 0xC0, 0xC1, 0xC2, 0xC3, 0xF7
_END_OF_IMAGE = b"\xff\xd9"
_NO_TRANSFORM = b"\xff\xee\x00\x0eAdobe\x00\x65\x00\x00\x00\x00\x00"
"""An Adobe segment that says: no colour transform."""
_DEEP_REQUEST = struct.Struct("<5I")
_DAMAGE = re.compile(rb"Corrupt JPEG data|Premature end")
_HARMLESS = b"extraneous bytes before marker 0xd9"
_PLANES_APART = 0
_MOST_RLE_SEGMENTS = 15


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """One frame.

    samples : shape (rows, columns) or (rows, columns, 3); 8 or 16 bit, fewer pixels than stored where reduced
    bits : of a sample's full scale
    is_rgb : the codec has already undone the colour transform
    """

    samples: colour.Samples
    bits: int
    is_rgb: bool = False


Codec = Callable[[bytes, PixelForm, Limits], Decoded]
ByGdcm = Callable[[bytes], tuple[bytes, bytes]]
"""Takes a request, gives pixels and what GDCM said: see `gdcm_process`."""


def decode_jpeg_frame(
    frame: bytes, form: PixelForm, limits: Limits, *, by_gdcm: ByGdcm = gdcm_process.decode_once
) -> Decoded:
    """JPEG as its own frame marker says: baseline, extended, progressive, or lossless.

    by_gdcm : how a frame that only GDCM decodes gets to it
    """
    header = jpeg.read_header(frame)
    _check(form, header.columns, header.rows, header.components, header.bits)
    if header.process in {_BASELINE, _EXTENDED, _PROGRESSIVE, _LOSSLESS} and header.bits == 8:
        return _decode_8_bit_frame(frame, header, form, limits)
    if header.process not in {_EXTENDED, _LOSSLESS} or header.bits < 8:
        raise BrokenInputError("broken-dicom", why="TransferSyntaxUID")
    limits.check_size(form.columns, form.rows, bytes_per_pixel=10 * form.samples)
    return _decode_deep_frame(frame, header, form, by_gdcm)


def decode_jpeg_ls_frame(frame: bytes, form: PixelForm, limits: Limits) -> Decoded:
    """JPEG-LS, lossless or near-lossless."""
    header = jpeg.read_header(frame)
    _check(form, header.columns, header.rows, header.components, header.bits)
    limits.check_size(form.columns, form.rows, bytes_per_pixel=6 * form.samples)
    if not frame.rstrip(b"\0").endswith(_END_OF_IMAGE):
        raise BrokenInputError("truncated")  # of which the decoder would make sure for a quarter of a minute
    with foreign_decoder("broken-picture", why="JPEG-LS"):
        pixels, said = jpeg_ls.decode_pixel_data(frame)
    samples = np.frombuffer(pixels, np.uint8 if header.bits <= 8 else "<u2")
    apart = form.is_colour and said["interleave_mode"] == _PLANES_APART
    return Decoded(samples=_shaped(samples, form, planar=apart), bits=header.bits)


def decode_j2k_frame(frame: bytes, form: PixelForm, limits: Limits) -> Decoded:
    """JPEG 2000 and High-Throughput JPEG 2000, lossless or not; the colour transform is undone."""
    header = j2k.read_j2k_header(frame)
    _check(form, header.columns, header.rows, header.components, header.bits)
    limits.check_size(form.columns, form.rows, bytes_per_pixel=8 * form.samples)
    j2k.check_tiles(frame, header)
    with foreign_decoder("broken-picture", why="JPEG 2000"):
        samples = j2k.decode_samples(frame, header)
    if samples.shape[:2] != (form.rows, form.columns):
        raise BrokenInputError("broken-dicom", why="Rows")
    return Decoded(samples=samples, bits=header.bits, is_rgb=form.photometric in {"YBR_ICT", "YBR_RCT"})


def decode_rle_frame(frame: bytes, form: PixelForm, limits: Limits) -> Decoded:
    """RLE: a segment for each byte of each colour, the upper byte first (PS3.5 annex G)."""
    limits.check_size(form.columns, form.rows, bytes_per_pixel=6 * form.samples)
    width = form.bits_allocated // 8
    offsets = _rle_offsets(frame, form.samples * width)
    pixels = form.rows * form.columns
    segments = [_rle_segment(frame[a:b], pixels) for a, b in zip(offsets, [*offsets[1:], len(frame)], strict=True)]
    planes = np.stack([np.frombuffer(segment, np.uint8) for segment in segments])
    values = planes.reshape(form.samples, width, pixels).transpose(0, 2, 1)
    samples = np.ascontiguousarray(values).view(">u2" if width == 2 else np.uint8)
    return Decoded(samples=_shaped(samples.ravel(), form, planar=True), bits=form.bits_stored)


CODECS: Mapping[uid.UID, Codec] = {
    uid.JPEGBaseline8Bit: decode_jpeg_frame,
    uid.JPEGExtended12Bit: decode_jpeg_frame,
    uid.JPEGLossless: decode_jpeg_frame,
    uid.JPEGLosslessSV1: decode_jpeg_frame,
    uid.JPEGLSLossless: decode_jpeg_ls_frame,
    uid.JPEGLSNearLossless: decode_jpeg_ls_frame,
    uid.JPEG2000Lossless: decode_j2k_frame,
    uid.JPEG2000: decode_j2k_frame,
    uid.HTJ2KLossless: decode_j2k_frame,
    uid.HTJ2KLosslessRPCL: decode_j2k_frame,
    uid.HTJ2K: decode_j2k_frame,
    uid.RLELossless: decode_rle_frame,
}


def _check(form: PixelForm, columns: int, rows: int, components: int, bits: int) -> None:
    """Refuse a data set that says other than the frame itself."""
    if (columns, rows) != (form.columns, form.rows):
        raise BrokenInputError("broken-dicom", why="Rows")
    if components != form.samples:
        raise BrokenInputError("broken-dicom", why="SamplesPerPixel")
    if not 2 <= bits <= form.bits_allocated:
        raise BrokenInputError("broken-dicom", why="BitsAllocated")


def _decode_8_bit_frame(frame: bytes, header: jpeg.JpegHeader, form: PixelForm, limits: Limits) -> Decoded:
    """JPEG of 8 bits, lossless or not; what the stream says of its colours goes before what the data set says."""
    unmarked = not header.has_jfif and header.adobe_transform is None
    as_stored = form.is_colour and unmarked and (form.photometric == "RGB" or header.process == _LOSSLESS)
    if as_stored:
        frame = frame[:2] + _NO_TRANSFORM + frame[2:]
    by = jpeg.check_cost(header, frame, limits)
    samples = jpeg.decode_samples(frame, header, 1 if form.is_palette or header.process == _LOSSLESS else by)
    if not form.is_colour:
        return Decoded(samples=samples[..., 0], bits=8)
    return Decoded(samples=samples, bits=8, is_rgb=not as_stored or form.photometric == "RGB")


def _decode_deep_frame(frame: bytes, header: jpeg.JpegHeader, form: PixelForm, by_gdcm: ByGdcm) -> Decoded:
    """JPEG of more bits, by GDCM in another process (see `gdcm_frame`), which tells of damage in words alone."""
    lossless = header.process == _LOSSLESS
    request = _DEEP_REQUEST.pack(form.columns, form.rows, form.samples, header.bits, lossless) + frame
    pixels, said = by_gdcm(request)
    if any(_DAMAGE.search(line) and _HARMLESS not in line for line in said.splitlines()):
        raise BrokenInputError("broken-picture", why="JPEG lossless" if lossless else "JPEG 12 bit")
    return Decoded(samples=_shaped(np.frombuffer(pixels, "<u2"), form, planar=False), bits=header.bits)


def _rle_offsets(frame: bytes, expected: int) -> list[int]:
    if len(frame) < 64:
        raise BrokenInputError("truncated")
    count, *offsets = struct.unpack_from("<16I", frame)
    if count != expected or expected > _MOST_RLE_SEGMENTS:
        raise BrokenInputError("broken-dicom", why="BitsAllocated")
    return offsets[:count]


def _rle_segment(encoded: bytes, size: int) -> bytes:
    """The first `size` bytes of a segment of runs; a run past them is padding."""
    decoded = bytearray()
    at = 0
    while len(decoded) < size and at + 1 < len(encoded):
        length = encoded[at] + 1
        if length > 129:
            decoded += encoded[at + 1 : at + 2] * (258 - length)
            at += 2
        elif length < 129:
            decoded += encoded[at + 1 : at + 1 + length]
            at += 1 + length
        else:
            at += 1
    if len(decoded) < size:
        raise BrokenInputError("truncated")
    return bytes(decoded[:size])


def _shaped(samples: colour.Samples, form: PixelForm, *, planar: bool) -> colour.Samples:
    """Flat samples as (rows, columns) or (rows, columns, 3), in this machine's byte order."""
    native = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    if not form.is_colour:
        return native.reshape(form.rows, form.columns)
    if planar:
        return np.ascontiguousarray(native.reshape(3, form.rows, form.columns).transpose(1, 2, 0))
    return native.reshape(form.rows, form.columns, 3)
