"""Photographs to measure with, made of one real one: no two alike, as from a camera of 2,000 x 1,500 pixels."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

COLUMNS, ROWS = 2000, 1500


def real_photograph() -> Path:
    """The fundus photograph that scikit-image carries."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise SystemExit("scikit-image is not installed: make install")
    return Path(spec.origin).parent / "data" / "retina.jpg"


def make_photographs(folder: Path, count: int) -> list[Path]:
    """So many JPEG files, each turned, lit and compressed a little differently; the seed is fixed."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(4)
    with Image.open(real_photograph()) as photograph:
        eye = photograph.convert("RGB").resize((ROWS, ROWS), Image.Resampling.LANCZOS)
    paths = []
    for number in range(count):
        turned = eye.rotate(float(rng.uniform(-4, 4)), Image.Resampling.BILINEAR)
        frame = Image.new("RGB", (COLUMNS, ROWS))
        frame.paste(ImageEnhance.Brightness(turned).enhance(float(rng.uniform(0.9, 1.1))), ((COLUMNS - ROWS) // 2, 0))
        paths.append(folder / f"eye-{number:04}.jpg")
        frame.save(paths[-1], quality=int(rng.integers(85, 96)))
    return paths


def repeat_photographs(folder: Path, paths: list[Path], times: int) -> None:
    """A folder with each file under several names, without taking room for the copies."""
    folder.mkdir(parents=True)
    for copy in range(times):
        for path in paths:
            os.link(path, folder / f"{copy:02}-{path.name}")
