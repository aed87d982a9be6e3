"""What the PDF of every report has: pages of A4 that are filled from the top, head, verdict, advice and foot.

What does not fit is set smaller, by a quarter at most; what still does not fit goes on to a next page, never away.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

from reportlab import rl_config
from reportlab.pdfgen.canvas import Canvas

from aimis.reports import typeset
from aimis.reports.document import JOIN, Level
from aimis.reports.sheet import ALARM, GREY, HEIGHT, INK, PALE, RULE, WHITE, WIDTH, Frame, Sheet, Style
from aimis.reports.texts import Urgency

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aimis.reports.document import Advice, Document, Row, Verdict
    from aimis.reports.texts import Texts

    Section = Callable[[Sheet, float], float]
    """Draws from a y and gives the y below itself."""

rl_config.useA85 = 0  # binary streams: smaller by a quarter, and made many times faster than ASCII85 in Python

LEFT, TOP, BOTTOM = 34.0, 26.0, HEIGHT - 36.0
INNER = WIDTH - 2 * LEFT
GAP = 7.0
SMALL, NORMAL, BOLD = Style(size=6.8, colour=GREY), Style(size=8), Style(size=8, bold=True)
HEADING = Style(size=9.5, bold=True)
_SCALES = tuple(1 - step / 50 for step in range(13))
_REFERS = frozenset({Level.URGENT, Level.SOON, Level.REFER})
_LANGUAGE_TAGS = {"en": "en", "zh": "zh-Hans"}


def render(groups: Sequence[Sequence[Section]], page: Document, texts: Texts) -> bytes:
    """The PDF of sections, each group from the top of a page of its own on unless all fit on one."""
    for name in (typeset.REGULAR, typeset.BOLD):
        typeset.face(name)
    together = [section for group in groups for section in group]
    if len(groups) == 1 or _height(together, 1.0) <= BOTTOM:
        groups = [together]
    pages = [(content, scale) for group in groups for scale in (_scale(group),) for content in _pages(group, scale)]
    stream = BytesIO()
    canvas = _canvas(stream, page, texts)
    for number, (content, scale) in enumerate(pages, start=1):
        sheet, y = Sheet(canvas, scale), TOP
        for section in content:
            y = section(sheet, y)
        _footer(sheet, page, texts, (number, len(pages)))
        sheet.next_page()
    canvas.save()
    return stream.getvalue()


def _scale(sections: Sequence[Section]) -> float:
    """The largest at which the sections fit on a page, or the smallest there is."""
    fits = bisect_left(_SCALES, True, key=lambda scale: _height(sections, scale) <= BOTTOM)  # noqa: FBT003  # a key
    return _SCALES[min(fits, len(_SCALES) - 1)]


def _height(sections: Sequence[Section], scale: float) -> float:
    sheet, y = Sheet(None, scale), TOP
    for section in sections:
        y = section(sheet, y)
    return y


def _pages(sections: Sequence[Section], scale: float) -> list[list[Section]]:
    """Section after section, a new page before one that would not fit."""
    pages: list[list[Section]] = [[]]
    measure, y = Sheet(None, scale), TOP
    for section in sections:
        below = section(measure, y)
        if below > BOTTOM and pages[-1]:
            pages.append([])
            below = section(measure, TOP)
        pages[-1].append(section)
        y = below
    return pages


def _canvas(stream: BytesIO, page: Document, texts: Texts) -> Canvas:
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


def _footer(sheet: Sheet, page: Document, texts: Texts, numbers: tuple[int, int]) -> None:
    y = HEIGHT - 30
    sheet.rule(LEFT, y - 3, INNER)
    which = texts.label("page", number=numbers[0], total=numbers[1])
    sheet.line(LEFT, y, texts.label("research-use"), Style(size=7.5, bold=True), width=INNER * 0.5)
    sheet.line(
        LEFT + INNER / 2, y, f"{page.stem} · {which}", Style(size=7, colour=GREY), width=INNER / 2, align="right"
    )


# ---- head


def header(page: Document, texts: Texts, sheet: Sheet, y: float) -> float:
    """Title, time, and that this is for research."""
    title = Style(size=15, bold=True)
    sheet.line(LEFT, y, texts.label("title"), title, width=INNER * 0.6)
    told = [f"{texts.label('patient-id')} {page.patient_id}"] if page.patient_id else []
    told += [page.read_at, texts.label("product")]
    sheet.line(LEFT + INNER * 0.4, y + 5, JOIN.join(told), Style(size=8.5), width=INNER * 0.6, align="right")
    y += sheet.leading(title) + 3
    notice = Style(size=10, bold=True)
    height = sheet.leading(notice) + sheet.leading(NORMAL) + 6
    sheet.box(LEFT, y, INNER, height, Frame(border=INK, line=1.2))
    sheet.line(LEFT + 8, y + 3, texts.label("research-use"), notice, width=INNER - 16)
    sheet.line(LEFT + 8, y + 3 + sheet.leading(notice), texts.label("research-use-long"), NORMAL, width=INNER - 16)
    return y + height + GAP


def verdicts(shown: Sequence[Verdict], sheet: Sheet, y: float) -> float:
    """One cell each; of two eyes the right one at the left as the patient is faced."""
    width = (INNER - GAP * (len(shown) - 1)) / len(shown)
    cells = [(LEFT + i * (width + GAP), verdict) for i, verdict in enumerate(shown)]
    measure = Sheet(None, sheet.scale)
    height = max(_verdict(verdict, x, width, measure, 0.0) for x, verdict in cells) + 5
    for x, verdict in cells:
        sheet.box(x, y, width, height, _verdict_frame(verdict.level))
        _verdict(verdict, x, width, sheet, y)
    return y + height + GAP


def _verdict(verdict: Verdict, x: float, width: float, sheet: Sheet, y: float) -> float:
    colour = WHITE if verdict.level in _REFERS else INK
    words = Style(size=17, bold=True, colour=colour, spacing=1.2)
    y = sheet.paragraph(x + 9, y + 4, width - 18, verdict.whose, Style(size=8.5, colour=colour))
    y = sheet.paragraph(x + 9, y, width - 18, verdict.words, words)
    return sheet.paragraph(x + 9, y + 1, width - 18, JOIN.join(verdict.details), Style(size=8.5, colour=colour))


def _verdict_frame(level: Level) -> Frame:
    if level in _REFERS:
        return Frame(fill=ALARM, border=ALARM, line=1)
    if level in {Level.UNREAD, Level.NOT_JUDGED}:
        return Frame(border=INK, line=2, dashed=True)
    if level is Level.PRESENT:
        return Frame(fill=PALE, border=INK, line=2)
    return Frame(border=RULE, line=0.8)


def row(shown: Row, x: float, width: float, sheet: Sheet, y: float) -> float:
    """Marker, name, bar, probability, decision; what is present is bold and dark, in grey print too; marks are not."""
    style = Style(size=8, bold=shown.present or shown.quiet)
    high = sheet.leading(style) + 1
    bar, number, decision = 34.0, 28.0, 40.0
    name = width - 10 - bar - number - decision - 8
    middle = y + high / 2
    sheet.box(
        x, middle - 3, 6, 6, Frame(fill=ALARM if shown.present else None, border=ALARM if shown.present else RULE)
    )
    sheet.line(x + 10, y, shown.title, style, width=name)
    left = x + 12 + name
    sheet.box(left, middle - 2.2, bar, 4.4, Frame(fill=PALE, border=RULE, line=0.3))
    sheet.box(left, middle - 2.2, bar * shown.probability, 4.4, Frame(fill=ALARM if shown.present else RULE))
    sheet.line(left + bar, y, shown.shown, style, width=number, align="right")
    said = Style(size=8, bold=True, colour=ALARM) if shown.present else Style(size=6.8, colour=GREY)
    said = Style(size=6.8, bold=True) if shown.quiet else said
    sheet.line(left + bar + number + 4, y + (0 if shown.present else 0.8), shown.decision, said, width=decision)
    return y + high


# ---- advice, meaning, provenance


def advice(page: Document, texts: Texts, sheet: Sheet, y: float) -> float:
    """What to do, and what outranks the report."""
    sheet.rule(LEFT, y, INNER)
    y = sheet.paragraph(LEFT, y + 3, INNER, texts.label("advice"), HEADING) + 1
    for advice in page.advice:
        y = _advice_item(advice, sheet, y) + 2
    measure = Sheet(None, sheet.scale)
    style = Style(size=8, bold=True)
    height = measure.paragraph(0, 0, INNER - 12, texts.label("symptoms"), style) + 5
    sheet.box(LEFT, y + 1, INNER, height, Frame(fill=PALE, border=INK, line=0.8))
    sheet.paragraph(LEFT + 6, y + 3, INNER - 12, texts.label("symptoms"), style)
    return y + height + GAP


def _advice_item(advice: Advice, sheet: Sheet, y: float) -> float:
    pill, whose = 44.0, 46.0 if advice.whose else 0.0
    acts = advice.urgency in {Urgency.URGENT, Urgency.SOON, Urgency.REFER}
    high = sheet.leading(BOLD)
    sheet.box(LEFT, y, pill, high, Frame(fill=ALARM if acts else None, border=ALARM if acts else INK))
    sheet.line(
        LEFT, y, advice.label, Style(size=8, bold=True, colour=WHITE if acts else INK), width=pill, align="centre"
    )
    sheet.line(LEFT + pill + 5, y, advice.whose, BOLD, width=whose)
    x = LEFT + pill + whose + 8
    words, styles = (advice.text, advice.citation), (NORMAL, Style(size=6.5, colour=GREY))
    return sheet.paragraph_with_source(x, y, LEFT + INNER - x, words, styles)


def meaning(texts: Texts, sheet: Sheet, y: float) -> float:
    """What a probability and the lack of a finding mean."""
    y = sheet.paragraph(LEFT, y, INNER, texts.label("meaning"), Style(size=8, bold=True))
    words = f"{texts.label('probability-meaning')} {texts.label('no-finding-meaning')}"
    return sheet.paragraph(LEFT, y, INNER, words, SMALL) + 4


def provenance(page: Document, texts: Texts, sheet: Sheet, y: float) -> float:
    """What was read, by what."""
    y = sheet.paragraph(LEFT, y, INNER, texts.label("provenance"), Style(size=8, bold=True))
    label, style = 98.0, Style(size=6.5, colour=GREY)
    for name, value in page.provenance:
        sheet.line(LEFT, y, name, style, width=label - 4)
        y = sheet.paragraph(LEFT + label, y, INNER - label, value, Style(size=6.5))
    return y
