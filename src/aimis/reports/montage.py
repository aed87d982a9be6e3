"""The key frames of an examination as one picture, with their lines, numbers and places."""

from __future__ import annotations

import math
from io import BytesIO
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aimis.reports import outline, typeset
from aimis.reports.document import JOIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from aimis.reports.examination import KeyFrame

_CELL_PX = 480, 384
_GAP_PX, TEXT_PX, _STRIP_PX = 8, 19, 52
_MOST_IN_A_ROW = 4


def montage(frames: Sequence[KeyFrame]) -> npt.NDArray[np.uint8] | None:
    """Shape (rows, columns, 3), white between the frames; None where no picture is at hand."""
    shown = [frame for frame in frames if frame.rgb is not None]
    if not shown:
        return None
    across = math.ceil(len(shown) / math.ceil(len(shown) / _MOST_IN_A_ROW))
    letters = font(TEXT_PX)
    cells = [_cell(frame, letters) for frame in shown]
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % across)
    rows = [np.hstack(cells[start : start + across]) for start in range(0, len(cells), across)]
    return np.vstack(rows)


def _cell(frame: KeyFrame, letters: ImageFont.FreeTypeFont) -> npt.NDArray[np.uint8]:
    """One frame in the middle of its cell, its words below."""
    columns, rows = _CELL_PX
    cell = np.full((rows + _STRIP_PX + _GAP_PX, columns + _GAP_PX, 3), 255, dtype=np.uint8)
    if frame.rgb is not None:
        scale = min(columns / frame.rgb.shape[1], rows / frame.rgb.shape[0])
        size = max(1, round(frame.rgb.shape[1] * scale)), max(1, round(frame.rgb.shape[0] * scale))
        small = np.asarray(cv2.resize(frame.rgb, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        drawn = outline.draw(small, frame.lines, frame.full_size_px)
        top, left = (rows - size[1]) // 2 + _GAP_PX // 2, (columns - size[0]) // 2 + _GAP_PX // 2
        cell[top : top + size[1], left : left + size[0]] = drawn
    cell[rows + _GAP_PX // 2 : rows + _GAP_PX // 2 + _STRIP_PX, :columns] = _words(frame, letters)
    return cell


def _words(frame: KeyFrame, letters: ImageFont.FreeTypeFont) -> npt.NDArray[np.uint8]:
    strip = Image.new("RGB", (_CELL_PX[0], _STRIP_PX), "white")
    pen = ImageDraw.Draw(strip)
    for number, line in enumerate((JOIN.join([f"{frame.number}  {frame.place}", frame.seen]), frame.found)):
        text = typeset.shortened(line, typeset.BOLD, TEXT_PX, _CELL_PX[0] - 8)
        pen.text((4, 1 + number * 25), text, fill="black", font=letters)
    return np.asarray(strip)


def font(size_px: int) -> ImageFont.FreeTypeFont:
    """The reports' bold font for words in pictures."""
    return ImageFont.truetype(BytesIO(typeset.font_file(typeset.BOLD)), size_px)
