"""A chest CT's series, nodules and their changes in words."""

from __future__ import annotations

import math
from functools import reduce
from itertools import groupby
from typing import TYPE_CHECKING

from aimis.domain.scan import Density
from aimis.reports import document
from aimis.reports.document import JOIN
from aimis.reports.texts import Urgency

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aimis.domain.scan import Growth, Management, Nodule, Place, Scan, Series, Size, Unjudged
    from aimis.reports.texts import Texts

_TOUCHES_MM = 0.5
RANGE = "\N{EN DASH}"


def whose(scan: Scan | None, texts: Texts) -> str:
    """Whose result it is: the CT with its date and slices."""
    if scan is None:
        return texts.label("chest-ct")
    slices = texts.label("slices-of", count=scan.series.shape_zyx[0], spacing=_mm(scan.series.spacing_zyx_mm[0], 2))
    return JOIN.join(filter(None, (texts.label("chest-ct"), scan.series.date or "", slices)))


def facts(scan: Scan, texts: Texts) -> Iterator[tuple[str, str]]:
    """What was read, why this, what not, and what it was compared with."""
    yield texts.label("series"), series(scan.series, texts)
    yield texts.label("chosen"), texts.word("choice", scan.series.choice)
    if scan.series.others:
        words = (document.aside(name, texts.word("choice", why), texts) for name, why in scan.series.others)
        yield texts.label("not-chosen"), JOIN.join(words)
    if scan.prior is not None:
        yield texts.label("compared-with"), series(scan.prior, texts)
    if scan.lung_volumes_ml is not None:
        right, left = (f"{volume:.0f}" for volume in scan.lung_volumes_ml)
        yield texts.label("lung-volumes"), texts.label("lung-volumes-value", right=right, left=left)


def series(read: Series, texts: Texts) -> str:
    """Date, description, kernel and voxels."""
    between, down, across = (_mm(spacing, 2) for spacing in read.spacing_zyx_mm)
    voxels = texts.label("voxels", count=read.shape_zyx[0], between=between, down=down, across=across)
    thick = texts.label("thickness", mm=_mm(read.thickness_mm, 2)) if read.thickness_mm else ""
    kernel = texts.label("kernel", name=read.kernel) if read.kernel else ""
    return JOIN.join(filter(None, (read.date, read.description, kernel, voxels, thick)))


def ranked(nodules: Iterable[Nodule], texts: Texts) -> list[Nodule]:
    """Those of the most urgent row of a guideline first, then the likeliest to be malignant, then the largest."""

    def rank(nodule: Nodule) -> tuple[int, float, float]:
        size = nodule.size.mean_axis_mm if nodule.size else nodule.diameter_mm
        return most_urgent(nodule.management, texts), -(nodule.malignancy_probability or 0.0), -size

    return sorted(nodules, key=rank)


def most_urgent(rules: Iterable[Management], texts: Texts) -> int:
    """Rank of the most urgent row; behind all others without one."""
    return min((texts.advice(advice_code(rule)).urgency.rank for rule in rules), default=len(Urgency))


def advice_code(rule: Management) -> str:
    """Under which its words stand in the texts."""
    return f"guideline-{rule.guideline}-{rule.rule}"


def unjudged(place_of: Unjudged, texts: Texts) -> str:
    """A place that was not judged in one line: what it looks like, how large, where."""
    size = texts.label("about-mm", mm=place_of.extent_mm)
    number = place_of.slice + 1 if place_of.instance_number is None else place_of.instance_number
    at = texts.label("slice-number", slice=number)
    return listed((texts.word("unjudged", place_of.kind), size, _where(place_of.place, texts), at), texts)


def brief(nodule: Nodule, texts: Texts) -> str:
    """A nodule in one line: place, size, density, malignancy."""
    size = "" if nodule.size is None else texts.label("mean-mm", mean=rounded(nodule.size.mean_axis_mm))
    dense = texts.word("density", nodule.density) if nodule.density else ""
    malignant = "" if nodule.malignancy_probability is None else texts.label("malignant", value=malignancy(nodule))
    return listed((place(nodule, texts), size, dense, malignant), texts)


def place(nodule: Nodule, texts: Texts) -> str:
    """The lobe, else side and third; a dash where neither is known."""
    return _where(nodule.place, texts)


def _where(told: Place | None, texts: Texts) -> str:
    if told is None or not (told.lobe or told.side):
        return RANGE
    if told.lobe:
        return texts.word("lobe", told.lobe)
    side = texts.word("lung-side", told.side or "")
    return texts.label("side-zone", side=side, zone=texts.word("zone", told.zone)) if told.zone else side


