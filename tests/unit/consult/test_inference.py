"""Laws of what is believed and of what a question is worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.consult import net as nets
from aimis.consult import value
from aimis.consult.belief import Belief, Evidence, believe
from aimis.consult.consultation import Person
from aimis.consult.model import OLDEST, Season, Sex, Value
from tests.fakes import conditions

NET = nets.build_net(conditions.knowledge())
PRIOR = NET.prior(Person(age_years=40))
ANSWERS: dict[str, st.SearchStrategy[Value]] = {
    "pain": st.booleans(),
    "site": st.sampled_from([("nowhere",), ("chest",), ("belly", "head")]),
    "sweating": st.booleans(),
    "vomiting": st.booleans(),
    "fever": st.booleans(),
    "temperature": st.floats(34, 43),
    "colour": st.sampled_from(["pale", "red"]),
}
MULTIPLIED = {"age": {"0-17": 0.5, "17-64": 3}, "sex": {"F": 2}, "season": {"winter": 4}, "country": {"CN": 7}}
SAID = nets.build_net(
    conditions.knowledge(
        conditions={
            "flu": conditions.condition("flu", "self-care", {"fever": 0.9}, **MULTIPLIED),
            "gastritis": conditions.condition("gastritis", "routine", {"pain": 0.9}),
        }
    )
)
SOME_ANSWERS = st.fixed_dictionaries({}, optional=ANSWERS)


def after(answers: dict[str, Value], error: float = 0.03) -> Belief:
    return believe(NET, PRIOR, {NET.column[f]: Evidence(value=v, error=error) for f, v in answers.items()})


def of(belief: Belief, condition: str) -> float:
    return float(belief.posterior[[c.id for c in NET.conditions].index(condition)])


def presence(believed: Belief) -> nets.Floats:
    """(rows, findings) of each row and finding."""
    return np.stack([believed.present(column) for column in range(len(NET.findings))], axis=1)


@settings(max_examples=30)
@given(SOME_ANSWERS)
def test_posterior_is_a_distribution_and_presence_a_chance(answers: dict[str, Value]) -> None:
    believed = after(answers)
    assert believed.posterior.sum() == pytest.approx(1)
    present = presence(believed)
    assert ((present >= 0) & (present <= 1)).all()


@settings(max_examples=30)
@given(SOME_ANSWERS, st.randoms())
def test_order_of_answers_changes_nothing(answers: dict[str, Value], shuffle: object) -> None:
    turned = dict(reversed(answers.items()))
    assert after(turned).posterior == pytest.approx(after(answers).posterior)


@settings(max_examples=30)
@given(SOME_ANSWERS)
def test_belief_keeps_the_average_of_what_an_answer_would_make_of_it(answers: dict[str, Value]) -> None:
    """The law of total probability: P(row) = sum over answers of P(answer) P(row | answer)."""
    answers.pop("sweating", None)
    now, column, error = after(answers), NET.column["sweating"], 0.03
    present = now.present(column)
    yes = float(now.posterior @ ((1 - error) * present + error * (1 - present)))
    mixed = (
        yes * after({**answers, "sweating": True}).posterior
        + (1 - yes) * after({**answers, "sweating": False}).posterior
    )
    assert mixed == pytest.approx(now.posterior)


def test_the_same_told_twice_counts_once() -> None:
    """That there is pain says nothing new once its place is known."""
    site = after({"site": ("chest",)})
    assert of(after({"site": ("chest",), "pain": True}), "infarct") == pytest.approx(of(site, "infarct"), abs=0.02)


def test_wrong_no_to_a_parent_does_not_sink_the_truth() -> None:
    assert of(after({"pain": False, "site": ("chest",), "sweating": True}), "infarct") > 0.5


def test_answer_speaks_less_the_likelier_it_is_wrong() -> None:
    chances = [of(after({"sweating": True}, error), "infarct") for error in (0.01, 0.1, 0.3, 0.49)]
    assert chances == sorted(chances, reverse=True)


def test_higher_number_speaks_for_what_raises_it() -> None:
    chances = [of(after({"fever": True, "temperature": celsius}), "flu") for celsius in (36.5, 38.5, 40.5)]
    assert chances == sorted(chances)


def test_age_decides_where_a_condition_does_not_occur() -> None:
    child = NET.prior(Person(age_years=7))
    assert child[0] == 0
    assert child.sum() == pytest.approx(1)


@given(
    st.none() | st.floats(0, OLDEST),
    st.sampled_from([None, "F", "M"]),
    st.sampled_from([None, "winter", "summer"]),
    st.sampled_from([None, "CN", "GB"]),
)
def test_person_multiplies_a_frequency_by_all_that_is_said_of_it(
    age_years: float | None, sex: Sex | None, season: Season | None, country: str | None
) -> None:
    """Both ends of a range of years are within it; where two meet, the first one holds; the unsaid multiplies by 1."""
    by_age = 1 if age_years is None or age_years >= 65 else 0.5 if age_years < 18 else 3
    expected = (
        by_age * {"F": 2}.get(sex or "", 1) * {"winter": 4}.get(season or "", 1) * {"CN": 7}.get(country or "", 1)
    )
    person = Person(age_years=age_years, sex=sex, season=season, country=country)
    assert list(SAID.multipliers.of(person) * np.ones(2)) == [expected, 1]


def test_table_follows_the_bands_where_they_are_said() -> None:
    survival = 1 - NET.tables[NET.column["temperature"]][2].cumsum()
    assert survival[:2] == pytest.approx([0.9, 0.3], abs=0.01)


@settings(max_examples=30)
@given(SOME_ANSWERS)
def test_question_is_never_worth_less_than_nothing_nor_more_than_all_that_is_open(answers: dict[str, Value]) -> None:
    believed = after(answers)
    open_now = -float(believed.posterior @ np.log(np.maximum(believed.posterior, 1e-300)))
    worth = value.Worth(NET, 0.03).values(believed)
    assert (worth >= -1e-9).all()
    assert (worth <= open_now + math.log(6) + 1e-9).all()


@settings(max_examples=30)
@given(SOME_ANSWERS)
def test_what_is_expected_is_presence_weighed_by_the_posterior(answers: dict[str, Value]) -> None:
    believed = after(answers)
    assert believed.expected == pytest.approx(believed.posterior @ presence(believed))


@pytest.mark.parametrize("answers", [{}, {"sweating": True}, {"site": ("belly",)}, {"fever": True}, {"fever": False}])
@pytest.mark.parametrize("finding", ["pain", "vomiting", "temperature", "colour"])
def test_worth_is_the_mutual_information_reckoned_by_hand(answers: dict[str, Value], finding: str) -> None:
    """Also where answers have told something of the finding, through its parent or its child."""
    believed, column, error = after(answers), NET.column[finding], 0.03
    present = believed.present(column)[:, None]
    if finding in {"pain", "vomiting"}:
        true = np.concatenate([present, 1 - present], axis=1)
    else:
        true = present * NET.tables[column] + (1 - present) / NET.options(column)
    wrong = 1 - true if finding in {"pain", "vomiting"} else 1 / NET.options(column)
    said = (1 - error) * true + error * wrong

    def entropy(chances: np.ndarray) -> float:
        return -math.fsum(p * math.log(p) for p in chances if p > 0)

    def information(weights: np.ndarray) -> float:
        shares = weights.sum(axis=1)
        inner = (w * entropy(row @ said / w) for w, row in zip(shares, weights, strict=True) if w)
        return entropy(weights.sum(axis=0) @ said) - math.fsum(inner)

    rows = np.diag(believed.posterior)
    urgencies = (NET.urgency * believed.posterior[:, None]).T
    worth = value.Worth(NET, error).values(believed)[column]
    assert worth == pytest.approx(information(rows) + information(urgencies), rel=1e-3, abs=1e-4)


def test_more_noise_makes_no_question_worth_more() -> None:
    believed = after({})
    quiet, noisy = value.Worth(NET, 0.01).values(believed), value.Worth(NET, 0.3).values(believed)
    assert (noisy <= quiet + 1e-9).all()
