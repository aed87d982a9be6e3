"""One slice's pixels to Hounsfield units.

Source: DICOM PS3.3 C.7.6.3.1 (stored bits), C.11.1 (rescale), C.7.5.1.1.2 (padding); PS3.5 annex A (encapsulation).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydicom import config, encaps, uid

from aimis.domain.errors import BrokenInputError, UnsupportedInputError
from aimis.imaging import dicom_tags, gdcm_process
from aimis.imaging.dicom_codecs import CODECS, decode_jpeg_frame
from aimis.imaging.dicom_tags import PixelForm

if TYPE_CHECKING:
    from aimis.imaging.ct_instance import Stored
    from aimis.imaging.dicom_codecs import ByGdcm
    from aimis.imaging.limits import Limits

Hu = npt.NDArray[np.int16]
AIR_HU = -1024
_NATIVE = frozenset(
    {
        *(uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian),
        *(uid.DeflatedExplicitVRLittleEndian, ""),
    }
)
_LOWEST, _HIGHEST = -32768, 32767
_DEEPEST_OFFSET = -8192.0
"""Down to this intercept, stored values over 32767 are brighter than any tissue and metal, whatever they are."""


def hu_of(content: bytes, stored: Stored, limits: Limits, by_gdcm: ByGdcm = gdcm_process.decode_once) -> Hu:
    """Shape (rows, columns); at least -1024, which padding becomes too.

    content : of the whole file
    by_gdcm : how frames that only GDCM decodes get to it
    Raises `BrokenInputError` "truncated", "broken-dicom" or "broken-picture", and `UnsupportedInputError`
    "unsupported-transfer-syntax" or "unsupported-pixels".
    """
    if stored.bits_allocated not in {8, 16}:
        raise UnsupportedInputError("unsupported-pixels", bits=stored.bits_allocated)
    if stored.transfer_syntax in _NATIVE:
        samples = _native(dicom_tags.inflated(content, limits), stored)
    else:
        samples = _decoded(content, stored, limits, by_gdcm)
    return to_hu(samples, stored)


def to_hu(samples: npt.NDArray[np.generic], stored: Stored) -> Hu:
    """Hounsfield units of samples as stored, unsigned bit patterns or numbers with their sign."""
    values = _values(samples, stored)
    if stored.slope == 1 and stored.intercept == int(stored.intercept) and values.dtype == np.int16:
        hu = _shifted(values, int(stored.intercept))
    else:
        scaled = values * np.float32(stored.slope) + np.float32(stored.intercept)
        hu = np.rint(np.clip(scaled, AIR_HU, _HIGHEST)).astype(np.int16)
    if stored.padding is not None and stored.slope * max(stored.padding) + stored.intercept > AIR_HU:
        first, last = stored.padding
        hu[(values >= first) & (values <= last)] = AIR_HU
    return hu


def _shifted(values: npt.NDArray[np.integer], intercept: int) -> Hu:
    """The sum with an intercept, at least -1024 and without overflow."""
    least = min(max(AIR_HU - intercept, _LOWEST), _HIGHEST)
    hu: Hu = np.maximum(values, np.int16(least)).astype(np.int16, copy=False)
    if intercept > 0:
        np.minimum(hu, np.int16(_HIGHEST - min(intercept, _HIGHEST)), out=hu)
    hu += np.int16(np.clip(intercept, _LOWEST, _HIGHEST))
    return hu


def _values(samples: npt.NDArray[np.generic], stored: Stored) -> npt.NDArray[np.int16] | npt.NDArray[np.int32]:
    """The stored bits as numbers; int16 where that holds them."""
    bits, shift = stored.bits_stored, stored.high_bit + 1 - stored.bits_stored
    if stored.signed:
        left, right = 16 - bits - shift, 16 - bits
        signed = samples.astype(np.int16, copy=False) if samples.dtype.itemsize == 2 else samples.astype(np.int16)
        return signed if not right and not left else (signed << left) >> right
    words = samples.astype(np.uint16, copy=False)
    if bits < 16:
        return ((words >> shift if shift else words) & np.uint16(2**bits - 1)).view(np.int16)
    if stored.intercept < _DEEPEST_OFFSET or max(stored.padding or (0,)) > _HIGHEST:
        return words.astype(np.int32)
    return np.minimum(words, np.uint16(_HIGHEST)).view(np.int16)


def _native(content: bytes, stored: Stored) -> npt.NDArray[np.generic]:
    """Raises "truncated" where there is less than said, "broken-dicom" where the tags say another size."""
    width = stored.bits_allocated // 8
    pixels = stored.rows * stored.columns
    if stored.pixels_length is None or stored.pixels_length not in {pixels * width, pixels * width + 1}:
        short = stored.pixels_length is not None and stored.pixels_length < pixels * width
        raise BrokenInputError("truncated") if short else BrokenInputError("broken-dicom", why="PixelData")
    if len(content) < stored.pixels_at + pixels * width:
        raise BrokenInputError("truncated")
    dtype = np.dtype(np.uint8 if width == 1 else f"{stored.order}u2")
    flat = np.frombuffer(content, dtype, count=pixels, offset=stored.pixels_at)
    return flat.reshape(stored.rows, stored.columns).astype(dtype.newbyteorder("="), copy=False)


def _decoded(content: bytes, stored: Stored, limits: Limits, by_gdcm: ByGdcm) -> npt.NDArray[np.generic]:
    syntax = uid.UID(stored.transfer_syntax, config.IGNORE)
    codec = CODECS.get(syntax)
    if codec is None:
        raise UnsupportedInputError("unsupported-transfer-syntax", transfer_syntax=syntax.name)
    with dicom_tags.reading_tag("PixelData"):
        frames = list(encaps.generate_frames(content[stored.pixels_at :], number_of_frames=1))
    if len(frames) != 1:
        raise BrokenInputError("broken-dicom", why="PixelData")
    if codec is decode_jpeg_frame:
        codec = partial(decode_jpeg_frame, by_gdcm=by_gdcm)
    return codec(frames[0], form_of(stored), limits).samples


def form_of(stored: Stored) -> PixelForm:
    """The same as the decoders of pictures take it."""
    return PixelForm(
        rows=stored.rows,
        columns=stored.columns,
        samples=1,
        bits_allocated=stored.bits_allocated,
        bits_stored=stored.bits_stored,
        shift_bits=stored.high_bit + 1 - stored.bits_stored,
        signed=stored.signed,
        planar=False,
        photometric="MONOCHROME2",
        frames=1,
        transfer_syntax=uid.UID(stored.transfer_syntax, config.IGNORE),
    )
