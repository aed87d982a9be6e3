"""The same lesion followed over neighbouring frames of a video."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimis.domain.examination import Track
from aimis.readers.oesophagus import pooling, repeats

if TYPE_CHECKING:
    from aimis.domain.reading import Box, Finding
    from aimis.readers.oesophagus.judged import Seen

_LONGEST_GAP_S = 1.5  # a lesion hidden longer is another sight of it
_SHORTEST_S = 0.5  # a shorter sight is a flicker
_SPARSE_S = 0.4  # seconds between samples, from which two of them make a track
_NEAR = 0.35  # of the frame's diagonal: how far a lesion may move between samples


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sighting:
    seen: Seen
    finding: Finding


def follow(
    frames: Sequence[Seen],
    finding: str,
    pictured: Collection[int],
    probability: Callable[[float], float],
) -> tuple[Track, ...]:
    """Tracks of one finding, by time; a flicker makes none.

    frames : read ones, in order, no repeats
    probability : of a track from its pooled logit
    """
    gap = pooling.gap([f.at for f in frames])
    least = 2 if gap > _SPARSE_S else max(3, math.ceil(_SHORTEST_S / max(gap, 0.01)))
    runs: list[list[_Sighting]] = []
    for sighting in _sightings(frames, finding):
        if runs and _continues(runs[-1][-1], sighting):
            runs[-1].append(sighting)
        else:
            runs.append([sighting])
    return tuple(_track(run, pictured, probability) for run in runs if len(run) >= least)


def _sightings(frames: Sequence[Seen], finding: str) -> list[_Sighting]:
    found = ((f, f.finding(finding)) for f in frames)
    return [_Sighting(seen=frame, finding=x) for frame, x in found if x is not None and x.pointed_out]


def _continues(last: _Sighting, new: _Sighting) -> bool:
    """Whether the new sighting is soon enough after the last and in much the same place, or of much the same view."""
    if new.seen.at - last.seen.at > _LONGEST_GAP_S:
        return False
    one, other = last.seen.descriptor, new.seen.descriptor
    return _near(last, new) or (one is not None and other is not None and repeats.alike(one, other))


def _near(last: _Sighting, new: _Sighting) -> bool:
    """Whether the strongest regions lie near each other; a finding without a region may be anywhere."""
    if not last.finding.regions or not new.finding.regions or new.seen.record.size_px is None:
        return True
    one, other = (_middle(max(s.finding.regions, key=lambda r: r.probability).box_px) for s in (last, new))
    columns, rows = new.seen.record.size_px
    return float(abs(complex(*one) - complex(*other))) <= _NEAR * abs(complex(columns, rows))


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _track(run: Sequence[_Sighting], pictured: Collection[int], probability: Callable[[float], float]) -> Track:
    shown = [s for s in run if s.seen.record.index in pictured] or run
    best = max(shown, key=lambda s: (s.finding.probability * (0.5 + s.seen.worth), -s.seen.record.index))
    name = best.finding.name
    pooled, _ = pooling.of_video([s.seen.at for s in run], [s.seen.logits[name] for s in run])
    return Track(
        finding=name,
        frames=tuple(s.seen.record.index for s in run),
        key_frame=best.seen.record.index,
        first_seconds=run[0].seen.at,
        last_seconds=run[-1].seen.at,
        probability=probability(pooled),
        claim=best.finding.claim,
    )
