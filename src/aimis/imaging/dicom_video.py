"""DICOM objects that are a video: an encoded stream in one element, or many pictures shown one after another.

Source: DICOM PS3.3 A.32.5 (VL and Video Endoscopic Image), C.7.6.5 (Cine Module); PS3.5 section 8.2.5 to 8.2.8 and
annex A.4 (video streams in fragments).
"""

from __future__ import annotations

import bisect
import dataclasses
import io
import itertools
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, cast

import pydicom
from pydicom import uid

from aimis.domain.errors import BrokenInputError, CaseError
from aimis.domain.reading import Reason
from aimis.imaging import dicom_tags
from aimis.imaging.dicom import DicomPictures
from aimis.imaging.frame import Frame
from aimis.imaging.still import Still
from aimis.imaging.video import Video, open_video

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from aimis.domain.identity import Identity
    from aimis.imaging.dicom_tags import Subject
    from aimis.imaging.limits import Limits

HEADER_BYTES = 2**18
"""Within these the tags of a header stand, unless it holds icons or other large values."""
_DEFLATED = uid.DeflatedExplicitVRLittleEndian.encode()
_ENDOSCOPIC = frozenset({uid.VLEndoscopicImageStorage, uid.VideoEndoscopicImageStorage})
_HEADER = ["SOPClassUID", "Modality", "SeriesInstanceUID", "InstanceNumber", "NumberOfFrames"]
_STREAM = ["StudyInstanceUID", "SOPInstanceUID", "ImageLaterality", "Laterality"]
_RATES = ["FrameTime", "CineRate", "RecommendedDisplayFrameRate"]
_WANTED = ["SpecificCharacterSet", *_HEADER, *_STREAM, *dicom_tags.PATIENT_KEYWORDS, *_RATES]
_USUAL_RATE = 25.0
_PIXEL_DATA, _ITEM, _END = b"\xe0\x7f\x10\x00", b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_MOST_FRAGMENTS = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """What tells a DICOM video from a still, and the stills of a series from others.

    number : Instance Number, None where there is none
    """

    modality: str
    identity: Identity
    series_instance_uid: str | None
    number: float | None
    frames: int
    is_stream: bool
    is_endoscopic: bool


def read_header(beginning: bytes) -> Header | None:
    """The header in a file's first `HEADER_BYTES`, None where it cannot be told; whether it is right is not asked."""
    if _DEFLATED in beginning[: 2**11]:
        return None  # what inflates without limit is left to the decoder of stills
    try:
        dataset = _tags(io.BytesIO(beginning))
    except BrokenInputError:
        return None
    subject = dicom_tags.read_subject(dataset)
    endoscopic = subject.modality == "ES" or dataset.get("SOPClassUID") in _ENDOSCOPIC
    syntax = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    return Header(
        modality=subject.modality,
        identity=subject.identity,
        series_instance_uid=subject.series_instance_uid,
        number=dicom_tags.read_number(dataset, "InstanceNumber"),
        frames=int(dicom_tags.read_number(dataset, "NumberOfFrames") or 1),
        is_stream=syntax in uid.MPEGTransferSyntaxes,
        is_endoscopic=endoscopic,
    )


