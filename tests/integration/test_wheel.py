"""The wheel holds all it needs: installed into an empty environment it reads, with no checkout in sight."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
UV = shutil.which(os.environ.get("UV", "uv")) or shutil.which(ROOT / ".uv" / "bin" / "uv")


def call(*arguments: object, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A command that must do what it is for; what it said where it does not."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("AIMIS_", "PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(a) for a in arguments], cwd=cwd, env={**kept, **more}, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 3), f"{arguments}: {done.stdout}{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sources without fetching anything."""
    folder = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("aimis-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of an environment that holds the wheel and the locked versions of what it needs, nothing else."""
    if UV is None:
        pytest.skip("uv is not there; `make test` brings it")
    uv = Path(UV).absolute()
    folder = tmp_path_factory.mktemp("empty")
    locked = call(uv, "export", "--frozen", "--no-default-groups", "--no-emit-project", "--no-hashes", cwd=ROOT).stdout
    (folder / "locked.txt").write_text(locked)
    call(uv, "venv", "--python", sys.executable, folder / "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    call(uv, "pip", "install", "--python", python, "-r", folder / "locked.txt", wheel, cwd=folder)
    return folder / "env" / "bin" / "aimis"


def test_wheel_holds_readers_weights_words_and_licence_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in ("reader.toml", "MODEL_CARD.md", ".onnx", "text/zh.toml", "py.typed", "licenses/LICENSE"):
        assert any(name.endswith(wanted) for name in names), wanted
    assert not [name for name in names if not name.startswith(("aimis/", "aimis-"))]
    assert not [name for name in names if "__pycache__" in name]


def test_installed_program_reads_a_photograph_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    photograph = shutil.copy(_photograph(), tmp_path / "eye_left.jpg")
    done = call(installed, "read", photograph, "--json", "--report", "out", cwd=tmp_path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["reader"] for line in lines} == {"diabetic-retinopathy", "fundus-disease", "oesophagus"}
    assert {line["status"] for line in lines if line["reader"] == "oesophagus"} == {"unsupported"}
    assert {line["laterality"] for line in lines} == {"L"}
    assert {path.suffix for path in (tmp_path / "out").iterdir()} >= {".pdf", ".html", ".json", ".jsonl", ".jpg"}


def test_installed_program_lists_its_readers_and_finds_nothing_wrong(installed: Path, tmp_path: Path) -> None:
    listed = [json.loads(line) for line in call(installed, "readers", "--json", cwd=tmp_path).stdout.splitlines()]
    assert all(str(installed.parents[1]) in line["folder"] for line in listed)
    assert call(installed, "doctor", cwd=tmp_path).returncode == 0


def _photograph() -> Path:
    data = pytest.importorskip("skimage.data", reason="scikit-image carries the photograph")
    return Path(data.__file__).parent / "retina.jpg"
