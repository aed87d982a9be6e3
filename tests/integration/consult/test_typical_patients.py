"""A typical patient of what is dangerous is sent in, who comes with the least telling of the symptoms."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from aimis.consult import assemble
from aimis.consult.dialogue import Dialogue
from aimis.consult.model import Urgency
from training.consult import typical

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LATE = {"decompression-illness"}
"""Whose patient, who comes with an itchy rash, is not asked whether they dived."""
SCREENED = (
    "typhoid",
    "liver-abscess",
    "avian-influenza",
    "neutropenic-sepsis",
    "stevens-johnson",
    "hypertensive-emergency",
    "snake-bite",
    "dengue",
    "priapism",
    "paraphimosis",
)
HARMLESS = ("common-cold", "viral-sore-throat", "tension-headache", "insect-bites", "muscle-strain")


@pytest.fixture(scope="module")
def dialogue() -> Dialogue:
    return assemble.open_dialogue()


@pytest.fixture(scope="module")
def told(dialogue: Dialogue) -> Mapping[str, typical.Told]:
    """Of every third emergency, those that are screened for, and some harmless ones; all answers true."""
    known = dialogue.net.knowledge.conditions
    emergencies = [name for name, one in known.items() if one.urgency is Urgency.EMERGENCY][::3]
    names = dict.fromkeys([*emergencies, *SCREENED, *HARMLESS])
    return {one.condition.id: one for one in typical.play_all(dialogue, [known[name] for name in names], 0.0)}


def test_emergency_is_never_told_to_wait_beyond_today(told: Mapping[str, typical.Told]) -> None:
    emergencies = {name: one for name, one in told.items() if one.condition.urgency is Urgency.EMERGENCY}
    assert len(emergencies) >= 20
    assert {name for name, one in emergencies.items() if one.urgency.rank > Urgency.SAME_DAY.rank} <= LATE


def test_rare_danger_that_is_screened_for_is_told_at_least_as_urgently(told: Mapping[str, typical.Told]) -> None:
    assert {name: told[name].urgency for name in SCREENED if told[name].steps > 0} == {}


def test_harmless_condition_is_not_sent_to_hospital(told: Mapping[str, typical.Told]) -> None:
    harmless = {name: told[name].urgency for name in HARMLESS}
    assert {name for name, urgency in harmless.items() if urgency.rank <= Urgency.EMERGENCY_DEPARTMENT.rank} == set()


def test_wrong_answers_come_by_the_seed_alone(dialogue: Dialogue) -> None:
    condition = dialogue.net.knowledge.conditions["common-cold"]
    first, second = (typical.play_all(dialogue, [condition], 0.5) for _ in range(2))
    assert first == second


def test_complaint_is_a_symptom_that_many_have_and_no_history(dialogue: Dialogue) -> None:
    findings = dialogue.net.knowledge.findings
    for condition in dialogue.net.conditions:
        has = dict(typical.typical_answers(dialogue, condition, typical.typical_person(condition)))
        if any(value is True and findings[name].group not in typical.NO_COMPLAINT for name, value in has.items()):
            assert findings[typical.complaint_of(dialogue, has)].group not in typical.NO_COMPLAINT
