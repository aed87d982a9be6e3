"""A reader's measured figures: kept in its results, shown in its card and the README, stated in its manifest."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Found = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Results:
    """Of the reader in the folder of this name; `mark` is what its tables stand between in the texts."""

    reader: str
    mark: str

    @property
    def folder(self) -> Path:
        """Where they are kept."""
        return Path("training") / self.reader / "results"

    def save(self, found: Found) -> None:
        """Keep them in figures.json."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "figures.json").write_text(json.dumps(found, indent=1) + "\n")

    def load(self) -> Found:
        """As the last evaluation left them; empty before the first."""
        path = self.folder / "figures.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def fill(self, table: str, *places: Path) -> None:
        """Put the table between the marks of the places, or of the model card and the README."""
        marked = re.compile(rf"(<!-- {self.mark}:begin.*?-->\n).*?(<!-- {self.mark}:end -->)", re.DOTALL)
        for place in places or (Path("src/aimis/readers") / self.reader / "MODEL_CARD.md", Path("README.md")):
            place.write_text(marked.sub(lambda m: f"{m[1]}{table}{m[2]}", place.read_text()))


def metric(what: str, value: float, span: tuple[float, float], *, n: float, on: str) -> str:
    """One of the manifest's [[readers.metrics]]."""
    low, high = span
    table = f'[[readers.metrics]]\nwhat = "{what}"\nvalue = {value}\nlow = {low}\nhigh = {high}\n'
    return f'{table}n = {n:.0f}\non = "{on}"\n\n'
