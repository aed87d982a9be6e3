"""What sort of input a file is, by its first bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from aimis.domain.errors import CaseError
from aimis.imaging import formats
from aimis.imaging.formats import Format
from aimis.ingest import folder, kinds

if TYPE_CHECKING:
    from aimis.imaging.dicom_video import Header
    from aimis.ingest.item import Item


class Sort(StrEnum):
    """How a file is read."""

    STILL = "still"
    """One picture, or a file that turns out to be none."""
    PAGES = "pages"
    """As many pictures as it holds."""
    LOST = "lost"
    """Nothing of it can be had."""
    VIDEO = "video"
    DICOM_VIDEO = "dicom-video"
    """A video stream in a DICOM object."""
    CINE = "cine"
    """An endoscopic DICOM object of many pictures."""

    @property
    def is_video(self) -> bool:
        """Whether it is an examination by itself."""
        return self in {Sort.VIDEO, Sort.DICOM_VIDEO, Sort.CINE}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sorted:
    """An item and its sort; `header` of a DICOM file where it could be read."""

    item: Item
    sort: Sort
    header: Header | None = None


def sort(item: Item) -> Sorted:
    """The item's sort; a file with a video's name whose content is nothing known is a video, and a broken one."""
    beginning = item.beginning(folder.VIDEO_PROBE_BYTES)
    if not beginning:
        return Sorted(item=item, sort=Sort.LOST)
    if formats.looks_like_video(beginning):
        return Sorted(item=item, sort=Sort.VIDEO)
    try:
        form = formats.recognise(beginning)
    except CaseError:
        name = PurePosixPath(item.path).name
        return Sorted(item=item, sort=Sort.VIDEO if kinds.is_video_name(name) else Sort.STILL)
    if form is Format.DICOM:
        return _sort_dicom(item)
    return Sorted(item=item, sort=Sort.PAGES if form is Format.TIFF else Sort.STILL)


def _sort_dicom(item: Item) -> Sorted:
    from aimis.imaging import dicom_video  # noqa: PLC0415  # pydicom takes a third of a second to import

    header = dicom_video.read_header(item.beginning(dicom_video.HEADER_BYTES))
    if header is None:
        return Sorted(item=item, sort=Sort.PAGES)
    if header.is_stream:
        return Sorted(item=item, sort=Sort.DICOM_VIDEO)
    if header.frames > 1:
        return Sorted(item=item, sort=Sort.CINE if header.is_endoscopic else Sort.PAGES, header=header)
    return Sorted(item=item, sort=Sort.STILL, header=header)
