"""Knowledge as arrays, made once: what inference computes with.

Rows are the conditions in the order of the knowledge, then one row an area that stands for everything of that area
which the knowledge does not hold ("something else of the chest"). A finding is *present* or *absent*; it can be
present only where its parent is. What an answer says beyond that (which options, how much) depends on presence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from aimis.consult.model import OLDEST, Band, Condition, Finding, Kind, Knowledge, Urgency, Value, bound_of

if TYPE_CHECKING:
    from aimis.consult.consultation import Person

Floats = npt.NDArray[np.float64]
ELSE_SHARE = 0.1
"""Of all consultations, those for something that the knowledge does not hold: judgement."""
LEAST, MOST = 5e-4, 1 - 5e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class Multipliers:
    """Of each condition's frequency, by what is known of a person; what is not known multiplies by 1.

    age : (years, conditions); the others (conditions,) by sex, season and country
    """

    age: Floats
    sex: Mapping[str, Floats]
    season: Mapping[str, Floats]
    country: Mapping[str, Floats]

    def of(self, person: Person) -> Floats | float:
        """(conditions,) what the person multiplies each frequency by."""
        product = self.sex.get(person.sex or "", 1.0) * self.season.get(person.season or "", 1.0)
        product = product * self.country.get(person.country or "", 1.0)
        return product if person.age_years is None else product * self.age[int(person.age_years)]


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
    multipliers: Multipliers
    shows: npt.NDArray[np.bool_]
    of_area: npt.NDArray[np.bool_]

    @property
    def named(self) -> int:
        """How many rows are conditions; the others are areas."""
        return len(self.conditions)

    def prior(self, person: Person) -> Floats:
        """(rows,) how likely each is before anything is known but the person."""
        weights = self.frequency * self.multipliers.of(person)
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
    column = {finding.id: number for number, finding in enumerate(findings)}
    shows = _shows(conditions, column)
    parent = tuple(None if finding.parent is None else column[finding.parent] for finding in findings)
    areas = tuple(sorted({condition.area for condition in conditions}))
    builder = _Builder(knowledge, conditions, of_area, _mentions(conditions))
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
        multipliers=_multipliers(conditions),
        shows=np.concatenate([shows, of_area @ shows]),
        of_area=of_area,
    )


@dataclass(frozen=True)
class _Builder:
    """Puts bands into rows."""

    knowledge: Knowledge
    conditions: tuple[Condition, ...]
    of_area: npt.NDArray[np.bool_]
    mentions: Mapping[str, list[tuple[int, Band | dict[str, Band]]]]

    @cached_property
    def shares(self) -> Floats:
        """(areas, conditions) what each condition counts in the average of its area."""
        return np.asarray(self.of_area / self.of_area.sum(axis=1, keepdims=True), dtype=np.float64)

    def presence(self, finding: Finding, table: Floats | None) -> Floats:
        """(rows,) P(present | parent present)."""
        if table is not None:
            none = None if finding.none is None else finding.option_ids.index(finding.none)
            return np.ones(len(table)) if none is None else np.clip(1 - table[:, none], LEAST, MOST)
        background = float(finding.background) if isinstance(finding.background, float | int) else LEAST
        own = np.full(len(self.conditions), background)
        for row, given in self.mentions.get(finding.id, ()):
            if not isinstance(given, dict):
                own[row] = self._of(given)
        return np.clip(self._with_areas(own, background), LEAST, MOST)

    def table(self, finding: Finding, edges: tuple[float, ...]) -> Floats:
        """(rows, options or bins) as the bands say, areas below."""
        if finding.kind is Kind.NUMBER:
            usual = _survival_of_background(finding, edges)
            rows = self._rows(finding, -np.diff(usual, prepend=1.0, append=0.0), partial(self._bins, edges, usual))
            return _distributions(rows)
        background = self._background(finding)
        rows = self._rows(finding, background, partial(self._options, finding, background))
        return np.clip(rows, LEAST, MOST) if finding.kind is Kind.MANY_OF else _distributions(rows)

    def _rows(self, finding: Finding, background: Floats, of: Callable[[dict[str, Band]], Floats]) -> Floats:
        own = np.tile(background, (len(self.conditions), 1))
        for row, given in self.mentions.get(finding.id, ()):
            if isinstance(given, dict):
                own[row] = of(given)
        return self._with_areas(own, background)

    def urgency(self) -> Floats:
        """(rows, 6): a condition has its own; an area has those of its conditions, as often as they come."""
        own = np.zeros((len(self.conditions), len(Urgency)))
        own[np.arange(len(own)), [condition.urgency.rank for condition in self.conditions]] = 1
        often = np.array([self.knowledge.bands.per_100000(c.frequency) for c in self.conditions])
        weights = self.of_area * often
        return np.concatenate([own, weights @ own / weights.sum(axis=1, keepdims=True)])

    def _with_areas(self, own: Floats, background: Floats | float) -> Floats:
        """An area shows half as its conditions do on average, half as anybody does."""
        return np.concatenate([own, 0.5 * self.shares @ own + 0.5 * background])

    def _of(self, band: Band) -> float:
        return self.knowledge.bands.chance(band)

    def _background(self, finding: Finding) -> Floats:
        given = finding.background if isinstance(finding.background, dict) else {}
        left = max(0.0, 1 - sum(given.values()))
        unsaid = [option for option in finding.option_ids if option not in given]
        share = LEAST if finding.kind is Kind.MANY_OF else left / max(1, len(unsaid))
        return np.array([given.get(option, share) for option in finding.option_ids])

    def _options(self, finding: Finding, background: Floats, given: dict[str, Band]) -> Floats:
        """What is said of an option stands; the others of a one-of share the rest as in the background."""
        said = np.array([self._of(given[option]) if option in given else np.nan for option in finding.option_ids])
        unsaid = np.isnan(said)
        if finding.kind is Kind.MANY_OF:
            return np.where(unsaid, background, said)
        rest = max(0.01, 1 - float(np.nansum(said)))
        shares = background * rest / max(float(background[unsaid].sum()), 1e-9)
        return np.where(unsaid, shares, said)

    def _bins(self, edges: tuple[float, ...], usual: Floats, given: dict[str, Band]) -> Floats:
        """P(value in bin): the background's survival, bent through the points that the condition names."""
        points = {0.0: 0.0, 1.0: 1.0}
        for text, band in given.items():
            sign, bound = bound_of(text)
            chance = self._of(band)
            points[float(usual[edges.index(bound)])] = chance if sign == ">=" else 1 - chance
        at = sorted(points)
        bent = np.interp(usual, at, np.maximum.accumulate([points[x] for x in at]))
        return -np.diff(bent, prepend=1.0, append=0.0)


