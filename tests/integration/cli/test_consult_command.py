"""`aimis consult` as a process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
PROGRAM = (sys.executable, "-m", "aimis.cli", "consult", "--knowledge", "ddxplus")


def run(*arguments: str, said: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *arguments], input=said, capture_output=True, text=True, check=False)


def test_lines_of_json_are_answered_at_once_and_nothing_else_is_printed() -> None:
    start = {"start": {"age": 31, "sex": "F", "evidence": {"E_55": ["V_29"]}, "max_questions": 1}}
    with subprocess.Popen([*PROGRAM, "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line, key in ((start, "ask"), ("oops", "error"), ({"answer": "unknown"}, "result")):
            process.stdin.write(json.dumps(line) + "\n")
            process.stdin.flush()
            assert list(json.loads(process.stdout.readline())) == [key]
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_lines_that_are_no_text_get_an_error_and_the_next_is_answered() -> None:
    start = json.dumps({"start": {"max_questions": 0}}).encode()
    lines = b"\xff\xfe\x80\n" + '{"start": "胸痛"}\n'.encode("gbk") + start + b"\n"
    ended = subprocess.run([*PROGRAM, "--jsonl"], input=lines, capture_output=True, check=False)
    assert [list(json.loads(line)) for line in ended.stdout.splitlines()] == [["error"], ["error"], ["result"]]
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_consultation_goes_on_in_another_process_after_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "consultation.json"
    arguments = [*PROGRAM, "--state", str(file)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("30\nF\n\n?\n")
        process.stdin.flush()
        while "\n2. " not in f"\n{process.stdout.readline()}":
            pass  # until its second question stands there, the first answer is kept
        process.send_signal(signal.SIGKILL)
    kept = json.loads(file.read_text())
    assert [answer["value"] for answer in kept["answers"]] == ["unknown"]
    again = run("--state", str(file), "--language", "zh", said="stop\n")
    assert again.returncode == 0
    assert "\n2. " in again.stdout
    assert "医生" in again.stdout


def test_whole_differential_lists_more_than_the_likeliest() -> None:
    line = json.dumps({"start": {"age": 40, "sex": "F", "evidence": {"E_66": True}, "max_questions": 0}})
    listed = [
        json.loads(run("--jsonl", *more, said=line + "\n").stdout)["result"]["conditions"]
        for more in ([], ["--differential"])
    ]
    assert sum(one["probability"] for one in listed[0]) <= 1.001
    assert sum(one["probability"] for one in listed[1]) > 1


@pytest.mark.parametrize(
    "arguments", [["--knowledge", "nowhere"], ["--knowledge", "primary", "--differential", "--jsonl"]]
)
def test_wrong_usage_is_said_in_a_sentence(arguments: list[str]) -> None:
    ended = run(*arguments, said="")
    assert ended.returncode == 2
    assert ended.stderr.startswith("aimis: ")
