"""A command line with two light readers, no settings of this machine, and pictures to read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from aimis import cli

FIXTURES = Path(__file__).parents[2] / "fixtures"
READERS = ("--reader", "brightness", "--reader", "colour-cast")

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("AIMIS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("AIMIS_READERS_PATH", str(FIXTURES / "two-entries"))
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def run() -> Run:
    """Calls the command line in this process."""

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])

    return call


@pytest.fixture
def eyes(tmp_path: Path) -> Path:
    """A folder with the two eyes of one patient and one eye of another."""
    folder = tmp_path / "eyes"
    for name, colour in (("a_left", (200, 40, 20)), ("a_right", (90, 60, 30)), ("b", (20, 200, 20))):
        picture(folder / f"{name}.png", colour)
    return folder


def picture(path: Path, colour: tuple[int, int, int]) -> Path:
    """A picture of one colour, large enough to be read."""
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.fromarray(np.full((320, 360, 3), colour, dtype=np.uint8)).save(path)
    return path


def lines(result: Result) -> list[dict[str, Any]]:
    """The JSON objects on standard output, where nothing else may stand."""
    return [json.loads(line) for line in result.stdout.splitlines()]
