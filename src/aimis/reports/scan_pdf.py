"""The report of a chest CT as PDF: the nodules and their pictures first, then what to weigh."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from aimis.reports import pdf_parts as parts
from aimis.reports.sheet import GREY, INK, PALE, RULE, WHITE, Frame, Pen, Sheet, Style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimis.reports.pdf_parts import Section
    from aimis.reports.scan import Guideline, Label, Picture, Pictures, Rule, ScanPage, Table
    from aimis.reports.texts import Texts

_COLUMN = Style(size=6.8, colour=GREY)
_CELL, _FIRST = Style(size=7.5), Style(size=7.5, bold=True)
_ON_DARK = Style(size=6, bold=True, colour=WHITE)
_OVERVIEW, _MARGIN = 205.0, 24.0
_ACROSS, _FEW_ACROSS, _PLACES_ACROSS, _BETWEEN = 6, 3, 4, 4.0
_LINE = "#ffe14d"
_LEAST_SCALE = 0.9
_ROWS = 16
_WHOSE = 84.0


def render(page: ScanPage, texts: Texts) -> bytes:
    """The PDF of a page."""
    return parts.render(_packed(_sections(page, texts)), page, texts)


def _sections(page: ScanPage, texts: Texts) -> list[Section]:
    """From the top; pictures are large where all are on the first page then."""
    first: list[Section] = [
        partial(parts.header, page, texts),
        partial(_head, page),
        *_unjudged(page, texts),
        partial(_overview, page, texts),
        *_nodules(page, texts),
    ]
    large, small = (_key_images(page, texts, across) for across in (_FEW_ACROSS, _ACROSS))
    pictures = large if len(_packed([*first, *large])) == 1 else small
    return [*first, *pictures, *_rest(page, texts)]


def _key_images(page: ScanPage, texts: Texts, across: int) -> list[Section]:
    """The heading stands with the first row."""
    rows: list[Section] = [partial(_pictures, nodule, across) for nodule in page.pictures]
    if not rows:
        return []
    return [partial(_led, partial(_heading, texts.label("key-images")), rows[0]), *rows[1:], partial(_note, texts)]


def _unjudged(page: ScanPage, texts: Texts) -> list[Section]:
    """What was not judged, before all that was."""
    places: list[Section] = [partial(_pictures, place, _PLACES_ACROSS) for place in page.unjudged]
    if not places:
        return []
    places[0] = partial(_led, partial(_heading, texts.label("unjudged-heading")), places[0])
    return [*places, partial(_said, "", texts.label("unjudged-note"))]


def _rest(page: ScanPage, texts: Texts) -> list[Section]:
    guidelines: list[Section] = [partial(_guideline, guideline) for guideline in page.guidelines]
    if guidelines:
        guidelines[0] = partial(_led, partial(_guidelines_head, texts), guidelines[0])
    return [
        *_tabled(page.compared_title, page.compared, texts.label("compared-note")),
        *guidelines,
        *_tabled(texts.label("risks"), page.risks, texts.label("risks-note")),
        partial(parts.advice, page, texts),
        partial(_led, partial(parts.meaning, texts), partial(parts.provenance, page, texts)),
    ]


def _led(head: Section, body: Section, sheet: Sheet, y: float) -> float:
    """One after the other on one page."""
    return body(sheet, head(sheet, y))


def _packed(sections: Sequence[Section]) -> list[list[Section]]:
    """As many on a page as it takes when its words are set smaller by a tenth, which they then are."""
    pages: list[list[Section]] = [[]]
    measure, y = Sheet(None, _LEAST_SCALE), parts.TOP
    for section in sections:
        y = section(measure, y)
        if y > parts.BOTTOM and pages[-1]:
            pages.append([])
            y = section(measure, parts.TOP)
        pages[-1].append(section)
    return pages


# ---- head


def _head(page: ScanPage, sheet: Sheet, y: float) -> float:
    return parts.verdicts([page.verdict], sheet, y)


def _overview(page: ScanPage, texts: Texts, sheet: Sheet, y: float) -> float:
    """Where the nodules lie at the left, the series at the right."""
    left, below = parts.LEFT, y
    if page.overview is not None:
        below = _front(page.overview, page.labels, texts, sheet, y)
        left += _OVERVIEW + 12
    width = parts.LEFT + parts.INNER - left
    for name, value in (*page.facts, (texts.label("file"), page.file)):
        y = sheet.paragraph(left, y, width, name, parts.SMALL)
        y = sheet.paragraph(left, y, width, value, parts.NORMAL) + 1.5
    return max(below, sheet.paragraph(left, y + 1, width, page.limited, parts.BOLD)) + 4


def _front(overview: Picture, labels: Sequence[Label], texts: Texts, sheet: Sheet, y: float) -> float:
    """The lungs with rings round the nodules and their numbers beside, joined by lines."""
    wide, high = overview.size_px
    width = _OVERVIEW - 2 * _MARGIN
    scale, left = width / wide, parts.LEFT + _MARGIN
    sheet.picture(left, y, width, high * scale, overview.jpeg)
    for label in labels:
        at = left + label.point[0] * scale, y + label.point[1] * scale
        ring = [(at[0] + 4.5 * dx, at[1] + 4.5 * dy) for dx, dy in _RING]
        edge, end = (left, left - 8) if label.left else (left + width, left + width + 8)
        height = y + label.height * high * scale
        near = (at[0] - 4.5, at[1]) if label.left else (at[0] + 4.5, at[1])
        for colour, line in ((INK, 2.0), (WHITE, 0.9)):
            sheet.path(ring, Pen(colour=colour, line=line, closed=True))
            sheet.path([(edge, height), near], Pen(colour=colour, line=line))
        sheet.path([(edge, height), (end, height)], Pen(line=0.6))
        x, align = (end - 16, "right") if label.left else (end + 2, "left")
        sheet.line(x, height - 5.5, str(label.number), parts.BOLD, width=14, align=align)
    _letter(overview.letters[0], (left, y), sheet)
    _letter(overview.letters[1], (left + width - 6, y), sheet)
    y += high * scale + 1
    return sheet.paragraph(parts.LEFT, y, _OVERVIEW, texts.label("overview-note"), parts.SMALL)


_RING = [(1.0, 0.0), (0.87, 0.5), (0.5, 0.87), (0.0, 1.0), (-0.5, 0.87), (-0.87, 0.5)]
_RING += [(-x, -y) for x, y in _RING]


def _nodules(page: ScanPage, texts: Texts) -> list[Section]:
    title = texts.label("nodules")
    if page.nodules is None:
        none = partial(_said, texts.label("no-nodules"), page.unlisted)
        return [partial(_led, partial(_heading, title), none)] if page.unlisted else []
    table = _tabled(title, page.nodules, f"{texts.label('table-note')} {page.unlisted}")
    return table if page.pictures else [*table, partial(_said, texts.label("no-key-images"), "")]


def _said(words: str, note: str, sheet: Sheet, y: float) -> float:
    y = sheet.paragraph(parts.LEFT, y, parts.INNER, words, parts.BOLD)
    return sheet.paragraph(parts.LEFT, y + 1, parts.INNER, note, parts.SMALL) + parts.GAP


def _tabled(title: str, table: Table | None, note: str) -> list[Section]:
    """A heading, a table in pieces that a page can hold, and a note; nothing without a table."""
    if table is None:
        return []
    starts = range(0, len(table.rows), _ROWS)
    pieces: list[Section] = [partial(_table, replace(table, rows=table.rows[at : at + _ROWS])) for at in starts]
    pieces[0] = partial(_led, partial(_heading, title), pieces[0])
    pieces[-1] = partial(_led, pieces[-1], partial(_said, "", note))
    return pieces


def _heading(words: str, sheet: Sheet, y: float) -> float:
    sheet.rule(parts.LEFT, y, parts.INNER)
    return sheet.paragraph(parts.LEFT, y + 3, parts.INNER, words, parts.HEADING) + 1


def _table(table: Table, sheet: Sheet, y: float) -> float:
    """Cells break into lines; a faint line between rows."""
    y = _row(table.columns, table.shares, (_COLUMN, _COLUMN), sheet, y)
    sheet.rule(parts.LEFT, y, parts.INNER)
    for number, row in enumerate(table.rows):
        if number:
            sheet.path([(parts.LEFT, y), (parts.LEFT + parts.INNER, y)], Pen(colour=PALE, line=0.5))
        y = _row(row, table.shares, (_FIRST, _CELL), sheet, y + 1)
    return y + 1


def _row(cells: Sequence[str], shares: Sequence[float], styles: tuple[Style, Style], sheet: Sheet, y: float) -> float:
    x, below = parts.LEFT, y
    for number, (words, share) in enumerate(zip(cells, shares, strict=True)):
        width = parts.INNER * share
        below = max(below, sheet.paragraph(x, y, width - 5, words, styles[min(number, 1)]))
        x += width
    return below + 1


# ---- pictures


def _pictures(nodule: Pictures, across: int, sheet: Sheet, y: float) -> float:
    """A nodule's pictures, its words above, theirs below; so many side by side."""
    used = sheet.line(parts.LEFT, y, nodule.title, parts.BOLD, width=150) + 6
    sheet.line(parts.LEFT + used, y, nodule.words, parts.NORMAL, width=parts.INNER - used)
    y += sheet.leading(parts.BOLD) + 1
    side = (parts.INNER - (across - 1) * _BETWEEN) / across
    for start in range(0, len(nodule.pictures), across):
        for number, picture in enumerate(nodule.pictures[start : start + across]):
            x = parts.LEFT + number * (side + _BETWEEN)
            _picture(picture, (x, y), side, sheet)
            sheet.line(x, y + side + 0.5, picture.title, parts.SMALL, width=side)
        y += side + sheet.leading(parts.SMALL) + 4
    return y


