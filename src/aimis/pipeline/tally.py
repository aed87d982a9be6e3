"""What became of a run's items, counted as they are finished."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aimis.domain.reading import Status

if TYPE_CHECKING:
    from aimis.pipeline.tools import ItemResult

_WORST_FIRST = (Status.FAILED, Status.NOT_ASSESSABLE, Status.READ, Status.UNSUPPORTED)
"""A picture outside one reader's use is none the worse for it where another reader read it."""


@dataclass(kw_only=True)
class Tally:
    """Counts of one run.

    pictures : by the worst status that a reader gave the picture, examination or scan; `unsupported` where all did
    examinations, scans : of these
    present : findings by name, the number of pictures and examinations in which they are above the operating point
    recalled : items taken from the record of an earlier run
    """

    items: int = 0
    recalled: int = 0
    examinations: int = 0
    scans: int = 0
    pictures: Counter[Status] = field(default_factory=Counter)
    present: Counter[str] = field(default_factory=Counter)

    def add(self, result: ItemResult) -> None:
        """Count one item."""
        self.items += 1
        self.recalled += result.recalled
        self.examinations += result.pictures is not None
        self.scans += result.views is not None
        for frame in result.frames:
            said = {reading.outcome.status for reading in frame.readings}
            self.pictures[next(status for status in _WORST_FIRST if status in said)] += 1
            self.present.update({f.name for r in frame.readings for f in r.outcome.findings if f.pointed_out})

    @property
    def all_read(self) -> bool:
        """Whether every picture, examination and scan was read, by every reader within whose use it lies."""
        return self.pictures.total() == self.pictures[Status.READ]
