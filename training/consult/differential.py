"""Fits the model of the whole differential on DDXPlus' development patients, whose differentials are all we have.

    python -m training.consult.differential --shared ../shared          fit on all, print what cross-validation says
    python -m training.consult.differential --no-save --fold 0          one fold of four

First a linear model on complete records, which tells the questions that matter; then the model that is shipped, on
complete records and on what is known and expected after fifteen such questions. Cross-validated by patient: tables,
questions and all are made without those that are held out.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aimis.consult import net as nets
from aimis.consult.consultation import Answer, Consultation, Person
from aimis.consult.dialogue import Dialogue
from aimis.consult.differential import AGES, Differential, lay_out, save_differential
from training.consult import ddxplus
from training.consult.play import Habits, play

Floats = npt.NDArray[np.float64]
Members = npt.NDArray[np.int64]
RIDGE_OF_WEIGHTS, RIDGE_OF_SHARED, RIDGE_OF_OWN, STEPS = 3.0, 0.1, 4.0, 130
FOLDS, LEAST_CASES = 4, 8
HABITS = (Habits(), Habits(wrong=0.03, unknown=0.05))
"""Of the patients from whom the model learns what fifteen questions leave open, in turn."""
LISTED = 0.01
THRESHOLD = 0.4
"""About half of the F1 that is reached, where listing gains most (Lipton et al. 2014); what fits best the patients that
the model has seen is too high for others."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """What the model sees of patients. features : (rows, features), fits : (rows, conditions, fits)."""

    features: Floats
    fits: Floats

    def __add__(self, other: Rows) -> Rows:
        features = np.concatenate([self.features, other.features])
        return Rows(features=features, fits=np.concatenate([self.fits, other.fits]))


class Fitting:
    """Patients, and what each of them is worth to the model; the tables are made of `members` alone."""

    def __init__(self, release: ddxplus.Release, patients: list[ddxplus.Patient], members: Members) -> None:
        self.release, self.patients, self.members = release, patients, members
        derived = ddxplus.derive(release, [patients[number] for number in members])
        self.net = nets.build_net(ddxplus.knowledge_of(derived))
        rows = {condition.name.en: row for row, condition in enumerate(self.net.conditions)}
        self.targets = np.zeros((len(patients), len(rows)))
        for number, patient in enumerate(patients):
            for name, share in patient.differential.items():
                self.targets[number, rows[name]] = share > LISTED
        self.names = self._feature_names()
        self.layout = lay_out(self.names, self.net)

    def fit(self) -> Differential:
        """On the members alone."""
        plain = Dialogue(self.net)
        whole = self._rows(plain, [self._complete(self.patients[number]) for number in self.members])
        targets = self.targets[self.members]
        linear = self._fit(replace(whole, fits=np.zeros((*targets.shape, 1))), targets)
        fits = whole.fits.shape[-1]
        blank = replace(linear, shared=np.zeros(fits), own=np.zeros((targets.shape[1], fits)))
        rows = self.after_questions(replace(blank, asking=linear.weights), self.members, HABITS) + whole
        return replace(self._fit(rows, np.concatenate([targets, targets])), asking=linear.weights)

    def after_questions(self, model: Differential, members: Members, habits: tuple[Habits, ...]) -> Rows:
        """Of fifteen questions chosen with `model`."""
        dialogue, rng = Dialogue(self.net, whole=model), random.Random(0)  # noqa: S311, not for secrets
        played = [
            play(dialogue, self.patients[number], self.release, rng, habits[turn % len(habits)])
            for turn, number in enumerate(members)
        ]
        return self._rows(dialogue, played)

    def _rows(self, dialogue: Dialogue, states: list[Consultation]) -> Rows:
        believed = [dialogue.believe(state) for state in states]
        pairs = zip(states, believed, strict=True)
        features = [self.layout.features(self.net, state, belief) for state, belief in pairs]
        fits = [self.layout.fits(row, belief.posterior) for row, belief in zip(features, believed, strict=True)]
        return Rows(features=np.array(features), fits=np.array(fits))

    def _complete(self, patient: ddxplus.Patient) -> Consultation:
        """Every question answered."""
        answers = []
        for finding in self.net.findings:
            held = patient.evidence.get(finding.id, False)
            value = held if isinstance(held, bool) else tuple(held)
            if finding.none is not None:
                kept = value if isinstance(value, tuple) else (finding.none,)
                value = kept if finding.kind == "many-of" else kept[0]
            answers.append(Answer(finding=finding.id, value=value))
        person = Person.model_validate({"age_years": patient.age, "sex": patient.sex})
        return Consultation(knowledge="ddxplus", knowledge_version="1", person=person, answers=tuple(answers))

    def _feature_names(self) -> tuple[str, ...]:
        counted: dict[str, int] = {}
        for patient in (self.patients[number] for number in self.members):
            for evidence, held in patient.evidence.items():
                for name in [evidence] if held is True else [f"{evidence}={value}" for value in held]:
                    counted[name] = counted.get(name, 0) + 1
        kept = [name for name, cases in sorted(counted.items()) if cases >= LEAST_CASES]
        rows = [f"row:{condition.id}" for condition in self.net.conditions]
        return (*kept, *rows, *(f"age:{first}" for first in AGES), "sex:F")

    def _fit(self, rows: Rows, targets: Floats) -> Differential:
        weights, shared, own = logistic(rows, targets)
        return Differential(
            names=self.names,
            conditions=tuple(condition.id for condition in self.net.conditions),
            asking=weights[:-1],
            weights=weights[:-1],
            bias=weights[-1],
            shared=shared,
            own=own,
            threshold=THRESHOLD,
        )


def logistic(rows: Rows, targets: Floats) -> tuple[Floats, Floats, Floats]:
    """Weights with the bias last, shared, own: ridge logistic regression of all targets at once.

    By accelerated gradient descent (Nesterov), with a step of its own for each of the three.
    """
    columns = np.c_[rows.features, np.ones(len(rows.features))].astype(np.float32)
    fits = rows.fits.astype(np.float32)
    ridges = (RIDGE_OF_WEIGHTS, RIDGE_OF_SHARED, RIDGE_OF_OWN)
    there = [np.zeros(shape, np.float32) for shape in (
        (columns.shape[1], targets.shape[1]), fits.shape[2:], fits.shape[1:]
    )]  # fmt: skip
    ahead, pace, steps = list(there), 1.0, _steps(columns, fits)
    for _ in range(STEPS):
        told = columns @ ahead[0] + np.einsum("ndk,dk->nd", fits, ahead[1] + ahead[2])
        wrong = (1 / (1 + np.exp(-told)) - targets).astype(np.float32)
        of_own = np.einsum("ndk,nd->dk", fits, wrong)
        slopes = (columns.T @ wrong, of_own.sum(axis=0), of_own)
        faster = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        for part, (slope, steep, ridge) in enumerate(zip(slopes, steps, ridges, strict=True)):
            after = ahead[part] - (slope + ridge * ahead[part]) / (steep + ridge)
            ahead[part] = after + (pace - 1) / faster * (after - there[part])
            there[part] = after
        pace = faster
    return there[0].astype(np.float64), there[1].astype(np.float64), there[2].astype(np.float64)


def _steps(columns: npt.NDArray[np.float32], fits: npt.NDArray[np.float32]) -> tuple[float, float, float]:
    """Bounds of the curvature of each part; a third of the step each, for they move together."""
    products = np.einsum("ndk,ndl->dkl", fits, fits)
    curves = (
        np.linalg.norm(columns, 2) ** 2,
        np.linalg.norm(products.sum(axis=0), 2),
        max(np.linalg.norm(one, 2) for one in products),
    )
    first, second, third = (0.75 * float(curve) for curve in curves)
    return first, second, third


def f1(listed: npt.NDArray[np.bool_], targets: Floats) -> float:
    """Mean over patients of the F1 of two differentials as sets."""
    both = 2 * (listed * targets).sum(axis=1)
    return float((both / np.maximum(listed.sum(axis=1) + targets.sum(axis=1), 1)).mean())


def held_out_f1(release: ddxplus.Release, patients: list[ddxplus.Patient], fold: int) -> float:
    """F1 on the patients of one fold, of a model, tables and questions that have not seen them."""
    order = np.random.default_rng(0).permutation(len(patients))
    held_out = order[fold::FOLDS]
    fitting = Fitting(release, patients, np.setdiff1d(order, held_out))
    model = fitting.fit()
    rows = fitting.after_questions(model, held_out, (Habits(),))
    return f1(model.chances(rows.features, rows.fits) >= model.threshold, fitting.targets[held_out])


def main() -> None:
    """Fit, cross-validate, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--fold", type=int, nargs="*", default=range(FOLDS), help="of four; none leaves it out")
    parser.add_argument("--no-save", action="store_true", help="ship nothing")
    asked = parser.parse_args()
    root = asked.shared / "data" / "consult" / "ddxplus"
    release, patients = ddxplus.read_release(root), ddxplus.read_patients(root / "test_patients_part.csv")
    if not asked.no_save:
        save_differential(Fitting(release, patients, np.arange(len(patients))).fit(), ddxplus.FOLDER)
    for fold in asked.fold:
        print(f"fold {fold} of {FOLDS}: differential F1 {held_out_f1(release, patients, fold):.3f}", flush=True)


if __name__ == "__main__":
    main()
