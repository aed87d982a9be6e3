"""Lines of text for pages that are set by hand: the embedded fonts, their widths, and where lines break.

The fonts are subsets of Noto Sans SC (docs/decisions/0030-report-fonts.md). A character that they lack is shown as
a white square, so that a strange file name never breaks a page.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib import resources
from io import BytesIO
from typing import TYPE_CHECKING

from reportlab.pdfbase import pdfmetrics, ttfonts

if TYPE_CHECKING:
    from collections.abc import Iterator

REGULAR = "AimisSans"
BOLD = "AimisSans-Bold"
FALLBACK = "\N{WHITE SQUARE}"
_FILES = {REGULAR: "NotoSansSC-Regular-subset.ttf", BOLD: "NotoSansSC-Bold-subset.ttf"}
_WIDE = "\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff"
_PIECE = re.compile(rf"[^\S\u00a0]+|[{_WIDE}]|(?:[^\s{_WIDE}]|\u00a0)+")  # a no-break space keeps a word together
_NOT_FIRST = frozenset("\u00a0，。、；：！？）》」』】〕”’％·,.;:!?)]}%")  # noqa: RUF001  # meant as they are
_NOT_LAST = frozenset("（《「『【〔“‘([{")  # noqa: RUF001  # meant as they are


def font_file(name: str) -> bytes:
    """The TrueType file of a font."""
    return (resources.files("aimis.reports") / "fonts" / _FILES[name]).read_bytes()


@cache
def face(name: str) -> ttfonts.TTFontFace:
    """The font's face, registered with ReportLab."""
    font = ttfonts.TTFont(name, BytesIO(font_file(name)))
    pdfmetrics.registerFont(font)
    return font.face


def drawable(text: str, font: str) -> str:
    """The text with what the font lacks, and line ends, replaced."""
    known = face(font).charToGlyph
    return "".join(c if ord(c) in known else " " if c.isspace() else FALLBACK for c in text)


def width(text: str, font: str, size: float) -> float:
    """In points, of a drawable text."""
    return _thousandths(text, font) * size / 1000


@lru_cache(4096)
def _thousandths(text: str, font: str) -> float:
    """The width at size 1000."""
    widths = face(font).charWidths
    return sum(float(widths[ord(c)]) for c in text)


@lru_cache(1024)  # a page is measured before it is drawn
def wrap(text: str, font: str, size: float, line_width: float) -> tuple[str, ...]:
    """Lines no wider than line_width points, at least one.

    Latin breaks at spaces, and inside a word only where it is wider than a line; Chinese between any two characters
    but before closing and after opening punctuation (避头尾).
    """
    lines: list[str] = []
    line, used = "", 0.0
    for piece in _pieces(drawable(text, font), font, size, line_width):
        wide = width(piece, font, size)
        if line and used + width(piece.rstrip(), font, size) > line_width:
            lines.append(line.rstrip())
            line, used = "", 0.0
        if line or not piece.isspace():
            line, used = line + piece, used + wide
    return *lines, line.rstrip()


def shortened(text: str, font: str, size: float, line_width: float) -> str:
    """The text on one line, its middle left out where it is too wide."""
    text = drawable(text, font)
    kept = len(text)
    short = text
    while width(short, font, size) > line_width and kept > 2:
        kept -= max(1, kept // 16)
        short = text[: kept // 2] + "…" + text[len(text) - (kept - kept // 2) :]
    return short


def _pieces(text: str, font: str, size: float, line_width: float) -> Iterator[str]:
    """What must stay on one line, one after another."""
    held = ""
    for piece in _PIECE.findall(text):
        if held and not (piece[0] in _NOT_FIRST or held[-1] in _NOT_LAST):
            yield from _cut(held, font, size, line_width)
            held = ""
        held += piece
    yield from _cut(held, font, size, line_width)


def _cut(piece: str, font: str, size: float, line_width: float) -> Iterator[str]:
    """A piece that is wider than a line, in parts that are not."""
    while len(piece) > 1 and width(piece, font, size) > line_width:
        fits = max(1, next(i for i in range(1, len(piece) + 1) if width(piece[:i], font, size) > line_width) - 1)
        yield piece[:fits]
        piece = piece[fits:]
    yield piece
