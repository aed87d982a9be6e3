"""What a form or a short text answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.consult.channels.wechat import talk
from aimis.consult.model import Finding, Option, Text, Value
from aimis.web import answers
from aimis.web.desk import RefusedError
from aimis.web.limits import Limiter


def text(said: str) -> Text:
    return Text(en=said, zh=said)


def choice(kind: str, none: str | None = None) -> Finding:
    options = tuple(Option(id=name, text=text(name)) for name in ("a", "b", "c"))
    return Finding.model_validate(
        {
            "id": kind,
            "kind": kind,
            "group": "g",
            "background": {"a": 0.1},
            "question": {"en": "?", "zh": "?"},
            "short": {"en": "s", "zh": "s"},
            "options": options,
            "none": none,
        }
    )


YES_NO = Finding(id="y", group="g", question=text("?"), short=text("s"))
ONE, MANY, MANY_OR_NONE = choice("one-of"), choice("many-of"), choice("many-of", none="c")
NUMBER = Finding.model_validate(
    {**YES_NO.model_dump(), "id": "n", "kind": "number", "background": {">=38": 0.1}, "range": (34, 43)}
)


@pytest.mark.parametrize(
    ("finding", "sent", "value"),
    [
        (YES_NO, ["yes"], True),
        (YES_NO, ["no"], False),
        (YES_NO, ["unknown"], "unknown"),
        (ONE, ["b"], "b"),
        (MANY, ["a", "c", "a"], ("a", "c")),
        (MANY, ["none-of-these"], ()),
        (MANY_OR_NONE, ["none-of-these"], ("c",)),
        (NUMBER, ["38,5"], 38.5),
        (NUMBER, ["３８．５"], 38.5),
    ],
)
def test_form_that_answers_is_read(finding: Finding, sent: list[str], value: Value) -> None:
    assert answers.value_of(finding, sent) == value


@given(st.sampled_from([YES_NO, ONE, MANY, NUMBER]), st.lists(st.text(max_size=6), max_size=4))
def test_any_form_is_an_answer_or_refused(finding: Finding, sent: list[str]) -> None:
    try:
        value = answers.value_of(finding, sent)
    except RefusedError:
        return
    assert value == "unknown" or isinstance(value, bool | float | tuple | str)
    if isinstance(value, float):
        assert 34 <= value <= 43


def test_none_together_with_another_choice_is_refused() -> None:
    with pytest.raises(RefusedError):
        answers.value_of(MANY_OR_NONE, ["a", "c"])


@pytest.mark.parametrize(
    ("finding", "said", "value"),
    [
        (YES_NO, "1", True),
        (YES_NO, "２。", False),
        (YES_NO, "3", "unknown"),
        (YES_NO, "4", "4"),
        (YES_NO, "是", "是"),
        (ONE, "2", "b"),
        (ONE, "1 2", "1 2"),
        (MANY, "1、3", ("a", "c")),
        (MANY, "4", ()),
        (MANY, "5", "unknown"),
        (MANY, "1 5", "1 5"),
        (MANY_OR_NONE, "4", "unknown"),
        (NUMBER, "38.5度", 38.5),
        (NUMBER, "not sure", "not sure"),
    ],
)
def test_number_in_a_short_text_picks_from_the_list_and_words_stay_words(
    finding: Finding, said: str, value: Value
) -> None:
    assert talk.reply_of(finding, said) == value


@pytest.mark.parametrize(
    ("said", "age"),
    [("35", 35), ("35岁", 35), ("６个月", 0.5), ("6 months", 0.5), ("131", None), ("old", None), ("-3", None)],
)
def test_age_is_read_in_years_and_months(said: str, age: float | None) -> None:
    assert talk.age_of(said) == age


@pytest.mark.parametrize("said", ["headache", "stomachs", "12345678901", "ABCDEFGH", "疼"])
def test_word_is_not_taken_for_a_code(said: str) -> None:
    assert talk.code_of(said) is None


def test_limiter_allows_so_many_and_more_after_a_while() -> None:
    now = [0.0]
    limiter = Limiter(most=3, per_s=30, clock=lambda: now[0])
    assert [limiter.allows("a") for _ in range(4)] == [True, True, True, False]
    assert limiter.allows("b")
    now[0] = 10
    assert [limiter.allows("a") for _ in range(2)] == [True, False]
