"""Every frame that counts shows what was filmed at its time, however the file was damaged; damage is named."""

from __future__ import annotations

import random

import numpy as np
import pytest

from aimis.domain.errors import CaseError
from aimis.imaging.still import Still
from tests.fakes.videos import Kind, frames_of, numbered, video

pytestmark = pytest.mark.integration

GROUPS = {"preset": "veryfast", "bf": "3", "g": "50"}
KINDS = {
    "mkv h264": Kind(container="matroska", options=GROUPS),
    "mp4 h264": Kind(options=GROUPS, muxing={"movflags": "faststart"}),
    "ts h264": Kind(container="mpegts", options=GROUPS),
    "ts mpeg2": Kind(container="mpegts", codec="mpeg2video", options={"bf": "2", "g": "12"}),
    "ts hevc": Kind(container="mpegts", codec="libx265"),
}
FILMS = {name: video(kind, 250) for name, kind in KINDS.items()}


def zeroed(content: bytes) -> bytes:
    first, last = len(content) * 4 // 10, len(content) // 2
    return content[:first] + bytes(last - first) + content[last:]


def noisy(content: bytes) -> bytes:
    chance = random.Random(1)  # noqa: S311  # no secret
    spoilt = bytearray(content)
    for at in range(len(content) * 4 // 10, len(content) // 2, 97):
        spoilt[at] = chance.randrange(256)
    return bytes(spoilt)


def cut(content: bytes) -> bytes:
    first, last = len(content) * 4 // 10, len(content) // 2
    return content[:first] + content[last:]


@pytest.mark.parametrize("spoil", [zeroed, noisy, cut])
@pytest.mark.parametrize("name", [name for name in KINDS if name != "mp4 h264"])
def test_damaged_video_shows_only_what_was_filmed_and_names_the_rest(name: str, spoil) -> None:  # type: ignore[no-untyped-def]
    frames, lost = frames_of(spoil(FILMS[name]))

    shown = [frame for frame in frames if isinstance(frame.picture, Still)]
    assert lost is not None
    assert lost[0] == "video-damaged"
    assert len(shown) >= 15
    for frame in shown:
        assert isinstance(frame.picture, Still)
        filmed = numbered(round((frame.seconds or 0) * 25))
        assert np.abs(frame.picture.rgb.astype(int) - filmed).mean() < 8, frame.seconds


def test_end_of_a_video_missing_is_named_for_every_container_that_says_its_length() -> None:
    for name in ("mkv h264", "mp4 h264"):
        frames, lost = frames_of(FILMS[name][: len(FILMS[name]) * 7 // 10])
        assert lost is not None
        assert lost[0] == "video-cut-off"
        assert not any(isinstance(frame.picture, CaseError) for frame in frames[:10])
