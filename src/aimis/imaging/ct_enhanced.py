"""Multi-frame CT objects: each frame is a slice, told by its functional groups.

Source: DICOM PS3.3 A.38 (Enhanced CT), C.7.6.16 (functional groups), A.70 (legacy converted).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pydicom

from aimis.domain.errors import BrokenInputError
from aimis.imaging import ct_instance, ct_pixels, dicom_frames, dicom_tags
from aimis.imaging.ct import Slice

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from aimis.imaging.ct_instance import Instance, Plane, Stored
    from aimis.imaging.ct_pixels import Hu
    from aimis.imaging.limits import Limits


def slices_of(instance: Instance, content: bytes, limits: Limits) -> list[Slice]:
    """A slice for each frame, numbered from 1; where a frame does not say its place, none is a slice.

    Raises `BrokenInputError` "broken-dicom" with what is missing, "truncated" or "no-pixels", and
    `UnsupportedInputError` "unsupported-transfer-syntax".
    """
    if instance.stored is None:
        raise BrokenInputError("broken-dicom", why=instance.lacking or "data set")
    with dicom_tags.reading_tag("data set"):
        dataset = pydicom.dcmread(io.BytesIO(dicom_tags.inflated(content, limits)), force=True)
        groups = [*_groups_of_frames(dataset)]
    form = replace(ct_pixels.form_of(instance.stored), frames=instance.frames)
    works = list(dicom_frames.frame_works(dataset, form, limits))
    if len(groups) != len(works):
        raise BrokenInputError("broken-dicom", why="PerFrameFunctionalGroupsSequence")
    return [_slice(instance, at, group, works[at]) for at, group in enumerate(groups)]


def _slice(instance: Instance, at: int, group: _Group, work: dicom_frames.FrameWork) -> Slice:
    plane = group.plane()
    stored = group.stored(instance.stored) if instance.stored else None
    if isinstance(plane, str) or stored is None:
        raise BrokenInputError("broken-dicom", why=plane if isinstance(plane, str) else "data set")
    frame = replace(
        instance,
        plane=plane,
        stored=stored,
        frames=1,
        number=at + 1,
        lacking=None,
        thickness_mm=group.number("PixelMeasuresSequence", "SliceThickness"),
        image_type=group.texts("CTImageFrameTypeSequence", "FrameType") or instance.image_type,
        kernel=next(iter(group.texts("CTReconstructionSequence", "ConvolutionKernel")), None) or instance.kernel,
        acquisition=group.whole("FrameContentSequence", "TemporalPositionIndex"),
    )
    return Slice(instance=frame, plane=plane, hu=partial(_hu, work, stored))


def _hu(work: dicom_frames.FrameWork, stored: Stored) -> Hu:
    return ct_pixels.to_hu(work().samples, stored)


class _Group:
    """The functional groups of one frame, its own before those that all share."""

    def __init__(self, own: Dataset, shared: Dataset | None) -> None:
        self._levels = [own] if shared is None else [own, shared]

    def plane(self) -> Plane | str:
        """Where the frame lies, or the keyword of what does not say it."""
        return ct_instance.plane_of(
            self.numbers("PlanePositionSequence", "ImagePositionPatient"),
            self.numbers("PlaneOrientationSequence", "ImageOrientationPatient"),
            self.numbers("PixelMeasuresSequence", "PixelSpacing"),
        )

    def stored(self, said: Stored) -> Stored:
        """The same with the frame's own rescale; what bits are unused the decoder has dropped."""
        slope = self.number("PixelValueTransformationSequence", "RescaleSlope")
        intercept = self.number("PixelValueTransformationSequence", "RescaleIntercept")
        return replace(
            said,
            high_bit=said.bits_stored - 1,
            slope=said.slope if slope is None else slope,
            intercept=said.intercept if intercept is None else intercept,
        )

    def numbers(self, sequence: str, keyword: str) -> tuple[float, ...]:
        """The values of an element of a functional group; none where it is missing."""
        return tuple(float(str(value)) for value in self._values(sequence, keyword))

    def number(self, sequence: str, keyword: str) -> float | None:
        """The first of them."""
        return next(iter(self.numbers(sequence, keyword)), None)

    def whole(self, sequence: str, keyword: str) -> int | None:
        """The first of them as a whole number."""
        number = self.number(sequence, keyword)
        return None if number is None else int(number)

    def texts(self, sequence: str, keyword: str) -> tuple[str, ...]:
        """The values as text."""
        return tuple(str(value).strip().upper() for value in self._values(sequence, keyword))

    def _values(self, sequence: str, keyword: str) -> Sequence[object]:
        for level in self._levels:
            items = level.get(sequence)
            value = items[0].get(keyword) if items else None
            if value is not None:
                return value if isinstance(value, pydicom.multival.MultiValue) else [value]
        return []


def _groups_of_frames(dataset: Dataset) -> Iterator[_Group]:
    shared = dataset.get("SharedFunctionalGroupsSequence")
    for own in dataset.get("PerFrameFunctionalGroupsSequence") or ():
        yield _Group(own, shared[0] if shared else None)
