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

if TYPE_CHECKING:
    from aimis.consult.belief import Belief
    from aimis.consult.consultation import Consultation, Person
    from aimis.consult.model import Value
    from aimis.consult.net import Floats, Net

FILE_NAME = "differential.npz"
AGES = (0, 5, 18, 40, 60)
"""First years of the age bands."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Differential:
    """The fitted model.

    names : of the features: a finding, `finding=option`, `row:` and a condition, `age:` and a first year, `sex:F`
    conditions : ids, in the order of the weights' columns
    pairs : (pairs, 2) features whose product is one more
    weights : (features + pairs, conditions); bias : (conditions,)
    threshold : a condition whose chance is at least this is listed
    """

    names: tuple[str, ...]
    conditions: tuple[str, ...]
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
            conditions=tuple(str(name) for name in held["conditions"]),
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
        conditions=np.array(model.conditions),
        pairs=model.pairs.astype(np.int16),
        weights=model.weights.astype(np.float16),
        bias=model.bias.astype(np.float32),
        threshold=model.threshold,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """Where each feature of a model lies in a net.

    yes_no, rows, ages : places among the features, with the column, row or first year of each
    options : finding's column -> places, with the slot of each in its table
    columns : the finding's column of each feature; -1 for those of the person and of the rows
    """

    size: int
    yes_no: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    ages: tuple[tuple[int, int], ...]
    sexes: tuple[tuple[int, str], ...]
    options: Mapping[int, npt.NDArray[np.int64]]
    columns: npt.NDArray[np.int64]

    def features(self, net: Net, state: Consultation, believed: Belief) -> Floats:
        """(features,) 0..1: what is known, else what is expected."""
        found = np.zeros(self.size)
        expected = believed.posterior @ believed.present
        found[self.yes_no[:, 0]] = expected[self.yes_no[:, 1]]
        found[self.rows[:, 0]] = believed.posterior[self.rows[:, 1]]
        for column, places in self.options.items():
            found[places[:, 0]] = _expected_options(net, believed, column)[places[:, 1]]
        for place, first in self.ages:
            found[place] = _is_of_age(first, state.person)
        for place, sex in self.sexes:
            found[place] = 0.5 if state.person.sex is None else state.person.sex == sex
        for finding, value in state.known.items():
            self._know(found, net, net.column[finding], value)
        return found

    def _know(self, found: Floats, net: Net, column: int, value: Value) -> None:
        if isinstance(value, bool):
            found[self.columns == column] = value
        elif column in self.options:
            chosen = net.slots(column, value)
            places = self.options[column]
            found[places[:, 0]] = np.isin(places[:, 1], chosen)


def lay_out(names: Sequence[str], net: Net) -> Layout:
    """The features of these names."""
    row = {condition.id: number for number, condition in enumerate(net.conditions)}
    columns = [-1 if ":" in name else net.column[name.partition("=")[0]] for name in names]
    options: dict[int, list[tuple[int, int]]] = {}
    for place, name in enumerate(names):
        if option := name.partition("=")[2]:
            slot = net.findings[columns[place]].option_ids.index(option)
            options.setdefault(columns[place], []).append((place, slot))
    of_person = [(place, *name.partition(":")[::2]) for place, name in enumerate(names) if ":" in name]
    yes_no = [(place, column) for place, column in enumerate(columns) if column >= 0 and "=" not in names[place]]
    return Layout(
        size=len(names),
        yes_no=np.array(yes_no, dtype=np.int64).reshape(-1, 2),
        rows=np.array([(p, row[which]) for p, what, which in of_person if what == "row"], dtype=np.int64).reshape(
            -1, 2
        ),
        ages=tuple((place, int(which)) for place, what, which in of_person if what == "age"),
        sexes=tuple((place, which) for place, what, which in of_person if what == "sex"),
        options={column: np.array(places, dtype=np.int64) for column, places in options.items()},
        columns=np.array(columns, dtype=np.int64),
    )


def _expected_options(net: Net, believed: Belief, column: int) -> Floats:
    finding = net.findings[column]
    present = believed.posterior * believed.present[:, column]
    found = present @ net.tables[column]
    if finding.none is not None:
        found[finding.option_ids.index(finding.none)] = 1 - present.sum()
    return np.asarray(found, dtype=np.float64)


def _is_of_age(first: int, person: Person) -> float:
    if person.age_years is None:
        return 1 / len(AGES)
    return float(first == max(year for year in AGES if year <= person.age_years))
