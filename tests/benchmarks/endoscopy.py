"""Examinations to measure with, of one real photograph's texture: full-HD frames, no two alike, as from a scope."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer
from av.video.stream import VideoStream
from PIL import Image
from pydicom import uid

from tests.benchmarks.pictures import real_photograph
from tests.fakes import dicoms

COLUMNS, ROWS, RATE = 1920, 1080, 25
STILLS = 48
ENDOSCOPIC_IMAGE = "1.2.840.10008.5.1.4.1.1.77.1.1"
_SHIFT_PX = 64
_SEGMENT_S = 20
"""Encoded once and then repeated, which costs a decoder the same as if all were encoded."""

Rgb = npt.NDArray[np.uint8]


def frames(count: int, *, seed: int = 5) -> Iterator[Rgb]:
    """So many frames of a slow way over mucosa, in an octagon on black, with a sensor's noise.

    The photograph is too smooth for a reader to judge without the texture that is laid over it.
    """
    rng = np.random.default_rng(seed)
    with Image.open(real_photograph()) as photograph:
        texture = np.asarray(photograph.convert("RGB").resize((3400, 3400), Image.Resampling.BICUBIC))[
            800:2600, 700:2700
        ]
    mask, grain = _octagon(), _grain(rng)
    noise = rng.normal(0, 3, (ROWS + _SHIFT_PX, COLUMNS + _SHIFT_PX, 1)).astype(np.float32)
    for number in range(count):
        angle = 2 * np.pi * number / max(count, 500)
        x, y = int(300 + 280 * np.cos(angle)), int(350 + 330 * np.sin(2 * angle))
        view = cv2.resize(texture[y : y + 756, x : x + 1344], (COLUMNS, ROWS), interpolation=cv2.INTER_LINEAR)
        dx, dy = rng.integers(0, _SHIFT_PX, 2)
        gx, gy = int(_SHIFT_PX * (0.5 + 0.5 * np.cos(3 * angle))), int(_SHIFT_PX * (0.5 + 0.5 * np.sin(5 * angle)))
        shown = view * grain[gy : gy + ROWS, gx : gx + COLUMNS] + noise[dy : dy + ROWS, dx : dx + COLUMNS]
        yield np.where(mask, np.clip(shown, 0, 255), 4).astype(np.uint8)


def make_stills(folder: Path, count: int = STILLS) -> Path:
    """A folder of JPEG files as a processor stores them."""
    folder.mkdir(parents=True)
    for number, rgb in enumerate(frames(count)):
        Image.fromarray(rgb).save(folder / f"still-{number:03}.jpg", quality=92)
    return folder


def make_dicom(folder: Path, stills: Path) -> Path:
    """The same as DICOM VL Endoscopic Images, the JPEG streams as they are."""
    folder.mkdir(parents=True)
    for number, path in enumerate(sorted(stills.iterdir()), start=1):
        dataset = dicoms.dataset_of(np.zeros((ROWS, COLUMNS, 3), np.uint8))
        dataset.SOPClassUID, dataset.Modality = ENDOSCOPIC_IMAGE, "ES"
        dataset.SOPInstanceUID, dataset.InstanceNumber = f"1.2.3.9.{number}", number
        content = dicoms.holding(dataset, uid.JPEGBaseline8Bit, [path.read_bytes()], "YBR_FULL_422")
        (folder / f"{number:03}.dcm").write_bytes(content)
    return folder


def make_video(path: Path, *, seconds: int) -> Path:
    """H.264 in MP4, one segment encoded and its packets repeated until it is long enough."""
    segment = _segment()
    with av.open(str(path), "w") as container, av.open(io.BytesIO(segment), "r") as source:
        stream = container.add_stream_from_template(source.streams.video[0])
        for repeat in range(-(-seconds // _SEGMENT_S)):
            _append(container, stream, segment, repeat * _SEGMENT_S)
    return path


def _append(container: OutputContainer, stream: VideoStream, segment: bytes, after_s: int) -> None:
    with av.open(io.BytesIO(segment), "r") as source:
        for packet in source.demux(video=0):
            if packet.dts is None or packet.pts is None:
                continue
            shift = int(after_s / packet.time_base)
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            packet.stream = stream
            container.mux(packet)


def _segment() -> bytes:
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "23", "g": "50"})
        video.width, video.height, video.pix_fmt = COLUMNS, ROWS, "yuv420p"
        for number, rgb in enumerate(frames(_SEGMENT_S * RATE)):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return stream.getvalue()


def _grain(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Light and shade of three sizes, about 1."""
    rows, columns = ROWS + _SHIFT_PX + 1, COLUMNS + _SHIFT_PX + 1
    grain = np.ones((rows, columns), np.float32)
    for side_px, amplitude in ((160, 0.2), (24, 0.06), (8, 0.05)):
        coarse = rng.normal(0, amplitude, (rows // side_px + 2, columns // side_px + 2)).astype(np.float32)
        grain += cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
    return grain[..., None]


def _octagon() -> npt.NDArray[np.bool_]:
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    x0, x1, cut = 420, 1700, 260
    corners = [(x0 + cut, 8), (x1 - cut, 8), (x1, cut), (x1, ROWS - cut), (x1 - cut, ROWS - 8), (x0 + cut, ROWS - 8)]
    cv2.fillPoly(mask, [np.array([*corners, (x0, ROWS - cut), (x0, cut)], np.int32)], 1)
    return mask[..., None].astype(bool)
