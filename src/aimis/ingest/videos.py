"""An examination that is a video: a file of its own, a member of an archive, or a DICOM object."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, cast

from aimis.domain.examination import ExaminationKind
from aimis.ingest import files
from aimis.ingest.examination import ExaminationItem, ready
from aimis.ingest.sorts import Sort, Sorted

if TYPE_CHECKING:
    from aimis.domain.reading import Reason
    from aimis.imaging.dicom_video import DicomCine, DicomVideo
    from aimis.imaging.limits import Limits
    from aimis.imaging.video import Video
    from aimis.ingest.examination import FrameWork
    from aimis.ingest.item import Item

PER_SECOND = 4.0
"""Frames looked at of every second: a lesion in view for half a second is seen twice."""


def examination(each: Sorted, limits: Limits) -> ExaminationItem:
    """The examination that a video is."""
    opens = {Sort.VIDEO: _open_video, Sort.DICOM_VIDEO: _open_dicom_video, Sort.CINE: _open_cine}[each.sort]
    return ExaminationItem(
        path=each.item.path, kind=ExaminationKind.VIDEO, open=partial(contextmanager(opens), each.item, limits)
    )


class OpenVideo:
    """See `OpenExamination`."""

    def __init__(
        self, item: Item, video: Video | DicomVideo | DicomCine, works: Callable[[], Iterator[FrameWork]]
    ) -> None:
        self._item = item
        self._video = video
        self.frames = works
        self.seconds = video.seconds

    @property
    def expected(self) -> int | None:
        """By the length that the file says."""
        return None if self.seconds is None else math.ceil(self.seconds * PER_SECOND)

    @property
    def lost(self) -> Reason | None:
        """See `OpenExamination`."""
        return self._video.lost

    def sha256(self) -> str:
        """See `OpenExamination`; a file is read through, however large."""
        with _source(self._item) as source, files.naming_failures():
            return hashlib.file_digest(cast("io.BytesIO", source), "sha256").hexdigest()


def _open_video(item: Item, limits: Limits) -> Iterator[OpenVideo]:
    from aimis.imaging.video import open_video  # noqa: PLC0415  # PyAV loads FFmpeg, which stills do not need

    with _source(item) as source, open_video(source, limits=limits, per_second=PER_SECOND) as video:
        yield OpenVideo(item, video, partial(_works, video))


def _open_dicom_video(item: Item, limits: Limits) -> Iterator[OpenVideo]:
    from aimis.imaging.dicom_video import open_dicom_video  # noqa: PLC0415  # see above

    with _source(item) as source, open_dicom_video(source, limits=limits, per_second=PER_SECOND) as video:
        yield OpenVideo(item, video, partial(_works, video))


def _open_cine(item: Item, limits: Limits) -> Iterator[OpenVideo]:
    from aimis.imaging.dicom_video import DicomCine  # noqa: PLC0415  # see above

    cine = DicomCine(item.load(), limits=limits, per_second=PER_SECOND)
    yield OpenVideo(item, cine, cine.works)


def _works(video: Video | DicomVideo) -> Iterator[FrameWork]:
    for frame in video.frames():
        yield ready(frame)


@contextmanager
def _source(item: Item) -> Iterator[BinaryIO]:
    """The file in its place, of any length; a member of an archive unpacked into memory, within the limits."""
    if item.file is None:
        yield io.BytesIO(item.load())
        return
    with files.open_regular(item.file) as raw:
        yield cast("BinaryIO", raw)
