"""One frame of an examination on its way to a reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimis.domain.errors import CaseError
    from aimis.imaging.still import Still


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """A picture, or why there is none: a frame that cannot be decoded is carried along, never dropped.

    index : 0-based; of stills their order in the examination, of a video the frame's number in presentation order
    name : of a still its path below the examination's; empty for a frame of a video
    seconds : from the video's beginning; None for a still
    """

    index: int
    picture: Still | CaseError
    name: str = ""
    seconds: float | None = None
