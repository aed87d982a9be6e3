"""DICOM pictures to stills.

Source: DICOM PS3.3 C.7.6.3 (photometric interpretations), C.11.2 (window).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
from pydicom.pixels.processing import apply_color_lut

from aimis.domain.reading import Laterality, LateralitySource
from aimis.imaging import colour, dicom_frames, dicom_tags, geometry
from aimis.imaging.still import Still

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from aimis.imaging.dicom_codecs import Decoded
    from aimis.imaging.dicom_tags import PixelForm
    from aimis.imaging.limits import Limits

_YBR = frozenset({"YBR_FULL", "YBR_FULL_422"})


def decode_dicom(content: bytes, limits: Limits, side_of_name: Laterality | None) -> Iterator[Still]:
    """The frames of a DICOM file, whatever its modality: a reader refuses what it does not read.

    side_of_name : taken where the file itself says nothing of the laterality

    Raises `BrokenInputError` "broken-dicom" with the tag that lies, "truncated", "no-pixels" or "broken-picture",
    and `UnsupportedInputError` "wrong-modality", "unsupported-transfer-syntax", "unsupported-pixels", "too-large"
    or "too-many-frames".
    """
    pictures = DicomPictures(content, limits, side_of_name)
    limits.check_frames(pictures.form.frames)
    return (work() for work in pictures.works())


class DicomPictures:
    """The pictures of one DICOM file, its tags read and checked; raises as `decode_dicom` does."""

    def __init__(self, content: bytes, limits: Limits, side_of_name: Laterality | None = None) -> None:
        self.dataset = dicom_tags.read_tags(content, limits)
        self.form = dicom_tags.read_form(self.dataset)
        self.subject = dicom_tags.read_subject(self.dataset)
        self._limits = limits
        self._side_of_name = side_of_name

    def works(self) -> Iterator[Callable[[], Still]]:
        """What decodes each frame when called."""
        self._limits.check_size(self.form.columns, self.form.rows, bytes_per_pixel=1)
        for frame, work in enumerate(dicom_frames.frame_works(self.dataset, self.form, self._limits)):
            yield partial(self._still, frame, work)

    def _still(self, frame: int, work: dicom_frames.FrameWork) -> Still:
        form, subject = self.form, self.subject
        laterality, source = subject.laterality, LateralitySource.DICOM if subject.laterality else None
        if not subject.says_laterality and self._side_of_name:
            laterality, source = self._side_of_name, LateralitySource.FILE_NAME
        rgb = _rgb(work(), form, self.dataset)
        return Still(
            rgb=geometry.shrink(rgb, (form.columns, form.rows), self._limits),
            full_size_px=(form.columns, form.rows),
            frame=frame if form.frames > 1 else None,
            laterality=laterality,
            laterality_source=source,
            modality=subject.modality,
            age_years=subject.age_years,
            identity=subject.identity,
            series_instance_uid=subject.series_instance_uid,
            sop_instance_uid=subject.sop_instance_uid,
        )


def _rgb(decoded: Decoded, form: PixelForm, dataset: Dataset) -> colour.Rgb:
    if form.is_palette:
        return _rgb_of_palette(decoded, dataset)
    if not form.is_colour:
        return _rgb_of_grey(decoded, form, dataset)
    rgb = colour.rgb_of_samples(decoded.samples, bits=_known_bits(decoded))
    if form.photometric not in _YBR or decoded.is_rgb:
        return rgb
    return cast("colour.Rgb", cv2.cvtColor(np.ascontiguousarray(rgb[..., [0, 2, 1]]), cv2.COLOR_YCrCb2RGB))


def _known_bits(decoded: Decoded) -> int | None:
    """The full scale; 16 is also what a file says that knows no better."""
    return decoded.bits if decoded.bits < 16 else None


def _rgb_of_grey(decoded: Decoded, form: PixelForm, dataset: Dataset) -> colour.Rgb:
    """8 bit as stored; deeper by the window, else over the full scale."""
    if decoded.samples.dtype == np.uint8 and decoded.bits == 8 and not form.signed:
        grey = decoded.samples
    else:
        values = _signed(decoded) if form.signed else decoded.samples.astype(np.int32)
        windowed = _windowed(values, dataset)
        lowest = min(0, int(values.min()))
        bits = None if form.signed else _known_bits(decoded)
        grey = colour.to_8_bit(values - lowest, bits=bits) if windowed is None else windowed
    return colour.rgb_of_samples(~grey if form.photometric == "MONOCHROME1" else grey)


def _signed(decoded: Decoded) -> colour.Samples:
    """Two's complement of `bits` bits."""
    shift = 32 - decoded.bits
    return (decoded.samples.astype(np.int32) << shift) >> shift


def _windowed(values: colour.Samples, dataset: Dataset) -> colour.Samples | None:
    """The values through the data set's first window (PS3.3 C.11.2.1.2.1), None where it has no valid one."""
    centre, width = (dicom_tags.read_number(dataset, keyword) for keyword in ("WindowCenter", "WindowWidth"))
    if centre is None or width is None or width <= 1:
        return None
    slope = dicom_tags.read_number(dataset, "RescaleSlope") or 1.0
    intercept = dicom_tags.read_number(dataset, "RescaleIntercept") or 0.0
    shown = ((values * slope + intercept - (centre - 0.5)) / (width - 1) + 0.5) * 255
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)


def _rgb_of_palette(decoded: Decoded, dataset: Dataset) -> colour.Rgb:
    with dicom_tags.reading_tag("PaletteColorLookupTable"):
        entries, first, _ = dataset["RedPaletteColorLookupTableDescriptor"].value
        indices = np.clip(decoded.samples.astype(np.int32), first, first + (entries or 65536) - 1)
        coloured = apply_color_lut(indices, dataset)
    return colour.rgb_of_samples(coloured)
