"""The set that people meet by default holds together, and tells its own typical patients apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from aimis.consult import assemble, loader
from aimis.consult.consultation import Person
from aimis.consult.dialogue import Dialogue, Start
from aimis.consult.knowledge import lint
from aimis.consult.model import Condition
from aimis.consult.outcome import Outcome
from aimis.consult.safety import rules
from training.consult import typical

pytestmark = pytest.mark.integration

SPEAKS_AGAINST = 0.05
FIRST = 3


@pytest.fixture(scope="module")
def dialogue() -> Dialogue:
    return assemble.open_dialogue()


@pytest.fixture(scope="module")
def outcomes(dialogue: Dialogue) -> Mapping[str, Outcome]:
    """What each condition's typical patient is told."""
    return {condition.id: told(dialogue, condition) for condition in dialogue.net.conditions}


def told(dialogue: Dialogue, condition: Condition) -> Outcome:
    """After every typical finding, and a no to every one that speaks against it."""
    person = typical.typical_person(condition)
    evidence = {
        **dict(typical.typical_answers(dialogue, condition, person)),
        **dict(denied(dialogue, condition, person)),
    }
    return dialogue.outcome(dialogue.begin(Start(person=person, evidence=evidence, max_questions=0)))


def denied(dialogue: Dialogue, condition: Condition, person: Person) -> Iterator[tuple[str, object]]:
    """A no to every finding that speaks against it."""
    knowledge = dialogue.net.knowledge
    for name, given in condition.findings.items():
        finding = knowledge.findings[name]
        speaks_against = not isinstance(given, Mapping) and knowledge.bands.chance(given) <= SPEAKS_AGAINST
        if speaks_against and finding.parent is None and finding.is_for(person.age_years, person.sex):
            yield name, False


def test_set_has_no_fault_and_its_size() -> None:
    folder = loader.KNOWLEDGE / assemble.PRIMARY
    knowledge = loader.load_knowledge(folder)
    flags = [rule.id for rule in rules.load_red_flags(folder / "red_flags", knowledge.findings)]
    assert list(lint.lint(knowledge, flags)) == []
    counted = lint.count(knowledge, flags)
    assert counted.conditions >= 250
    assert counted.findings >= 300
    assert counted.red_flags >= 60
    assert counted.citations >= counted.conditions


def test_typical_patient_has_the_condition_among_the_first(outcomes: Mapping[str, Outcome]) -> None:
    named = {name: [one.condition.id for one in told.explanations[:FIRST]] for name, told in outcomes.items()}
    assert {name: first for name, first in named.items() if name not in first} == {}


def test_typical_patient_is_advised_at_least_as_urgently(dialogue: Dialogue, outcomes: Mapping[str, Outcome]) -> None:
    wanted = {condition.id: condition.urgency for condition in dialogue.net.conditions}
    late = {name: told.urgency for name, told in outcomes.items() if told.urgency.rank > wanted[name].rank}
    assert late == {}


def test_typical_patient_is_rarely_sent_to_abstain(outcomes: Mapping[str, Outcome]) -> None:
    abstained = [name for name, told in outcomes.items() if told.abstained]
    assert len(abstained) <= 0.02 * len(outcomes), abstained
