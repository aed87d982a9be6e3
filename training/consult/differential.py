"""Fits the model of the whole differential on DDXPlus' development patients, whose differentials are all we have.

    python -m training.consult.differential --shared ../shared          fit on all, print what cross-validation says

First a model on complete records, which tells the questions that matter; then the model that is shipped, on what is
known and expected after fifteen such questions. Cross-validated in four folds, by patient, questions and all.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import replace
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
RIDGE, STEPS, HUBS, LEAST_CASES = 0.7, 250, 26, 8
PARTIAL_PLAYS = (Habits(), Habits(wrong=0.03, unknown=0.05))
LISTED = 0.01


class Fitting:
    """Patients, and what each of them is worth to the model."""

    def __init__(self, release: ddxplus.Release, patients: list[ddxplus.Patient]) -> None:
        self.release, self.patients = release, patients
        self.net = nets.build_net(ddxplus.knowledge_of(ddxplus.derive(release, patients)))
        names = {condition.name.en: row for row, condition in enumerate(self.net.conditions)}
        self.targets = np.zeros((len(patients), len(names)))
        for number, patient in enumerate(patients):
            for name, share in patient.differential.items():
                self.targets[number, names[name]] = share > LISTED
        self.names = self._feature_names()
        self.layout = lay_out(self.names, self.net)
        plain = Dialogue(self.net)
        self.whole_records = np.array([self._features(plain, self._complete(p)) for p in patients])

    def fit(self, members: npt.NDArray[np.int64]) -> Differential:
        """On these patients alone."""
        first = self._fit(self.whole_records[members], self.targets[members], np.zeros((0, 2), dtype=np.int64))
        strength = (first.weights**2).sum(axis=1) * self.whole_records[members].var(axis=0)
        pairs = self._pairs(strength)
        asking = self._fit(self.whole_records[members], self.targets[members], pairs)
        rows = [self.partial(asking, members, habits, seed) for seed, habits in enumerate(PARTIAL_PLAYS)]
        stacked = np.concatenate([self.whole_records[members], *rows])
        return self._fit(stacked, np.tile(self.targets[members], (1 + len(rows), 1)), pairs)

    def partial(
        self, model: Differential, members: npt.NDArray[np.int64], habits: Habits, seed: int
    ) -> Floats:  # fmt: skip
        """(members, features) after fifteen questions chosen with `model`."""
        dialogue, rng = Dialogue(self.net, whole=model), random.Random(seed)  # noqa: S311, not for secrets
        played = [play(dialogue, self.patients[number], self.release, rng, habits) for number in members]
        return np.array([self._features(dialogue, state) for state in played])

    def _features(self, dialogue: Dialogue, state: Consultation) -> Floats:
        return self.layout.features(self.net, state, dialogue.believe(state))

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
        for patient in self.patients:
            for evidence, held in patient.evidence.items():
                for name in [evidence] if held is True else [f"{evidence}={value}" for value in held]:
                    counted[name] = counted.get(name, 0) + 1
        kept = [name for name, cases in sorted(counted.items()) if cases >= LEAST_CASES]
        rows = [f"row:{condition.id}" for condition in self.net.conditions]
        return (*kept, *rows, *(f"age:{first}" for first in AGES), "sex:F")

    def _pairs(self, strength: Floats) -> npt.NDArray[np.int64]:
        """Each two of the most telling findings, and each of them with age and sex."""
        findings = [place for place, name in enumerate(self.names) if ":" not in name]
        hubs = sorted(findings, key=lambda place: -strength[place])[:HUBS]
        person = [place for place, name in enumerate(self.names) if name.startswith(("age:", "sex:"))]
        pairs = [(a, b) for number, a in enumerate(hubs) for b in [*hubs[:number], *person]]
        return np.array(pairs, dtype=np.int64)

    def _fit(self, features: Floats, targets: Floats, pairs: npt.NDArray[np.int64]) -> Differential:
        ids = tuple(condition.id for condition in self.net.conditions)
        blank = Differential(
            names=self.names, conditions=ids, pairs=pairs, weights=np.zeros((0, 0)), bias=np.zeros(0), threshold=0.0
        )  # fmt: skip
        weights, bias = logistic(blank.with_products(features), targets)
        model = replace(blank, weights=weights, bias=bias)
        return replace(model, threshold=best_threshold(model.chances(features), targets))


def logistic(features: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Ridge logistic regression of all targets at once, by accelerated gradient descent (Nesterov)."""
    columns = np.c_[features, np.ones(len(features))]
    ridge = np.r_[np.full(features.shape[1], RIDGE * len(features) / 1000), 0.01][:, None]
    step = 1 / (0.25 * np.linalg.norm(columns, 2) ** 2 + ridge.max())
    here = ahead = np.zeros((columns.shape[1], targets.shape[1]))
    pace = 1.0
    for _ in range(STEPS):
        slope = columns.T @ (1 / (1 + np.exp(-columns @ ahead)) - targets) + ridge * ahead
        there, faster = ahead - step * slope, (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        ahead, here, pace = there + (pace - 1) / faster * (there - here), there, faster
    return here[:-1], here[-1]


def f1(listed: npt.NDArray[np.bool_], targets: Floats) -> float:
    """Mean over patients of the F1 of two differentials as sets."""
    both = 2 * (listed * targets).sum(axis=1)
    return float((both / np.maximum(listed.sum(axis=1) + targets.sum(axis=1), 1)).mean())


def best_threshold(chances: Floats, targets: Floats) -> float:
    """The chance from which listing gives the highest F1."""
    return float(max(np.arange(0.25, 0.55, 0.025), key=lambda least: f1(chances >= least, targets)))


def cross_validate(fitting: Fitting, folds: int) -> float:
    """F1 on patients that the model has not seen, after fifteen questions chosen by it."""
    order = np.random.default_rng(0).permutation(len(fitting.patients))
    found = []
    for fold in range(folds):
        held_out = order[fold::folds]
        model = fitting.fit(np.setdiff1d(order, held_out))
        chances = model.chances(fitting.partial(model, held_out, Habits(), 0))
        found.append(f1(chances >= model.threshold, fitting.targets[held_out]))
        print(
            f"fold {fold + 1} of {folds}: differential F1 {found[-1]:.3f}, threshold {model.threshold:.3f}", flush=True
        )
    return float(np.mean(found))


def main() -> None:
    """Fit, cross-validate, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--folds", type=int, default=4, help="0 leaves cross-validation out")
    asked = parser.parse_args()
    root = asked.shared / "data" / "consult" / "ddxplus"
    fitting = Fitting(ddxplus.read_release(root), ddxplus.read_patients(root / "test_patients_part.csv"))
    save_differential(fitting.fit(np.arange(len(fitting.patients))), ddxplus.FOLDER)
    if asked.folds:
        print(f"cross-validated differential F1 {cross_validate(fitting, asked.folds):.3f}")


if __name__ == "__main__":
    main()
