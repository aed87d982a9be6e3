"""Examinations to measure with: full-HD frames, no two alike, as from a scope.

Of real frames of oesophagus and junction, enlarged, where the development data are at hand (`SHARED`), so that the
reader goes all the way. Else of a fundus photograph's texture, which its gates refuse: then less work is measured.
"""

from __future__ import annotations

import csv
import io
import os
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

from aimis.readers.oesophagus import aperture
from tests.benchmarks.pictures import real_photograph
from tests.fakes import dicoms

COLUMNS, ROWS, RATE = 1920, 1080, 25
STILLS = 48
ENDOSCOPIC_IMAGE = "1.2.840.10008.5.1.4.1.1.77.1.1"
_SHIFT_PX = 64
_INSIDE = 420, 8, 1700, ROWS - 8
"""x0, y0, x1, y1 of the octagon."""
_SLACK_PX = 64
_SEGMENT_S = 20
"""Encoded once and then repeated, which costs a decoder the same as if all were encoded."""

Rgb = npt.NDArray[np.uint8]


def frames(count: int, *, seed: int = 5) -> Iterator[Rgb]:
    """So many frames of a slow way over mucosa, in an octagon on black, with a sensor's noise."""
    rng = np.random.default_rng(seed)
    views, mask = _real(count) if real_frames() else _drawn(count, rng), _octagon()
    noise = rng.normal(0, 3, (ROWS + _SHIFT_PX, COLUMNS + _SHIFT_PX, 1)).astype(np.float32)
    for view in views:
        dx, dy = rng.integers(0, _SHIFT_PX, 2)
        shown = view + noise[dy : dy + ROWS, dx : dx + COLUMNS]
        yield np.where(mask, np.clip(shown, 0, 255), 4).astype(np.uint8)


def real_frames() -> list[Path]:
    """Four cancers and 44 others of oesophagus and junction; none where there are no such data."""
    folder = Path(os.environ.get("SHARED", "../shared")) / "data" / "oesophagus"
    if not folder.exists():
        return []
    with (folder / "labels.csv").open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["oesophagus"] in {"yes", "junction"}]
    cancers = [row for row in rows if row["source"] == "ippa" and "cancer" in row["classes"]]
    others = [[row for row in rows if row["source"] == s] for s in ("nics2021", "hyperkvasir", "gastrovision")]
    chosen = cancers[:: len(cancers) // 4][:4]
    for few, number in zip(others, (30, 7, 7), strict=True):
        chosen += few[:: len(few) // number][:number]
    return [folder / row["file"] for row in chosen]


def _real(count: int) -> Iterator[npt.NDArray[np.float32]]:
    """One after another; of a video each for two seconds, moving a little."""
    pictures = [_enlarged(path) for path in real_frames()]
    each = 1 if count <= len(pictures) else 2 * RATE
    (x0, y0, x1, y1), slack = _INSIDE, _SLACK_PX
    for number in range(count):
        picture = pictures[number // each % len(pictures)]
        x, y = (int(slack * (0.5 + 0.5 * np.cos(2 * np.pi * number / period))) for period in (97, 61))
        view = np.zeros((ROWS, COLUMNS, 3), np.float32)
        view[y0:y1, x0:x1] = picture[y : y + y1 - y0, x : x + x1 - x0]
        yield view


def _enlarged(path: Path) -> Rgb:
    """What the endoscope shows in a frame, so large that it covers the octagon wherever it is moved."""
    rgb = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), dtype=np.uint8)
    left, top, right, bottom = aperture.find_aperture(rgb).box_px
    (x0, y0, x1, y1), shown = _INSIDE, rgb[top:bottom, left:right]
    size = x1 - x0 + _SLACK_PX, y1 - y0 + _SLACK_PX
    return np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _drawn(count: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.float32]]:
    """A photograph, too smooth by itself to be judged, with light and shade laid over it."""
    with Image.open(real_photograph()) as photograph:
        texture = np.asarray(photograph.convert("RGB").resize((3400, 3400), Image.Resampling.BICUBIC))[
            800:2600, 700:2700
        ]
    grain = _grain(rng)
    for number in range(count):
        angle = 2 * np.pi * number / max(count, 500)
        x, y = int(300 + 280 * np.cos(angle)), int(350 + 330 * np.sin(2 * angle))
        view = cv2.resize(texture[y : y + 756, x : x + 1344], (COLUMNS, ROWS), interpolation=cv2.INTER_LINEAR)
        gx, gy = int(_SHIFT_PX * (0.5 + 0.5 * np.cos(3 * angle))), int(_SHIFT_PX * (0.5 + 0.5 * np.sin(5 * angle)))
        yield np.asarray(view * grain[gy : gy + ROWS, gx : gx + COLUMNS], dtype=np.float32)


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
    (x0, y0, x1, y1), cut = _INSIDE, 260
    corners = [(x0 + cut, y0), (x1 - cut, y0), (x1, cut), (x1, ROWS - cut), (x1 - cut, y1), (x0 + cut, y1)]
    cv2.fillPoly(mask, [np.array([*corners, (x0, ROWS - cut), (x0, cut)], np.int32)], 1)
    return mask[..., None].astype(bool)
