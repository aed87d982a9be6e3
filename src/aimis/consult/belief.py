"""What is believed after some answers: exact inference, each finding's tree by itself.

Answers are noisy: with a small chance an answer is not the truth. So a parent answered "no" keeps a chance of being
present, which an answer to its child can raise: two answers that tell the same thing are not counted twice, and one
wrong answer does not sink the truth. Belief propagation (Pearl 1988) over trees whose nodes are present or absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from aimis.consult.model import Kind, Value

if TYPE_CHECKING:
    from aimis.consult.net import Floats, Net

TINY = 1e-300
INCIDENTAL = 0.05
"""Of the symptoms that come by the way, so many are brought up as the reason to consult: judgement."""
Pair: TypeAlias = "tuple[Floats | float, Floats | float]"
"""Of the absent and of the present; an array has one number a row."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """An answer, and the chance that it is wrong.

    volunteered : why the person comes, not an answer to a question
    """

    value: Value
    error: float
    volunteered: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Belief:
    """What is believed.

    posterior : (rows,) sums to 1
    usual : (rows, findings) P(present | row), nothing asked
    changed : finding's column -> (rows,) P(present | row, the answers), where an answer tells something of it
    """

    posterior: Floats
    usual: Floats
    changed: Mapping[int, Floats]

    def present(self, column: int) -> Floats:
        """(rows,) P(present | row, the answers) of a finding."""
        return self.changed[column] if column in self.changed else self.usual[:, column]

    @cached_property
    def expected(self) -> Floats:
        """(findings,) P(present | the answers)."""
        expected = self.posterior @ self.usual
        for column, given in self.changed.items():
            expected[column] = self.posterior @ given
        return np.asarray(expected, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Node:
    """What a finding and all below it say. state : times (absent, present); said : to the parent (absent, present)."""

    state: Pair
    said: Pair


def believe(net: Net, prior: Floats, evidence: Mapping[int, Evidence]) -> Belief:
    """The posterior of all rows, and of each finding's presence in each row.

    evidence : by the finding's column, without unknowns
    """
    logs = np.log(np.maximum(prior, TINY))
    changed: dict[int, Floats] = {}
    for root in sorted({_root(net, column) for column in evidence}):
        nodes: dict[int, _Node] = {}
        _gather(net, evidence, root, nodes)
        logs = logs + np.log(np.maximum(nodes[root].said[1], TINY))
        _spread(net, nodes, root, (0.0, 1.0), changed)
    for column, given in evidence.items():
        if given.volunteered and net.findings[column].present(given.value):
            logs = logs + np.where(net.shows[:, column], 0.0, np.log(INCIDENTAL))
    weights = np.exp(logs - logs.max())
    return Belief(posterior=weights / weights.sum(), usual=net.marginal, changed=changed)


def likelihood(net: Net, column: int, evidence: Evidence) -> Floats:
    """(rows,) P(this answer | row), the finding by itself; for saying what speaks for and against."""
    absent, present = _own(net, column, evidence)
    share = net.marginal[:, column]
    return np.asarray(share * present + (1 - share) * absent, dtype=np.float64)


def _root(net: Net, column: int) -> int:
    up = net.parent[column]
    return column if up is None else _root(net, up)


def _gather(net: Net, evidence: Mapping[int, Evidence], column: int, nodes: dict[int, _Node]) -> bool:
    """Fill `nodes` from the leaves up; whether anything at or below `column` was answered."""
    absent: Floats | float
    absent, present = _own(net, column, evidence[column]) if column in evidence else (1.0, 1.0)
    answered = column in evidence
    for child in net.children[column]:
        if _gather(net, evidence, child, nodes):
            answered = True
            absent, present = absent * nodes[child].said[0], present * nodes[child].said[1]
    if answered:
        share = net.present[:, column]
        nodes[column] = _Node((absent, present), (absent, share * present + (1 - share) * absent))
    return answered


def _spread(
    net: Net,
    nodes: Mapping[int, _Node],
    column: int,
    above: Pair,
    changed: dict[int, Floats],
) -> None:
    """Write P(present | row, all answers) of `column` and all below it; `above` speaks of the parent's state."""
    node = nodes.get(column)
    state = node.state if node else (1.0, 1.0)
    share = net.present[:, column]
    is_present = above[1] * share * state[1]
    is_absent = (above[1] * (1 - share) + above[0]) * state[0]
    changed[column] = is_present / np.maximum(is_present + is_absent, TINY)
    for child in net.children[column]:
        said = nodes[child].said if child in nodes else (1.0, 1.0)
        outside = (is_absent / np.maximum(said[0], TINY), is_present / np.maximum(said[1], TINY))
        _spread(net, nodes, child, outside, changed)


def _own(net: Net, column: int, evidence: Evidence) -> tuple[float, Floats | float]:
    """P(answer | absent) and P(answer | present), wrong answers counted in."""
    value, error = evidence.value, evidence.error
    finding = net.findings[column]
    if finding.kind is Kind.YES_NO:
        return (error, 1 - error) if value else (1 - error, error)
    slots, options = net.slots(column, value), net.options(column)
    by_chance = error * float(options) ** -max(1, len(slots))
    if finding.none is None:  # in whom it is absent the question makes no sense: any answer is as likely
        return 1 / options, (1 - error) * _told(net, column, slots) + by_chance
    if value in {finding.none, (finding.none,)}:
        return 1 - error + by_chance, by_chance
    return by_chance, (1 - error) * _told(net, column, slots) + by_chance


def _told(net: Net, column: int, slots: list[int]) -> Floats:
    """(rows,) P(these options | present)."""
    table = net.tables[column]
    if net.findings[column].kind is not Kind.MANY_OF:
        return table[:, slots[0]]
    chosen = np.zeros(table.shape[1], dtype=bool)
    chosen[slots] = True
    return np.asarray(np.where(chosen, table, 1 - table).prod(axis=1), dtype=np.float64)
