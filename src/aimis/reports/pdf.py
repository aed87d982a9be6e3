"""The report as PDF: one page of A4, embedded fonts, the same bytes for the same readings.

What does not fit is set smaller, by a quarter at most; what still does not fit goes on to a second page, never away.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from datetime import datetime
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

from reportlab import rl_config
from reportlab.pdfgen.canvas import Canvas

from aimis.reports import typeset
from aimis.reports.page import JOIN, Level
from aimis.reports.sheet import ALARM, GREY, HEIGHT, INK, PALE, RULE, WHITE, WIDTH, Frame, Sheet, Style
from aimis.reports.texts import Urgency

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aimis.reports.page import Advice, Block, EyePage, Grade, Page, Picture, Row, Verdict
    from aimis.reports.texts import Texts

    Section = Callable[[Sheet, float], float]

rl_config.useA85 = 0  # binary streams: smaller by a quarter, and made many times faster than ASCII85 in Python

_LEFT, _TOP, _BOTTOM = 34.0, 26.0, HEIGHT - 36.0
_INNER = WIDTH - 2 * _LEFT
_GAP = 7.0
_SCALES = tuple(1 - step / 50 for step in range(13))
_SMALL, _NORMAL, _BOLD = Style(size=6.8, colour=GREY), Style(size=8), Style(size=8, bold=True)
_HEADING = Style(size=9.5, bold=True)
_REFERS = frozenset({Level.URGENT, Level.SOON, Level.REFER})
_LANGUAGE_TAGS = {"en": "en", "zh": "zh-Hans"}


def render(page: Page, texts: Texts) -> bytes:
    """The PDF of a page."""
    for name in (typeset.REGULAR, typeset.BOLD):
        typeset.face(name)
    sections = _sections(page, texts)
    fits = bisect_left(_SCALES, True, key=lambda scale: _height(sections, scale) <= _BOTTOM)  # noqa: FBT003  # a key
    stream = BytesIO()
    canvas = _canvas(stream, page, texts)
    _flow(Sheet(canvas, _SCALES[min(fits, len(_SCALES) - 1)]), sections, page, texts)
    canvas.save()
    return stream.getvalue()


def _canvas(stream: BytesIO, page: Page, texts: Texts) -> Canvas:
    language = _LANGUAGE_TAGS[page.language]
    canvas = Canvas(stream, pagesize=(WIDTH, HEIGHT), lang=language, invariant=1, initialFontName=typeset.REGULAR)
    canvas.setTitle(f"{texts.label('title')} · {page.stem}")
    canvas.setAuthor(texts.label("product"))
    canvas.setSubject(texts.label("research-use"))
    canvas.setCreator(texts.label("product"))
    canvas.setDateFormatter(partial(_date, page.read_at))
    return canvas


def _date(read_at: str, *_now: int) -> str:
    """PDF's date of the reading, not of the clock; the year 2000 where the reading does not say."""
    try:
        moment = datetime.fromisoformat(read_at.removesuffix(" UTC"))
    except ValueError:
        moment = datetime(2000, 1, 1)  # noqa: DTZ001  # written as UTC below
    return f"D:{moment:%Y%m%d%H%M%S}+00'00'"


def _sections(page: Page, texts: Texts) -> list[Section]:
    """What stands on the page from the top downwards; each draws from a y and gives the y below itself."""
    eye = _pair_eye if len(page.eyes) > 1 else _single_eye
    return [
        partial(_header, page, texts),
        partial(_verdicts, page),
        *(partial(eye, shown, texts) for shown in page.eyes),
        partial(_legend, page),
        partial(_advice, page, texts),
        partial(_meaning, texts),
        partial(_provenance, page, texts),
    ]


def _height(sections: Sequence[Section], scale: float) -> float:
    sheet, y = Sheet(None, scale), _TOP
    for section in sections:
        y = section(sheet, y)
    return y


