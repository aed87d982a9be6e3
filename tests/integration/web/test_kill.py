"""A consultation survives `kill -9` between any two answers, and goes on afterwards where it stood."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from shutil import which
from subprocess import PIPE

import httpx
import pytest

from aimis.consult.channels.wechat.crypto import SafeMode
from aimis.web.simulator import WeChatServer
from tests.integration.conftest import data_folder

pytestmark = pytest.mark.integration

DURABLE = ("link", "revision", "ended", "question", "answers")
APP, TOKEN, KEY = "wx5823bf96d3bd56c7", "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
MODE = SafeMode(app_id=APP, token=TOKEN, encoding_aes_key=KEY)
WECHAT = {
    "AIMIS_SERVE__PUBLIC_URL": "https://consult.example.org",
    "AIMIS_WECHAT__APP_ID": APP,
    "AIMIS_WECHAT__APP_SECRET": "simulated",
    "AIMIS_WECHAT__TOKEN": TOKEN,
    "AIMIS_WECHAT__ENCODING_AES_KEY": KEY,
    "AIMIS_WECHAT__API_URL": "http://127.0.0.1:9",  # nobody is there: what comes late stays unsaid
}
Database = Callable[[], AbstractContextManager[dict[str, str]]]
PROGRAM = (sys.executable, "-m", "aimis.cli", "serve")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def program(folder: Path, **more: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`aimis serve` as a process of its own, on its embedded database, once it answers."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIMIS_")}
    environment = {**kept, "AIMIS_DATA_FOLDER": str(folder), "XDG_CONFIG_HOME": str(folder / "none"), **more}
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


@contextmanager
def of_debian() -> Iterator[dict[str, str]]:
    """A server of Debian's, made for this test and dropped after it, as the settings that name it."""
    told = "echo postgresql://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$PGDATABASE; read end"
    with subprocess.Popen(["pg_virtualenv", "sh", "-c", told], stdin=PIPE, stdout=PIPE, text=True) as server:
        assert server.stdout is not None
        yield {"AIMIS_DATABASE_URL": next(line for line in server.stdout if line.startswith("postgresql:")).strip()}
        server.communicate("\n")


@pytest.mark.parametrize(
    "database",
    [
        pytest.param(lambda: nullcontext({}), id="embedded"),
        pytest.param(
            of_debian,
            id="debian",
            marks=pytest.mark.skipif(which("pg_virtualenv") is None, reason="needs Debian's postgresql"),
        ),
    ],
)
def test_every_answer_that_was_acknowledged_is_there_after_kill_9(database: Database) -> None:
    with data_folder() as folder, database() as named:
        state = None
        for round_ in range(4):
            with program(folder, **named) as (process, url):
                state = _one_answer(url, state)
                if round_ < 3:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
        assert state is not None
        answers = state["answers"]
        assert isinstance(answers, dict)
        assert len(answers) >= 3
        assert (folder / "postgres").exists() != bool(named)
        assert not (folder / "postgres" / "postmaster.pid").exists()  # the last to go has stopped the server


def test_consultation_goes_on_in_wechat_after_kill_9_and_on_the_web_after_another() -> None:
    with data_folder() as folder:
        with program(folder, **WECHAT) as (process, url):
            state = _one_answer(url, None)
            place = f"/api/v1/consultations/{state['link']}"
            code = httpx.post(f"{url}{place}/code", timeout=60, trust_env=False).raise_for_status().json()["code"]
            killed(process)
        with program(folder, **WECHAT) as (process, url), httpx.Client(trust_env=False) as http:
            wechat = WeChatServer(mode=MODE, url=f"{url}/wechat", http=http, waits_s=60)
            wechat.subscribe("o_1")
            wechat.write("o_1", code)
            wechat.write("o_1", "不清楚")
            moved = until_answered(f"{url}{place}", 2)
            killed(process)
        with program(folder, **WECHAT) as (process, url):
            after = _one_answer(url, moved)
    answers = after["answers"]
    assert isinstance(answers, dict)
    assert list(answers.values()) == ["unknown"] * 3


def killed(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def until_answered(place: str, answers: int) -> dict[str, object]:
    """The consultation with so many answers; what WeChat is not told in time is done all the same."""
    last = time.monotonic() + 120
    while time.monotonic() < last:
        found: dict[str, object] = httpx.get(place, timeout=60, trust_env=False).raise_for_status().json()
        if len(found["answers"]) == answers:  # type: ignore[arg-type]
            return found
        time.sleep(0.1)
    raise AssertionError("the message was not worked on")


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
