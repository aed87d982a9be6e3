"""The lines of `aimis consult --jsonl`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.consult import jsonl
from tests.fakes import conditions

DIALOGUE = conditions.dialogue()
START = {"start": {"age": 40, "sex": "M", "language": "en", "evidence": {"pain": True}, "max_questions": 3}}


def said(*lines: object) -> list[dict[str, Any]]:
    given_lines = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    return [json.loads(line) for line in jsonl.converse(DIALOGUE, given_lines)]


def test_consultation_runs_from_start_to_result() -> None:
    first, *_, last = said(START, {"answer": "unknown"}, {"answer": "unknown"}, {"answer": "unknown"})
    assert set(first["ask"]) == {"id", "kind", "text", "options"}
    assert set(last["result"]) == {"conditions", "urgency", "red_flags", "questions", "abstained"}
    assert set(last["result"]["conditions"][0]) == {"name", "icd10", "probability"}


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[1]",
        '{"answer": true, "start": {}}',
        '{"answer": {"a": 1}}',
        '{"answer": "🙂"}',
        '{"start": {"age": -3}}',
        '{"start": {"sex": "X"}}',
        '{"start": {"evidence": {"gout": true}}}',
        '{"start": {"height": 3}}',
        '{"start": null}',
        "[" * 90_000,
        '{"answer": "' + "x" * 200_000 + '"}',
    ],
)
def test_unusable_line_gets_an_error_and_the_consultation_stands(line: str) -> None:
    first, error, same = said(START, line, {"answer": "unknown"})
    assert set(error) == {"error"}
    assert "ask" in same
    assert same["ask"]["id"] != first["ask"]["id"]


def test_answer_of_lists_in_lists_of_any_depth_gets_an_error() -> None:
    """Also of just those depths that can be read and not be written any more."""
    answers = ['{"answer": ' + "[" * depth + "]" * depth + "}" for depth in range(800, 1_000)]
    assert [set(message) for message in said(START, *answers)[1:]] == [{"error"}] * len(answers)


def test_answer_before_a_start_and_after_the_result_is_an_error() -> None:
    assert set(said({"answer": True})[0]) == {"error"}
    assert set(said({"start": {"max_questions": 0}}, {"answer": True})[1]) == {"error"}


def test_one_process_serves_one_consultation_after_another() -> None:
    asked = [message["ask"]["id"] for message in said(START, START)]
    assert asked[0] == asked[1]


@settings(max_examples=30)
@given(st.lists(st.one_of(st.text(max_size=30), st.sampled_from([json.dumps(START), '{"answer": true}'])), max_size=8))
def test_every_line_that_is_not_blank_gets_one_line(lines: list[str]) -> None:
    assert len(list(jsonl.converse(DIALOGUE, lines))) == sum(bool(line.strip()) for line in lines)
