"""A CT that was stopped amid its reading leaves nothing behind, and the rerun reads it."""

from __future__ import annotations

import json
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
SLOW = """
import time
from pathlib import Path

from tests.fakes import spotter


class Slow(spotter.Spotter):
    def read_volume(self, volume, prior=None):
        begun = Path(__file__).parent / f"begun-{time.monotonic_ns()}"
        begun.touch()
        time.sleep(2)
        return super().read_volume(volume, prior)


def load(manifest, reader_ids, operating_point, open_engine, /):
    return Slow(ids=tuple(sorted(reader_ids)))
"""


def test_half_read_scan_is_not_recorded_and_the_rerun_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "readers" / "spotter"
    shutil.copytree(ROOT / "tests" / "fixtures" / "spotter", folder)
    (folder / "read.py").write_text(SLOW)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIMIS_")}
    own = {"AIMIS_READERS_PATH": str(folder), "XDG_CONFIG_HOME": str(tmp_path / "none"), "PYTHONPATH": str(ROOT)}
    scans = [ct.write_dicom(tmp_path / "scans" / name, ct.scan(vessels=0)) for name in ("1", "2")]
    report, printed = tmp_path / "out", tmp_path / "printed.jsonl"
    asked = [*PROGRAM, "read", str(tmp_path / "scans"), "--reader", "spotter", "--json", "--report", str(report)]
    with printed.open("w") as out:
        process = subprocess.Popen(asked, env=kept | own, stdout=out, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: len(list(folder.glob("begun-*"))) == 2, process)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "--resume" in told
    assert "Traceback" not in told
    assert paths(report / "readings.jsonl") == [str(scans[0])]
    subprocess.run([*asked, "--resume"], env=kept | own, check=True, capture_output=True)
    assert paths(report / "readings.jsonl") == [str(scan) for scan in scans]
    assert len(list(folder.glob("begun-*"))) == 3, "the first scan was not read again"


def paths(record: Path) -> list[str]:
    return [json.loads(line)["source"]["path"] for line in record.read_text().splitlines()]
