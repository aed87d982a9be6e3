"""An examination that was stopped amid its frames leaves nothing behind, and the rerun reads it whole."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.fakes.examinations import write_stills, write_video
from tests.integration.conftest import PROGRAM, wait_until

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SLOW = """
import time
from tests.fakes import examiner


class Slow(examiner.Examiner):
    def judge(self, frame):
        time.sleep(0.05)
        return super().judge(frame)


def load(manifest, reader_ids, operating_point, open_engine, /):
    return Slow(ids=tuple(sorted(reader_ids)))
"""


@pytest.fixture
def slow_examiner(tmp_path: Path) -> dict[str, str]:
    """An environment with a reader of examinations that takes its time."""
    folder = tmp_path / "readers" / "examiner"
    shutil.copytree(ROOT / "tests" / "fixtures" / "examiner", folder)
    (folder / "read.py").write_text(SLOW)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIMIS_")}
    own = {"AIMIS_READERS_PATH": str(folder), "XDG_CONFIG_HOME": str(tmp_path / "none"), "PYTHONPATH": str(ROOT)}
    return {**kept, **own, "COLUMNS": "120"}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_half_read_examination_is_not_recorded(
    slow_examiner: dict[str, str], tmp_path: Path, number: signal.Signals, status: int
) -> None:
    first, long = write_stills(tmp_path / "first", 2), write_video(tmp_path / "long.mp4", seconds=60)
    report, printed = tmp_path / "out", tmp_path / "printed.jsonl"
    asked = [*PROGRAM, "read", "--exam", str(first), str(long), "--reader", "examiner", "--json"]
    with printed.open("w") as out:
        process = subprocess.Popen(
            [*asked, "--report", str(report)], env=slow_examiner, stdout=out, stderr=subprocess.PIPE, text=True
        )
        wait_until(lambda: printed.stat().st_size > 0, process)
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == status
    assert "--resume" in told
    assert "Traceback" not in told
    recorded = [json.loads(line) for line in (report / "readings.jsonl").read_text().splitlines()]
    assert [record["source"]["path"] for record in recorded] == [str(first)]
    assert len(list(report.glob("*.pdf"))) == 1
