"""Real endoscopic frames come in as an examination, as stills and as a video."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from aimis.imaging.decode import decode
from aimis.imaging.still import Still
from aimis.ingest.examination import ExaminationItem
from aimis.ingest.examinations import Examinations, find_inputs
from tests.fakes.videos import frames_of

DATA = Path(__file__).parents[3] / "shared" / "data" / "oesophagus" / "images" / "gastrovision"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data/oesophagus"),
]


def photographs() -> Iterator[Still]:
    for path in sorted(DATA.iterdir()):
        yield from decode(path.read_bytes(), path.name)


def test_frames_of_a_folder_are_one_examination() -> None:
    (examination,) = find_inputs([str(DATA)], examinations=Examinations.WHOLE)

    assert isinstance(examination, ExaminationItem)
    with examination.open() as opened:
        frames = [work() for work in itertools.islice(opened.frames(), 48)]
        assert opened.expected == len(list(DATA.iterdir()))
        assert opened.lost is None
    assert all(isinstance(frame.picture, Still) for frame in frames)
    assert [frame.index for frame in frames] == list(range(48))


def test_video_of_real_frames_looks_like_them(tmp_path: Path) -> None:
    stills = list(itertools.islice(photographs(), 12))
    with av.open(tmp_path / "film.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=4)
        stream.width, stream.height, stream.pix_fmt = 480, 480, "yuv420p"
        for still in stills:
            shown = av.VideoFrame.from_ndarray(still.rgb, format="rgb24")
            container.mux(stream.encode(shown.reformat(480, 480, "yuv420p")))
        container.mux(stream.encode())

    frames, lost = frames_of(tmp_path / "film.mp4")

    assert lost is None
    assert len(frames) == len(stills)
    for frame, still in zip(frames, stills, strict=True):
        assert isinstance(frame.picture, Still)
        mean = still.rgb.reshape(-1, 3).mean(axis=0)
        assert np.abs(frame.picture.rgb.reshape(-1, 3).mean(axis=0) - mean).max() < 4
