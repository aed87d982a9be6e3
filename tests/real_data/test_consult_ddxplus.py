"""DDXPlus' development patients are told apart by few questions, some answered wrongly."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aimis.consult import assemble
from training.consult import ddxplus
from training.consult.play import Habits, play

ROOT = Path(__file__).parents[3] / "shared" / "data" / "consult" / "ddxplus"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.integration,
    pytest.mark.skipif(not ROOT.exists(), reason="../shared/data/consult is not there"),
]


@pytest.mark.parametrize(("wrong", "least"), [(0.0, 0.95), (0.10, 0.85)])
def test_true_condition_stands_first(wrong: float, least: float) -> None:
    release, dialogue = ddxplus.read_release(ROOT), assemble.open_dialogue("ddxplus")
    patients = ddxplus.read_patients(ROOT / "test_patients_part.csv")[::17]
    rng = random.Random(0)  # noqa: S311, not for secrets
    first = [
        dialogue.outcome(play(dialogue, patient, release, rng, Habits(wrong=wrong))).explanations[:1]
        for patient in patients
    ]
    hits = [bool(one) and one[0].condition.name.en == p.condition for one, p in zip(first, patients, strict=True)]
    assert sum(hits) / len(hits) >= least


def test_shipped_tables_are_those_that_the_derivation_makes() -> None:
    derived = ddxplus.derive(ddxplus.read_release(ROOT), ddxplus.read_patients(ROOT / "test_patients_part.csv"))
    assert ddxplus.knowledge_of(derived) == assemble.open_dialogue("ddxplus").net.knowledge
