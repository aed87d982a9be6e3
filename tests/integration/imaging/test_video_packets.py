"""Packets that no other is drawn over are told as FFmpeg tells them, and no others."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

import av
import numpy as np
import pytest

from aimis.imaging.video_packets import spare_packets
from tests.fakes.videos import Kind, video

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

pytestmark = pytest.mark.integration

_WITH_B = {"preset": "veryfast", "bf": "3", "g": "20"}
_HEVC_WITH_B = {"preset": "veryfast", "x265-params": "log-level=none:bframes=3:b-adapt=0:keyint=20"}
SPARING = {
    "mp4 h264": Kind(options=_WITH_B),
    "ts h264": Kind(container="mpegts", options=_WITH_B),
    "mp4 h264 of many slices": Kind(options=_WITH_B | {"slices": "4"}),
    "mp4 hevc": Kind(codec="libx265", options=_HEVC_WITH_B),
    "ts hevc": Kind(codec="libx265", container="mpegts", options=_HEVC_WITH_B),
}
NEVER_TOLD = {
    "mp4 h264 without B frames": Kind(options={"preset": "veryfast", "bf": "0"}),
    "ts mpeg2": Kind(container="mpegts", codec="mpeg2video", options={"bf": "2", "g": "12"}),
}


def opened(content: bytes) -> InputContainer:
    return av.open(io.BytesIO(content), "r")


def packet_of(content: bytes) -> av.Packet[VideoStream]:
    return cast("av.Packet[VideoStream]", av.Packet(content))


def spared(content: bytes) -> list[bool]:
    """Of each packet that holds anything."""
    with opened(content) as container:
        stream = container.streams.video[0]
        is_spare = spare_packets(stream.codec_context)
        return [is_spare(packet) for packet in container.demux(stream) if packet.size]


def pictures(content: bytes, *, by_ffmpeg: bool) -> list[tuple[int | None, bytes]]:
    """Times and pixels of the frames that are left, the others left out by FFmpeg or before it."""
    with opened(content) as container:
        stream = container.streams.video[0]
        decoder, is_spare = stream.codec_context, spare_packets(stream.codec_context)
        if by_ffmpeg:
            decoder.skip_frame = "NONREF"
        decoder.thread_count = 1
        kept = [p for p in container.demux(stream) if by_ffmpeg or not p.size or not is_spare(p)]
        frames = [frame for packet in kept for frame in decoder.decode(packet)]
    return [(frame.pts, np.ascontiguousarray(frame.to_ndarray()).tobytes()) for frame in frames]


@pytest.mark.parametrize("kind", SPARING.values(), ids=SPARING)
def test_frames_left_are_those_that_ffmpeg_leaves(kind: Kind) -> None:
    content = video(kind, 60)

    assert 15 <= sum(spared(content)) <= 45
    assert pictures(content, by_ffmpeg=False) == pictures(content, by_ffmpeg=True)


@pytest.mark.parametrize("kind", NEVER_TOLD.values(), ids=NEVER_TOLD)
def test_packet_that_others_need_or_of_another_codec_is_kept(kind: Kind) -> None:
    assert not any(spared(video(kind, 30)))


def test_packet_that_is_not_whole_is_left_to_the_decoder() -> None:
    with opened(video(SPARING["mp4 h264"], 60)) as container:
        stream = container.streams.video[0]
        is_spare = spare_packets(stream.codec_context)
        whole = [bytes(packet) for packet in container.demux(stream) if packet.size and is_spare(packet)]

    assert len(whole) >= 15
    for content in whole:
        assert is_spare(packet_of(content))
        for cut in (content[:-1], content[:5], content + b"\0", b"\0\0\0\1" + content):
            assert not is_spare(packet_of(cut))
