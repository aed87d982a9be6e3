"""What the scoring programs of the shared checks say of some rows and of what a reader printed of them."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

LINE = re.compile(
    r"(?P<what>[a-z-]+): AUC (?P<auc>\S+) \((?P<low>[\d.nan]+)-(?P<high>[\d.nan]+)\)\s+sensitivity (?P<sensitivity>\S+)"
    r" of (?P<sick>\d+)\s+specificity (?P<specificity>\S+) of (?P<well>\d+)\s+calibration error (?P<calibration>\S+)"
)
"""Of one finding."""


def score(program: Path, rows: Sequence[Mapping[str, str]], labels: Path, predictions: Path) -> str:
    """What the program prints; the rows are written to `labels` for it."""
    with labels.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    command = [sys.executable, str(program), "--labels", str(labels), "--predictions", str(predictions)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def findings(text: str) -> dict[str, dict[str, float]]:
    """The figures of each finding by name."""
    return {m["what"]: {k: float(v) for k, v in m.groupdict().items() if k != "what"} for m in LINE.finditer(text)}
