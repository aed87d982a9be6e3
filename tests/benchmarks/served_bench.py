"""Speed and memory of the served consultation against their limits: `python -m tests.benchmarks.served_bench`.

`aimis serve` runs as a process of its own with its embedded database, on two cores; what asks it runs beside it on the
same two. Start: from the process to the first page, the database answering; it was made before. An answer: the form
posted and the page of the next question loaded, as a phone does it. People at once: each thinks for four to twelve
seconds before an answer. Processor seconds are the program's own, without the database's; on a busy machine they alone
mean something. Exit status 1 where a limit is not held in wall time.
"""

from __future__ import annotations

import http.client
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

import psutil
from rich.console import Console
from rich.table import Table

from aimis.web.consent import VERSION

PROGRAM = (sys.executable, "-m", "aimis.cli", "serve")
CORES, STARTS, CONSULTATIONS = 2, 2, 4
PEOPLE, THINKS_S, LASTS_S = 200, (4.0, 12.0), 20.0
COMPLAINTS = ("my chest hurts", "I have a sore throat", "头疼三天", "my knee hurts", "肚子疼,拉肚子", "I am dizzy")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
Row = tuple[str, float | None, str, float]
"""What, its limit if it has one, the unit, the figure."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A running program; processor_s : what it had used by its first page."""

    port: int
    process: psutil.Process
    wall_s: float
    processor_s: float


class Phone:
    """One person's browser; a connection for each answer, as the server ends those that are idle for long."""

    def __init__(self, port: int, rng: random.Random) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._rng = rng
        self._place = ""
        self.page = ""

    def begin(self) -> None:
        """A consultation up to its first question."""
        sent = {"lang": "en", "agree": VERSION, "who": "self", "age": "40", "sex": "F"}
        self._place = self._post("/begin", {**sent, "text": self._rng.choice(COMPLAINTS)}).rpartition("/")[0]
        self.page = self._ask("GET", self._place)[1]

    def answer(self) -> bool:
        """An answer and the page after it; False where no question waits."""
        hidden = dict(re.findall(r'type="hidden" name="(turn|finding)" value="([^"]+)"', self.page))
        if "turn" not in hidden:
            return False
        self._http.close()
        value = "no" if 'value="no"' in self.page and self._rng.random() < 0.8 else "unknown"
        self._post(self._place, {**hidden, "value": value})
        self.page = self._ask("GET", self._place)[1]
        return True

    def _post(self, place: str, form: dict[str, str]) -> str:
        return self._ask("POST", place, urlencode(form))[0]

    def _ask(self, method: str, place: str, body: str | None = None) -> tuple[str, str]:
        self._http.request(method, place, body, FORM if body else {})
        reply = self._http.getresponse()
        text = reply.read().decode()
        if reply.status not in {200, 303}:
            raise SystemExit(f"{method} {place}: {reply.status}")
        return reply.getheader("Location", ""), text


def main() -> int:
    """Measure and print."""
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    psutil.Process().cpu_affinity(psutil.Process().cpu_affinity()[:CORES])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the database's own account must reach it
        rows = list(_rows(Path(folder)))
    table = Table("what", "limit", "figure", "", title=f"aimis serve, {CORES} cores, load {os.getloadavg()[0]:.1f}")
    for what, limit, unit, figure in rows:
        held = "" if limit is None else "holds" if figure <= limit else "NO"
        table.add_row(what, "" if limit is None else f"at most {limit:g} {unit}", f"{figure:.3g} {unit}", held)
    Console(highlight=False).print(table)
    return 0 if all(limit is None or figure <= limit for _, limit, _, figure in rows) else 1


def _rows(folder: Path) -> Iterator[Row]:
    starts = list[Served]()
    for _ in range(STARTS + 1):
        with _served(folder) as one:
            starts.append(one)
            if len(starts) > STARTS:
                yield "start to the first page, wall", 2, "s", median(start.wall_s for start in starts[1:])
                yield "the same, processor", 2, "s", median(start.processor_s for start in starts[1:])
                yield from _sequential(one)
                yield from _at_once(one)
                yield "memory after all that", 400, "MB", one.process.memory_info().rss / 1e6


def _sequential(one: Served) -> Iterator[Row]:
    rng, taken, before = random.Random(0), list[float](), 0.0  # noqa: S311, not for secrets
    for number in range(CONSULTATIONS + 1):
        if number == 1:  # the first one loads the words
            taken, before = [], _processor_s(one.process)
        phone = Phone(one.port, rng)
        phone.begin()
        taken += _answers(phone)
    yield "answer to the next question's page, wall, median", 20, "ms", 1000 * median(taken)
    yield f"the same, 99th percentile of {len(taken)}", 60, "ms", 1000 * quantiles(taken, n=100)[98]
    spent = (_processor_s(one.process) - before) / len(taken)
    yield "the same, processor, mean, with its share of beginning", None, "ms", 1000 * spent


def _answers(phone: Phone) -> Iterator[float]:
    times, goes_on = [time.perf_counter()], phone.answer()
    while goes_on:
        times.append(time.perf_counter())
        goes_on = phone.answer()
    yield from (after - before for before, after in pairwise(times))


def _at_once(one: Served) -> Iterator[Row]:
    taken, before, began = list[float](), _processor_s(one.process), time.perf_counter()
    people = [threading.Thread(target=_person, args=(one.port, seed, taken)) for seed in range(PEOPLE)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    share = (_processor_s(one.process) - before) / (time.perf_counter() - began)
    yield f"{PEOPLE} people at once, wall, median of {len(taken)} answers", None, "ms", 1000 * median(taken)
    yield "the same, 99th percentile", 300, "ms", 1000 * quantiles(taken, n=100)[98]
    yield "cores that the program used meanwhile", None, "", share


def _person(port: int, seed: int, taken: list[float]) -> None:
    rng = random.Random(seed)  # noqa: S311, not for secrets
    phone, last = Phone(port, rng), time.monotonic() + LASTS_S
    time.sleep(rng.uniform(0, THINKS_S[1]))
    phone.begin()
    while time.monotonic() < last:
        time.sleep(rng.uniform(*THINKS_S))
        began = time.perf_counter()
        if phone.answer():
            taken.append(time.perf_counter() - began)
        else:
            phone.begin()


@contextmanager
def _served(folder: Path) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    most = {"AIMIS_SERVE__REQUESTS_PER_MINUTE": "1000000", "AIMIS_SERVE__STARTS_PER_HOUR": "1000000"}
    environment = {**os.environ, **most, "AIMIS_DATA_FOLDER": str(folder / "data")}
    began = time.perf_counter()
    command = [*PROGRAM, "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            wall_s, running = _until_it_works(port, process) - began, psutil.Process(process.pid)
            yield Served(port=port, process=running, wall_s=wall_s, processor_s=_processor_s(running))
        finally:
            process.terminate()


def _until_it_works(port: int, process: subprocess.Popen[bytes]) -> float:
    for path in ("/healthz", "/"):
        while not _serves(port, path):
            if process.poll() is not None:
                raise SystemExit(f"aimis serve ended with {process.returncode}")
            time.sleep(0.02)
    return time.perf_counter()


def _serves(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status == http.HTTPStatus.OK and bool(reply.read())
    except (ConnectionError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _processor_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


if __name__ == "__main__":
    sys.exit(main())
