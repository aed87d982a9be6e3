"""Speed and memory of the consultation against their limits: `python -m tests.benchmarks.consult_bench`.

One core. Every consultation begins with another complaint and is answered at random; each answer is timed to the next
question or the result, what is said at the end included. The process is timed from its start to its first question.
Exit status 1 where a limit is not held.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median, quantiles

import psutil
from rich.console import Console
from rich.table import Table

from aimis.consult import assemble
from aimis.consult.consultation import Person
from aimis.consult.dialogue import Dialogue, Question, Start
from aimis.consult.model import Kind, Value

CONSULTATIONS, STARTS = 60, 3
PROGRAM = (sys.executable, "-m", "aimis.cli", "consult", "--jsonl")
Row = tuple[str, float, str, float]
"""What, its limit, the unit, the figure."""


def main() -> int:
    """Measure and print."""
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    psutil.Process().cpu_affinity(psutil.Process().cpu_affinity()[:1])
    rows = [*answer_rows(assemble.open_dialogue()), *process_rows()]
    table = Table("what", "limit", "figure", "", title=f"consultation, one core, load {os.getloadavg()[0]:.1f}")
    for what, limit, unit, figure in rows:
        table.add_row(what, f"at most {limit:g} {unit}", f"{figure:.3g} {unit}", "holds" if figure <= limit else "NO")
    Console(highlight=False).print(table)
    return 0 if all(figure <= limit for _, limit, _, figure in rows) else 1


def answer_rows(dialogue: Dialogue) -> Iterator[Row]:
    """Wall time and processor time of an answer; on a busy machine only the second means something."""
    taken = list(_answers(dialogue, random.Random(0)))  # noqa: S311, not for secrets
    conditions = dialogue.net.named
    for clock, times in (("wall", [wall for wall, _ in taken]), ("processor", [cpu for _, cpu in taken])):
        in_ms = [1000 * value for value in times]
        yield f"answer to next question, {conditions} conditions, {clock}, median", 20, "ms", median(in_ms)
        yield f"the same, {clock}, 99th percentile of {len(in_ms)}", 60, "ms", quantiles(in_ms, n=100)[98]


def _answers(dialogue: Dialogue, rng: random.Random) -> Iterator[tuple[float, float]]:
    complaints = [f for f in dialogue.net.findings if f.kind is Kind.YES_NO and f.parent is None]
    for _ in range(CONSULTATIONS):
        person = Person(age_years=rng.randint(1, 90), sex=rng.choice(("F", "M")))
        state = dialogue.begin(Start(person=person, evidence={rng.choice(complaints).id: True}))
        while isinstance(question := dialogue.message(state), Question):
            reply = _reply(question, rng)
            wall, processor = time.perf_counter(), time.process_time()
            state = dialogue.answer(state, reply)
            dialogue.message(state)
            yield time.perf_counter() - wall, time.process_time() - processor


def _reply(question: Question, rng: random.Random) -> Value:
    finding = question.finding
    if finding.kind is Kind.YES_NO:
        return rng.random() < 0.1
    if finding.kind is Kind.NUMBER:
        return rng.uniform(*(finding.range or (0, 1)))
    option = finding.none or rng.choice(finding.option_ids)  # a danger chosen at random would end it at once
    return (option,) if finding.kind is Kind.MANY_OF else option


def process_rows() -> Iterator[Row]:
    """A process from its start to its first question, and the most memory it held."""
    found = [_first_question() for _ in range(STARTS)]
    yield "process to its first question, wall", 2, "s", median(seconds for seconds, _, _ in found)
    yield "the same, processor", 2, "s", median(processor for _, processor, _ in found)
    yield "memory", 400, "MB", max(peak for _, _, peak in found) / 1e6


def _first_question() -> tuple[float, float, int]:
    began = time.perf_counter()
    with subprocess.Popen(PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise SystemExit("no pipes")
        process.stdin.write(json.dumps({"start": {"age": 40, "text": "my chest hurts"}}) + "\n")
        process.stdin.flush()
        if "ask" not in json.loads(process.stdout.readline()):
            raise SystemExit("no question was asked")
        seconds = time.perf_counter() - began
        running = psutil.Process(process.pid)
        used = running.cpu_times()
        return seconds, used.user + used.system, running.memory_info().rss


if __name__ == "__main__":
    sys.exit(main())
