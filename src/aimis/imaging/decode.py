"""Bytes of a file to stills: the one door through which pixels come in."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterator

from PIL import BmpImagePlugin

from aimis.domain.reading import Laterality, LateralitySource
from aimis.imaging import formats, geometry, jpeg, laterality, pillow, png, tiff, webp
from aimis.imaging.foreign import foreign_decoder
from aimis.imaging.limits import DEFAULT_LIMITS, Limits
from aimis.imaging.still import Still

__all__ = ["DEFAULT_LIMITS", "Limits", "decode"]

_Decode = Callable[[bytes, Limits], Iterator[Still]]


def decode(content: bytes, name: str, *, limits: Limits = DEFAULT_LIMITS) -> Iterator[Still]:
    """The pictures in a file, one still a frame or page, decoded as they are asked for.

    content : the whole file; what it is, its bytes decide
    name : path as found; only its last part is looked at, for the laterality

    Pixels are read-only, for several readers may share them. Raises a `CaseError` (codes in the modules of each
    format) at the frame that cannot be read.
    """
    limits.check_bytes(len(content))
    for still in _stills(content, laterality.laterality_of_name(name), limits):
        still.rgb.setflags(write=False)
        yield still


def _stills(content: bytes, side: Laterality | None, limits: Limits) -> Iterator[Still]:
    form = formats.recognise(content)
    if form is formats.Format.DICOM:
        yield from _decode_dicom(content, limits, side)
        return
    source = LateralitySource.FILE_NAME if side else None
    for still in _DECODERS[form](content, limits):
        yield dataclasses.replace(still, laterality=side, laterality_source=source)


def _only(decode_one: Callable[[bytes, Limits], Still]) -> _Decode:
    """A decoder of one picture as a decoder of many."""

    def decode_all(content: bytes, limits: Limits) -> Iterator[Still]:
        yield decode_one(content, limits)

    return decode_all


def _decode_bmp(content: bytes, limits: Limits) -> Still:
    with foreign_decoder("broken-picture"):
        image = BmpImagePlugin.BmpImageFile(io.BytesIO(content))
        pillow.check_image(image, limits)
        image.load()
        rgb = pillow.rgb_of_image(image, limits)
    return geometry.still_of(rgb, stored_size_px=image.size, orientation=1, frame=None, limits=limits)


def _decode_dicom(content: bytes, limits: Limits, side: Laterality | None) -> Iterator[Still]:
    from aimis.imaging import dicom  # noqa: PLC0415  # pydicom takes a third of a second to import

    return dicom.decode_dicom(content, limits, side)


_DECODERS: dict[formats.Format, _Decode] = {
    formats.Format.JPEG: _only(jpeg.decode_jpeg),
    formats.Format.PNG: _only(png.decode_png),
    formats.Format.TIFF: tiff.decode_tiff,
    formats.Format.WEBP: _only(webp.decode_webp),
    formats.Format.BMP: _only(_decode_bmp),
}