def _shows(conditions: tuple[Condition, ...], column: Mapping[str, int]) -> npt.NDArray[np.bool_]:
    shows = np.zeros((len(conditions), len(column)), dtype=np.bool_)
    for row, condition in enumerate(conditions):
        shows[row, [column[finding] for finding in condition.findings]] = True
    return shows


def _mentions(conditions: tuple[Condition, ...]) -> dict[str, list[tuple[int, Band | dict[str, Band]]]]:
    """Finding -> the rows of the conditions that say something of it, and what."""
    found: dict[str, list[tuple[int, Band | dict[str, Band]]]] = {}
    for row, condition in enumerate(conditions):
        for finding, given in condition.findings.items():
            found.setdefault(finding, []).append((row, given))
    return found


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
    product = np.ones((len(rates), len(rates)))
    for option in np.stack([yes.T, no.T], axis=2):
        product *= option @ option.T
    return product


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


def _multipliers(conditions: tuple[Condition, ...]) -> Multipliers:
    age = np.ones((OLDEST + 1, len(conditions)))
    for column, condition in enumerate(conditions):
        for (first, last), by in reversed(condition.age.items()):  # where two ranges meet, the first one holds
            age[first : last + 1, column] = by
    return Multipliers(
        age=age,
        sex=_by_key([condition.sex for condition in conditions]),
        season=_by_key([condition.season for condition in conditions]),
        country=_by_key([condition.country for condition in conditions]),
    )


def _by_key(given: Sequence[Mapping[Any, float]]) -> dict[str, Floats]:
    keys = {key for one in given for key in one}
    return {key: np.array([one.get(key, 1.0) for one in given]) for key in keys}
