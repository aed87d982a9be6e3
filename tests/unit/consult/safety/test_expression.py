"""The language of `when`: what it can say, what it refuses, and how it judges what is not yet known."""

import pytest

from aimis.consult import model
from aimis.consult.consultation import Person
from aimis.consult.ports import Facts
from aimis.consult.safety import expression

WORDS = {"en": "x", "zh": "x"}


def finding(name: str, **keys: object) -> model.Finding:
    return model.Finding.model_validate({"id": name, "group": "g", "question": WORDS, "short": WORDS, **keys})


def options(*names: str) -> dict[str, object]:
    return {
        "kind": "many-of",
        "background": dict.fromkeys(names, 0.1),
        "options": [{"id": name, "text": WORDS} for name in names],
        "none": names[0],
    }


FINDINGS = {
    "pain": finding("pain"),
    "fever": finding("fever"),
    "site": finding("site", parent="pain", **options("nowhere", "arm", "jaw")),
    "temperature": finding("temperature", kind="number", range=(34, 43), background={">=38": 0.1}),
}


def judged(when: object, values: dict[str, model.Value], age_years: float | None = None) -> bool | None:
    facts = Facts(person=Person(age_years=age_years), values=values)
    return expression.judged(expression.parse(when), facts, FINDINGS)


@pytest.mark.parametrize(
    "when", [{"not": "pain"}, {"not": ["pain"]}, {"sex": "F"}, {"name": True, "pain": True}, 3, {"all": []}]
)
def test_denial_sex_and_other_forms_are_refused(when: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        expression.check(expression.parse(when), FINDINGS)


@pytest.mark.parametrize(
    "when", ["cough", {"site": ["leg"]}, {"pain": ">=3"}, "temperature", {"temperature": ["high"]}, "age"]
)
def test_leaf_is_refused_where_the_finding_does_not_fit(when: object) -> None:
    with pytest.raises(ValueError, match=r"no finding|no option|a bound|neither|age is"):
        expression.check(expression.parse(when), FINDINGS)


@pytest.mark.parametrize(
    ("when", "values", "expected"),
    [
        ("pain", {}, None),
        ("pain", {"pain": True}, True),
        ("pain", {"pain": False}, False),
        ({"site": ["arm"]}, {"site": ("jaw", "arm")}, True),
        ({"site": ["arm"]}, {"site": ("jaw",)}, False),
        ({"site": ["arm"]}, {"pain": False}, False),
        ("site", {"site": ("nowhere",)}, False),
        ({"temperature": ">=38"}, {"temperature": 38.0}, True),
        ({"temperature": "<36"}, {"temperature": 36.0}, False),
        ({"all": ["pain", "fever"]}, {"pain": True}, None),
        ({"all": ["pain", "fever"]}, {"pain": False}, False),
        ({"any": ["pain", "fever"]}, {"pain": False}, None),
        ({"any": ["pain", "fever"]}, {"fever": True}, True),
    ],
)
def test_when_is_judged_true_false_or_open(when: object, values: dict[str, model.Value], expected: bool | None) -> None:
    assert judged(when, values) is expected


@pytest.mark.parametrize(("age_years", "expected"), [(None, True), (29.9, False), (30.0, True)])
def test_unknown_age_counts_as_an_adult(age_years: float | None, expected: bool) -> None:
    assert judged({"age": ">=30"}, {}, age_years) is expected


def test_unknown_age_is_no_infant() -> None:
    assert judged({"age": "<0.25"}, {}) is None


def test_nearest_to_holding_is_asked_first() -> None:
    node = expression.parse({"any": [{"all": ["pain", "fever"]}, {"site": ["arm"]}]})
    asked = [leaf.finding for leaf in expression.undecided(node, Facts(), FINDINGS)]
    assert asked == ["site", "pain", "fever"]
    assert expression.missing(node, Facts(), FINDINGS) == 1
