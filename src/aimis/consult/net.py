"""Knowledge as arrays, made once: what inference computes with.

Rows are the conditions in the order of the knowledge, then one row an area that stands for everything of that area
which the knowledge does not hold ("something else of the chest"). A finding is *present* or *absent*; it can be
present only where its parent is. What an answer says beyond that (which options, how much) depends on presence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aimis.consult.model import Band, Condition, Finding, Kind, Knowledge, Urgency, Value, bound_of

if TYPE_CHECKING:
    from aimis.consult.consultation import Person

Floats = npt.NDArray[np.float64]
ELSE_SHARE = 0.1
"""Of all consultations, those for something that the knowledge does not hold: judgement."""
LEAST, MOST = 5e-4, 1 - 5e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class Net:
    """All arrays; rows as above, columns in the order of the knowledge's findings.

    present : (rows, findings) P(present | parent present, row)
    marginal : (rows, findings) P(present | row), nothing asked
    tables : finding -> (rows, options or bins) given presence: a distribution of one-of and number, rates of many-of
    likeness : finding of many-of -> (rows, rows) Bhattacharyya coefficient of what two rows would answer
    edges : finding of number -> bounds between its bins, rising
    urgency : (rows, 6) chance of each urgency, by rank
    shows : (rows, findings) whether the finding is said to come with the condition, or with one of the area
    """

    knowledge: Knowledge
    findings: tuple[Finding, ...]
    conditions: tuple[Condition, ...]
    areas: tuple[str, ...]
    column: Mapping[str, int]
    parent: tuple[int | None, ...]
    children: tuple[tuple[int, ...], ...]
    present: Floats
    marginal: Floats
    tables: Mapping[int, Floats]
    likeness: Mapping[int, Floats]
    edges: Mapping[int, tuple[float, ...]]
    urgency: Floats
    frequency: Floats
    shows: npt.NDArray[np.bool_]
    of_area: npt.NDArray[np.bool_]

    @property
    def named(self) -> int:
        """How many rows are conditions; the others are areas."""
        return len(self.conditions)

    def prior(self, person: Person) -> Floats:
        """(rows,) how likely each is before anything is known but the person."""
        weights = self.frequency * np.array([_multiplier(condition, person) for condition in self.conditions])
        total = weights.sum() or 1.0
        elsewhere = self.of_area @ weights + 0.01 * total
        shares = elsewhere / elsewhere.sum()
        return np.concatenate([(1 - ELSE_SHARE) * weights / total, ELSE_SHARE * shares])

    def options(self, column: int) -> int:
        """How many answers or bins a finding has."""
        return int(self.tables[column].shape[1])

    def slots(self, column: int, value: Value) -> list[int]:
        """Which columns of its table a finding's answer stands for."""
        finding = self.findings[column]
        if finding.kind is Kind.NUMBER and isinstance(value, float | int):
            return [int(np.searchsorted(self.edges[column], value, side="right"))]
        chosen = value if isinstance(value, tuple) else (value,)
        return [finding.option_ids.index(option) for option in chosen if isinstance(option, str)]


def build_net(knowledge: Knowledge) -> Net:
    """The arrays of a set of knowledge."""
    findings, conditions = tuple(knowledge.findings.values()), tuple(knowledge.conditions.values())
    of_area = np.array([[c.area == area for c in conditions] for area in sorted({c.area for c in conditions})])
    shows = np.array([[finding.id in c.findings for finding in findings] for c in conditions])
    column = {finding.id: number for number, finding in enumerate(findings)}
    parent = tuple(None if finding.parent is None else column[finding.parent] for finding in findings)
    areas = tuple(sorted({condition.area for condition in conditions}))
    builder = _Builder(knowledge, conditions, areas)
    edges = {n: tuple(_edges(f, conditions)) for n, f in enumerate(findings) if f.kind is Kind.NUMBER}
    tables = {n: builder.table(f, edges.get(n, ())) for n, f in enumerate(findings) if f.kind is not Kind.YES_NO}
    present = np.stack([builder.presence(f, tables.get(n)) for n, f in enumerate(findings)], axis=1)
    return Net(
        knowledge=knowledge,
        findings=findings,
        conditions=conditions,
        areas=areas,
        column=column,
        parent=parent,
        children=_children(parent),
        present=present,
        marginal=_marginal(present, parent),
        tables={n: _without_none(findings[n], table) for n, table in tables.items()},
        likeness={n: _likeness(t) for n, t in tables.items() if findings[n].kind is Kind.MANY_OF},
        edges=edges,
        urgency=builder.urgency(),
        frequency=np.array([knowledge.bands.per_100000(condition.frequency) for condition in conditions]),
        shows=np.concatenate([shows, of_area @ shows]),
        of_area=of_area,
    )


