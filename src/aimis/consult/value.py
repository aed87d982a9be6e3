"""What a question is worth: how much its answer is expected to tell of the condition, and of the urgency.

In nats of mutual information (Lindley 1956). Exact for yes-no, one-of and number; for many-of, whose answers are too
many to list, the lower bound of Kolchinsky & Tracey (Entropy 2017, 19, 361) by Bhattacharyya coefficients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from aimis.consult.model import Kind

if TYPE_CHECKING:
    from aimis.consult.belief import Belief
    from aimis.consult.net import Floats, Net

URGENCY_WEIGHT = 1.0
"""Of a nat on the urgency against one on the condition: judgement."""
_LEAST = 1e-12


def values(net: Net, belief: Belief, error: float) -> Floats:
    """(findings,) the expected gain of asking each now; answers are wrong with chance `error`."""
    yes = (1 - error) * belief.present + error * (1 - belief.present)
    worth = np.asarray(_gain(net, belief, yes, _binary_entropy), dtype=np.float64)
    for column in net.tables:
        if net.findings[column].kind is Kind.MANY_OF:
            worth[column] = (1 - error) * _gain_of_many(net, belief, column)
        else:
            worth[column] = _gain(net, belief, _answers(net, belief, column, error), _entropy)
    return worth


def _gain(net: Net, belief: Belief, chances: Floats, entropy: Callable[[Floats], Floats]) -> Floats:
    """On condition and urgency. chances : (rows, answers) of one finding, or (rows, findings) of yes alone."""
    posterior = belief.posterior
    urgencies = (net.urgency * posterior[:, None]).T
    shares = np.maximum(urgencies.sum(axis=1), _LEAST)
    whole = entropy(posterior @ chances)
    on_condition = whole - posterior @ entropy(chances)
    on_urgency = whole - shares @ entropy(urgencies @ chances / shares[:, None])
    return np.asarray(on_condition + URGENCY_WEIGHT * on_urgency, dtype=np.float64)


def _answers(net: Net, belief: Belief, column: int, error: float) -> Floats:
    """(rows, options) chance of each answer; one in whom it is absent says `none`, or anything."""
    finding, options = net.findings[column], net.options(column)
    absent = np.full(options, 1 / options)
    if finding.none is not None:
        absent = np.eye(options)[finding.option_ids.index(finding.none)]
    share = belief.present[:, column][:, None]
    return np.asarray((1 - error) * (share * net.tables[column] + (1 - share) * absent) + error / options)


def _gain_of_many(net: Net, belief: Belief, column: int) -> float:
    """A lower bound, on the condition alone: its answers tell sites and kinds."""
    present, posterior = belief.present[:, column], belief.posterior
    here, gone = np.sqrt(present), np.sqrt(1 - present)
    alike = here * (net.likeness[column] @ (here * posterior)) + gone * (gone @ posterior)
    return -float(posterior @ np.log(np.maximum(alike, _LEAST)))


def _binary_entropy(chance: Floats) -> Floats:
    kept = np.clip(chance, _LEAST, 1 - _LEAST)
    return np.asarray(-kept * np.log(kept) - (1 - kept) * np.log1p(-kept), dtype=np.float64)


def _entropy(chances: Floats) -> Floats:
    return np.asarray(-(chances * np.log(np.maximum(chances, _LEAST))).sum(axis=-1), dtype=np.float64)
