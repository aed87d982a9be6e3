"""The whole differential: which conditions a careful doctor keeps in mind, beside which one is the likeliest cause.

The two differ: in DDXPlus the true condition stands first in its own differential in three cases of four only. So the
order is by the cause's probability, and what is listed, with what number, is by this model: for each condition the
chance that it belongs on the list. It is logistic in what is known or expected of each finding, in who the person is,
in the posterior, and in products of the most telling of these (training/consult/differential.py fits it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aimis.consult.model import Kind, Value

if TYPE_CHECKING:
    from aimis.consult.belief import Belief
    from aimis.consult.consultation import Consultation, Person
    from aimis.consult.net import Floats, Net

FILE_NAME = "differential.npz"
AGES = (0, 5, 18, 40, 60)
"""First years of the age bands."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Differential:
    """The fitted model.

    names : of the features: a finding, `finding=option`, `row:` and a condition, `age:` and a first year, `sex:F`
    pairs : (pairs, 2) features whose product is one more
    weights : (features + pairs, conditions); bias : (conditions,)
    threshold : a condition whose chance is at least this is listed
    """

    names: tuple[str, ...]
    pairs: npt.NDArray[np.int64]
    weights: Floats
    bias: Floats
    threshold: float

    def chances(self, features: Floats) -> Floats:
        """(conditions,) that each belongs on the list."""
        return np.asarray(1 / (1 + np.exp(-(self.bias + self.with_products(features) @ self.weights))))

    def with_products(self, features: Floats) -> Floats:
        """(..., features + pairs) of (..., features)."""
        products = features[..., self.pairs[:, 0]] * features[..., self.pairs[:, 1]]
        return np.concatenate([features, products], axis=-1)

    def worth(self, features: Floats) -> Floats:
        """(features,) how much learning each would move the list: its variance times its squared effect."""
        chances = self.chances(features)
        single, double = self.weights[: len(self.names)].copy(), self.weights[len(self.names) :]
        np.add.at(single, self.pairs[:, 0], double * features[self.pairs[:, 1], None])
        np.add.at(single, self.pairs[:, 1], double * features[self.pairs[:, 0], None])
        return np.asarray(features * (1 - features) * (single**2 @ (chances * (1 - chances))))


def load_differential(folder: Path) -> Differential | None:
    """The model of a set of knowledge; None where it has none."""
    if not (folder / FILE_NAME).exists():
        return None
    with np.load(folder / FILE_NAME, allow_pickle=False) as held:
        return Differential(
            names=tuple(str(name) for name in held["names"]),
            pairs=held["pairs"].astype(np.int64),
            weights=held["weights"].astype(np.float64),
            bias=held["bias"].astype(np.float64),
            threshold=float(held["threshold"]),
        )


def save_differential(model: Differential, folder: Path) -> None:
    """As load_differential reads it, weights in half precision."""
    np.savez_compressed(
        folder / FILE_NAME,
        names=np.array(model.names),
        pairs=model.pairs.astype(np.int16),
        weights=model.weights.astype(np.float16),
        bias=model.bias.astype(np.float32),
        threshold=model.threshold,
    )


def features_of(names: Sequence[str], net: Net, state: Consultation, believed: Belief) -> Floats:
    """(features,) 0..1: what is known, else what is expected."""
    known = {net.column[finding]: value for finding, value in state.known.items()}
    rows = {condition.id: number for number, condition in enumerate(net.conditions)}
    found = np.empty(len(names))
    for place, name in enumerate(names):
        what, _, which = name.partition(":")
        if what == "row":
            found[place] = believed.posterior[rows[which]]
        elif which:
            found[place] = _of_person(what, which, state.person)
        else:
            found[place] = _of_finding(net, believed, name, known)
    return found


def _of_person(what: str, which: str, person: Person) -> float:
    if what == "sex":
        return 0.5 if person.sex is None else float(person.sex == which)
    if person.age_years is None:
        return 1 / len(AGES)
    return float(int(which) == max(first for first in AGES if first <= person.age_years))


def _of_finding(net: Net, believed: Belief, name: str, known: Mapping[int, Value]) -> float:
    finding_id, _, option = name.partition("=")
    column = net.column[finding_id]
    finding, value = net.findings[column], known.get(column)
    if value is not None:
        chosen = value if isinstance(value, tuple) else (value,)
        return float(bool(value) if finding.kind is Kind.YES_NO else option in chosen)
    present = believed.posterior * believed.present[:, column]
    if finding.kind is Kind.YES_NO:
        return float(present.sum())
    if option == finding.none:
        return float(1 - present.sum())
    return float(present @ net.tables[column][:, finding.option_ids.index(option)])


def columns_of(names: Sequence[str], net: Net) -> list[int | None]:
    """The finding's column of each feature; None for those of the person and of the rows."""
    return [None if ":" in name else net.column[name.partition("=")[0]] for name in names]
