"""The logit of a whole examination from those of its frames: many frames raise no alarm, nor does one flicker.

Stills: frames of one view are one witness; of the witnesses the strongest three count. Video: a frame counts as far
as its neighbours support it; a lesion that is there is seen in most samples of a second, a flicker in one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from aimis.readers.oesophagus import repeats

if TYPE_CHECKING:
    from aimis.readers.oesophagus.repeats import Descriptor

_WEIGHTS = (0.6, 0.25, 0.15)  # of the strongest witnesses; one clear picture of a lesion counts most
_WINDOW_S = 0.5  # to either side
_AGREE = 0.6  # of the samples in a window that must


def of_stills(logits: Sequence[float], descriptors: Sequence[Descriptor | None]) -> tuple[float, int]:
    """The pooled logit and the number of witnesses; the frames' order does not matter. At least one frame."""
    witnesses = [sum(logits[i] for i in view) / len(view) for view in _views(descriptors)]
    strongest = sorted(witnesses, reverse=True)[: len(_WEIGHTS)]
    weights = _WEIGHTS[: len(strongest)]
    return sum(w * x for w, x in zip(weights, strongest, strict=True)) / sum(weights), len(witnesses)


def of_video(times: Sequence[float], logits: Sequence[float]) -> tuple[float, int]:
    """The pooled logit and the number of frames, which are in order and no repeats of each other. At least one.

    Of fewer than three frames the lowest: one alone has no neighbour to support it.
    """
    if len(logits) < 3:
        return min(logits), len(logits)
    return max(support(times, logits)), len(logits)


def support(times: Sequence[float], logits: Sequence[float]) -> list[float]:
    """For each frame of a video the logit that its neighbours bear out; times in seconds, not falling."""
    return [_borne_out([logits[j] for j in _neighbours(times, i)]) for i in range(len(times))]


def gap(times: Sequence[float]) -> float:
    """The median seconds between neighbouring frames; 0 where there is no pair."""
    steps = sorted(later - earlier for earlier, later in pairwise(times))
    return steps[len(steps) // 2] if steps else 0.0


def _borne_out(logits: Sequence[float]) -> float:
    return sorted(logits, reverse=True)[math.ceil(_AGREE * len(logits)) - 1]


def _neighbours(times: Sequence[float], i: int) -> range:
    """The positions within the window round a frame, itself among them; the nearest three where they are fewer."""
    first, last = i, i
    while first > 0 and times[i] - times[first - 1] <= _WINDOW_S:
        first -= 1
    while last + 1 < len(times) and times[last + 1] - times[i] <= _WINDOW_S:
        last += 1
    if last - first < 2:
        first = max(0, min(i - 1, len(times) - 3))
        last = min(len(times) - 1, first + 2)
    return range(first, last + 1)


def _views(descriptors: Sequence[Descriptor | None]) -> list[tuple[int, ...]]:
    """Positions of frames that show one view; a frame without descriptor is a view of its own."""
    known = [i for i, d in enumerate(descriptors) if d is not None]
    grouped = repeats.groups([d for d in descriptors if d is not None])
    alone = [(i,) for i, d in enumerate(descriptors) if d is None]
    return [tuple(known[i] for i in group) for group in grouped] + alone
