"""Plays DDXPlus patients against a dialogue in this process, as the shared check does from outside."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimis.consult.consultation import Consultation, Person
from aimis.consult.dialogue import Dialogue, Start

if TYPE_CHECKING:
    from training.consult.ddxplus import Patient, Release


@dataclass(frozen=True, kw_only=True)
class Habits:
    """Of a patient: wrong with one chance, silent with another."""

    wrong: float = 0.0
    unknown: float = 0.0


def reply(patient: Patient, evidence: str, release: Release, habits: Habits, rng: random.Random) -> object:
    """What the patient says when asked."""
    if rng.random() < habits.unknown:
        return "unknown"
    lies = rng.random() < habits.wrong
    given, held = release.evidences[evidence], patient.evidence.get(evidence)
    if given["data_type"] == "B":
        return (held is True) != lies
    true = held if isinstance(held, list) else [str(given["default_value"])]
    values = [rng.choice(release.options(evidence))] if lies else true
    return values if given["data_type"] == "M" else values[0]


def play(
    dialogue: Dialogue, patient: Patient, release: Release, rng: random.Random, habits: Habits | None = None
) -> Consultation:
    """The consultation at its end."""
    first = {patient.initial: patient.evidence[patient.initial]}
    person = Person.model_validate({"age_years": patient.age, "sex": patient.sex})
    state = dialogue.begin(Start(person=person, evidence=first))
    while state.asking is not None:
        state = dialogue.answer(state, reply(patient, state.asking, release, habits or Habits(), rng))
    return state
