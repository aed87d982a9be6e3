"""The Chinese sets of DxFormer's repository (dxy, mz4, mz10): top-1 by five-fold cross-validation.

Real cases with a few tens of symptoms each: present, absent or unsure, one diagnosis. Two figures a set: all recorded
symptoms known, and a dialogue that starts from what the person brought up and asks ten times; what the record does
not hold is answered with "unknown". P(symptom | diagnosis) is the share of a diagnosis' training cases in which it is
recorded as present; there is no age and no sex.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aimis.consult import model
from aimis.consult import net as nets
from aimis.consult.dialogue import Dialogue, Start

SETS = ("dxy", "mz4", "mz10")
FOLDS, QUESTIONS = 5, 10
PRESENT, ABSENT = "1", "0"
SMOOTHING, BACKGROUND = 1.0, 0.01


@dataclass(frozen=True, kw_only=True)
class Case:
    """brought : symptoms said at once, recorded : all of them; each True or False, unsure left out."""

    diagnosis: str
    brought: dict[str, bool]
    recorded: dict[str, bool]


def read_cases(file: Path) -> list[Case]:
    """Of one set."""
    return [_case(row) for row in json.loads(file.read_text(encoding="utf-8"))]


def _case(row: dict[str, Any]) -> Case:
    brought = {name: said == PRESENT for name, said in row["exp_sxs"].items() if said in {PRESENT, ABSENT}}
    asked = {name: said == PRESENT for name, said in row["imp_sxs"].items() if said in {PRESENT, ABSENT}}
    return Case(diagnosis=row["label"], brought=brought, recorded=brought | asked)


def knowledge_of(cases: list[Case]) -> tuple[model.Knowledge, dict[str, str]]:
    """A set made of cases, and the finding's id of each symptom."""
    symptoms = sorted({name for case in cases for name in case.recorded})
    ids = {name: f"s{number}" for number, name in enumerate(symptoms)}
    diagnoses = sorted({case.diagnosis for case in cases})
    conditions = {f"c{number}": _condition(f"c{number}", name, cases, ids) for number, name in enumerate(diagnoses)}
    findings = {ids[name]: _finding(ids[name], name) for name in symptoms}
    head = {"name": "chinese", "version": "1", "date": "2026-11-21", "bands": {}, "wrong_answers": 0.05}
    return model.Knowledge.model_validate({**head, "findings": findings, "conditions": conditions}), ids


def _finding(identifier: str, name: str) -> dict[str, Any]:
    words = {"en": name, "zh": name}
    return {"id": identifier, "group": "all", "background": BACKGROUND, "question": words, "short": words}


def _condition(identifier: str, name: str, cases: list[Case], ids: dict[str, str]) -> dict[str, Any]:
    own = [case for case in cases if case.diagnosis == name]
    present = Counter(symptom for case in own for symptom, there in case.recorded.items() if there)
    rates = {ids[s]: (n + SMOOTHING * BACKGROUND) / (len(own) + SMOOTHING) for s, n in present.items()}
    words = {"en": name, "zh": name}
    return {
        "id": identifier,
        "name": words,
        "icd10": "R69",
        "area": "all",
        "frequency": 1e5 * len(own) / len(cases),
        "findings": rates,
        "urgency": "routine",
        "explain": words,
        "red_flags": {"none": "measured only"},
        "citations": [],
    }


def evaluate(cases: list[Case]) -> tuple[float, float]:
    """Top-1 with all recorded symptoms known, and after a dialogue."""
    order = np.random.default_rng(0).permutation(len(cases))
    hits = np.zeros(2)
    for fold in range(FOLDS):
        held_out = {int(number) for number in order[fold::FOLDS]}
        knowledge, ids = knowledge_of([case for number, case in enumerate(cases) if number not in held_out])
        dialogue = Dialogue(nets.build_net(knowledge))
        for number in held_out:
            known = {ids[name]: there for name, there in cases[number].recorded.items() if name in ids}
            brought = {ids[name]: there for name, there in cases[number].brought.items() if name in ids}
            hits += [_is_first(dialogue, known, cases[number]), _is_first(dialogue, brought, cases[number], known)]
    return float(hits[0] / len(cases)), float(hits[1] / len(cases))


def _is_first(dialogue: Dialogue, given: dict[str, bool], case: Case, asked: dict[str, bool] | None = None) -> bool:
    most = 0 if asked is None else QUESTIONS
    state = dialogue.begin(Start(language="zh", evidence=given, max_questions=most))
    while state.asking is not None:
        state = dialogue.answer(state, (asked or {}).get(state.asking, model.UNKNOWN))
    named = dialogue.believe(state).posterior[: dialogue.net.named]
    return dialogue.net.conditions[int(np.argmax(named))].name.zh == case.diagnosis


def main(root: Path) -> None:
    """Print a line a set."""
    for name in SETS:
        cases = read_cases(root / f"{name}_train.json")
        known, asked = evaluate(cases)
        diagnoses = len({case.diagnosis for case in cases})
        print(
            f"{name}: {len(cases)} cases, {diagnoses} diagnoses, {FOLDS}-fold: top-1 {known:.3f} with all recorded"
            f" symptoms, {asked:.3f} after {QUESTIONS} questions",
            flush=True,
        )


if __name__ == "__main__":
    main(Path("../shared/data/consult/chinese"))
