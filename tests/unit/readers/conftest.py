"""Folders of readers that a test may break."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

FIXTURE = Path(__file__).parents[2] / "fixtures" / "two-entries"


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A copy of the folder with two readers."""

    path: Path

    def replace(self, file: str, old: str, new: str) -> None:
        """Change a text in a file, all places; the old must be there."""
        text = (self.path / file).read_text(encoding="utf-8")
        assert old in text
        (self.path / file).write_text(text.replace(old, new), encoding="utf-8")

    def rename_readers(self, suffix: str) -> None:
        """Other ids, so that two copies can be found side by side."""
        for file in ("reader.toml", "MODEL_CARD.md", "text/en.toml"):
            for name in ("brightness", "colour-cast"):
                self.replace(file, name, f"{name}-{suffix}")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """At readers/two-entries in the test's own folder."""
    return copy_of_two_entries(tmp_path / "readers" / "two-entries")


def copy_of_two_entries(path: Path) -> Folder:
    """A copy at `path`."""
    shutil.copytree(FIXTURE, path, ignore=shutil.ignore_patterns("__pycache__"))
    return Folder(path=path)


@pytest.fixture(autouse=True)
def _no_readers_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIMIS_READERS_PATH", raising=False)