@dataclass(frozen=True)
class _Builder:
    """Puts bands into rows."""

    knowledge: Knowledge
    conditions: tuple[Condition, ...]
    areas: tuple[str, ...]

    def presence(self, finding: Finding, table: Floats | None) -> Floats:
        """(rows,) P(present | parent present)."""
        if table is not None:
            none = None if finding.none is None else finding.option_ids.index(finding.none)
            return np.ones(len(table)) if none is None else np.clip(1 - table[:, none], LEAST, MOST)
        own = np.array([self._chance(c.findings.get(finding.id), finding.background) for c in self.conditions])
        return np.clip(self._with_areas(own, float(_number(finding.background))), LEAST, MOST)

    def table(self, finding: Finding, edges: tuple[float, ...]) -> Floats:
        """(rows, options or bins) as the bands say, areas below."""
        if finding.kind is Kind.NUMBER:
            usual = _survival_of_background(finding, edges)
            own = np.stack([self._bins(c, finding, edges, usual) for c in self.conditions])
            return _distributions(self._with_areas(own, -np.diff(usual, prepend=1.0, append=0.0)))
        background = self._background(finding)
        own = np.stack([self._options(c, finding, background) for c in self.conditions])
        rows = self._with_areas(own, background)
        return np.clip(rows, LEAST, MOST) if finding.kind is Kind.MANY_OF else _distributions(rows)

    def urgency(self) -> Floats:
        """(rows, 6): a condition has its own; an area has those of its conditions, as often as they come."""
        own = np.zeros((len(self.conditions), len(Urgency)))
        own[np.arange(len(own)), [condition.urgency.rank for condition in self.conditions]] = 1
        often = np.array([self.knowledge.bands.per_100000(c.frequency) for c in self.conditions])
        return np.concatenate([own, [np.average(own[of], axis=0, weights=often[of]) for of in self._members()]])

    def _with_areas(self, own: Floats, background: Floats | float) -> Floats:
        """An area shows half as its conditions do on average, half as anybody does."""
        means = [0.5 * own[of].mean(axis=0) + 0.5 * background for of in self._members()]
        return np.concatenate([own, means])

    def _members(self) -> Iterator[list[int]]:
        for area in self.areas:
            yield [n for n, condition in enumerate(self.conditions) if condition.area == area]

    def _chance(self, given: Band | Mapping[str, Band] | None, background: object) -> float:
        return _number(background) if given is None or isinstance(given, Mapping) else self._of(given)

    def _of(self, band: Band) -> float:
        return self.knowledge.bands.chance(band)

    def _background(self, finding: Finding) -> Floats:
        given = finding.background if isinstance(finding.background, dict) else {}
        left = max(0.0, 1 - sum(given.values()))
        unsaid = [option for option in finding.option_ids if option not in given]
        share = LEAST if finding.kind is Kind.MANY_OF else left / max(1, len(unsaid))
        return np.array([given.get(option, share) for option in finding.option_ids])

    def _options(self, condition: Condition, finding: Finding, background: Floats) -> Floats:
        """What is said of an option stands; the others of a one-of share the rest as in the background."""
        given = condition.findings.get(finding.id)
        if not isinstance(given, dict):
            return background
        said = np.array([self._of(given[option]) if option in given else np.nan for option in finding.option_ids])
        unsaid = np.isnan(said)
        if finding.kind is Kind.MANY_OF:
            return np.where(unsaid, background, said)
        rest = max(0.01, 1 - float(np.nansum(said)))
        shares = background * rest / max(float(background[unsaid].sum()), 1e-9)
        return np.where(unsaid, shares, said)

    def _bins(self, condition: Condition, finding: Finding, edges: tuple[float, ...], usual: Floats) -> Floats:
        """P(value in bin): the background's survival, bent through the points that the condition names."""
        given = condition.findings.get(finding.id)
        points = {0.0: 0.0, 1.0: 1.0}
        for text, band in (given if isinstance(given, dict) else {}).items():
            sign, bound = bound_of(text)
            chance = self._of(band)
            points[float(usual[edges.index(bound)])] = chance if sign == ">=" else 1 - chance
        at = sorted(points)
        bent = np.interp(usual, at, np.maximum.accumulate([points[x] for x in at]))
        return -np.diff(bent, prepend=1.0, append=0.0)


