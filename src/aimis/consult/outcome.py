"""What a consultation comes to: how urgent, what it may be and why, or that the answers are not well explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from aimis.consult.belief import Belief, Evidence, likelihood
from aimis.consult.model import Condition, Urgency, most_urgent

if TYPE_CHECKING:
    from aimis.consult.net import Floats, Net
    from aimis.consult.ports import RaisedFlag


class Caution(StrEnum):
    """Why an end below `same-day` would not be safe."""

    LITTLE_UNDERSTOOD = "little-understood"
    UNANSWERED = "unanswered"


ENOUGH = {
    Urgency.EMERGENCY: 0.20,
    Urgency.EMERGENCY_DEPARTMENT: 0.25,
    Urgency.SAME_DAY: 0.30,
    Urgency.ROUTINE: 0.40,
    Urgency.PHARMACY: 0.50,
}
"""How likely something at least so urgent must be to be advised so: judgement; missing costs more than alarming."""
LISTED = 0.01
MOST_LISTED = 20
POORLY_EXPLAINED = 0.3
"""Where something that the knowledge does not hold is as likely as this: measured by taking conditions out."""
FAINT = 0.05
"""Where even the likeliest condition is less likely than this, the answers point nowhere."""
TELLING = 0.5
"""Of a log ratio of likelihoods: less speaks neither for nor against. Judgement."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A condition that may be behind the answers.

    probability : 0..1; those of all conditions and of "something else" sum to 1
    supports, against : findings whose answers speak for and against it, the most telling first
    """

    condition: Condition
    probability: float
    supports: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of a consultation.

    explanations : those behind a raised flag first, then the likeliest: no probability talks an emergency down
    urgency : of the explanations, raised by flags, never lowered
    abstained : nothing that is known explains the answers, and none is named; a doctor must look
    cautions : why the urgency is `same-day` at least, whatever the answers were
    path : of its own (self-harm, poisoning, ...), where one was raised
    """

    explanations: tuple[Explanation, ...]
    urgency: Urgency
    flags: tuple[RaisedFlag, ...]
    questions: int
    abstained: bool
    cautions: tuple[Caution, ...] = ()

    @property
    def path(self) -> str | None:
        """The first path of its own that was raised."""
        return next((flag.path for flag in self.flags if flag.path), None)


def conclude(
    net: Net,
    belief: Belief,
    evidence: Mapping[int, Evidence],
    flags: Sequence[RaisedFlag],
    *,
    questions: int,
    cautions: tuple[Caution, ...] = (),
) -> Outcome:
    """The outcome of what is believed and of the rules that fired.

    Where nothing explains the answers, only the dangers that a raised flag is there for are named; we abstain where
    there are none of these either.
    """
    listed = _flagged_first(_explanations(net, belief, evidence), flags)
    if is_poorly_explained(net, belief, evidence):
        listed = tuple(one for one in listed if _is_behind(one, flags))
    abstained = not listed
    least = Urgency.SAME_DAY if cautions else Urgency.ROUTINE if abstained else Urgency.SELF_CARE
    return Outcome(
        explanations=listed,
        urgency=most_urgent([urgency_of(net, belief), least, *(flag.urgency for flag in flags)]),
        flags=tuple(flags),
        questions=questions,
        abstained=abstained,
        cautions=cautions,
    )


def with_whole_differential(found: Outcome, net: Net, belief: Belief, chances: Floats, threshold: float) -> Outcome:
    """The same, listing each condition whose chance to belong there is enough; the likeliest cause still first.

    chances : (conditions,); they become the probabilities, and do not sum to 1
    """
    if found.abstained:
        return found
    causes = belief.posterior[: net.named]
    listed = [row for row in np.argsort(-causes, kind="stable") if chances[row] >= threshold]
    first = int(np.argmax(causes))
    rows = [first, *(int(row) for row in listed if row != first)]
    by_id = {one.condition.id: one for one in found.explanations}
    bare = [
        by_id.get(net.conditions[row].id, Explanation(condition=net.conditions[row], probability=0)) for row in rows
    ]
    listing = tuple(replace(one, probability=float(chances[row])) for one, row in zip(bare, rows, strict=True))
    return replace(found, explanations=listing)


def urgency_of(net: Net, belief: Belief) -> Urgency:
    """The most urgent that is likely enough, all more urgent ones counted in."""
    at_least = np.cumsum(belief.posterior @ net.urgency)
    likely = (u for u in ENOUGH if at_least[u.rank] >= ENOUGH[u])
    return next(likely, Urgency.SELF_CARE)


def is_poorly_explained(net: Net, belief: Belief, evidence: Mapping[int, Evidence]) -> bool:
    """Nothing is there to explain, or nothing known explains it."""
    if not any(net.findings[column].present(given.value) for column, given in evidence.items()):
        return True
    named = belief.posterior[: net.named]
    return bool(named.sum() < 1 - POORLY_EXPLAINED or named.max() < FAINT)


def _explanations(net: Net, belief: Belief, evidence: Mapping[int, Evidence]) -> tuple[Explanation, ...]:
    named = belief.posterior[: net.named]
    order = [int(row) for row in np.argsort(-named, kind="stable")[:MOST_LISTED] if named[row] >= LISTED]
    columns = list(evidence)
    told = np.array([likelihood(net, column, evidence[column]) for column in columns])
    told = told.reshape(len(columns), len(belief.posterior))  # also where nothing is known yet
    telling = np.log(told / told.mean(axis=1, keepdims=True))
    return tuple(_explanation(net, row, float(named[row]), columns, telling[:, row]) for row in order)


def _flagged_first(explanations: tuple[Explanation, ...], flags: Sequence[RaisedFlag]) -> tuple[Explanation, ...]:
    """The conditions that a raised flag is there for, as urgent as itself, before all others."""
    return tuple(sorted(explanations, key=lambda one: not _is_behind(one, flags)))


def _is_behind(one: Explanation, flags: Sequence[RaisedFlag]) -> bool:
    """A raised flag is there for it, and is as urgent."""
    own = one.condition
    return any(flag.id in own.red_flags and own.urgency.rank <= flag.urgency.rank for flag in flags)


def _explanation(net: Net, row: int, probability: float, columns: list[int], ratio: np.ndarray) -> Explanation:
    ids = [net.findings[column].id for column in columns]
    ranked = sorted(zip(ratio, ids, strict=True), key=lambda pair: -abs(pair[0]))
    return Explanation(
        condition=net.conditions[row],
        probability=probability,
        supports=tuple(name for by, name in ranked if by > TELLING),
        against=tuple(name for by, name in ranked if by < -TELLING),
    )
