"""A careful reader's refusals: each fault is found, and a whole condition has none."""

from __future__ import annotations

from typing import Any

import pytest

from aimis.consult import model
from aimis.consult.knowledge import lint

FLAGS = ("acute-coronary-syndrome",)
WHOLE: dict[str, Any] = {
    "id": "angina",
    "name": {"en": "Angina", "zh": "心绞痛"},
    "icd10": "I20.8",
    "area": "heart",
    "frequency": "common",
    "age": {"0-39": 0.1, "40-120": 2},
    "findings": {"f0": "usual", "f1": "usual", "f2": "usual", "f3": "rare", "onset": {"slow": "usual"}},
    "urgency": "same-day",
    "explain": {"en": "Narrowed arteries.", "zh": "血管变窄。"},
    "self_care": {"en": "Rest.", "zh": "休息。"},
    "see_doctor_if": {"en": "It lasts.", "zh": "持续不缓解。"},
    "red_flags": ["acute-coronary-syndrome"],
    "citations": [{"source": "NICE CG126", "for": ["findings", "urgency"]}],
    "judgement": ["frequency", "self_care", "see_doctor_if"],
}
FINDINGS: list[dict[str, Any]] = [
    *({"id": f"f{n}", "question": {"en": "Is it?", "zh": "有吗？"}} for n in range(4)),
    {"id": "child", "question": {"en": "More?", "zh": "更多吗？"}, "parent": "parent"},
    {"id": "parent", "question": {"en": "Any?", "zh": "有吗？"}},
    {
        "id": "onset",
        "kind": "one-of",
        "question": {"en": "How?", "zh": "怎样？"},
        "options": [
            {"id": "slow", "text": {"en": "slow", "zh": "慢"}},
            {"id": "fast", "text": {"en": "fast", "zh": "快"}},
        ],
        "background": {"slow": 0.5, "fast": 0.5},
    },
]


def knowledge(*conditions: dict[str, Any], findings: list[dict[str, Any]] = FINDINGS) -> model.Knowledge:
    whole = [{"group": "chest", "short": {"en": "it", "zh": "它"}, **finding} for finding in findings]
    return model.Knowledge.model_validate(
        {
            "name": "small",
            "version": "1",
            "date": "2026",
            "bands": {"likelihood": {"usual": 0.8, "rare": 0.04}, "frequency": {"common": 800}},
            "findings": {finding["id"]: finding for finding in whole},
            "conditions": {condition["id"]: condition for condition in conditions},
        }
    )


def faults(**changes: Any) -> list[str]:
    return [fault.what for fault in lint.lint(knowledge({**WHOLE, **changes}), FLAGS)]


def test_lint_is_silent_where_a_condition_is_whole() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"self_care": None}, "self_care is missing"),
        ({"explain": {"en": "Narrow.", "zh": "Narrow."}}, "explain: zh has no Chinese"),
        ({"explain": {"en": "血管变窄。", "zh": "血管变窄。"}}, "explain: en has Chinese"),
        ({"explain": {"en": "Narrow.", "zh": "血管变窄,疼。"}}, "wants Chinese punctuation"),
        ({"citations": []}, "has no citation"),
        ({"citations": [{"source": "NHS", "for": ["findings"]}]}, "urgency is neither cited nor"),
        ({"judgement": ["self_care", "see_doctor_if"]}, "frequency has no source"),
        ({"judgement": ["frequency", "self_care"]}, "see_doctor_if is neither cited nor"),
        ({"red_flags": ["gone"]}, "there is no red flag gone"),
        ({"red_flags": []}, "has no red flag"),
        ({"age": {"0-40": 1, "40-120": 2}}, "ages 0-40 and 40-120 overlap"),
        ({"findings": {"f0": "usual", "f3": "rare"}}, "has 2 findings"),
        ({"findings": {**WHOLE["findings"], "f3": 0.2}}, "no finding speaks against it"),
        ({"findings": dict.fromkeys(["f0", "f1", "f2", "f3", "parent"], "rare")}, "no finding points to it"),
        ({"findings": {**WHOLE["findings"], "child": "usual"}}, "child is asked after parent"),
        ({"findings": {**WHOLE["findings"], "onset": {"slow": 0.8, "fast": 0.4}}}, "add up to 1.20"),
    ],
)
def test_lint_names_the_fault(changes: dict[str, Any], said: str) -> None:
    assert any(said in what for what in faults(**changes)), faults(**changes)


def test_lint_takes_a_reason_for_a_missing_red_flag() -> None:
    assert faults(red_flags={"none": "brings no danger"}) == []


def test_lint_names_two_conditions_of_one_name() -> None:
    twice = knowledge(WHOLE, {**WHOLE, "id": "other"})
    assert {fault.where for fault in lint.lint(twice, FLAGS)} == {"Angina", "心绞痛"}


def test_lint_names_a_finding_in_one_language() -> None:
    half = [*FINDINGS[:-1], {**FINDINGS[-1], "question": {"en": "How?", "zh": "How?"}}]
    assert [f.where for f in lint.lint(knowledge(WHOLE, findings=half), FLAGS)] == ["finding onset"]


def test_counts_are_of_what_is_there() -> None:
    counted = lint.count(knowledge(WHOLE, {**WHOLE, "id": "other", "red_flags": {"none": "no danger"}}), FLAGS)
    assert (counted.conditions, counted.findings, counted.red_flags) == (2, len(FINDINGS), 1)
    assert (counted.citations, counted.sources) == (2, 1)
    assert counted.by_urgency == {model.Urgency.SAME_DAY: 2}
    assert counted.without_rule == ("other",)