def _picture(picture: Picture, at: tuple[float, float], side: float, sheet: Sheet) -> None:
    """Within a square, at its bottom; outlines and axes as thin lines, letters at the sides, a scale bar."""
    wide, high = picture.size_px
    scale = side / max(wide, high)
    x, y = at[0], at[1] + side - high * scale
    sheet.picture(x, y, wide * scale, high * scale, picture.jpeg)
    for lines, closed in ((picture.outlines, True), (picture.axes, False)):
        for line in lines:
            points = [(x + px * scale, y + py * scale) for px, py in line]
            sheet.path(points, Pen(colour=INK, line=1.0, closed=closed))
            sheet.path(points, Pen(colour=_LINE, line=0.4, closed=closed))
    right, bottom = x + wide * scale, y + high * scale
    beside, middle = y + high * scale / 2 - 4, x + wide * scale / 2 - 3
    places = ((x, beside), (right - 6, beside), (middle, y), (middle, bottom - 8))
    for letter, place in zip(picture.letters, places, strict=True):
        _letter(letter, place, sheet)
    _bar(picture, scale, (right, bottom), sheet)


def _bar(picture: Picture, scale: float, corner: tuple[float, float], sheet: Sheet) -> None:
    """At the lower right corner, on dark."""
    length, words = picture.bar
    wide = max(length * scale, 22.0) + 4
    left, bottom = corner[0] - wide, corner[1]
    sheet.box(left, bottom - 10.5, wide, 10.5, Frame(fill=INK))
    sheet.line(left, bottom - 10.5, words, _ON_DARK, width=wide, align="centre")
    start = left + (wide - length * scale) / 2
    sheet.path([(start, bottom - 2), (start + length * scale, bottom - 2)], Pen(colour=WHITE, line=0.9))


