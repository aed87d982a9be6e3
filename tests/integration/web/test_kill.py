"""A consultation survives `kill -9` between any two answers, and goes on afterwards where it stood."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import data_folder

pytestmark = pytest.mark.integration

DURABLE = ("link", "revision", "ended", "question", "answers")
PROGRAM = (sys.executable, "-m", "aimis.cli", "serve")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def program(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`aimis serve` as a process of its own, on its embedded database, once it answers."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIMIS_")}
    environment = {**kept, "AIMIS_DATA_FOLDER": str(folder), "XDG_CONFIG_HOME": str(folder / "none")}
    with subprocess.Popen([*PROGRAM, "--port", str(port)], env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url, process)
            yield process, url
        finally:
            process.terminate()
            process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    last = time.monotonic() + 180
    while time.monotonic() < last and process.poll() is None:
        try:
            if httpx.get(f"{url}/healthz", timeout=30, trust_env=False).text == "ok\n":
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"does not serve: {process.poll()}")


def test_every_answer_that_was_acknowledged_is_there_after_kill_9() -> None:
    with data_folder() as folder:
        state = None
        for round_ in range(4):
            with program(folder) as (process, url):
                state = _one_answer(url, state)
                if round_ < 3:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
        assert state is not None
        answers = state["answers"]
        assert isinstance(answers, dict)
        assert len(answers) >= 3
        assert not (folder / "postgres" / "postmaster.pid").exists()  # the last to go has stopped the server


def _one_answer(url: str, before: dict[str, object] | None) -> dict[str, object]:
    with httpx.Client(base_url=f"{url}/api/v1", timeout=60, trust_env=False) as client:
        if before is None:
            start = {"consent": "2026-01", "language": "zh", "age_years": 30, "sex": "M"}
            before = client.post("/consultations", json=start).raise_for_status().json()
        else:
            found = client.get(f"/consultations/{before['link']}").raise_for_status().json()
            assert [found[key] for key in DURABLE] == [before[key] for key in DURABLE]
        question = before["question"]
        assert isinstance(question, dict)
        place = f"/consultations/{before['link']}/answers"
        sent = {"turn": question["turn"], "answer": "unknown"}
        after: dict[str, object] = client.post(place, json=sent).raise_for_status().json()
        assert after["revision"] == int(str(before["revision"])) + 1
        return after