def _flow(sheet: Sheet, sections: Sequence[Section], page: Page, texts: Texts) -> None:
    """Section after section, a new page before one that would not fit."""
    pages: list[list[Section]] = [[]]
    measure, y = Sheet(None, sheet.scale), _TOP
    for section in sections:
        below = section(measure, y)
        if below > _BOTTOM and pages[-1]:
            pages.append([])
            below = section(measure, _TOP)
        pages[-1].append(section)
        y = below
    for number, content in enumerate(pages, start=1):
        y = _TOP
        for section in content:
            y = section(sheet, y)
        _footer(sheet, page, texts, (number, len(pages)))
        sheet.next_page()


def _footer(sheet: Sheet, page: Page, texts: Texts, numbers: tuple[int, int]) -> None:
    y = HEIGHT - 30
    sheet.rule(_LEFT, y - 3, _INNER)
    which = texts.label("page", number=numbers[0], total=numbers[1])
    sheet.line(_LEFT, y, texts.label("research-use"), Style(size=7.5, bold=True), width=_INNER * 0.5)
    sheet.line(
        _LEFT + _INNER / 2, y, f"{page.stem} · {which}", Style(size=7, colour=GREY), width=_INNER / 2, align="right"
    )


# ---- head


def _header(page: Page, texts: Texts, sheet: Sheet, y: float) -> float:
    title = Style(size=15, bold=True)
    sheet.line(_LEFT, y, texts.label("title"), title, width=_INNER * 0.6)
    told = [f"{texts.label('patient-id')} {page.patient_id}"] if page.patient_id else []
    told += [page.read_at, texts.label("product")]
    sheet.line(_LEFT + _INNER * 0.4, y + 5, JOIN.join(told), Style(size=8.5), width=_INNER * 0.6, align="right")
    y += sheet.leading(title) + 3
    notice = Style(size=10, bold=True)
    height = sheet.leading(notice) + sheet.leading(_NORMAL) + 6
    sheet.box(_LEFT, y, _INNER, height, Frame(border=INK, line=1.2))
    sheet.line(_LEFT + 8, y + 3, texts.label("research-use"), notice, width=_INNER - 16)
    sheet.line(_LEFT + 8, y + 3 + sheet.leading(notice), texts.label("research-use-long"), _NORMAL, width=_INNER - 16)
    return y + height + _GAP


def _verdicts(page: Page, sheet: Sheet, y: float) -> float:
    """One cell an eye, the right eye at the left as the patient is faced."""
    width = (_INNER - _GAP * (len(page.eyes) - 1)) / len(page.eyes)
    cells = [(_LEFT + i * (width + _GAP), eye.verdict) for i, eye in enumerate(page.eyes)]
    measure = Sheet(None, sheet.scale)
    height = max(_verdict(verdict, x, width, measure, 0.0) for x, verdict in cells) + 5
    for x, verdict in cells:
        sheet.box(x, y, width, height, _verdict_frame(verdict.level))
        _verdict(verdict, x, width, sheet, y)
    return y + height + _GAP


def _verdict(verdict: Verdict, x: float, width: float, sheet: Sheet, y: float) -> float:
    colour = WHITE if verdict.level in _REFERS else INK
    words = Style(size=17, bold=True, colour=colour, spacing=1.2)
    y = sheet.paragraph(x + 9, y + 4, width - 18, verdict.eye, Style(size=8.5, colour=colour))
    y = sheet.paragraph(x + 9, y, width - 18, verdict.words, words)
    return sheet.paragraph(x + 9, y + 1, width - 18, JOIN.join(verdict.details), Style(size=8.5, colour=colour))


def _verdict_frame(level: Level) -> Frame:
    if level in _REFERS:
        return Frame(fill=ALARM, border=ALARM, line=1)
    if level is Level.UNREAD:
        return Frame(border=INK, line=2, dashed=True)
    if level is Level.PRESENT:
        return Frame(fill=PALE, border=INK, line=2)
    return Frame(border=RULE, line=0.8)


# ---- eyes


def _pair_eye(eye: EyePage, texts: Texts, sheet: Sheet, y: float) -> float:
    """Pictures at the left, findings beside them."""
    side = 141.0
    y = _eye_heading(eye, sheet, y)
    x = _LEFT + 2 * side + 2 * _GAP + 4
    below = [_pictures(eye, 2 * side + _GAP, side, sheet, y), _column(eye.blocks, x, _LEFT + _INNER - x, sheet, y)]
    return _quality(eye, texts, sheet, max(below) + 2)


