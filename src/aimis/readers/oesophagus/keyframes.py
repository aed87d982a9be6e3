"""The frames to look at first: distinct, the most suspicious of them first, each as good a picture as there is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from aimis.readers.oesophagus import repeats
from aimis.readers.oesophagus.advice import FINDINGS

if TYPE_CHECKING:
    from aimis.domain.examination import Track
    from aimis.readers.oesophagus.judged import Seen

MOST = 8
_APART_S = 1.0  # of a video: frames nearer in time show the same


def choose(counted: Sequence[Seen], tracks: Sequence[Track], pictured: Collection[int]) -> tuple[int, ...]:
    """Indices of at most eight frames, of those whose pictures are kept; most deserving first.

    First the frame of each track, neoplasia before the rest; then single frames by suspicion and quality.
    """
    shown = {f.record.index: f for f in counted if f.record.index in pictured}
    ordered = sorted(tracks, key=lambda t: (FINDINGS.index(t.finding) if t.finding in FINDINGS else 9, -t.probability))
    followed = [shown[t.key_frame] for t in ordered if t.key_frame in shown]
    single = sorted(shown.values(), key=lambda f: (-_deserving(f), f.record.index))
    chosen: list[Seen] = []
    for frame in (*followed, *single):
        if len(chosen) < MOST and not any(_same(frame, other) for other in chosen):
            chosen.append(frame)
    return tuple(f.record.index for f in chosen)


def _deserving(frame: Seen) -> float:
    """The frame's interest, doubled where a finding is present; of frames without any, quality."""
    present = any(f.present for f in frame.record.findings)
    return (2.0 if present else 1.0) * frame.interest + 0.05 * frame.worth


def _same(one: Seen, other: Seen) -> bool:
    """Whether two frames show the same: the same frame, of a video near in time, or the same view."""
    if one.record.index == other.record.index:
        return True
    if one.record.seconds is not None and abs(one.at - other.at) < _APART_S:
        return True
    first, second = one.descriptor, other.descriptor
    return first is not None and second is not None and repeats.alike(first, second)
