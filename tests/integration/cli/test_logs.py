"""Log lines say what happened and never to whom."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aimis.logs import Log


def fail_on(name: str) -> Exception:
    try:
        Path(name).read_bytes()
    except FileNotFoundError as error:
        return error
    raise AssertionError("nothing should lie there")


@pytest.mark.parametrize("form", ["text", "json"])
def test_failure_is_logged_with_its_place_and_without_the_name_in_its_message(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    Log(form=form).failure(fail_on("/images/Li Wei 1961-02-03.jpg"), "ab" * 32, "fundus-disease")  # type: ignore[arg-type]
    out, line = capsys.readouterr()
    assert out == ""
    assert "Li Wei" not in line
    for said in ("ab" * 32, "fundus-disease", "FileNotFoundError", "test_logs.py", "fail_on"):
        assert said in line


def test_json_line_is_one_object_with_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    Log(form="json", level="info").run_ended(items=3, seconds=1.23456, stopped=False)
    logged = json.loads(capsys.readouterr().err)
    assert (logged["event"], logged["items"], logged["seconds"], logged["level"]) == ("run-ended", 3, 1.235, "info")
    assert logged["timestamp"].endswith("Z")


def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    Log(level="warning").run_ended(items=3, seconds=1.0, stopped=False)
    assert capsys.readouterr().err == ""
