"""A CT against an earlier one: which nodule is which, and how each has changed.

Growth is a volume greater by a quarter or more (Callister et al., BTS guidelines, Thorax 2015;70 Suppl 2:ii1-ii54),
and by more than two measurements of a nodule of this size differ by themselves; shrinking likewise. A doubling time
is days x ln 2 / ln(volume ratio) (Schwartz, Cancer 1961;14:1272-1294).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aimis.domain.reading import Reason
from aimis.domain.scan import Change, Growth, Nodule
from aimis.readers.lung import registration

if TYPE_CHECKING:
    from aimis.imaging.volume import Volume
    from aimis.readers.lung.lungs import Lungs
    from aimis.readers.lung.registration import Alignment

LEAST_RATIO = 1.25
_NORMAL_95 = 1.96
_NEAR_MM = 7.0  # between where a nodule should be and where one is, beside the greater one's radius
_UNMATCHED = 1e6
Spread = Callable[[float], float]
"""Standard deviation of ln(volume) over repeated readings of a nodule of this volume in mm3."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """One of the two CTs: its nodules that are present or measured are compared."""

    volume: Volume
    lungs: Lungs
    nodules: tuple[Nodule, ...]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What the comparison adds.

    nodules : of the new CT, in their order; those present have a growth, but one matched without both sizes
    gone : nodules of the old CT that the new one should show and does not, or does not cover
    limited : why there is no comparison, else None
    """

    nodules: tuple[Nodule, ...]
    gone: tuple[Nodule, ...] = ()
    limited: Reason | None = None


def compare(new: Side, old: Side, spread: Spread) -> Compared:
    """The new CT's nodules with their growth; `limited` "prior-not-alike" where the lungs could not be laid over."""
    alignment = registration.align(new.lungs, old.lungs)
    if not alignment.credible:
        return Compared(nodules=new.nodules, limited=Reason.of("prior-not-alike"))
    now = [n for n in new.nodules if n.present or n.size]
    before = [n for n in old.nodules if n.present or n.size]
    places = [alignment.to_old(new.volume.to_indices(n.centre_lps_mm)) for n in now]
    pairs = _pairs(now, places, before, old.volume)
    days = _days(new.volume, old.volume)
    growths = {
        n.index: growth(n, before[pairs[k]], days=days, spread=spread)
        if k in pairs
        else Growth(change=Change.NEW if _holds(old.volume, places[k]) else Change.NOT_COVERED, days=days)
        for k, n in enumerate(now)
        if n.present and (k not in pairs or (n.size and before[pairs[k]].size))
    }
    left = [b for k, b in enumerate(before) if b.present and k not in pairs.values()]
    return Compared(
        nodules=tuple(replace(n, growth=growths.get(n.index)) for n in new.nodules),
        gone=tuple(_gone(n, alignment, new.volume, old.volume, days) for n in left),
    )


def growth(now: Nodule, before: Nodule, *, days: int | None, spread: Spread) -> Growth:
    """Of one nodule measured twice; both have a size.

    days : from the earlier to the later CT, positive; None where unknown: then there is no doubling time
    """
    if now.size is None or before.size is None:
        raise ValueError("growth of a nodule that was not measured")
    grown = math.log(now.size.volume_mm3 / before.size.volume_mm3)
    reach = _NORMAL_95 * math.hypot(spread(now.size.volume_mm3), spread(before.size.volume_mm3))
    least = max(math.log(LEAST_RATIO), reach)
    change = Change.GROWING if grown >= least else Change.SHRINKING if grown <= -least else Change.STABLE
    doubling, low, high = _doubling(grown, reach, days)
    return Growth(
        change=change,
        prior_index=before.index,
        prior_volume_mm3=before.size.volume_mm3,
        prior_mean_axis_mm=before.size.mean_axis_mm,
        days=days,
        volume_ratio=round(math.exp(grown), 3),
        doubling_days=doubling,
        doubling_low_days=low,
        doubling_high_days=high,
    )


def _doubling(grown: float, reach: float, days: int | None) -> tuple[float | None, float | None, float | None]:
    """Days to double, with its interval: the end beyond which nothing grows (or shrinks) at all is None."""
    if days is None or not grown:
        return None, None, None
    time, low, high = (_time(value, days) for value in (grown, grown + reach, grown - reach))
    if grown > 0:
        return time, low, high if grown > reach else None
    return time, low if -grown > reach else None, high


def _time(grown: float, days: int) -> float | None:
    return round(days * math.log(2) / grown, 1) if grown else None


def _pairs(
    now: Sequence[Nodule], places: Sequence[npt.NDArray[np.float64]], before: Sequence[Nodule], old: Volume
) -> dict[int, int]:
    """Which of the old nodules each new one is, by place in the lists: least distances over all pairs together."""
    from scipy import optimize  # noqa: PLC0415  a second to import, and only a comparison needs it

    if not now or not before:
        return {}
    expected = old.to_lps(np.array(places))
    away = np.linalg.norm(expected[:, None] - np.array([b.centre_lps_mm for b in before])[None], axis=2)
    radii = np.maximum.outer([n.diameter_mm for n in now], [b.diameter_mm for b in before]) / 2
    cost = np.where(away <= _NEAR_MM + radii, away, _UNMATCHED)
    return {
        int(i): int(j) for i, j in zip(*optimize.linear_sum_assignment(cost), strict=True) if cost[i, j] < _UNMATCHED
    }


def _gone(nodule: Nodule, alignment: Alignment, new: Volume, old: Volume, days: int | None) -> Nodule:
    """An old nodule with no match; its growth says whether the new CT shows its place."""
    place = alignment.to_new(old.to_indices(nodule.centre_lps_mm))
    change = Change.GONE if _holds(new, place) else Change.NOT_COVERED
    volume = nodule.size.volume_mm3 if nodule.size else None
    return replace(nodule, growth=Growth(change=change, prior_index=nodule.index, prior_volume_mm3=volume, days=days))


def _holds(volume: Volume, index_zyx: npt.NDArray[np.float64]) -> bool:
    return bool(np.all(index_zyx >= 0) and np.all(index_zyx <= np.array(volume.hu.shape) - 1))


def _days(new: Volume, old: Volume) -> int | None:
    """Between the two CTs; None where a date is unknown or the earlier one is not earlier."""
    if new.series.date is None or old.series.date is None:
        return None
    days = (date.fromisoformat(new.series.date) - date.fromisoformat(old.series.date)).days
    return days if days > 0 else None