def _letter(letter: str, at: tuple[float, float], sheet: Sheet) -> None:
    """White on dark."""
    sheet.box(*at, 6, 8, Frame(fill=INK))
    sheet.line(*at, letter, _ON_DARK, width=6, align="centre")


def _note(texts: Texts, sheet: Sheet, y: float) -> float:
    return sheet.paragraph(parts.LEFT, y, parts.INNER, texts.label("key-images-note"), parts.SMALL) + parts.GAP


# ---- what to weigh


def _guidelines_head(texts: Texts, sheet: Sheet, y: float) -> float:
    y = _heading(texts.label("guidelines"), sheet, y)
    return sheet.paragraph(parts.LEFT, y, parts.INNER, texts.label("guidelines-note"), parts.SMALL) + 2


def _guideline(guideline: Guideline, sheet: Sheet, y: float) -> float:
    used = sheet.line(parts.LEFT, y, guideline.title, parts.BOLD, width=parts.INNER / 2) + 8
    y = sheet.paragraph(parts.LEFT + used, y + 1, parts.INNER - used, guideline.condition or " ", _COLUMN) + 1
    for rule in guideline.rules:
        y = _rule(rule, sheet, y + 1)
    return sheet.paragraph(parts.LEFT, y + 1, parts.INNER, guideline.citation, Style(size=6.5, colour=GREY)) + 5


def _rule(rule: Rule, sheet: Sheet, y: float) -> float:
    """Category, whose, what to consider and on which condition."""
    if rule.category:
        sheet.box(parts.LEFT, y, 30, sheet.leading(parts.BOLD), Frame(border=RULE))
        sheet.line(parts.LEFT, y, rule.category, parts.BOLD, width=30, align="centre")
    whose = sheet.paragraph(parts.LEFT + 36, y, _WHOSE - 4, rule.whose, parts.BOLD)
    left, width = parts.LEFT + 36 + _WHOSE, parts.INNER - 36 - _WHOSE
    words, styles = (rule.text, rule.condition), (parts.NORMAL, Style(size=7, colour=GREY))
    if not rule.condition:
        return max(whose, sheet.paragraph(left, y, width, rule.text, parts.NORMAL))
    return max(whose, sheet.paragraph_with_source(left, y, width, words, styles))
