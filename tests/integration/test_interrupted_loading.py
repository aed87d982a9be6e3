"""Ctrl-C while a CT comes from a slow disk ends the run between two slices, not when all have come."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.fakes import ct
from tests.integration.conftest import PROGRAM, wait_until

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SCANNER = ct.Scanner(shape=(46, 40, 44), spacing_mm=(3.0, 8.0, 8.5), first_mm=80.0)
SLICES = SCANNER.shape[0]
SLOW_DISK = """
import time
from pathlib import Path

from aimis.ingest import files
from tests.fakes.spotter import Spotter

READ = files.read_file


def read_slowly(path, limits):
    if path.parent.name == "slow":
        (path.parent.parent / "read" / path.name).touch()
        time.sleep(0.4)
    return READ(path, limits)


def load(manifest, reader_ids, operating_point, open_engine, /):
    files.read_file = read_slowly
    return Spotter(ids=tuple(sorted(reader_ids)))
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("slow", ["the scan", "the earlier one"])
def test_run_ends_before_the_slices_have_come(tmp_path: Path, slow: str, number: signal.Signals, status: int) -> None:
    folder, read, report = (tmp_path / name for name in ("reader", "read", "out"))
    shutil.copytree(ROOT / "tests" / "fixtures" / "spotter", folder)
    (folder / "read.py").write_text(SLOW_DISK)
    read.mkdir()
    from_slow_disk = str(ct.write_dicom(tmp_path / "slow", ct.scan(SCANNER, vessels=0)))
    asked = [from_slow_disk]
    if slow == "the earlier one":
        asked = [str(ct.write_dicom(tmp_path / "new", ct.scan(SCANNER, vessels=0))), "--prior", from_slow_disk]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIMIS_")}
    own = {"AIMIS_READERS_PATH": str(folder), "XDG_CONFIG_HOME": str(tmp_path / "none"), "PYTHONPATH": str(ROOT)}
    command = [*PROGRAM, "read", *asked, "--reader", "spotter", "--json", "--report", str(report)]

    with subprocess.Popen(command, env=kept | own, stdout=-1, stderr=-1, text=True) as process:
        wait_until(lambda: any(read.iterdir()), process)
        process.send_signal(number)
        printed, told = process.communicate(timeout=120)

    assert (process.returncode, printed) == (status, "")
    assert "--resume" in told
    assert "Traceback" not in told
    assert (report / "readings.jsonl").read_bytes() == b""
    assert 0 < len(list(read.iterdir())) < SLICES
