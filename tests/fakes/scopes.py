"""Drawn endoscopy frames: mucosa behind an aperture of a known shape, text and insets where they are asked for."""

from __future__ import annotations

from functools import cache
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]
Shape = Literal["octagon", "circle", "barrel", "square"]
BLACK = (0, 0, 0)


def mucosa(rows: int, columns: int, *, seed: int = 0, colour: tuple[int, int, int] = (205, 120, 105)) -> Rgb:
    """Folds and vessels in one colour, with a dark lumen; shape (rows, columns, 3)."""
    rng = np.random.default_rng(seed)
    coarse = np.asarray(cv2.resize(rng.normal(0, 1, (9, 12)), (columns, rows), interpolation=cv2.INTER_CUBIC))
    y, x = np.ogrid[:rows, :columns]
    across, down = ((x / columns - 0.6) / 0.13) ** 2, ((y / rows - 0.4) / 0.13) ** 2
    lumen = np.exp(-across) * np.exp(-down)
    light = np.clip(0.85 + 0.08 * coarse - 0.75 * lumen, 0.03, 1.1)
    picture = np.asarray(np.clip(light[..., None] * np.array(colour), 0, 255), dtype=np.uint8)
    for _ in range(40):
        ends = rng.integers((0, 0, 0, 0), (columns, rows, columns, rows))
        cv2.line(picture, ends[:2].tolist(), ends[2:].tolist(), tuple(int(0.6 * c) for c in colour), 1, cv2.LINE_AA)
    return picture


def frame(
    shape: Shape = "octagon",
    *,
    rows: int = 540,
    columns: int = 960,
    box: tuple[int, int, int, int] = (300, 20, 900, 520),
    surround: tuple[int, int, int] = BLACK,
    seed: int = 0,
    colour: tuple[int, int, int] = (205, 120, 105),
) -> Rgb:
    """A frame with a picture of that shape in its box (x0, y0, x1, y1)."""
    return _frame(shape, rows, columns, box, surround, seed, colour).copy()


@cache
def _frame(
    shape: Shape,
    rows: int,
    columns: int,
    box: tuple[int, int, int, int],
    surround: tuple[int, int, int],
    seed: int,
    colour: tuple[int, int, int],
) -> Rgb:
    picture = np.empty((rows, columns, 3), np.uint8)
    picture[:] = surround
    x0, y0, x1, y1 = box
    inside = shape_mask(shape, rows, columns, box)
    whole = picture.copy()
    whole[y0:y1, x0:x1] = mucosa(y1 - y0, x1 - x0, seed=seed, colour=colour)
    picture[inside] = whole[inside]
    return picture


def shape_mask(shape: Shape, rows: int, columns: int, box: tuple[int, int, int, int]) -> npt.NDArray[np.bool_]:
    """True where a picture of that shape shows mucosa."""
    x0, y0, x1, y1 = box
    y, x = (axis + 0.5 for axis in np.ogrid[:rows, :columns])
    in_box = (x > x0) & (x < x1) & (y > y0) & (y < y1)
    dx, dy = np.abs(x - (x0 + x1) / 2), np.abs(y - (y0 + y1) / 2)
    half_x, half_y = (x1 - x0) / 2, (y1 - y0) / 2
    squared = dx**2 + dy**2
    within = {
        "octagon": dx + dy < half_x + half_y - 0.35 * half_y,
        "circle": squared < min(half_x, half_y) ** 2,
        "barrel": squared < max(half_x, half_y) ** 2,
        "square": np.True_,
    }
    return np.asarray(in_box & within[shape])


def write_text(picture: Rgb, where: tuple[int, int] = (10, 60), lines: int = 5) -> None:
    """A processor's text, drawn into the frame."""
    for i in range(lines):
        place = (where[0], where[1] + 30 * i)
        cv2.putText(picture, "ID 0042 F 61", place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (235, 235, 235), 1)
