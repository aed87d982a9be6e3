"""The commands that the documentation shows are run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import ct
from tests.fakes.examinations import write_stills, write_video

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SET_UP = ["make demo", "make test"]


def commands(page: str) -> list[str]:
    """The shell blocks of a page."""
    blocks = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    assert blocks, f"{page} shows no command"
    return blocks


def photograph() -> Path:
    data = pytest.importorskip("skimage.data", reason="scikit-image carries the photograph")
    return Path(data.__file__).parent / "retina.jpg"


def run(script: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIMIS_", "MAKE", "MFLAGS"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    environment = {**kept, "PATH": path, "XDG_CONFIG_HOME": str(folder / "none"), **more}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("page", ["docs/tutorial/first-photograph.md", "docs/howto/site-settings.md"])
def test_every_command_of_the_page_works(page: str, tmp_path: Path) -> None:
    photograph()
    done = run("".join(commands(page)), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_command_of_the_examination_page_works(tmp_path: Path) -> None:
    write_stills(tmp_path / "exam", 3, lesions=(1,))
    write_video(tmp_path / "video.mp4")
    own = {"AIMIS_READERS_PATH": str(ROOT / "tests" / "fixtures" / "examiner"), "PYTHONPATH": str(ROOT)}
    done = run("".join(commands("docs/howto/read-an-examination.md")), tmp_path, **own)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "oesophageal-neoplasia" in done.stdout
    assert {path.suffix for path in (tmp_path / "report").iterdir()} >= {".pdf", ".html", ".json", ".jsonl"}


def test_every_command_of_the_page_of_chest_cts_works(tmp_path: Path) -> None:
    old = ct.scan(nodules=(ct.Ball(lps_mm=(-78.0, -40.0, 150.0), diameter_mm=14.0),), vessels=0)
    new = ct.scan(nodules=(ct.Ball(lps_mm=(-78.0, -40.0, 150.0), diameter_mm=18.0),), vessels=0)
    for name, scan in (("scan", new), ("new", new), ("old", old), ("scans/1", old), ("scans/2", new)):
        ct.write_dicom(tmp_path / name, scan)
    own = {"AIMIS_READERS_PATH": str(ROOT / "tests" / "fixtures" / "spotter"), "PYTHONPATH": str(ROOT)}
    script = "".join(commands("docs/howto/read-a-chest-ct.md")).replace("lung-nodule", "spotter")
    done = run(script, tmp_path, **own)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "growing" in done.stdout
    assert len(list((tmp_path / "report").glob("*.pdf"))) == 4


def test_every_command_of_the_batch_page_works_on_a_folder(tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    for name in ("1_left.jpg", "1_right.jpg"):
        shutil.copy(photograph(), tmp_path / "photographs" / name)
    (tmp_path / "photographs" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    done = run("".join(commands("docs/howto/read-many.md")), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "broken.jpg\tfundus-disease\tfailed" in done.stdout
    assert len(list((tmp_path / "report-zh").glob("*.pdf"))) == 2


def test_readme_needs_two_commands_to_set_up_and_the_first_reads_a_photograph(tmp_path: Path) -> None:
    photograph()
    set_up, afterwards = commands("README.md")
    assert set_up.splitlines() == SET_UP
    assert afterwards.startswith(".venv/bin/aimis read ")
    report = tmp_path / "report"
    done = run(f"make -C {ROOT} demo DEMO_REPORT={report}", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for suffix in (".pdf", ".html", ".json", "-overlay.jpg"):
        (written,) = (path for path in report.iterdir() if path.name.endswith(suffix))
        assert str(written) in done.stdout.replace("\n", "")
    assert run(f"make -C {ROOT} --dry-run test", tmp_path).returncode == 0
