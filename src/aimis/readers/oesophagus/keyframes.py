"""The frames to look at first: distinct, the most suspicious of them first, each as good a picture as there is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from aimis.readers.oesophagus import repeats
from aimis.readers.oesophagus.advice import FINDINGS, NEOPLASIA

if TYPE_CHECKING:
    from aimis.domain.examination import Track
    from aimis.readers.oesophagus.judged import Seen

MOST = 8
_FOR_UNJUDGED = 2
"""Places that alarms leave to frames in which neoplasia was not judged: silence is no all-clear."""
_APART_S = 1.0  # of a video: frames nearer in time show the same


def choose(frames: Sequence[Seen], tracks: Sequence[Track], pictured: Collection[int]) -> tuple[int, ...]:
    """Indices of at most eight frames, of those whose pictures are kept; most deserving first.

    Alarms come first, then half of the places for what was not judged, then all others: in each the frames of tracks,
    then single ones by suspicion and quality.

    frames : those that were read, and suspicious ones that were not
    """
    shown = {f.record.index: f for f in frames if f.record.index in pictured}
    ordered = sorted(tracks, key=lambda t: (FINDINGS.index(t.finding) if t.finding in FINDINGS else 9, -t.probability))
    followed = [shown[t.key_frame] for t in ordered if t.key_frame in shown]
    ranked = [*followed, *sorted(shown.values(), key=lambda f: (-_deserving(f), f.record.index))]
    alarms = [f for f in ranked if any(x.present for x in f.record.findings)]
    unjudged = sorted((f for f in shown.values() if not f.judges(NEOPLASIA)), key=lambda f: -_suspicion(f))
    chosen: list[Seen] = []
    for group, most in (
        (alarms, MOST - _FOR_UNJUDGED if unjudged else MOST),
        (unjudged, MOST // 2),
        (ranked, MOST),
    ):
        _add(chosen, group, min(MOST, len(chosen) + most))
    return tuple(f.record.index for f in chosen)


def _add(chosen: list[Seen], group: Sequence[Seen], most: int) -> None:
    """Until so many are chosen, those that show something new."""
    for frame in group:
        if len(chosen) < most and not any(_same(frame, other) for other in chosen):
            chosen.append(frame)


def _deserving(frame: Seen) -> float:
    """The frame's interest, doubled where it has an alarm or a mark; of frames without any, quality."""
    shown = any(f.pointed_out for f in frame.record.findings)
    return (2.0 if shown else 1.0) * frame.interest + 0.05 * frame.worth


def _suspicion(frame: Seen) -> float:
    """Of a frame in which neoplasia was not judged, how much like it it looks all the same."""
    found = frame.finding(NEOPLASIA)
    return frame.interest if found is None else found.probability * frame.worth


def _same(one: Seen, other: Seen) -> bool:
    """Whether two frames show the same: the same frame, of a video near in time, or the same view."""
    if one.record.index == other.record.index:
        return True
    if one.record.seconds is not None and abs(one.at - other.at) < _APART_S:
        return True
    first, second = one.descriptor, other.descriptor
    return first is not None and second is not None and repeats.alike(first, second)
