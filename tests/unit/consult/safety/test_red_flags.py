"""The rule table, exhaustively, and what must never lower an urgency."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.consult import loader, model
from aimis.consult.consultation import Person
from aimis.consult.ports import Facts, Safety
from aimis.consult.safety import expression, numbers, redflags, rules, screening
from tests.unit.consult.safety import table

U = model.Urgency
FIRST_WAYS = {name: table.ways(rule["when"])[0] for name, rule in table.RULES.items()}


def test_engine_holds_at_least_sixty_cited_rules() -> None:
    engine: Safety = table.ENGINE
    assert isinstance(engine, redflags.RedFlags)
    assert len(engine.red_flags) >= 60
    assert len(engine.red_flags) == len(table.RULES)
    assert all(rule.citations and rule.examples for rule in engine.red_flags)


@pytest.mark.parametrize("name", table.RULES)
def test_rule_agrees_with_a_plain_reading_on_its_truth_table(name: str) -> None:
    when = table.RULES[name]["when"]
    node = next(rule.when for rule in table.ENGINE.red_flags if rule.id == name)
    verdicts = set()
    for row in (*table.rows(when, 24), FIRST_WAYS[name], {}):
        expected = table.holds(when, row)
        verdicts.add(expected)
        assert (expression.judged(node, table.facts(row), table.FINDINGS) is True) == expected, row
    assert True in verdicts
    assert False in verdicts


@pytest.mark.parametrize("name", table.RULES)
def test_sex_order_and_not_knowing_more_change_nothing(name: str) -> None:
    way = FIRST_WAYS[name]
    urgency = table.urgency(way)
    assert table.urgency(way, sex="F") == table.urgency(way, sex="M") == urgency
    assert table.urgency(dict(reversed(way.items()))) == urgency
    assert table.urgency(way, country="CN") == table.urgency(way, season="winter") == urgency


findings_present = st.sampled_from(sorted(table.FINDINGS)).map(
    lambda name: (
        (name, table._present_value(table.FINDINGS[name]))
        if table.FINDINGS[name].kind is not model.Kind.NUMBER
        else (name, 37.0)
    )
)


@settings(deadline=None, max_examples=60)
@given(name=st.sampled_from(sorted(table.RULES)), extra=st.lists(findings_present, max_size=6))
def test_further_findings_never_lower_the_urgency(name: str, extra: list[tuple[str, model.Value]]) -> None:
    way = FIRST_WAYS[name]
    more = {**dict(extra), **way}
    assert table.urgency(more).rank <= table.urgency(way).rank


@pytest.mark.parametrize(
    ("complaint", "person", "at_least"),
    [
        ({"fever": True}, {"age": 40.0, "pregnant": True}, U.SAME_DAY),
        ({"fever": True}, {"age": 0.2}, U.EMERGENCY_DEPARTMENT),
        ({"fever": True}, {"age": 80.0}, U.SAME_DAY),
        ({"fever": True}, {"age": 40.0, "immunosuppressed": True}, U.SAME_DAY),
        ({"fever": True, "temperature": 38.5}, {"age": 40.0, "immunosuppressed": True}, U.EMERGENCY_DEPARTMENT),
        ({"fever": True}, {"age": 40.0, "chemotherapy": True}, U.EMERGENCY_DEPARTMENT),
        ({"abdominal-pain": True}, {"age": 30.0, "pregnant": True}, U.SAME_DAY),
        ({"abdominal-pain": True}, {"age": 80.0}, U.SAME_DAY),
        ({"abdominal-pain": True}, {"age": 40.0, "immunosuppressed": True}, U.SAME_DAY),
        ({"headache": True}, {"age": 40.0, "immunosuppressed": True}, U.SAME_DAY),
        ({"headache": True, "vision-blurred": True}, {"age": 30.0, "pregnant": True}, U.EMERGENCY_DEPARTMENT),
        ({"vomiting": True, "vomiting-many": True}, {"age": 30.0, "pregnant": True}, U.EMERGENCY_DEPARTMENT),
        ({"vomiting": True, "vomiting-many": True}, {"age": 1.0}, U.EMERGENCY_DEPARTMENT),
        ({"vomiting": True, "vomiting-many": True}, {"age": 80.0}, U.EMERGENCY_DEPARTMENT),
        ({"head-injury": True}, {"age": 70.0}, U.EMERGENCY_DEPARTMENT),
        ({"head-injury": True}, {"age": 0.5}, U.EMERGENCY_DEPARTMENT),
        ({"burn": True}, {"age": 2.0}, U.EMERGENCY_DEPARTMENT),
        ({"burn": True}, {"age": 30.0, "pregnant": True}, U.EMERGENCY_DEPARTMENT),
        ({"faint": True}, {"age": 70.0}, U.EMERGENCY_DEPARTMENT),
        ({"faint": True}, {"age": 30.0, "pregnant": True}, U.EMERGENCY_DEPARTMENT),
        ({"chest-pain": True}, {"age": 70.0}, U.EMERGENCY_DEPARTMENT),
        ({"sore-throat": True}, {"age": 40.0, "immunosuppressed": True}, U.SAME_DAY),
        ({"breathless": True}, {"age": 3.0}, U.EMERGENCY_DEPARTMENT),
        ({"breathless": True}, {"age": 30.0, "pregnant": True}, U.EMERGENCY_DEPARTMENT),
    ],
)
def test_pregnancy_infancy_age_and_weak_immunity_raise(
    complaint: table.Assignment, person: table.Assignment, at_least: U
) -> None:
    plain = table.urgency({**complaint, "age": 25.0})
    raised = table.urgency({**complaint, **person})
    assert raised.rank <= at_least.rank
    assert raised.rank < plain.rank


def test_opening_questions_are_asked_of_whom_nothing_is_known() -> None:
    assert table.ENGINE.worth_asking(Facts()) == ("danger-now",)


def test_what_completes_the_most_urgent_rule_is_asked_first() -> None:
    known: dict[str, model.Value] = {
        "danger-now": ("none",),
        "unresponsive": False,
        "not-breathing": False,
        "suicidal-thoughts": False,
    }
    asked = table.ENGINE.worth_asking(Facts(person=Person(age_years=55), values={**known, "chest-pain": True}))
    assert "sweating" in asked[:20]
    assert "breathless" in asked[:20]


def test_nothing_is_worth_asking_once_the_highest_is_raised() -> None:
    assert table.ENGINE.worth_asking(Facts(values={"unresponsive": True})) == ()


def test_question_of_the_other_sex_is_not_asked() -> None:
    asked = table.ENGINE.worth_asking(
        Facts(person=Person(age_years=30, sex="M"), values={"pelvic-pain": True, "abdominal-pain": True})
    )
    assert "period-late" not in asked


def test_parent_is_asked_before_its_child() -> None:
    asked = table.ENGINE.worth_asking(Facts(values={"sweating": True}))
    pairs = [(table.FINDINGS[name].parent, name) for name in asked]
    assert any(parent in asked for parent, _ in pairs)
    assert all(asked.index(parent) < asked.index(name) for parent, name in pairs if parent in asked)


@pytest.mark.parametrize("path", ["self-harm", "abuse", "poisoning", "overdose", "child-alone"])
@pytest.mark.parametrize("country", [None, "CN", "GB", "US", "XX", "PL"])
def test_own_path_names_the_local_numbers(path: str, country: str | None) -> None:
    words = table.ENGINE.own_path(path, Person(country=country))
    for language in ("en", "zh"):
        known = table.ENGINE._paths.known(country, language)
        said = words.of(language)
        if known is None:
            assert not re.search(r"\d{3}", said)
            assert numbers.LOCAL_NUMBER.of(language) in said
        else:
            assert known.ambulance in said or known.police in said
    if country == "CN" and path == "self-harm":
        assert "12356" in words.zh


@pytest.mark.parametrize("path", ["self-harm", "abuse", "poisoning", "overdose", "child-alone"])
def test_each_own_path_is_reached_by_a_rule(path: str) -> None:
    assert any(rule.path == path for rule in table.ENGINE.red_flags)


@pytest.mark.parametrize(
    ("ids", "when", "said"),
    [
        (["a"], "nothing-like-it", "no finding"),
        (["a", "a"], "fever", "stands twice"),
        (["a"], "{not: fever}", "no part of rules"),
    ],
)
def test_faulty_rule_is_named(tmp_path: Path, ids: list[str], when: str, said: str) -> None:
    words = "say: {en: a, zh: a}, why: {en: a, zh: a}, citations: [{source: a}], examples: [{en: a, zh: a}]"
    text = "".join(f"- {{id: {name}, when: {when}, urgency: routine, {words}}}\n" for name in ids)
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(loader.KnowledgeError, match=said):
        rules.load_red_flags(tmp_path, table.FINDINGS)


@pytest.mark.parametrize(
    ("complaint", "asked"),
    [
        ({"fever": True}, "chemotherapy"),
        ({"fever": True, "headache": True}, "travel-tropics"),
        ({"fever": True, "cough": True, "unwell": True}, "poultry-contact"),
        ({"rash": True, "new-medicine": True}, "rash-sheds"),
        ({"wound": True, "injury-swollen": True}, "snake-bite"),
        ({"high-blood-pressure-known": True, "headache": True}, "blood-pressure-very-high"),
    ],
)
def test_rare_danger_of_a_complaint_is_asked_of_everybody_once(complaint: dict[str, model.Value], asked: str) -> None:
    assert asked in table.ENGINE.due(Facts(values=complaint))
    assert asked not in table.ENGINE.due(Facts(values={**complaint, asked: False}))
    assert table.ENGINE.due(Facts(values=dict.fromkeys(complaint, False))) == ()


def test_every_screening_question_can_make_a_rule_fire_or_leads_to_one_that_can() -> None:
    screens = screening.load_screens(table.FOLDER, table.FINDINGS)
    conditions = [*(rule.when for rule in table.ENGINE.red_flags), *(screen.when for screen in screens)]
    looked_at = {leaf.finding for when in conditions for leaf in expression.leaves(when)}
    assert {name for screen in screens for name in screen.ask} <= looked_at


@pytest.mark.parametrize("fault", ["ask: [no-such-finding]", "ask: [cough]\n  when: no-such-finding"])
def test_screen_of_what_is_not_there_is_refused(tmp_path: Path, fault: str) -> None:
    when = "" if "when" in fault else "\n  when: fever"
    words = "why: {en: a, zh: b}\n  citations: [{source: WHO}]"
    (tmp_path / "screening.yaml").write_text(f"- id: one\n  {words}\n  {fault}{when}\n", encoding="utf-8")
    with pytest.raises(loader.KnowledgeError, match="no-such-finding"):
        screening.load_screens(tmp_path, table.FINDINGS)