def _single_eye(eye: EyePage, texts: Texts, sheet: Sheet, y: float) -> float:
    """Two large pictures with the findings below them in columns, or one with the findings beside it."""
    y, half = _eye_heading(eye, sheet, y), (_INNER - 18) / 2
    if len(eye.pictures) == 1:
        below = [_pictures(eye, half, half, sheet, y), _column(eye.blocks, _LEFT + half + 18, half, sheet, y)]
        return _quality(eye, texts, sheet, max(below) + 3)
    y = _pictures(eye, _INNER, 222.0, sheet, y) + 5
    middle = math.ceil(len(eye.blocks) / 2)
    columns = eye.blocks[:middle], eye.blocks[middle:]
    y = max(_column(blocks, _LEFT + i * (half + 18), half, sheet, y) for i, blocks in enumerate(columns))
    return _quality(eye, texts, sheet, y + 2)


def _pictures(eye: EyePage, width: float, height: float, sheet: Sheet, y: float) -> float:
    """Side by side, as wide as is left for each."""
    count = len(eye.pictures)
    room = (width - _GAP * (count - 1)) / count, height
    return max(_picture(p, _LEFT + i * (room[0] + _GAP), room, sheet, y) for i, p in enumerate(eye.pictures))


def _eye_heading(eye: EyePage, sheet: Sheet, y: float) -> float:
    style = Style(size=11, bold=True)
    sheet.rule(_LEFT, y, _INNER)
    y += 3
    used = sheet.line(_LEFT, y, eye.heading, style, width=_INNER / 2) + 8
    used += sheet.line(_LEFT + used, y + 2.5, eye.known_from, Style(size=7.5, colour=GREY), width=_INNER / 3) + 8
    sheet.line(_LEFT + used, y + 2.5, eye.file, Style(size=7.5, colour=GREY), width=_INNER - used, align="right")
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
    return sheet.paragraph(x, y + high + 2, width, picture.caption, _SMALL)


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
    return sheet.paragraph(x, y + 3, width, block.meaning, _NORMAL)


def _block(block: Block, x: float, width: float, sheet: Sheet, y: float) -> float:
    sheet.line(x, y, block.title, _HEADING, width=width * 0.7)
    sheet.line(
        x + width * 0.6, y + 1.5, block.certainty, Style(size=7.5, colour=GREY), width=width * 0.4, align="right"
    )
    y += sheet.leading(_HEADING) + 1
    for grade in block.grades:
        y = _grade(grade, x, width, sheet, y)
    for row in block.rows:
        y = _row(row, x, width, sheet, y)
    return sheet.paragraph(x, y, width, block.reason, Style(size=8, bold=True))


def _grade(grade: Grade, x: float, width: float, sheet: Sheet, y: float) -> float:
    """The scale as boxes, the grade's own filled; its words below."""
    side = sheet.leading(_NORMAL)
    used = sheet.line(x, y, grade.title, _BOLD, width=width / 2) + 6
    for number, step in enumerate(grade.steps):
        own = step == grade.value
        left = x + used + number * (side + 2)
        sheet.box(left, y, side, side, Frame(fill=INK if own else None, border=INK if own else RULE))
        sheet.line(left, y, step, Style(size=8, bold=own, colour=WHITE if own else GREY), width=side, align="centre")
    words = grade.words if grade.steps else f"{grade.value} {grade.words}"
    return sheet.paragraph(x, y + side + 1, width, words, _BOLD) + 2


