"""The whole differential: which conditions a careful doctor keeps in mind, beside which one is the likeliest cause.

The two differ: in DDXPlus the true condition stands first in its own differential in three cases of four only. So the
order is by the cause's probability, and what is listed, with what number, is by this model: for each condition the
chance that it belongs on the list. It is logistic in what is known or expected of each finding and in who the person
is, and in how well the condition fits: how much of what is there it explains, and how much of what it shows is there.
The weights of the fits are shared by all conditions, and their own only as far as the patients compel it: that is what
carries over to patients not seen (training/consult/differential.py fits it).
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
NUMBERS = ("asking", "weights", "bias", "shared", "own")
SHOWN, FEW_OPTIONS = 0.02, 4
"""From this rate on a condition shows a finding; of findings with fewer options their fit tells nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Differential:
    """The fitted model.

    names : of the features: a finding, `finding=option`, `row:` and a condition, `age:` and a first year, `sex:F`
    conditions : ids, in the order of the weights' columns
    asking : (features, conditions) by which questions are chosen
    weights : (features, conditions); bias : (conditions,)
    shared : (fits,) the same for all conditions; own : (conditions, fits) what is added to it
    threshold : a condition whose chance is at least this is listed
    """

    names: tuple[str, ...]
    conditions: tuple[str, ...]
    asking: Floats
    weights: Floats
    bias: Floats
    shared: Floats
    own: Floats
    threshold: float

    def chances(self, features: Floats, fits: Floats) -> Floats:
        """(..., conditions) that each belongs on the list, of (..., features) and (..., conditions, fits)."""
        told = self.bias + features @ self.weights + (fits * (self.shared + self.own)).sum(axis=-1)
        return np.asarray(1 / (1 + np.exp(-told)))

    def worth(self, features: Floats, fits: Floats) -> Floats:
        """(features,) how much learning each would move the list: its variance times its squared effect."""
        chances = self.chances(features, fits)
        return np.asarray(features * (1 - features) * (self.asking**2 @ (chances * (1 - chances))))


def load_differential(folder: Path) -> Differential | None:
    """The model of a set of knowledge; None where it has none."""
    if not (folder / FILE_NAME).exists():
        return None
    with np.load(folder / FILE_NAME, allow_pickle=False) as held:
        return Differential(
            names=tuple(str(name) for name in held["names"]),
            conditions=tuple(str(name) for name in held["conditions"]),
            threshold=float(held["threshold"]),
            **{name: held[name].astype(np.float64) for name in NUMBERS},
        )


def save_differential(model: Differential, folder: Path) -> None:
    """As load_differential reads it, weights in half precision."""
    np.savez_compressed(
        folder / FILE_NAME,
        names=np.array(model.names),
        conditions=np.array(model.conditions),
        threshold=model.threshold,
        **{name: getattr(model, name).astype(np.float16) for name in NUMBERS},
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """Where each feature of a model lies in a net.

    yes_no, rows, ages : places among the features, with the column, row or first year of each
    options : finding's column -> places, with the slot of each in its table
    columns : the finding's column of each feature; -1 for those of the person and of the rows
    rates : (conditions, features) how often a condition shows each; 0 where it is no finding
    groups : features whose fit is reckoned together: the yes-no findings, then each finding with many options
    """

    size: int
    yes_no: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    ages: tuple[tuple[int, int], ...]
    sexes: tuple[tuple[int, str], ...]
    options: Mapping[int, npt.NDArray[np.int64]]
    columns: npt.NDArray[np.int64]
    rates: Floats
    groups: tuple[npt.NDArray[np.int64], ...]

    def fits(self, features: Floats, posterior: Floats) -> Floats:
        """(conditions, fits) how well each condition fits the features; posterior : (rows,)."""
        found = [fit for group in self.groups for fit in _fits(features[group], self.rates[:, group])]
        logs = np.log(np.maximum(posterior[: len(self.rates)], 1e-12))
        causes = [np.clip(logs, -25, 0) / 25 + 1, np.clip(logs, -8, 0) / 8 + 1, np.exp(logs)]
        return np.stack([*found, *causes], axis=-1)

    def features(self, net: Net, state: Consultation, believed: Belief) -> Floats:
        """(features,) 0..1: what is known, else what is expected."""
        found = np.zeros(self.size)
        found[self.yes_no[:, 0]] = believed.expected[self.yes_no[:, 1]]
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
        rates=np.stack([_rate(name, net) for name in names], axis=1),
        groups=_groups(yes_no, options),
    )


def _groups(
    yes_no: Sequence[tuple[int, int]], options: Mapping[int, Sequence[tuple[int, int]]]
) -> tuple[npt.NDArray[np.int64], ...]:
    many = [[place for place, _ in places] for places in options.values() if len(places) >= FEW_OPTIONS]
    return tuple(np.array(places) for places in ([place for place, _ in yes_no], *many))


def _rate(name: str, net: Net) -> Floats:
    finding, _, option = name.partition("=")
    if ":" in name:
        return np.zeros(net.named)
    column = net.column[finding]
    shows = net.marginal[: net.named, column]
    if not option:
        return shows
    return np.asarray(shows * net.tables[column][: net.named, net.findings[column].option_ids.index(option)])


def _fits(there: Floats, rates: Floats) -> list[Floats]:
    """Of one group, each (conditions,): the share of what is there that it shows; of what it shows, what is there."""
    rare = rates * -np.log(rates.mean(axis=0) + 0.01)
    explained, told = (rates > SHOWN) @ there, rare @ there
    return [
        explained / max(float(there.sum()), 1.0),
        told / np.maximum(rare.sum(axis=1), 0.1),
        np.exp(-explained),
        np.minimum(explained, 3) / 3,
        np.minimum(told, 5) / 5,
    ]


def _expected_options(net: Net, believed: Belief, column: int) -> Floats:
    finding = net.findings[column]
    present = believed.posterior * believed.present(column)
    found = present @ net.tables[column]
    if finding.none is not None:
        found[finding.option_ids.index(finding.none)] = 1 - present.sum()
    return np.asarray(found, dtype=np.float64)


def _is_of_age(first: int, person: Person) -> float:
    if person.age_years is None:
        return 1 / len(AGES)
    return float(first == max(year for year in AGES if year <= person.age_years))