def _number(background: object) -> float:
    return float(background) if isinstance(background, float | int) else LEAST


def _edges(finding: Finding, conditions: tuple[Condition, ...]) -> list[float]:
    given = [condition.findings.get(finding.id) for condition in conditions]
    bounds = [text for one in (finding.background, *given) if isinstance(one, dict) for text in one]
    return sorted({bound_of(text)[1] for text in bounds})


def _survival_of_background(finding: Finding, edges: tuple[float, ...]) -> Floats:
    """P(value >= edge) in those who consult for something else; straight between the bounds that are said."""
    low, high = finding.range or (0.0, 1.0)
    points = {low: 1.0, high: 0.0}
    for text, chance in (finding.background if isinstance(finding.background, dict) else {}).items():
        sign, bound = bound_of(text)
        points[bound] = chance if sign == ">=" else 1 - chance
    at = sorted(points)
    return np.asarray(np.interp(edges, at, [points[x] for x in at]), dtype=np.float64)


def _distributions(rows: Floats) -> Floats:
    kept = np.maximum(rows, LEAST)
    return np.asarray(kept / kept.sum(axis=1, keepdims=True), dtype=np.float64)


def _without_none(finding: Finding, table: Floats) -> Floats:
    """The table given presence: nobody in whom it is present answers `none`."""
    if finding.none is None:
        return table
    given = table.copy()
    given[:, finding.option_ids.index(finding.none)] = LEAST
    return given if finding.kind is Kind.MANY_OF else _distributions(given)


def _likeness(rates: Floats) -> Floats:
    """Product over options of the Bhattacharyya coefficients of two Bernoulli distributions."""
    yes, no = np.sqrt(rates), np.sqrt(1 - rates)
    logs = sum(np.log(np.outer(y, y) + np.outer(n, n)) for y, n in zip(yes.T, no.T, strict=True))
    return np.asarray(np.exp(logs), dtype=np.float64)


def _children(parent: tuple[int | None, ...]) -> tuple[tuple[int, ...], ...]:
    below: list[list[int]] = [[] for _ in parent]
    for column, up in enumerate(parent):
        if up is not None:
            below[up].append(column)
    return tuple(map(tuple, below))


def _marginal(present: Floats, parent: tuple[int | None, ...]) -> Floats:
    def of(column: int) -> Floats:
        up = parent[column]
        return present[:, column] if up is None else present[:, column] * of(up)

    return np.stack([of(column) for column in range(len(parent))], axis=1)


def _multiplier(condition: Condition, person: Person) -> float:
    by_sex = condition.sex.get(person.sex, 1.0) if person.sex else 1.0
    by_season = condition.season.get(person.season, 1.0) if person.season else 1.0
    by_country = condition.country.get(person.country, 1.0) if person.country else 1.0
    return by_sex * by_season * by_country * _by_age(condition, person.age_years)


def _by_age(condition: Condition, age_years: float | None) -> float:
    if age_years is None:
        return 1.0
    return next((m for (first, last), m in condition.age.items() if first <= age_years < last + 1), 1.0)
