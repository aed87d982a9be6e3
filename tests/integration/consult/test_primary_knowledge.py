"""The set that people meet by default holds together, and tells its own typical patients apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from aimis.consult import assemble, loader
from aimis.consult.consultation import Person
from aimis.consult.dialogue import Dialogue, Start
from aimis.consult.knowledge import lint
from aimis.consult.model import Condition, Finding, Kind, Sex, bound_of
from aimis.consult.outcome import Outcome
from aimis.consult.safety import rules

pytestmark = pytest.mark.integration

TYPICAL, SPEAKS_AGAINST = 0.4, 0.05
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
    person = typical_person(condition)
    evidence = dict(typical_answers(dialogue, condition, person))
    return dialogue.outcome(dialogue.begin(Start(person=person, evidence=evidence, max_questions=0)))


def typical_person(condition: Condition) -> Person:
    """In the middle of the age range that it meets most."""
    first, last = max(condition.age, key=lambda years: condition.age[years], default=(18, 60))
    women, men = condition.sex.get("F", 1), condition.sex.get("M", 1)
    sex: Sex = "F" if women >= men else "M"
    return Person(age_years=(first + min(last, 90)) / 2, sex=sex)


def typical_answers(dialogue: Dialogue, condition: Condition, person: Person) -> Iterator[tuple[str, object]]:
    knowledge = dialogue.net.knowledge
    for name, given in condition.findings.items():
        finding = knowledge.findings[name]
        if not finding.is_for(person.age_years, person.sex):
            continue
        if isinstance(given, Mapping):
            chances = {key: knowledge.bands.chance(band) for key, band in given.items()}
            if (reply := typical_reply(finding, chances)) is not None:
                yield name, reply
        elif knowledge.bands.chance(given) >= TYPICAL:
            yield name, True
        elif knowledge.bands.chance(given) <= SPEAKS_AGAINST and finding.parent is None:
            yield name, False


def typical_reply(finding: Finding, chances: Mapping[str, float]) -> object:
    """The likeliest option, all likely ones of a many-of, the highest likely bound of a number; None without any."""
    likely = {key: chance for key, chance in chances.items() if chance >= TYPICAL}
    if not likely:
        return None
    if finding.kind is Kind.NUMBER:
        return max(bound_of(key)[1] for key in likely)
    return list(likely) if finding.kind is Kind.MANY_OF else max(likely, key=lambda key: likely[key])


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
