"""Whatever stops a run, what was finished is whole and the rest is read by the rerun."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import ITEMS, PROGRAM, wait_until

pytestmark = pytest.mark.integration

READERS = ("--reader", "brightness", "--reader", "colour-cast")


def command(pictures: Path, report: Path, *more: str) -> list[str]:
    return [*PROGRAM, "read", str(pictures), "--json", "--report", str(report), *READERS, *more]


def start(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def complete(arguments: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 3, done.stderr
    return done.stdout


def readings(lines: str) -> list[dict[str, Any]]:
    """Without what differs between any two runs."""
    return [{**json.loads(line), "seconds": None, "read_at_utc": None} for line in lines.splitlines()]


def in_order(records: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(record, sort_keys=True) for record in records)


def test_run_that_was_killed_and_resumed_gives_the_readings_of_a_whole_one(
    pictures: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    whole = complete(command(pictures, tmp_path / "whole"), environment)
    record = tmp_path / "killed" / "readings.jsonl"
    with start(command(pictures, record.parent), environment) as process:
        wait_until(lambda: record.exists() and record.read_bytes().count(b"\n") >= 12, process)
        process.kill()
    before = record.read_bytes()
    assert before.count(b"\n") < 2 * ITEMS
    (record.parent / ".04-overlay.jpg.1-1.part").write_bytes(before[:9])  # killed while a file was written
    theirs = record.parent / ".film.pdf.part"
    theirs.write_bytes(before[:9])
    resumed = complete(command(pictures, record.parent, "--resume"), environment)
    assert readings(resumed) == readings(whole)
    assert in_order(readings(record.read_text())) == in_order(
        readings((tmp_path / "whole" / "readings.jsonl").read_text())
    )
    assert record.read_bytes().startswith(before[: before.rindex(b"\n") + 1])
    assert theirs.exists()
    theirs.unlink()
    names = [sorted(p.name for p in folder.iterdir()) for folder in (record.parent, tmp_path / "whole")]
    assert names[0] == names[1]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_run_that_was_asked_to_stop_ends_with_whole_lines_and_is_taken_up_again(
    pictures: Path, tmp_path: Path, environment: dict[str, str], number: signal.Signals, status: int
) -> None:
    report, output = tmp_path / "stopped", tmp_path / "printed.jsonl"
    with output.open("w") as stdout:
        process = subprocess.Popen(
            command(pictures, report), env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True
        )
        wait_until(lambda: output.stat().st_size > 0, process)
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == status
    printed = readings(output.read_text())
    assert (report / "readings.jsonl").read_bytes().count(b"\n") == len(printed) < 2 * ITEMS
    assert "--resume" in told
    assert "Traceback" not in told
    resumed = readings(complete(command(pictures, report, "--resume"), environment))
    assert resumed[: len(printed)] == printed
    assert len(resumed) == 2 * ITEMS


@pytest.mark.parametrize("form", [["--json"], []], ids=["lines", "table"])
def test_reader_of_the_output_that_leaves_ends_the_run_quietly(
    form: list[str], pictures: Path, environment: dict[str, str]
) -> None:
    with start([*PROGRAM, "read", str(pictures), *form, *READERS], environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        told = process.stderr.read()
    assert (process.returncode, told) == (141, "")


def test_each_line_is_printed_as_soon_as_it_is_known(pictures: Path, environment: dict[str, str]) -> None:
    with start([*PROGRAM, "read", str(pictures), "--json", *READERS], environment) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        still_running = process.poll() is None
        process.terminate()
        process.communicate(timeout=60)
    assert json.loads(first)["path"].endswith("00.png")
    assert still_running
