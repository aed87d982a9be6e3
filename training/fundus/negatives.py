"""Pictures that are no colour fundus photograph, by family, to teach and to test the scope gate.

Families from ../shared/data (endoscopy, CT), from the sample images of installed packages, and drawn here.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import lzma
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
FAMILIES = ("endoscopy", "ct", "photograph", "text", "oct", "angiogram", "noise", "plain", "chart")
_SAMPLES = {"skimage": "data", "sklearn": "datasets/images", "matplotlib": "mpl-data/sample_data"}
_FUNDUS_SAMPLES = ("retina", "microaneurysms")


def negatives(shared: Path, part: str, seed: int = 0) -> Iterator[tuple[str, Picture]]:
    """(family, RGB) of `part`, train or test; no picture, patient or sequence stands in both."""
    rng = np.random.default_rng([seed, part == "test"])
    yield from (("endoscopy", p) for p in _endoscopy(shared / "oesophagus", part))
    yield from (("ct", p) for p in _ct(shared / "lung", part, rng))
    yield from (("photograph", p) for p in _photographs(part, rng))
    fundus = _fundus_greens(shared / "fundus", part)
    many = 60 if part == "train" else 15
    for _ in range(many):
        yield "text", _text(rng)
        yield "oct", _oct(rng)
        yield "noise", _noise(rng)
        yield "plain", _plain(rng)
        yield "chart", _chart(rng)
        yield "angiogram", _angiogram(fundus[rng.integers(len(fundus))], rng)


def _in_part(key: str, part: str) -> bool:
    return (sum(key.encode()) % 5 == 0) == (part == "test")


def _read(path: Path) -> Picture | None:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return None if picture is None else np.ascontiguousarray(picture[:, :, ::-1])


def _endoscopy(root: Path, part: str) -> Iterator[Picture]:
    with (root / "labels.csv").open(newline="") as handle:
        rows = [r for r in csv.DictReader(handle) if _in_part(r["group"], part)]
    for row in rows[:: 1 if part == "train" else 2]:
        picture = _read(root / row["file"])
        if picture is not None:
            yield picture


def _ct(root: Path, part: str, rng: np.random.Generator) -> Iterator[Picture]:
    with lzma.open(root / "luna16_candidates.npy.xz") as handle:
        crops = np.load(io.BytesIO(handle.read()))
    chosen = range(0, len(crops) * 4 // 5, 60) if part == "train" else range(len(crops) * 4 // 5, len(crops), 40)
    for index in chosen:
        grey = cv2.resize(crops[index], (512, 512), interpolation=cv2.INTER_CUBIC)
        yield cv2.merge([grey] * 3) if rng.random() < 0.7 else cv2.applyColorMap(grey, int(rng.integers(0, 12)))


def _photographs(part: str, rng: np.random.Generator) -> Iterator[Picture]:
    for package, folder in _SAMPLES.items():
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        paths = sorted(
            p for p in (Path(spec.origin).parent / folder).rglob("*") if p.suffix in (".png", ".jpg", ".jpeg")
        )
        for path in paths:
            picture = None if path.stem.startswith(_FUNDUS_SAMPLES) else _read(path)
            if picture is not None and _in_part(path.stem, part):
                yield picture
                for _ in range(10 if part == "train" else 2):
                    yield _disguised(picture, rng)


def _disguised(picture: Picture, rng: np.random.Generator) -> Picture:
    """A crop, at times tinted like a fundus and cut to a disc: round and orange is not enough."""
    rows, columns = picture.shape[:2]
    side = int(min(rows, columns) * rng.uniform(0.4, 1.0))
    top, left = rng.integers(0, rows - side + 1), rng.integers(0, columns - side + 1)
    crop = cv2.resize(picture[top : top + side, left : left + side], (512, 512), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        tint = np.array([1.0, rng.uniform(0.35, 0.75), rng.uniform(0.1, 0.5)])
        crop = (cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None] * tint).astype(np.uint8)
    if rng.random() < 0.6:
        mask = np.zeros((512, 512), np.uint8)
        cv2.circle(mask, (256, 256), 250, 255, -1)
        crop = cv2.bitwise_and(crop, crop, mask=mask)
    return np.asarray(crop, dtype=np.uint8)


def _fundus_greens(root: Path, part: str) -> list[Picture]:
    with (root / "labels.csv").open(newline="") as handle:
        files = [r["file"] for r in csv.DictReader(handle) if _in_part(r["patient"], part)][::40]
    return [p[:, :, 1] for f in files if (p := _read(root / f)) is not None]


def _angiogram(green: Picture, rng: np.random.Generator) -> Picture:
    """Bright vessels on dark, grey or in one false colour, as a fluorescein angiogram; or red-free."""
    grey = 255 - green if rng.random() < 0.6 else green
    grey = cv2.createCLAHE(3.0).apply(grey)
    tints = ([1, 1, 1], [0.3, 1, 0.3], [0.2, 0.9, 0.7], [0.4, 0.6, 1])
    return (grey[..., None] * np.array(tints[rng.integers(len(tints))])).astype(np.uint8)


def _oct(rng: np.random.Generator) -> Picture:
    """Bands of speckle with a foveal dip, as an optical coherence tomogram."""
    rows, columns = 496, int(rng.choice([512, 768, 1024]))
    x = np.linspace(-1, 1, columns)
    surface = rows * (
        rng.uniform(0.3, 0.5) + rng.uniform(0.02, 0.12) * np.exp(-((x / 0.2) ** 2)) + rng.uniform(-0.1, 0.1) * x
    )
    depth = (np.arange(rows)[:, None] - surface[None, :]) / rows
    layers = sum(
        a * np.exp(-(((depth - c) / w) ** 2))
        for c, w, a in [(0.02, 0.015, 0.9), (0.12, 0.03, 0.5), (0.25, 0.02, 1.0), (0.33, 0.05, 0.5)]
    )
    grey = np.clip((layers + 0.12) * rng.exponential(1.0, (rows, columns)) * 160, 0, 255).astype(np.uint8)
    return cv2.merge([255 - grey] * 3) if rng.random() < 0.3 else cv2.merge([grey] * 3)


def _text(rng: np.random.Generator) -> Picture:
    """A page of words, dark on light or light on dark."""
    page = np.full((900, 700, 3), rng.integers(225, 256), np.uint8)
    for line in range(40, 880, int(rng.integers(20, 40))):
        words = " ".join("".join(chr(rng.integers(97, 123)) for _ in range(rng.integers(2, 10))) for _ in range(9))
        cv2.putText(
            page, words, (30, line), cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.4, 0.6), (20, 20, 20), 1, cv2.LINE_AA
        )
    return 255 - page if rng.random() < 0.3 else page


def _chart(rng: np.random.Generator) -> Picture:
    """Discs, bars and lines in random colours."""
    chart = np.full((600, 800, 3), rng.integers(0, 256, 3), np.uint8)
    for _ in range(rng.integers(1, 20)):
        colour = [int(c) for c in rng.integers(0, 256, 3)]
        a, b = ((int(rng.integers(0, 800)), int(rng.integers(0, 600))) for _ in range(2))
        kind = rng.integers(3)
        if kind == 0:
            cv2.circle(chart, a, int(rng.integers(10, 280)), colour, -1)
        elif kind == 1:
            cv2.rectangle(chart, a, b, colour, -1)
        else:
            cv2.line(chart, a, b, colour, int(rng.integers(1, 12)), cv2.LINE_AA)
    return chart


def _noise(rng: np.random.Generator) -> Picture:
    """Noise of one scale, grey or coloured, at times orange."""
    side = int(rng.choice([8, 32, 128, 512]))
    noise = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    noise = cv2.resize(noise, (512, 512), interpolation=int(rng.choice([cv2.INTER_NEAREST, cv2.INTER_CUBIC])))
    return (noise * np.array([1, 0.55, 0.25])).astype(np.uint8) if rng.random() < 0.4 else noise


def _plain(rng: np.random.Generator) -> Picture:
    """One colour, or a gradient, in a frame or in a disc."""
    ends = rng.integers(0, 256, (2, 1, 3)).astype(np.float32)
    picture = cv2.resize(ends, (640, 480), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    if rng.random() < 0.5:
        mask = np.zeros((480, 640), np.uint8)
        cv2.circle(mask, (320, 240), 220, 255, -1)
        picture = cv2.bitwise_and(picture, picture, mask=mask)
    return np.asarray(picture)
