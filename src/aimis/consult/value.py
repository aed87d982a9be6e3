"""What a question is worth: how much its answer is expected to tell of the condition, and of the urgency.

In nats of mutual information (Lindley 1956). Exact for yes-no, one-of and number; for many-of, whose answers are too
many to list, the lower bound of Kolchinsky & Tracey (Entropy 2017, 19, 361) by Bhattacharyya coefficients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


@dataclass(frozen=True, kw_only=True, eq=False)
class _Usual:
    """What the knowledge alone says of findings as long as nothing tells of them.

    answers : (rows, answers) chance of each answer; one column, that of yes, for each yes-no
    entropy : (rows, findings) of the answers
    """

    answers: Floats
    entropy: Floats


class Worth:
    """What questions are worth over a net, whose answers are wrong with chance `error`."""

    def __init__(self, net: Net, error: float) -> None:
        self._net, self._error = net, error
        self._columns = [n for n in net.tables if net.findings[n].kind is not Kind.MANY_OF]
        yes = self._said(net.marginal)
        self._yes_no = _Usual(answers=yes, entropy=_binary_entropy(yes))
        self._tables = {column: self._table(column, net.marginal[:, column]) for column in self._columns}

    def values(self, belief: Belief, among: npt.NDArray[np.bool_] | None = None) -> Floats:
        """(findings,) the expected gain of asking each now.

        among : (findings,) where only these are asked for; those of the others may be 0
        """
        asked = np.ones(len(self._net.findings), dtype=np.bool_) if among is None else among
        open_rows = _open_rows(belief.posterior, self._net.urgency)
        worth = self._of_yes_no(open_rows, belief.changed)
        for column in filter(asked.__getitem__, self._net.tables):
            worth[column] = self._of_table(open_rows, column, belief)
        return worth

    def _of_yes_no(self, open_rows: _OpenRows, changed: Mapping[int, Floats]) -> Floats:
        """Of all findings, as if each were a yes-no."""
        yes, entropy = open_rows.urgencies @ self._yes_no.answers, open_rows.posterior @ self._yes_no.entropy
        if changed:
            now = self._said(np.stack(list(changed.values()), axis=1))
            yes[:, list(changed)] = open_rows.urgencies @ now
            entropy[list(changed)] = open_rows.posterior @ _binary_entropy(now)
        return open_rows.gain(yes, entropy, _binary_entropy)

    def _of_table(self, open_rows: _OpenRows, column: int, belief: Belief) -> float:
        if self._net.findings[column].kind is Kind.MANY_OF:
            return (1 - self._error) * open_rows.gain_of_many(self._net.likeness[column], belief.present(column))
        now = self._table(column, belief.present(column)) if column in belief.changed else self._tables[column]
        answers, entropy = open_rows.urgencies @ now.answers, open_rows.posterior @ now.entropy
        return float(open_rows.gain(answers, entropy, _entropy))

    def _said(self, present: Floats) -> Floats:
        """The chance of a yes."""
        return np.asarray((1 - self._error) * present + self._error * (1 - present), dtype=np.float64)

    def _table(self, column: int, present: Floats) -> _Usual:
        """Of one finding; one in whom it is absent says `none`, or anything."""
        finding, options = self._net.findings[column], self._net.options(column)
        absent = np.full(options, 1 / options)
        if finding.none is not None:
            absent = np.eye(options)[finding.option_ids.index(finding.none)]
        share, error = present[:, None], self._error
        answers = (1 - error) * (share * self._net.tables[column] + (1 - share) * absent) + error / options
        return _Usual(answers=answers, entropy=_entropy(answers))


@dataclass(frozen=True, kw_only=True, eq=False)
class _OpenRows:
    """The likeliest rows, all but a ten-thousandth of the belief; the others change no question's worth that counts.

    rows : of the net; posterior : (rows of the net,) 0 but for these
    urgencies : (urgencies, rows of the net) the posterior by urgency; shares : (urgencies,) its sums
    """

    rows: npt.NDArray[np.int64]
    posterior: Floats
    urgencies: Floats
    shares: Floats

    def gain(self, answers: Floats, entropy: Floats, of: Callable[[Floats], Floats]) -> Floats:
        """On condition and urgency.

        answers : (urgencies, ...) chance of each, times the urgency's; entropy : expected where the row is known
        """
        whole = of(answers.sum(axis=0))
        by_urgency = of(answers / self.shares.reshape(-1, *(1,) * (answers.ndim - 1)))
        return np.asarray((whole - entropy) + URGENCY_WEIGHT * (whole - self.shares @ by_urgency), dtype=np.float64)

    def gain_of_many(self, likeness: Floats, present: Floats) -> float:
        """A lower bound, on the condition alone: its answers tell sites and kinds."""
        posterior = self.posterior[self.rows]
        here, gone = np.sqrt(present[self.rows]), np.sqrt(1 - present[self.rows])
        among = likeness[np.ix_(self.rows, self.rows)]
        alike = here * (among @ (here * posterior)) + gone * (gone @ posterior)
        return -float(posterior @ np.log(np.maximum(alike, _LEAST)))


def _open_rows(posterior: Floats, urgency: Floats) -> _OpenRows:
    order = np.argsort(-posterior)
    rows = order[: int(np.searchsorted(posterior[order].cumsum(), 1 - NEGLIGIBLE)) + 1]
    kept = np.zeros_like(posterior)
    kept[rows] = posterior[rows] / posterior[rows].sum()
    urgencies = (urgency * kept[:, None]).T
    return _OpenRows(rows=rows, posterior=kept, urgencies=urgencies, shares=np.maximum(urgencies.sum(axis=1), _LEAST))


def _binary_entropy(chance: Floats) -> Floats:
    kept = np.clip(chance, _LEAST, 1 - _LEAST)
    return np.asarray(-kept * np.log(kept) - (1 - kept) * np.log1p(-kept), dtype=np.float64)


def _entropy(chances: Floats) -> Floats:
    return np.asarray(-(chances * np.log(np.maximum(chances, _LEAST))).sum(axis=-1), dtype=np.float64)
