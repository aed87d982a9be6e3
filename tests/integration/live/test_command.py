"""`aimis live` as a command: the address it prints, how it ends, and the report of what was kept."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from aimis import cli
from tests.fakes.examinations import write_video

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\S+/")
FIXTURES = ROOT / "tests" / "fixtures"


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("AIMIS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("AIMIS_READERS_PATH", str(FIXTURES / "examiner"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_video(tmp_path / "v.mp4", seconds=60, lesion=(0, 60))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["live", *map(str, arguments)])


@contextmanager
def started(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program as a process of its own, and its page's address."""
    command = [sys.executable, "-m", "aimis.cli", "live", *map(str, arguments), "--reader", "examiner"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            lines = iter(process.stderr.readline, "")
            yield (
                process,
                next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+/\S+/", line))),
            )
        finally:
            process.kill()


@pytest.mark.parametrize("how", ["button", "ctrl-c"])
def test_kept_frames_become_an_examination_with_its_report(recording: Path, tmp_path: Path, how: str) -> None:
    out = tmp_path / "out"
    with started(recording, "--report", out) as (process, url):
        for _ in range(2):
            assert httpx.get(f"{url}picture", trust_env=False, timeout=60).status_code in {200, 204}
            assert httpx.post(f"{url}keep", trust_env=False, timeout=60).status_code == 200
        if how == "button":
            assert httpx.post(f"{url}end", trust_env=False).status_code == 204
        else:
            process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 0
    assert sorted(path.name for path in (out / "stills").iterdir()) == ["001.jpg", "002.jpg"]
    assert {path.suffix for path in out.iterdir()} >= {".pdf", ".html", ".json", ".jsonl"}
    (reading,) = map(json.loads, (out / "readings.jsonl").read_text(encoding="utf-8").splitlines()[-1:])
    assert str(out / "stills") in json.dumps(reading)
    assert str(out / "stills") in printed.replace("\n", "")


def test_page_that_asks_is_told_where_the_report_is_before_the_program_ends(recording: Path, tmp_path: Path) -> None:
    with started(recording, "--report", tmp_path / "out") as (process, url):
        assert httpx.post(f"{url}keep", trust_env=False, timeout=60).status_code == 200
        assert httpx.post(f"{url}end", trust_env=False).status_code == 204
        said = {"phase": "running"}
        while said["phase"] != "done":
            said = httpx.get(f"{url}state", trust_env=False, timeout=60).json()
        process.communicate(timeout=60)
    (report,) = (tmp_path / "out").glob("*.pdf")
    assert str(report) in said["link_text"]


def test_nothing_kept_leaves_nothing_behind(recording: Path, tmp_path: Path) -> None:
    with started(recording, "--report", tmp_path / "out") as (process, _):
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0
    assert not (tmp_path / "out").exists()
    assert "No frame was kept" in said


def test_folder_of_an_earlier_examination_is_not_mixed_with_this_one(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "stills").mkdir(parents=True)
    (tmp_path / "out" / "stills" / "001.jpg").write_bytes(b"another patient's")
    result = run(recording, "--reader", "examiner", "--report", tmp_path / "out")
    assert result.exit_code == 2
    assert "earlier examination" in result.stderr


@pytest.mark.parametrize(
    ("language", "said"), [("en", "There is no device /dev/video987"), ("zh", "没有设备 /dev/video987")]
)
def test_device_that_is_not_there_is_said_in_words(language: str, said: str) -> None:
    result = run("/dev/video987", "--reader", "examiner", "--language", language)
    assert result.exit_code == 1
    assert said in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.stderr


def test_reader_that_takes_no_examinations_is_wrong_usage(recording: Path) -> None:
    result = run(recording, "--reader", "diabetic-retinopathy")
    assert (result.exit_code, result.stdout) == (2, "")


def test_port_that_is_taken_is_wrong_usage(recording: Path, tmp_path: Path) -> None:
    with started(recording, "--report", tmp_path / "out") as (_, url):
        port = httpx.URL(url).port
        result = run(recording, "--reader", "examiner", "--port", port, "--report", tmp_path / "other")
    assert result.exit_code == 2
    assert str(port) in result.stderr
