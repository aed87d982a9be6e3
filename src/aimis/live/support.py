"""What several judgements in a row bear out: one flicker raises no alarm, a lesion seen for half a second does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aimis.domain.reading import Status

if TYPE_CHECKING:
    from aimis.domain.examination import FrameRecord

WINDOW_S = 1.0
"""Judgements so far back bear each other out."""
FEW_WITHIN_S = 3.0
"""So far back the three newest do, where the machine judges less often."""
LEAST, AGREE = 3, 0.6
"""So many frames must have been read, and more than such a share of those must show the finding."""
SPAN_S = 0.4
"""From the first of them to the last; a shorter sight is a flicker."""
QUIET_S = 4.0
"""A finding that was not borne out for so long alarms anew when it is again."""


@dataclass(kw_only=True)
class Support:
    """Follows the judgements of one stream, in order.

    alarms : how often a finding came to be borne out that had not been for a while
    """

    alarms: dict[str, int] = field(default_factory=dict)
    _recent: deque[FrameRecord] = field(default_factory=deque)
    _last: dict[str, float] = field(default_factory=dict)

    def add(self, record: FrameRecord) -> frozenset[str]:
        """The findings that the newest judgements bear out; a frame that could not be read says nothing of any.

        record : its `seconds` not before those of the last
        """
        now_s = record.seconds or 0.0
        if record.status is Status.READ:
            self._recent.append(record)
        self._forget(now_s)
        found = frozenset(borne_out(self._counted(now_s)))
        for name in found:
            if now_s - self._last.get(name, -QUIET_S) >= QUIET_S:
                self.alarms[name] = self.alarms.get(name, 0) + 1
            self._last[name] = now_s
        return found

    def _forget(self, now_s: float) -> None:
        while self._recent and now_s - (self._recent[0].seconds or 0.0) > FEW_WITHIN_S:
            self._recent.popleft()

    def _counted(self, now_s: float) -> Sequence[FrameRecord]:
        """Those of the window, or the newest three where they are fewer."""
        within = [r for r in self._recent if now_s - (r.seconds or 0.0) <= WINDOW_S]
        return within if len(within) >= LEAST else list(self._recent)[-LEAST:]


def borne_out(records: Sequence[FrameRecord]) -> Iterable[str]:
    """The findings that enough of the frames show."""
    if len(records) < LEAST or (records[-1].seconds or 0.0) - (records[0].seconds or 0.0) < SPAN_S:
        return
    names = dict.fromkeys(f.name for record in records for f in record.findings if f.present)
    for name in names:
        showing = sum(any(f.name == name and f.present for f in record.findings) for record in records)
        if showing > AGREE * len(records):
            yield name
