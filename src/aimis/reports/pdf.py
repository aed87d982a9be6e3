"""The report of an eye or a pair as PDF: one page of A4, embedded fonts, the same bytes for the same readings."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from aimis.reports import document
from aimis.reports import pdf_parts as parts
from aimis.reports.sheet import GREY, INK, PALE, RULE, WHITE, Frame, Sheet, Style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimis.reports.page import Block, EyePage, Grade, Page, Picture
    from aimis.reports.texts import Texts


def render(page: Page, texts: Texts) -> bytes:
    """The PDF of a page."""
    return parts.render([_sections(page, texts)], page, texts)


def _sections(page: Page, texts: Texts) -> list[parts.Section]:
    """What stands on the page from the top downwards; each draws from a y and gives the y below itself."""
    eye = _pair_eye if len(page.eyes) > 1 else _single_eye
    return [
        partial(parts.header, page, texts),
        partial(parts.verdicts, [eye.verdict for eye in page.eyes]),
        *(partial(eye, shown, texts) for shown in page.eyes),
        partial(_legend, page),
        partial(_rates, page, texts),
        partial(parts.advice, page, texts),
        partial(parts.meaning, texts),
        partial(parts.provenance, page, texts),
    ]


# ---- eyes


def _pair_eye(eye: EyePage, texts: Texts, sheet: Sheet, y: float) -> float:
    """Pictures at the left, findings beside them."""
    side = 141.0
    y = _eye_heading(eye, sheet, y)
    x = parts.LEFT + 2 * side + 2 * parts.GAP + 4
    below = [
        _pictures(eye, 2 * side + parts.GAP, side, sheet, y),
        _column(eye.blocks, x, parts.LEFT + parts.INNER - x, sheet, y),
    ]
    return _quality(eye, texts, sheet, max(below) + 2)


def _single_eye(eye: EyePage, texts: Texts, sheet: Sheet, y: float) -> float:
    """Two large pictures with the findings below them in columns, or one with the findings beside it."""
    y, half = _eye_heading(eye, sheet, y), (parts.INNER - 18) / 2
    if len(eye.pictures) == 1:
        below = [_pictures(eye, half, half, sheet, y), _column(eye.blocks, parts.LEFT + half + 18, half, sheet, y)]
        return _quality(eye, texts, sheet, max(below) + 3)
    y = _pictures(eye, parts.INNER, 222.0, sheet, y) + 5
    middle = math.ceil(len(eye.blocks) / 2)
    columns = eye.blocks[:middle], eye.blocks[middle:]
    y = max(_column(blocks, parts.LEFT + i * (half + 18), half, sheet, y) for i, blocks in enumerate(columns))
    return _quality(eye, texts, sheet, y + 2)


def _pictures(eye: EyePage, width: float, height: float, sheet: Sheet, y: float) -> float:
    """Side by side, as wide as is left for each."""
    count = len(eye.pictures)
    room = (width - parts.GAP * (count - 1)) / count, height
    return max(_picture(p, parts.LEFT + i * (room[0] + parts.GAP), room, sheet, y) for i, p in enumerate(eye.pictures))


def _eye_heading(eye: EyePage, sheet: Sheet, y: float) -> float:
    style = Style(size=11, bold=True)
    sheet.rule(parts.LEFT, y, parts.INNER)
    y += 3
    used = sheet.line(parts.LEFT, y, eye.heading, style, width=parts.INNER / 2) + 8
    used += (
        sheet.line(parts.LEFT + used, y + 2.5, eye.known_from, Style(size=7.5, colour=GREY), width=parts.INNER / 3) + 8
    )
    sheet.line(
        parts.LEFT + used, y + 2.5, eye.file, Style(size=7.5, colour=GREY), width=parts.INNER - used, align="right"
    )
    return y + sheet.leading(style) + 2


def _picture(picture: Picture, x: float, room: tuple[float, float], sheet: Sheet, y: float) -> float:
    """The picture as large as fits into a room, its caption below; or a framed box with the words that stand for it."""
    width, height = room
    if picture.jpeg is None:
        height, style = min(height, 120.0), Style(size=10, bold=True)
        sheet.box(x, y, width, height, Frame(border=RULE, fill=PALE, line=0.6))
        middle = y + (height - sheet.leading(style)) / 2
        sheet.line(x + 12, middle, picture.caption, style, width=width - 24, align="centre")
        return y + height + 2
    scale = min(width / picture.size_px[0], height / picture.size_px[1])
    wide, high = picture.size_px[0] * scale, picture.size_px[1] * scale
    sheet.picture(x, y, wide, high, picture.jpeg)
    return sheet.paragraph(x, y + high + 2, width, picture.caption, parts.SMALL)


def _column(blocks: Sequence[Block], x: float, width: float, sheet: Sheet, y: float) -> float:
    for block in blocks:
        y = (_refusal if block.status else _block)(block, x, width, sheet, y) + 4
    return y


def _refusal(block: Block, x: float, width: float, sheet: Sheet, y: float) -> float:
    """Big and clear where findings would stand: never an empty space that could be taken for normal."""
    measure = Sheet(None, sheet.scale)
    height = _refusal_words(block, x + 8, width - 16, measure, 0.0) + 10
    sheet.box(x, y, width, height, Frame(border=INK, line=2, dashed=True))
    _refusal_words(block, x + 8, width - 16, sheet, y + 4)
    return y + height


def _refusal_words(block: Block, x: float, width: float, sheet: Sheet, y: float) -> float:
    y = sheet.paragraph(x, y, width, block.title, Style(size=8, colour=GREY))
    y = sheet.paragraph(x, y + 1, width, block.status, Style(size=15, bold=True, spacing=1.2))
    y = sheet.paragraph(x, y + 2, width, block.reason, Style(size=9.5, bold=True))
    return sheet.paragraph(x, y + 3, width, block.meaning, parts.NORMAL)


def _block(block: Block, x: float, width: float, sheet: Sheet, y: float) -> float:
    sheet.line(x, y, block.title, parts.HEADING, width=width * 0.7)
    sheet.line(
        x + width * 0.6, y + 1.5, block.certainty, Style(size=7.5, colour=GREY), width=width * 0.4, align="right"
    )
    y += sheet.leading(parts.HEADING) + 1
    for grade in block.grades:
        y = _grade(grade, x, width, sheet, y)
    for row in block.rows:
        y = parts.row(row, x, width, sheet, y)
    return sheet.paragraph(x, y, width, block.reason, Style(size=8, bold=True))


def _grade(grade: Grade, x: float, width: float, sheet: Sheet, y: float) -> float:
    """The scale as boxes, the grade's own filled; its words below."""
    side = sheet.leading(parts.NORMAL)
    if not grade.steps:
        return sheet.paragraph(x, y, width, f"{grade.title} {grade.words}", parts.BOLD) + 2
    used = sheet.line(x, y, grade.title, parts.BOLD, width=width / 2) + 6
    for number, step in enumerate(grade.steps):
        own = step == grade.value
        left = x + used + number * (side + 2)
        sheet.box(left, y, side, side, Frame(fill=INK if own else None, border=INK if own else RULE))
        sheet.line(left, y, step, Style(size=8, bold=own, colour=WHITE if own else GREY), width=side, align="centre")
    return sheet.paragraph(x, y + side + 1, width, grade.words, parts.BOLD) + 2


def _quality(eye: EyePage, texts: Texts, sheet: Sheet, y: float) -> float:
    if not eye.quality:
        return y + 3
    measures = document.JOIN.join(words for words, _ in eye.quality)
    words = texts.label("named", name=texts.label("quality"), words=measures)
    return sheet.paragraph(parts.LEFT, y, parts.INNER, words, parts.SMALL) + 4


def _legend(page: Page, sheet: Sheet, y: float) -> float:
    y = sheet.paragraph(parts.LEFT, y, parts.INNER, page.one_eye, Style(size=8, bold=True))
    return sheet.paragraph(parts.LEFT, y, parts.INNER, page.legend, parts.SMALL) + 4


def _rates(page: Page, texts: Texts, sheet: Sheet, y: float) -> float:
    if not page.rates:
        return y
    y = sheet.paragraph(parts.LEFT, y, parts.INNER, texts.label("rates"), parts.BOLD)
    words = (" " if page.language == "en" else "").join(page.rates)
    return sheet.paragraph(parts.LEFT, y, parts.INNER, words, Style(size=7.5)) + 4