def place_and_pleura(nodule: Nodule, texts: Texts) -> str:
    """The place, and how far from the lung's edge."""
    edge = nodule.place.pleura_mm if nodule.place else None
    if edge is None:
        return place(nodule, texts)
    words = texts.label("at-pleura") if edge < _TOUCHES_MM else texts.label("to-pleura", mm=_mm(edge))
    return listed((place(nodule, texts), words), texts)


def slices(nodule: Nodule, texts: Texts) -> str:
    """The slice of the largest section, and from which to which: by instance number, else counted from the feet."""
    numbers = nodule.instance_numbers or tuple(n + 1 for n in nodule.slices or ())
    if len(numbers) != 3:
        return RANGE
    reach = f"{min(numbers)}{RANGE}{max(numbers)}"
    return texts.label("parenthesis", words=numbers[1], aside=reach)


def axes(size: Size | None, texts: Texts) -> str:
    """Long and short axis, and their mean as guidelines round it."""
    if size is None:
        return RANGE
    long, short = _mm(size.long_axis_mm), _mm(size.short_axis_mm)
    return texts.label("axes", long=long, short=short, mean=rounded(size.mean_axis_mm))


def volume(size: Size | None) -> str:
    """In cubic millimetres."""
    return RANGE if size is None else f"{size.volume_mm3:.0f}"


def density(nodule: Nodule, texts: Texts) -> str:
    """Solid, part-solid with its solid part, or ground-glass; calcified where it is; mean HU."""
    size = nodule.size
    words = [texts.word("density", nodule.density) if nodule.density else ""]
    if nodule.density is Density.PART_SOLID and size and size.solid_mean_axis_mm > 0:
        words.append(texts.label("solid-part", mean=rounded(size.solid_mean_axis_mm)))
    words.append(texts.label("calcified") if nodule.calcified else "")
    words.append(f"{size.mean_hu:.0f} HU".replace("-", "\N{MINUS SIGN}") if size else "")
    return listed(words, texts) or RANGE


def malignancy(nodule: Nodule) -> str:
    """The probability, a dash without one."""
    told = nodule.malignancy_probability
    return RANGE if told is None else document.probability(told)


def change(growth: Growth | None, texts: Texts) -> str:
    """New, growing, stable and so on."""
    return RANGE if growth is None else texts.word("change", growth.change)


def before_and_now(before: float | None, now: float | None, texts: Texts) -> str:
    """Volumes, then and now."""
    told = [RANGE if value is None else f"{value:.0f}" for value in (before, now)]
    return texts.label("before-now", before=told[0], now=told[1])


def volume_change(growth: Growth) -> str:
    """In percent of the earlier volume, signed."""
    if growth.volume_ratio is None:
        return RANGE
    return f"{100 * (growth.volume_ratio - 1):+.0f} %".replace("-", "\N{MINUS SIGN}")


def doubling(growth: Growth, texts: Texts) -> str:
    """The doubling time, or halving time where it shrinks, with its interval; why there is none."""
    days = growth.doubling_days
    if days is None:
        dated = growth.days is not None or growth.prior_volume_mm3 is None
        return RANGE if dated else texts.label("no-dates")
    words = texts.label("doubling", days=_days(days)) if days > 0 else texts.label("halving", days=_days(days))
    ends = (growth.doubling_low_days, growth.doubling_high_days)
    low, high = (texts.label("no-change-at-all") if end is None else _days(end) for end in ends)
    return texts.label("interval", words=words, low=low, high=high)


def _days(days: float) -> str:
    return f"{abs(days):.0f}"


def rounded(mm: float) -> str:
    """To the nearest millimetre, halves up, as Fleischner 2017 asks."""
    return str(math.floor(mm + 0.5))


def _mm(value: float, digits: int = 1) -> str:
    """At most so many digits after the point."""
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits > 1 else f"{value:.{digits}f}"


def listed(parts: Iterable[str], texts: Texts) -> str:
    """What there is of the parts, with commas."""
    told = [part for part in parts if part] or [""]
    return reduce(lambda first, second: texts.label("listed", first=first, second=second), told)


def numbers(nodules: Sequence[Nodule], texts: Texts) -> str:
    """`No. 1, 3`, three and more in a row as a range; empty for none."""
    runs = groupby(enumerate(n.index + 1 for n in nodules), key=lambda pair: pair[1] - pair[0])
    shown = ", ".join(_run([number for _, number in run]) for _, run in runs)
    return texts.label("nodule-number", number=shown) if shown else ""


def _run(following: Sequence[int]) -> str:
    return f"{following[0]}{RANGE}{following[-1]}" if len(following) > 2 else ", ".join(map(str, following))
