"""The dialogue as pure steps: what it asks, when it ends, and that nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.consult import answers
from aimis.consult.consultation import Consultation, Person
from aimis.consult.dialogue import Dialogue, Question, Start
from aimis.consult.model import Kind, Text, Urgency
from aimis.consult.outcome import Outcome
from aimis.consult.ports import Facts, RaisedFlag, Understood
from tests.fakes import conditions

ADULT = Person(age_years=40, sex="M")
DIALOGUE = conditions.dialogue()


class Rules:
    """Chest pain with sweating is an emergency; vomiting wants to be seen today."""

    def raised(self, facts: Facts) -> Sequence[RaisedFlag]:
        flags = []
        if facts.values.get("pain") is True and facts.values.get("sweating") is True:
            flags.append(self._flag("heart", Urgency.EMERGENCY))
        if facts.values.get("vomiting") is True:
            flags.append(self._flag("belly", Urgency.SAME_DAY))
        return flags

    def worth_asking(self, facts: Facts) -> Sequence[str]:
        return ["sweating"] if facts.values.get("pain") is True else []

    def due(self, facts: Facts) -> Sequence[str]:
        return ["fever"] if facts.values.get("vomiting") is True else []

    def open_questions(self, facts: Facts, unsaid: Collection[str]) -> Sequence[str]:
        applies = (*self.worth_asking(facts), *self.due(facts), *unsaid)
        return [name for name in applies if name not in facts.values]

    def own_path(self, path: str, person: Person) -> Text:
        return Text(en=f"{path}: call.", zh=f"{path} {person.country}")

    def _flag(self, name: str, urgency: Urgency) -> RaisedFlag:
        words = Text(en=name, zh=name)
        return RaisedFlag(id=name, urgency=urgency, say=words, why=words)


class Reader:
    """Understands the names of findings."""

    def understand(self, text: str, language: str) -> Sequence[Understood]:
        known = [name for name in ("pain", "fever", "vomiting") if name in text and language == "en"]
        return [
            Understood(finding=name, value=True, start=text.index(name), end=text.index(name) + len(name))
            for name in known
        ]

    def share_read(self, text: str, language: str) -> float:
        return len(self.understand(text, language)) / max(1, len(text.split()))

    def person(self, text: str, language: str, known: Person) -> Person:
        told = 7 if "son of seven" in text and language == "en" else known.age_years
        return known.model_copy(update={"age_years": told})


def begin(dialogue: Dialogue = DIALOGUE, **start: object) -> Consultation:
    return dialogue.begin(Start(person=ADULT, **start))  # type: ignore[arg-type]


def some_answer(draw: st.DrawFn, question: Question) -> object:
    finding = question.finding
    if finding.kind is Kind.YES_NO:
        return draw(st.sampled_from([True, False, "unknown", "yes", "没有"]))
    if finding.kind is Kind.NUMBER:
        return draw(st.sampled_from([36.5, 39, "40.5", "unknown"]))
    option = draw(st.sampled_from(finding.option_ids))
    return option if finding.kind is Kind.ONE_OF else [option]


@st.composite
def consultations(draw: st.DrawFn) -> list[Consultation]:
    """All states of one dialogue, in order."""
    states = [begin()]
    while isinstance(question := DIALOGUE.message(states[-1]), Question):
        states.append(DIALOGUE.answer(states[-1], some_answer(draw, question)))
    return states


@settings(max_examples=15)
@given(consultations())
def test_nothing_is_asked_twice_nor_more_than_agreed(states: list[Consultation]) -> None:
    asked = [state.asking for state in states if state.asking is not None]
    assert len(asked) == len(set(asked)) <= states[0].max_questions
    assert states[-1].ended


@settings(max_examples=15)
@given(consultations())
def test_consultation_goes_on_from_its_json_as_if_nothing_had_happened(states: list[Consultation]) -> None:
    for state in states:
        again = Consultation.model_validate_json(state.model_dump_json())
        assert again == state
        assert DIALOGUE.message(again) == DIALOGUE.message(state)


@settings(max_examples=15)
@given(consultations())
def test_child_is_asked_only_after_its_parent_was_said_to_be_there(states: list[Consultation]) -> None:
    for state in states:
        if state.asking is not None:
            parent = DIALOGUE.net.knowledge.findings[state.asking].parent
            assert parent is None or state.values[parent] is True


@settings(max_examples=15)
@given(consultations())
def test_message_is_an_outcome_once_ended(states: list[Consultation]) -> None:
    found = DIALOGUE.message(states[-1])
    assert isinstance(found, Outcome)
    shares = [one.probability for one in found.explanations]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1 + 1e-9


def test_question_that_cannot_concern_a_man_is_not_asked() -> None:
    state = begin(max_questions=100)
    while state.asking is not None:
        assert state.asking != "pregnant"
        state = DIALOGUE.answer(state, "unknown")
    assert state.ended


def test_unknown_is_no_evidence() -> None:
    state = begin()
    before = DIALOGUE.believe(state).posterior
    assert DIALOGUE.believe(DIALOGUE.answer(state, "unknown")).posterior == pytest.approx(before)


def test_answer_to_an_old_question_changes_nothing() -> None:
    first = begin()
    second = DIALOGUE.answer(first, "unknown", turn=first.turn)
    assert DIALOGUE.answer(second, True, turn=first.turn) == second


def test_useless_reply_is_refused_and_says_what_would_do() -> None:
    state = begin(evidence={"fever": True})
    while state.asking != "temperature":
        state = DIALOGUE.answer(state, "unknown")
    useless: list[object] = ["🙂", True, 60, None, [], float("nan")]
    for reply in useless:
        with pytest.raises(answers.ReplyError, match="from 34 to 43 °C"):
            DIALOGUE.answer(state, reply)


def test_evidence_that_is_no_finding_is_refused() -> None:
    with pytest.raises(answers.ReplyError, match="no finding 'gout'"):
        begin(evidence={"gout": True})


def test_emergency_ends_the_questions_and_no_probability_lowers_it() -> None:
    dialogue = conditions.dialogue(safety=Rules())
    state = begin(dialogue, evidence={"fever": True, "vomiting": True, "pain": True})
    assert state.asking == "sweating"
    assert state.raised == ("belly",)
    state = dialogue.answer(state, True)
    found = dialogue.outcome(state)
    assert state.ended
    assert found.urgency is Urgency.EMERGENCY
    assert [flag.id for flag in found.flags] == ["heart", "belly"]


def test_changed_answer_takes_its_flag_back_and_opens_the_consultation_again() -> None:
    dialogue = conditions.dialogue(safety=Rules())
    state = begin(dialogue, evidence={"pain": True, "sweating": True})
    assert state.ended
    changed = dialogue.change(state, "sweating", False)
    assert not changed.ended
    assert changed.raised == ()


def test_back_asks_the_last_question_again() -> None:
    first = begin()
    back = DIALOGUE.back(DIALOGUE.answer(first, "unknown"))
    assert (back.asking, back.answers) == (first.asking, first.answers)
    assert back.turn > first.turn


def test_back_from_an_emergency_takes_its_flag_back() -> None:
    dialogue = conditions.dialogue(safety=Rules())
    state = dialogue.answer(begin(dialogue, evidence={"pain": True}), True)
    assert state.raised == ("heart",)
    back = dialogue.back(state)
    assert (back.raised, back.asking, back.ended) == ((), "sweating", False)


def test_text_is_understood_in_the_place_of_an_answer() -> None:
    dialogue = conditions.dialogue(understanding=Reader())
    state = begin(dialogue, text="some fever since monday")
    assert [(a.finding, a.source, a.text) for a in state.answers] == [("fever", "told", "fever")]
    assert begin(dialogue, text="my son of seven").person.age_years == 7
    told = dialogue.answer(state, "and there is pain")
    assert told.values["pain"] is True
    assert told.questions == 0


def test_nothing_present_is_left_to_a_doctor() -> None:
    nothing = DIALOGUE.outcome(begin(max_questions=0))
    assert nothing.abstained
    assert nothing.urgency.rank <= Urgency.ROUTINE.rank


def test_what_no_condition_explains_is_taken_for_something_else_and_abstained_from() -> None:
    strange = {"pain": False, "fever": False, "sweating": True, "vomiting": True, "colour": "red"}
    fitting = {"pain": True, "site": ["belly"], "vomiting": True, "fever": False}
    elsewhere = [
        1 - sum(one.probability for one in DIALOGUE.outcome(begin(evidence=given)).explanations)
        for given in (fitting, strange)
    ]
    assert elsewhere[0] < 0.1 < elsewhere[1]
    assert not DIALOGUE.outcome(begin(evidence=fitting)).abstained
    assert DIALOGUE.outcome(begin(evidence=strange)).abstained


def test_well_explained_answers_are_not_abstained_from_and_say_why() -> None:
    found = DIALOGUE.outcome(begin(evidence={"pain": True, "site": ["chest"], "sweating": True}))
    assert not found.abstained
    assert found.explanations[0].condition.id == "infarct"
    assert set(found.explanations[0].supports) >= {"site", "sweating"}