class DicomCine:
    """The pictures of a multi-frame object, a few of every second; each is decoded when its work is called.

    seconds : as its frames and their rate make it
    """

    def __init__(self, content: bytes, *, limits: Limits, per_second: float) -> None:
        self._pictures = DicomPictures(_ended(content), limits)
        frames = self._pictures.form.frames
        self._rate = _frame_rate(self._pictures.dataset)
        self._every = max(1, round(self._rate / per_second))
        limits.check_frames(-(-frames // self._every))
        self.seconds = frames / self._rate
        self.lost: Reason | None = None

    def works(self) -> Iterator[Callable[[], Frame]]:
        """What makes each frame; where the file ends early, those that are there."""
        at = 0
        try:
            for at, work in enumerate(self._pictures.works()):
                if at % self._every == 0:
                    yield partial(self._frame, at, work)
        except CaseError as error:
            self.lost = error.reason
            if error.reason.code == "truncated" and at:
                times = f"{(at + 1) / self._rate:.1f}-{self.seconds:.1f} s"
                self.lost = Reason.of("video-cut-off", times=times)

    def _frame(self, number: int, work: Callable[[], Still]) -> Frame:
        seconds = number / self._rate
        try:
            still = work()
        except CaseError as error:
            return Frame(index=number, picture=error, seconds=seconds)
        still.rgb.setflags(write=False)
        return Frame(index=number, picture=still, seconds=seconds)


class DicomVideo:
    """A video stream in a DICOM file; its frames carry the file's identifiers."""

    def __init__(self, video: Video, subject: Subject) -> None:
        self._video = video
        self._subject = subject
        self.seconds = video.seconds

    @property
    def lost(self) -> Reason | None:
        """As `Video.lost`."""
        return self._video.lost

    def frames(self) -> Iterator[Frame]:
        """As `Video.frames`."""
        for frame in self._video.frames():
            if isinstance(frame.picture, Still):
                yield dataclasses.replace(frame, picture=self._with_subject(frame.picture))
            else:
                yield frame

    def _with_subject(self, still: Still) -> Still:
        return dataclasses.replace(
            still,
            modality=self._subject.modality,
            age_years=self._subject.age_years,
            identity=self._subject.identity,
            series_instance_uid=self._subject.series_instance_uid,
            sop_instance_uid=self._subject.sop_instance_uid,
        )


@contextmanager
def open_dicom_video(source: BinaryIO, *, limits: Limits, per_second: float = 4.0) -> Iterator[DicomVideo]:
    """The encoded stream of a DICOM file, read in place and never held as a whole.

    Raises `BrokenInputError` "broken-dicom" or "no-pixels", and what `open_video` raises.
    """
    dataset = _tags(source)
    stream = _Fragments(source, list(_fragments(source)))
    frames = dicom_tags.read_number(dataset, "NumberOfFrames") or 0
    length_s = frames / _frame_rate(dataset) if stream.is_cut_off and frames > 1 else None
    buffered = cast("BinaryIO", stream)
    with open_video(buffered, limits=limits, per_second=per_second, least_s=length_s) as video:
        yield DicomVideo(video, dicom_tags.read_subject(dataset))


def _tags(source: BinaryIO) -> Dataset:
    """The tags before the pixel data, where the source then stands."""
    with dicom_tags.reading_tag("data set"):
        return pydicom.dcmread(source, stop_before_pixels=True, force=True, specific_tags=_WANTED)


def _frame_rate(dataset: Dataset) -> float:
    """Frames a second: by the time between them, else as recommended, else the usual."""
    time_ms = dicom_tags.read_number(dataset, "FrameTime")
    said = (dicom_tags.read_number(dataset, keyword) for keyword in ("CineRate", "RecommendedDisplayFrameRate"))
    rates = [1000 / time_ms] if time_ms and time_ms > 0 else [rate for rate in said if rate and rate > 0]
    return min(max(rates[0], 0.1), 1000.0) if rates else _USUAL_RATE


def _fragments(source: BinaryIO) -> Iterator[tuple[int, int]]:
    """Where each fragment of the pixel data stands, and how long it says it is; the offset table is none."""
    kind, length = struct.unpack("<4s4xI", source.read(12).ljust(12, b"\0"))
    if kind != _PIXEL_DATA or length != 2**32 - 1:
        raise BrokenInputError("no-pixels")
    for item in itertools.count():
        kind, length = struct.unpack("<4sI", source.read(8).ljust(8, b"\0"))
        if kind == _END:
            return
        if kind != _ITEM or item > _MOST_FRAGMENTS:
            yield source.seek(0, io.SEEK_END), 1  # beyond the end: what should come is not there
            return
        at = source.tell()
        if item:
            yield at, length
        source.seek(at + length)


def _ended(content: bytes) -> bytes:
    """The same, its pixels ended after the last whole fragment where the file is cut off: pydicom drops them all."""
    source = io.BytesIO(content)
    _tags(source)
    try:
        fragments = list(_fragments(source))
    except BrokenInputError:  # pixels that are not compressed
        return content
    ends = [at + length for at, length in fragments]
    whole = [end for end in ends if end <= len(content)]
    return content if len(whole) == len(ends) else content[: max(whole, default=len(content))] + _END + bytes(4)


class _Fragments(io.RawIOBase):
    """The fragments of a file as one stream that can be sought in; those beyond the file's end are left out.

    is_cut_off : some were
    """

    def __init__(self, source: BinaryIO, fragments: list[tuple[int, int]]) -> None:
        size = source.seek(0, io.SEEK_END)
        kept = [(at, min(length, size - at)) for at, length in fragments if at < size]
        self.is_cut_off = len(kept) < len(fragments) or any(at + length > size for at, length in fragments)
        self._source = source
        self._starts = [at for at, _ in kept]
        self._ends = list(itertools.accumulate(length for _, length in kept))
        self._at = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """As of any file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1] if self._ends else 0}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """As of any file."""
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """At most the rest of one fragment."""
        fragment = bisect.bisect_right(self._ends, self._at)
        if fragment == len(self._ends):
            return b""
        left = self._ends[fragment] - self._at
        begins = self._ends[fragment - 1] if fragment else 0
        self._source.seek(self._starts[fragment] + self._at - begins)
        found = self._source.read(left if size < 0 else min(size, left))
        self._at += len(found)
        return found
