"""What a question is worth: how much its answer is expected to tell of the condition, and of the urgency.

In nats of mutual information (Lindley 1956). Exact for yes-no, one-of and number; for many-of, whose answers are too
many to list, the lower bound of Kolchinsky & Tracey (Entropy 2017, 19, 361) by Bhattacharyya coefficients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aimis.consult.model import Kind

if TYPE_CHECKING:
    from aimis.consult.belief import Belief
    from aimis.consult.net import Floats, Net

URGENCY_WEIGHT = 1.0
"""Of a nat on the urgency against one on the condition: judgement."""
NEGLIGIBLE = 1e-4
_LEAST = 1e-12


def values(net: Net, belief: Belief, error: float, among: npt.NDArray[np.bool_] | None = None) -> Floats:
    """(findings,) the expected gain of asking each now; answers are wrong with chance `error`.

    among : (findings,) where only these are asked for; the others get 0
    """
    rows = _rows_that_matter(belief.posterior)
    columns = np.flatnonzero(np.ones(len(net.findings), dtype=bool) if among is None else among)
    open_rows = _OpenRows(
        rows=rows,
        posterior=belief.posterior[rows] / belief.posterior[rows].sum(),
        urgency=net.urgency[rows],
        present=belief.present[np.ix_(rows, columns)],
    )
    worth = np.zeros(len(net.findings))
    worth[columns] = open_rows.gain((1 - error) * open_rows.present + error * (1 - open_rows.present), _binary_entropy)
    for place, column in enumerate(columns):
        if column in net.tables:
            worth[column] = _of_table(net, open_rows, int(column), open_rows.present[:, place], error)
    return worth


def _rows_that_matter(posterior: Floats) -> npt.NDArray[np.int64]:
    """The likeliest rows, all but a ten-thousandth of the belief; the others change no question's worth that counts."""
    order = np.argsort(-posterior)
    return order[: int(np.searchsorted(posterior[order].cumsum(), 1 - NEGLIGIBLE)) + 1]


@dataclass(frozen=True, kw_only=True, eq=False)
class _OpenRows:
    """The rows that matter, at `rows` of the net. present : (rows, findings asked for)."""

    rows: npt.NDArray[np.int64]
    posterior: Floats
    urgency: Floats
    present: Floats

    def gain(self, chances: Floats, entropy: Callable[[Floats], Floats]) -> Floats:
        """On condition and urgency. chances : (rows, answers) of one finding, or (rows, findings) of yes alone."""
        urgencies = (self.urgency * self.posterior[:, None]).T
        shares = np.maximum(urgencies.sum(axis=1), _LEAST)
        whole = entropy(self.posterior @ chances)
        on_condition = whole - self.posterior @ entropy(chances)
        on_urgency = whole - shares @ entropy(urgencies @ chances / shares[:, None])
        return np.asarray(on_condition + URGENCY_WEIGHT * on_urgency, dtype=np.float64)


def _of_table(net: Net, open_rows: _OpenRows, column: int, present: Floats, error: float) -> float:
    rows = open_rows.rows
    if net.findings[column].kind is Kind.MANY_OF:
        return (1 - error) * _gain_of_many(net.likeness[column][np.ix_(rows, rows)], present, open_rows.posterior)
    return float(open_rows.gain(_answers(net, column, present, rows, error), _entropy))


def _answers(net: Net, column: int, present: Floats, rows: npt.NDArray[np.int64], error: float) -> Floats:
    """(rows, options) chance of each answer; one in whom it is absent says `none`, or anything."""
    finding, options = net.findings[column], net.options(column)
    absent = np.full(options, 1 / options)
    if finding.none is not None:
        absent = np.eye(options)[finding.option_ids.index(finding.none)]
    share = present[:, None]
    return np.asarray((1 - error) * (share * net.tables[column][rows] + (1 - share) * absent) + error / options)


def _gain_of_many(likeness: Floats, present: Floats, posterior: Floats) -> float:
    """A lower bound, on the condition alone: its answers tell sites and kinds."""
    here, gone = np.sqrt(present), np.sqrt(1 - present)
    alike = here * (likeness @ (here * posterior)) + gone * (gone @ posterior)
    return -float(posterior @ np.log(np.maximum(alike, _LEAST)))


def _binary_entropy(chance: Floats) -> Floats:
    kept = np.clip(chance, _LEAST, 1 - _LEAST)
    return np.asarray(-kept * np.log(kept) - (1 - kept) * np.log1p(-kept), dtype=np.float64)


def _entropy(chances: Floats) -> Floats:
    return np.asarray(-(chances * np.log(np.maximum(chances, _LEAST))).sum(axis=-1), dtype=np.float64)
