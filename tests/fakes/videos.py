"""Small videos whose every frame tells its own number, so that what is decoded can be held against what was encoded."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from aimis.imaging.frame import Frame
from aimis.imaging.limits import DEFAULT_LIMITS, Limits
from aimis.imaging.still import Still
from aimis.imaging.video import open_video

Rgb = npt.NDArray[np.uint8]
Draw = Callable[[int, int, int], Rgb]

_BITS = 10
QUIET = {"libx264": {"preset": "ultrafast"}, "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"}}
"""Fast, and without a word on standard error."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How a video is written."""

    container: str = "mp4"
    codec: str = "libx264"
    rate: int = 25
    size_px: tuple[int, int] = (160, 96)
    pixels: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=dict)
    matrix: str | None = None
    muxing: Mapping[str, str] = field(default_factory=dict)


MP4 = Kind()


def numbered(number: int, columns: int = 160, rows: int = 96) -> Rgb:
    """A picture that shows a number as ten bars, white for one and black for nought, over a coloured floor."""
    picture = np.zeros((rows, columns, 3), np.uint8)
    picture[:] = (180, 90, 60)
    width = columns // _BITS
    for bit in range(_BITS):
        picture[: rows // 2, bit * width : (bit + 1) * width] = 255 if number >> bit & 1 else 0
    return picture


def number_shown(rgb: Rgb) -> int:
    """The number that a picture shows, whatever its size."""
    rows, columns = rgb.shape[:2]
    width = columns / _BITS
    middles = [rgb[rows // 4, int((bit + 0.5) * width)].mean() for bit in range(_BITS)]
    return sum(1 << bit for bit, light in enumerate(middles) if light > 127)


def video(
    kind: Kind = MP4,
    frames: int = 50,
    *,
    times: Sequence[int] | None = None,
    turned: int = 0,
    aspect: Fraction | None = None,
    draw: Draw = numbered,
    keep: Callable[[av.Packet[Any]], bool] = lambda _packet: True,
) -> bytes:
    """The bytes of a video of numbered frames.

    times : when each is shown, in frames; None for one after another
    turned : degrees counter-clockwise that a player turns it
    aspect : width of a pixel by its height
    keep : which packets are written
    """
    with tempfile.TemporaryDirectory() as folder:  # a file, for some containers are written backwards too
        path = Path(folder) / "video"
        with av.open(path, "w", format=kind.container, options=dict(kind.muxing)) as container:
            pictures = _stream(container, kind)
            if turned:
                pictures.set_display_rotation(turned)
            if aspect:
                pictures.codec_context.sample_aspect_ratio = aspect
            for number, time in enumerate(times or range(frames)):
                shown = av.VideoFrame.from_ndarray(draw(number, *kind.size_px), format="rgb24")
                coded = shown.reformat(format=kind.pixels, dst_colorspace=kind.matrix)
                coded.pts, coded.time_base = time, Fraction(1, kind.rate)
                container.mux([packet for packet in pictures.encode(coded) if keep(packet)])
            container.mux([packet for packet in pictures.encode() if keep(packet)])
        return path.read_bytes() if path.exists() else b""


def sound() -> bytes:
    """The bytes of a file that holds sound alone."""
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        heard = container.add_stream("aac", rate=8000)
        assert isinstance(heard, AudioStream)
        for number in range(20):
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            samples.sample_rate, samples.pts = 8000, number * 1024
            container.mux(heard.encode(samples))
        container.mux(heard.encode())
    return stream.getvalue()


def _stream(container: OutputContainer, kind: Kind) -> VideoStream:
    stream = container.add_stream(kind.codec, rate=kind.rate)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = kind.size_px
    stream.pix_fmt = kind.pixels
    stream.codec_context.thread_count = 1
    stream.codec_context.options = {**QUIET.get(kind.codec, {}), **kind.options}
    return stream


def frames_of(
    content: bytes | Path, *, limits: Limits = DEFAULT_LIMITS, per_second: float = 4.0
) -> tuple[list[Frame], tuple[str, str] | None]:
    """All frames of a video, and the code of what was lost with its times."""
    source = content if isinstance(content, Path) else io.BytesIO(content)
    with open_video(source, limits=limits, per_second=per_second) as opened:
        frames = list(opened.frames())
        lost = opened.lost
    return frames, None if lost is None else (lost.code, dict(lost.values).get("times", ""))


def stills_of(frames: Iterable[Frame]) -> list[Still]:
    """The pictures of the frames that have one."""
    return [frame.picture for frame in frames if isinstance(frame.picture, Still)]
