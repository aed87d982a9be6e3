"""The reader that docs/howto/add-a-reader.md makes is found, loaded and reads."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from aimis.imaging.still import Still
from aimis.inference import engine
from aimis.readers import registry

pytestmark = pytest.mark.integration

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "add-a-reader.md"
BLOCK = re.compile(r"^\*\*`(?P<file>redness/[\w./]+)`\*\*.*?^```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def redness(tmp_path: Path) -> Path:
    """The folder as the page makes it."""
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        file = tmp_path / block["file"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block["text"], encoding="utf-8")
    subprocess.run([sys.executable, "redness/make_weights.py"], cwd=tmp_path, check=True)
    return tmp_path / "redness"


def _still(red: int, green: int, blue: int) -> Still:
    return Still(rgb=np.full((40, 60, 3), (red, green, blue), dtype=np.uint8), full_size_px=(60, 40))


def test_page_makes_a_reader_that_reads(redness: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIS_READERS_PATH", str(redness))
    manifest = registry.find_readers().manifests["redness"]
    reader = registry.load_reader(
        manifest, ["redness"], "balanced", partial(engine.open_engine, kind="openvino", precision="f32")
    )
    for colour, present in (((220, 30, 30), True), ((30, 30, 220), False), ((200, 200, 200), False)):
        (finding,) = reader.read(_still(*colour))["redness"].findings
        assert finding.present is present


def test_reader_of_the_page_is_refused_without_its_weights(redness: Path) -> None:
    (redness / "weights" / "redness.onnx").unlink()
    (refused,) = [r for r in registry.find_readers([redness]).refused if r.folder == redness]
    assert "weights.file" in refused.why


def test_page_names_the_variable_and_the_entry_point_group() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"export {registry.PATH_VARIABLE}=" in page
    assert f'"{registry.ENTRY_POINT_GROUP}"' in page
