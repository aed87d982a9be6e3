"""Real endoscopic frames as one examination, and as a video, through the whole command."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from aimis import bootstrap, cli
from aimis.settings import Settings

DATA = Path(__file__).parents[3] / "shared" / "data" / "oesophagus"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data"),
    pytest.mark.skipif(
        "oesophagus" not in bootstrap.find_readers(Settings()).manifests, reason="the oesophagus reader is not there"
    ),
]


def frames(source: str, *wanted: str, count: int) -> list[Path]:
    """Evenly spread frames of a source whose classes are any of those wanted."""
    with (DATA / "labels.csv").open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["source"] == source]
    files = sorted(row["file"] for row in rows if set(row["classes"].split(";")) & set(wanted))
    return [DATA / files[n * len(files) // count] for n in range(count)]


def read(*arguments: object) -> tuple[dict[str, Any], int]:
    result = CliRunner().invoke(cli.app, ["read", *map(str, arguments), "--reader", "oesophagus", "--json"])
    (line,) = result.stdout.splitlines()
    return json.loads(line), result.exit_code


@pytest.fixture
def examination(tmp_path: Path) -> Path:
    """48 real frames: oesophagus, stomach, and some with cancer."""
    folder = tmp_path / "exam"
    folder.mkdir()
    chosen = [
        *frames("nics2021", "site-oesophagus", count=20),
        *frames("nics2021", "site-gastric-body", "site-antrum", count=18),
        *frames("ippa", "cancer", "early-cancer", count=10),
    ]
    for number, path in enumerate(chosen):
        shutil.copy(path, folder / f"{number:02}{path.suffix}")
    return folder


def test_examination_of_real_frames_is_read_and_reported(examination: Path, tmp_path: Path) -> None:
    said, status = read("--exam", examination, "--report", tmp_path / "out")
    assert (said["status"], status, len(said["frame_records"])) == ("read", 0, 48)
    assert said["frames"]["judged"] >= 15
    assert said["frames"]["unsupported"] >= 10
    assert 1 <= len(said["key_frames"]) <= 8
    assert {path.suffix for path in (tmp_path / "out").iterdir()} >= {".pdf", ".html", ".json", ".jpg"}


def test_colonoscopy_is_no_examination_of_the_oesophagus(tmp_path: Path) -> None:
    folder = tmp_path / "colon"
    folder.mkdir()
    for path in frames("hyperkvasir", "bbps-2-3", count=12):
        shutil.copy(path, folder)
    said, status = read("--exam", folder)
    assert (said["status"], said["findings"], status) == ("unsupported", [], 3)


def test_video_of_real_frames_says_when_it_shows_what(tmp_path: Path) -> None:
    path = tmp_path / "real.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for still in frames("nics2021", "site-oesophagus", count=8):
            with Image.open(still) as picture:
                rgb = np.asarray(picture.convert("RGB").resize((640, 480)))
            for _ in range(25):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    said, _ = read(path)
    assert said["kind"] == "video"
    assert said["video_seconds"] == pytest.approx(8, abs=0.2)
    assert len(said["frame_records"]) == pytest.approx(32, abs=2)
    assert said["frames"]["judged"] >= 16


def test_examination_of_real_barretts_alarms_for_no_neoplasia_and_says_that_it_is_not_judged(tmp_path: Path) -> None:
    folder = tmp_path / "barretts"
    folder.mkdir()
    chosen = frames("hyperkvasir", "BE", "short-segment-barretts", count=27)
    for number, path in enumerate(chosen):
        shutil.copy(path, folder / f"{number:02}{path.suffix}")
    said, _ = read("--exam", folder)
    neoplasia, barretts, oesophagitis = said["findings"]
    assert not neoplasia["present"]
    assert [f["claim"] for f in (barretts, oesophagitis)] == ["mark", "mark"]
    claims = [frame["claims"]["oesophageal-neoplasia"] for frame in said["frame_records"] if frame["status"] == "read"]
    assert claims.count("not-judged") > len(claims) / 2
    assert "not judged" in said["reason"]
