"""What an endoscopic examination holds: its frames, lesions followed over time, stations seen, frames to look at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimis.domain.reading import Claim, Finding, Reason, Status


class ExaminationKind(StrEnum):
    """What the frames are."""

    STILLS = "stills"
    VIDEO = "video"


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameRecord:
    """One frame of an examination and what became of it.

    index : 0-based; of stills their order in the examination, of a video the frame's number in presentation order
    name : of a still its path below the examination's; empty for a frame of a video
    seconds : from the video's beginning; None for a still
    reason : required unless status is READ; with READ, what limits the result
    site : as the reader names it, e.g. oesophagus; None where it could not be told
    stain : white-light or the virtual stain it looks like, e.g. narrow-band; None where it could not be told
    findings : every finding the reader looks for when status is READ, else none; its regions carry `index`
    """

    index: int
    status: Status
    name: str = ""
    seconds: float | None = None
    size_px: tuple[int, int] | None = None
    reason: Reason | None = None
    site: str | None = None
    stain: str | None = None
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if self.status != "read" and self.reason is None:
            raise ValueError("a frame that was not read has a reason")
        if self.status != "read" and self.findings:
            raise ValueError("a frame that was not read has no findings")


@dataclass(frozen=True, kw_only=True, slots=True)
class Track:
    """The same lesion over neighbouring frames of a video.

    frames : indices, in time; key_frame : the one that shows it best; probability : of the whole track, 0..1
    claim : as of the findings that it joins
    """

    finding: str
    frames: tuple[int, ...]
    key_frame: int
    first_seconds: float
    last_seconds: float
    probability: float
    claim: Claim | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Station:
    """A place that an examination should photograph, and how many frames show it."""

    site: str
    frames: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """All that a report of an examination shows beside its findings.

    frames : every frame that was looked at, in order; of a video those that were sampled
    key_frames : indices of distinct frames to look at first, most deserving first, at most eight
    stations : all that the list asks for, seen or not
    seconds : of a video, its length; None for stills
    """

    kind: ExaminationKind
    frames: tuple[FrameRecord, ...]
    key_frames: tuple[int, ...] = ()
    tracks: tuple[Track, ...] = ()
    stations: tuple[Station, ...] = ()
    seconds: float | None = None
