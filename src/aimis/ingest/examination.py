"""An examination found, not yet read, and what it gives while it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aimis.domain.examination import ExaminationKind
    from aimis.domain.reading import Reason
    from aimis.imaging.frame import Frame

FrameWork = Callable[[], "Frame"]
"""Makes one frame in the thread that calls it; never raises `CaseError`, which the frame carries instead."""


def ready(frame: Frame) -> FrameWork:
    """The work of a frame that is made already."""
    return lambda: frame


class OpenExamination(Protocol):
    """An examination being read; used by one thread, its frames' work by many."""

    @property
    def seconds(self) -> float | None:
        """Of a video its length as the file says it; None for stills, or where nothing says it."""
        ...

    @property
    def expected(self) -> int | None:
        """About how many frames will come; None where nothing says it."""
        ...

    def frames(self) -> Iterator[FrameWork]:
        """The frames in order, once; a still is decoded when its work is called, a video's frame just before.

        Never raises `CaseError`: what cannot be read is a frame with its error, or stands in `lost`.
        """
        ...

    @property
    def lost(self) -> Reason | None:
        """What of the examination no frame tells of, e.g. the end of a video cut off; known after the last frame."""
        ...

    def sha256(self) -> str:
        """Of one file its SHA-256, of many the SHA-256 over their concatenated hex SHA-256 in order.

        Free for stills whose frames have all been made, else the files are read for it. Files that cannot be read
        are left out; raises `CaseError` where none can be.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ExaminationItem:
    """A folder of stills, a video, or a DICOM series of endoscopic stills.

    path : as found, for people and for the results; of a DICOM series its folder
    open : begins the reading; raises `CaseError` where nothing of it can be had, e.g. a file that is no video
    """

    path: str
    kind: ExaminationKind
    open: Callable[[], AbstractContextManager[OpenExamination]]
