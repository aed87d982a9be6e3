"""How many normal eyes carry a mark at each operating point, and how many of the sick: on patients never trained on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aimis.readers.fundus import decide
from aimis.readers.manifest import OPERATING_POINTS
from training.fundus import data

Record = dict[str, Any]
Eye = dict[str, Any]
"""`findings`: name -> present, and `grade` or None, of whichever readers read it."""
Counts = dict[str, tuple[int, int]]


def measure(root: Path, rows: Sequence[data.Row], work: Path, revision: str | None) -> dict[str, dict[str, Counts]]:
    """Point -> `normal` (source -> marked, of) and `sick` (finding -> marked, of), of the eyes that were read.

    revision : a commit whose readers are measured and printed first
    """
    paths = [str(root / row["file"]) for row in rows]
    if revision:
        _points(rows, paths, work, checked_out(revision, work))
    return _points(rows, paths, work, None)


def _points(
    rows: Sequence[data.Row], paths: Sequence[str], work: Path, sources: Path | None
) -> dict[str, dict[str, Counts]]:
    found = {}
    for point in OPERATING_POINTS:
        name = f"{sources.name}-{point}" if sources else point
        records = eyes_of(read(paths, work / f"test-{name}.jsonl", point=point, sources=sources))
        eyes = [records[path] for path in paths]
        found[point] = {"normal": normal(rows, eyes), "sick": sick(rows, eyes)}
        print(f"== marks on the test part, {name}; contradictions: {sum(map(contradicts, eyes))} of {len(eyes)} eyes")
        for what, counts in found[point].items():
            print(what, "; ".join(f"{key} {hit / max(1, of):.3f} of {of}" for key, (hit, of) in counts.items()))
    return found


def checked_out(revision: str, work: Path) -> Path:
    """The sources of a commit, in a folder of their own."""
    folder = work / revision
    if not folder.exists():
        folder.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", revision, "src"], capture_output=True, check=True)  # noqa: S607
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)  # noqa: S607
    return folder


def read(paths: Sequence[str], out: Path, *, point: str | None = None, sources: Path | None = None) -> list[Record]:
    """The JSON lines of `aimis read` for the paths, also kept in `out`; of the program in `sources` where given."""
    readers = ["--reader", "diabetic-retinopathy", "--reader", "fundus-disease"]
    options = [*readers, *(["--operating-point", point] if point else [])]
    environment = os.environ | ({"PYTHONPATH": str((sources / "src").resolve())} if sources else {})
    command = [sys.executable, "-m", "aimis.cli", "read", "--json", *options, *paths]
    with out.open("w") as handle:
        done = subprocess.run(command, stdout=handle, check=False, env=environment)
    if done.returncode not in (0, 3):
        sys.exit(f"aimis read ended with {done.returncode}")
    return [json.loads(line) for line in out.read_text().splitlines()]


def eyes_of(records: Iterable[Record]) -> dict[str, Eye]:
    """Path -> what both readers say of it together; nothing where none read it."""
    eyes: dict[str, Eye] = defaultdict(lambda: {"findings": {}, "grade": None})
    for record in records:
        eye = eyes[record["path"]]
        if record["status"] == "read":
            eye["findings"] |= {finding["name"]: finding["present"] for finding in record["findings"]}
            eye["grade"] = record.get("icdr_grade", eye["grade"])
    return eyes


def normal(rows: Sequence[data.Row], eyes: Sequence[Eye]) -> Counts:
    """Of each source's normal eyes that a reader read, those with any mark of any reader; and of all of them."""
    counts = {}
    for source, own in data.normal_eyes(list(rows)).items():
        marked = [
            any(eye["findings"].values()) for eye, is_own in zip(eyes, own, strict=True) if is_own and eye["findings"]
        ]
        counts[source] = sum(marked), len(marked)
    return {**counts, "all": (sum(hit for hit, _ in counts.values()), sum(of for _, of in counts.values()))}


def sick(rows: Sequence[data.Row], eyes: Sequence[Eye]) -> Counts:
    """Of the eyes with each finding that its reader read, those marked with it."""
    counts = {}
    for name in data.FINDINGS:
        told = [eye["findings"].get(name) for row, eye in zip(rows, eyes, strict=True) if data.truth_of(row, name)]
        marked = [is_marked for is_marked in told if is_marked is not None]
        counts[name] = sum(marked), len(marked)
    return counts


def contradicts(eye: Eye) -> bool:
    """Whether a finding is present without what it implies, or the grade is another than the findings say."""
    found: Mapping[str, bool] = eye["findings"]
    alone = any(
        here and not found.get(implied, True) for name, here in found.items() for implied in decide.with_implied(name)
    )
    least = 2 if found.get(decide.REFERABLE) else int(found.get(decide.ANY, False))
    return alone or (eye["grade"] is not None and min(eye["grade"], 2) != least)
