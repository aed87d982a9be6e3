"""What Fleischner 2017, Lung-RADS v2022 and BTS 2015 say of nodules: tables kept as data in `rules/`, read here.

A row gives words that must be among its lists (density, number, change...) and figures that must lie in its ranges. Its
size fits by diameter or, where slices are thin enough for volumetry, by volume; rows stand in order of caution, and of
those that fit the last is the answer. Rows marked `also` are said beside it, on a condition that the reader cannot
judge. Each row is a test in tests/unit/readers/lung/test_guidelines.py.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aimis.domain.scan import Change, Management
from aimis.readers.lung import measure

if TYPE_CHECKING:
    from aimis.domain.scan import Growth, Nodule, Series

Range = tuple[float, float]

IDS = ("fleischner-2017", "lung-rads-2022", "bts-2015")
VOLUMETRY_MM = 1.5
"""Thickest slices by which guidelines measure nodules: Bankier et al. 2017, doi:10.1148/radiol.2017162894."""
GROWN_MM, GROWN_DAYS = 1.5, 365
"""Lung-RADS v2022: growth is a mean diameter larger by more than 1.5 mm within 12 months."""
_RANKS = ("", "0", "1", "2", "3", "4A", "4B", "4X")
_BENIGN = _RANKS.index("2")
"""Category 2 means a year until the next CT, which nobody can promise of lung that was not judged."""
_RANGES = ("mm", "mm3", "solid_mm", "solid_mm3", "pleura_mm", "days", "vdt", "brock", "age")
_SIZES = (("mm", "mm3"), ("solid_mm", "solid_mm3"))
_PLAIN = ("id", "category", "also", "by_risk", "applies_if")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a guideline.

    words : what each of these facts may be
    ranges : within which each figure lies, the upper end left out
    also : said beside the answer instead of being it; by_risk : has words for low and for high risk
    """

    id: str
    category: str
    words: Mapping[str, tuple[str, ...]]
    ranges: Mapping[str, Range]
    also: bool
    by_risk: bool
    applies_if: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Guideline:
    """A guideline's table.

    measure : mean-rounded, mean-decimal or long; which diameter it speaks of, and how it is rounded
    volume_first : a volume alone decides where there is one, else the more cautious of diameter and volume
    depends : codes of what the whole guideline depends on
    """

    id: str
    version: str
    source: str
    measure: str
    volume_first: bool
    depends: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a nodule, in a guideline's own measure; a figure that is not known is missing."""

    words: Mapping[str, str]
    figures: Mapping[str, float]


@cache
def load(guideline_id: str) -> Guideline:
    """A guideline of `IDS` as its file gives it."""
    table = tomllib.loads((Path(__file__).parent / "rules" / f"{guideline_id}.toml").read_text("utf-8"))
    return Guideline(
        id=table["id"],
        version=table["version"],
        source=table["source"],
        measure=table["measure"],
        volume_first=table.get("volume_first", False),
        depends=tuple(table["depends"]),
        rows=tuple(_row(row) for row in table["rows"]),
    )


def managed(
    nodules: Sequence[Nodule], series: Series, *, whole_lungs: bool = True, spiculated: Collection[int] = ()
) -> tuple[tuple[Nodule, ...], tuple[Management, ...]]:
    """The nodules, those measured with what each guideline says of them, and what Lung-RADS says of the whole scan.

    Of one that could not be measured no guideline says anything, and then Lung-RADS says nothing of the scan either.

    nodules : with size, density, place, growth and risks as far as known; those not present stay as they are
    whole_lungs : whether all of both lungs can be judged
    spiculated : indices of nodules that look spiculated
    """
    present = [n for n in nodules if n.present]
    number = "multiple" if sum(not n.calcified for n in present) > 1 else "single"
    done = {
        n.index: _of_nodule(n, series, number, "yes" if n.index in spiculated else "no") if n.size else ()
        for n in present
    }
    told = tuple(replace(n, management=done[n.index]) if n.index in done else n for n in nodules)
    return told, tuple(_of_scan(list(done.values()), whole_lungs=whole_lungs))


def fitting(guideline: Guideline, facts: Facts) -> tuple[Row | None, tuple[Row, ...]]:
    """The answer, None where no row fits, and the rows said beside it."""
    plain = [row for row in guideline.rows if not row.also and _fits(row, facts, guideline)]
    answer = plain[-1] if plain else None
    known = replace(facts, words={**facts.words, "categories": answer.category if answer else ""})
    return answer, tuple(row for row in guideline.rows if row.also and _fits(row, known, guideline))


def facts_of(nodule: Nodule, series: Series, guideline: Guideline, number: str, spiculated: str = "no") -> Facts:
    """What the guideline's rows ask about a nodule."""
    growth = nodule.growth
    by_diameter = guideline.measure == "mean-decimal"
    words = {
        "density": nodule.density.value if nodule.density else "",
        "number": number,
        "calcium": "yes" if nodule.calcified else "no",
        "change": _change(nodule, growth, by_diameter=by_diameter),
        "dates": "known" if growth and growth.days else "unknown",
        "spiculated": spiculated,
    }
    figures: dict[str, float | None] = {
        **_sizes(nodule, series, guideline.measure),
        "pleura_mm": nodule.place.pleura_mm if nodule.place else None,
        "age": series.age_years,
        "days": growth.days if growth else None,
        "vdt": growth.doubling_days if growth else None,
        "brock": next((r.probability for r in nodule.risks if r.model == "brock"), None),
    }
    return Facts(words=words, figures={k: v for k, v in figures.items() if v is not None})