def _row(row: Row, x: float, width: float, sheet: Sheet, y: float) -> float:
    """Marker, name, bar, probability, decision; what is present is bold and dark, in grey print too."""
    style = Style(size=8, bold=row.present)
    high = sheet.leading(style) + 1
    bar, number, decision = 34.0, 28.0, 40.0
    name = width - 10 - bar - number - decision - 8
    middle = y + high / 2
    sheet.box(x, middle - 3, 6, 6, Frame(fill=ALARM if row.present else None, border=ALARM if row.present else RULE))
    sheet.line(x + 10, y, row.title, style, width=name)
    left = x + 12 + name
    sheet.box(left, middle - 2.2, bar, 4.4, Frame(fill=PALE, border=RULE, line=0.3))
    sheet.box(left, middle - 2.2, bar * row.probability, 4.4, Frame(fill=ALARM if row.present else RULE))
    sheet.line(left + bar, y, row.shown, style, width=number, align="right")
    said = Style(size=8, bold=True, colour=ALARM) if row.present else Style(size=6.8, colour=GREY)
    sheet.line(left + bar + number + 4, y + (0 if row.present else 0.8), row.decision, said, width=decision)
    return y + high


def _quality(eye: EyePage, texts: Texts, sheet: Sheet, y: float) -> float:
    if not eye.quality:
        return y + 3
    measures = JOIN.join(words for words, _ in eye.quality)
    words = texts.label("named", name=texts.label("quality"), words=measures)
    return sheet.paragraph(_LEFT, y, _INNER, words, _SMALL) + 4


def _legend(page: Page, sheet: Sheet, y: float) -> float:
    y = sheet.paragraph(_LEFT, y, _INNER, page.one_eye, Style(size=8, bold=True))
    return sheet.paragraph(_LEFT, y, _INNER, page.legend, _SMALL) + 4


# ---- advice, meaning, provenance


def _advice(page: Page, texts: Texts, sheet: Sheet, y: float) -> float:
    sheet.rule(_LEFT, y, _INNER)
    y = sheet.paragraph(_LEFT, y + 3, _INNER, texts.label("advice"), _HEADING) + 1
    for advice in page.advice:
        y = _advice_item(advice, sheet, y) + 2
    measure = Sheet(None, sheet.scale)
    style = Style(size=8, bold=True)
    height = measure.paragraph(0, 0, _INNER - 12, texts.label("symptoms"), style) + 5
    sheet.box(_LEFT, y + 1, _INNER, height, Frame(fill=PALE, border=INK, line=0.8))
    sheet.paragraph(_LEFT + 6, y + 3, _INNER - 12, texts.label("symptoms"), style)
    return y + height + _GAP


def _advice_item(advice: Advice, sheet: Sheet, y: float) -> float:
    pill, eyes = 44.0, 46.0
    acts = advice.urgency in {Urgency.URGENT, Urgency.SOON, Urgency.REFER}
    high = sheet.leading(_BOLD)
    sheet.box(_LEFT, y, pill, high, Frame(fill=ALARM if acts else None, border=ALARM if acts else INK))
    sheet.line(
        _LEFT, y, advice.label, Style(size=8, bold=True, colour=WHITE if acts else INK), width=pill, align="centre"
    )
    sheet.line(_LEFT + pill + 5, y, advice.eyes, _BOLD, width=eyes)
    x = _LEFT + pill + eyes + 8
    words, styles = (advice.text, advice.citation), (_NORMAL, Style(size=6.5, colour=GREY))
    return sheet.paragraph_with_source(x, y, _LEFT + _INNER - x, words, styles)


def _meaning(texts: Texts, sheet: Sheet, y: float) -> float:
    y = sheet.paragraph(_LEFT, y, _INNER, texts.label("meaning"), Style(size=8, bold=True))
    words = f"{texts.label('probability-meaning')} {texts.label('no-finding-meaning')}"
    return sheet.paragraph(_LEFT, y, _INNER, words, _SMALL) + 4


def _provenance(page: Page, texts: Texts, sheet: Sheet, y: float) -> float:
    y = sheet.paragraph(_LEFT, y, _INNER, texts.label("provenance"), Style(size=8, bold=True))
    label, style = 98.0, Style(size=6.5, colour=GREY)
    for name, value in page.provenance:
        sheet.line(_LEFT, y, name, style, width=label - 4)
        y = sheet.paragraph(_LEFT + label, y, _INNER - label, value, Style(size=6.5))
    return y