def volumetry(series: Series) -> bool:
    """Whether the slices are thin enough for volumes."""
    return max(series.thickness_mm or 0.0, series.spacing_zyx_mm[0]) <= VOLUMETRY_MM


def _row(table: Mapping[str, Any]) -> Row:
    return Row(
        id=table["id"],
        category=table.get("category", ""),
        words={k: tuple(v) for k, v in table.items() if k not in _RANGES and k not in _PLAIN},
        ranges={k: (float(table[k][0]), float(table[k][1])) for k in _RANGES if k in table},
        also=table.get("also", False),
        by_risk=table.get("by_risk", False),
        applies_if=tuple(table.get("applies_if", ())),
    )


def _of_nodule(nodule: Nodule, series: Series, number: str, spiculated: str) -> tuple[Management, ...]:
    tables = [load(name) for name in IDS]
    return tuple(m for g in tables for m in _said(g, facts_of(nodule, series, g, number, spiculated)))


def _said(guideline: Guideline, facts: Facts) -> Iterator[Management]:
    answer, beside = fitting(guideline, facts)
    for row in (*([answer] if answer else []), *beside):
        for risk in ("low-risk", "high-risk") if row.by_risk else ("",):
            yield Management(
                guideline=guideline.id,
                rule=f"{row.id}-{risk}" if risk else row.id,
                category=row.category,
                applies_if=(*((risk,) if risk else ()), *row.applies_if, *guideline.depends),
            )


def _of_scan(of_nodules: Sequence[Sequence[Management]], *, whole_lungs: bool) -> Iterator[Management]:
    """The category of the whole examination is that of its most suspicious nodule.

    Where lung is missing 0 is said: beside a category that asks for more, in place of 1 and 2.

    of_nodules : empty for one that was not measured
    """
    guideline = load("lung-rads-2022")
    bare = Facts(
        words={"number": "some" if of_nodules else "none", "coverage": "whole" if whole_lungs else "part"}, figures={}
    )
    sure = [m for each in of_nodules for m in each if m.guideline == guideline.id and m.applies_if == guideline.depends]
    if sure and all(of_nodules):
        worst = max(sure, key=lambda m: _RANKS.index(m.category))
        if whole_lungs or _RANKS.index(worst.category) > _BENIGN:
            yield worst
    yield from _said(guideline, bare)


def _fits(row: Row, facts: Facts, guideline: Guideline) -> bool:
    if any(facts.words.get(key) not in allowed for key, allowed in row.words.items()):
        return False
    sizes = {key for pair in _SIZES for key in pair}
    figures = all(_within(row, facts, key) for key in row.ranges if key not in sizes)
    return figures and all(_sized(row, facts, pair, volume_first=guideline.volume_first) for pair in _SIZES)


def _sized(row: Row, facts: Facts, pair: tuple[str, str], *, volume_first: bool) -> bool:
    """By diameter or by volume; where volumes come first, by volume alone if row and nodule have one."""
    asked = [key for key in pair if key in row.ranges and key in facts.figures]
    if not asked:
        return not any(key in row.ranges for key in pair)
    return any(_within(row, facts, key) for key in (asked[-1:] if volume_first else asked))


def _within(row: Row, facts: Facts, key: str) -> bool:
    low, high = row.ranges[key]
    return key in facts.figures and low <= facts.figures[key] < high


def _sizes(nodule: Nodule, series: Series, kind: str) -> dict[str, float | None]:
    size = nodule.size
    if size is None:
        return {}
    volumes = volumetry(series)
    return {
        "mm": _given(size.long_axis_mm if kind == "long" else size.mean_axis_mm, kind),
        "solid_mm": _given(size.solid_mean_axis_mm, kind),
        "mm3": measure.rounded_mm(size.volume_mm3) if volumes else None,
        "solid_mm3": measure.rounded_mm(size.solid_volume_mm3) if volumes else None,
    }


def _given(axis_mm: float, kind: str) -> float:
    """A diameter as the guideline rounds it."""
    if kind == "mean-rounded":
        return measure.rounded_mm(axis_mm)
    return _tenths(axis_mm) if kind == "mean-decimal" else axis_mm


def _tenths(axis_mm: float) -> float:
    return math.floor(axis_mm * 10 + 0.5) / 10


def _change(nodule: Nodule, growth: Growth | None, *, by_diameter: bool) -> str:
    """How it changed, as a guideline sees it; without an earlier CT of the place, baseline."""
    if growth is None or growth.change in (Change.NOT_COVERED, Change.GONE):
        return "baseline"
    if growth.change is Change.NEW:
        return "new"
    if by_diameter and growth.prior_mean_axis_mm is not None and nodule.size:
        wider = round(_tenths(nodule.size.mean_axis_mm) - _tenths(growth.prior_mean_axis_mm), 1)
        if wider / max((growth.days or 0) / GROWN_DAYS, 1.0) > GROWN_MM:
            return "growing"
        return "slowly-growing" if growth.change is Change.GROWING else "stable"
    return "growing" if growth.change is Change.GROWING else "stable"
