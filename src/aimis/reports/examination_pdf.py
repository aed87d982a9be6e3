"""The report of an examination as PDF: what to look at on the first page, what to know of it on the second."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reportlab.lib.colors import toColor

from aimis.reports import pdf_parts as parts
from aimis.reports.document import JOIN
from aimis.reports.examination import PARIS, ROWS_OF
from aimis.reports.sheet import ALARM, GREY, INK, PALE, RULE, WHITE, Frame, Pen, Sheet, Style
from aimis.reports.timeline import Seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimis.reports.examination import ExaminationPage, KeyFrame, Place, Unjudged
    from aimis.reports.texts import Texts
    from aimis.reports.timeline import Lane, Stretch, Timeline

DASHES = ((), (5.0, 3.5), (0.4, 3.0))
"""Of the lines round lesions, in points, by pattern."""

_SMALL_BOLD = Style(size=7.5, bold=True)
_CAPTION_LINES = 3
_TIME_LABEL = 92.0
_FILLS = {Seen.JUDGED: RULE, Seen.ELSEWHERE: WHITE, Seen.UNJUDGED: INK}


def render(page: ExaminationPage, texts: Texts) -> bytes:
    """The PDF of a page."""
    first = [
        partial(parts.header, page, texts),
        partial(_head, page),
        partial(_findings, page, texts),
        partial(_key_frames, page, texts),
    ]
    second = [
        partial(_timeline, page, texts),
        partial(_followed, page, texts),
        partial(_unjudged, page, texts),
        partial(_stations, page, texts),
        *([partial(_fields, texts)] if page.rows else []),
        partial(parts.advice, page, texts),
        partial(parts.meaning, texts),
        partial(parts.provenance, page, texts),
    ]
    return parts.render([first, second], page, texts)


# ---- head


def _head(page: ExaminationPage, sheet: Sheet, y: float) -> float:
    y = parts.verdicts([page.verdict], sheet, y) - 2
    style = Style(size=7.5, colour=GREY)
    sheet.line(parts.LEFT + parts.INNER * 0.76, y, page.file, style, width=parts.INNER * 0.24, align="right")
    below = sheet.paragraph(parts.LEFT, y, parts.INNER * 0.75, JOIN.join(page.judged), _SMALL_BOLD)
    return max(below, y + sheet.leading(style)) + 4


def _findings(page: ExaminationPage, texts: Texts, sheet: Sheet, y: float) -> float:
    if not page.rows:
        return y
    wide = parts.INNER * 0.52
    title = f"{texts.label('findings')}{JOIN}{page.certainty}" if page.certainty else texts.label("findings")
    sheet.rule(parts.LEFT, y, parts.INNER)
    sheet.line(parts.LEFT, y + 3, title, parts.HEADING, width=parts.INNER)
    y += sheet.leading(parts.HEADING) + 4
    for row in page.rows:
        left, room = parts.LEFT + wide + 12, parts.INNER - wide - 12
        sheet.line(left, y + 1, row.where, Style(size=7, colour=INK if row.present or row.quiet else GREY), width=room)
        y = parts.row(row, parts.LEFT, wide, sheet, y)
    return sheet.paragraph(parts.LEFT, y + 1, parts.INNER, page.limited, parts.BOLD) + 4


# ---- key frames


def _key_frames(page: ExaminationPage, texts: Texts, sheet: Sheet, y: float) -> float:
    """Row by row, as large as the rest of the page takes."""
    sheet.rule(parts.LEFT, y, parts.INNER)
    y = sheet.paragraph(parts.LEFT, y + 3, parts.INNER, page.key_frames_title, parts.HEADING) + 2
    if not page.key_frames:
        return sheet.paragraph(parts.LEFT, y, parts.INNER, texts.label("no-key-frames"), parts.NORMAL) + 4
    measure = Sheet(None, sheet.scale)
    room = parts.BOTTOM - y - _legend(page, texts, measure, 0.0)
    rows = _in_rows(page.key_frames)
    captions = len(rows) * (_CAPTION_LINES * sheet.leading(_SMALL_BOLD) + 6)
    natural = [_row_height(row) for row in rows]
    shrink = min(1.0, max(0.4, (room - captions) / sum(natural)))
    for row, height in zip(rows, natural, strict=True):
        y = _row_of_frames(row, height * shrink, sheet, y)
    return _legend(page, texts, sheet, y)


def _in_rows(frames: Sequence[KeyFrame]) -> list[Sequence[KeyFrame]]:
    rows, start = [], 0
    for count in ROWS_OF.get(len(frames), (len(frames),)):
        rows.append(frames[start : start + count])
        start += count
    return rows


def _column_width(count: int) -> float:
    return (parts.INNER - parts.GAP * (count - 1)) / count


def _row_height(row: Sequence[KeyFrame]) -> float:
    """Of the highest picture at the columns' full width, never more than half the page's width."""
    width = min(_column_width(len(row)), parts.INNER * 0.75)
    return max(min(width * frame.full_size_px[1] / frame.full_size_px[0], width) for frame in row)


def _row_of_frames(row: Sequence[KeyFrame], height: float, sheet: Sheet, y: float) -> float:
    width = _column_width(len(row))
    for number, frame in enumerate(row):
        x = parts.LEFT + number * (width + parts.GAP)
        _frame(frame, (x, y), (width, height), sheet)
        _caption(frame, (x, y + height + 2), width, sheet)
    return y + height + _CAPTION_LINES * sheet.leading(_SMALL_BOLD) + 6


def _frame(frame: KeyFrame, at: tuple[float, float], room: tuple[float, float], sheet: Sheet) -> None:
    """The picture at the left of its room with its lines, or a box with its place where it is not at hand."""
    if frame.jpeg is None:
        sheet.box(*at, *room, Frame(border=RULE, fill=PALE))
        sheet.line(at[0], at[1] + room[1] / 2 - 5, frame.place, parts.BOLD, width=room[0], align="centre")
        return
    scale = min(room[0] / frame.full_size_px[0], room[1] / frame.full_size_px[1])
    sheet.picture(*at, frame.full_size_px[0] * scale, frame.full_size_px[1] * scale, frame.jpeg)
    for line in frame.lines:
        points = [(at[0] + x * scale, at[1] + y * scale) for x, y in line.points]
        dashes = DASHES[line.pattern]
        sheet.path(points, Pen(colour="#000000", line=2.2, dashes=dashes, closed=True))
        sheet.path(points, Pen(colour=WHITE, line=1.0, dashes=dashes, closed=True))


def _caption(frame: KeyFrame, at: tuple[float, float], width: float, sheet: Sheet) -> None:
    high, grey = sheet.leading(_SMALL_BOLD), Style(size=7, colour=GREY)
    sheet.line(*at, f"{frame.number}  {frame.place}", _SMALL_BOLD, width=width)
    style = Style(size=7.5, colour=ALARM if frame.alarms else INK, bold=True) if frame.look else grey
    sheet.line(at[0], at[1] + high, frame.found, style, width=width)
    sheet.line(at[0], at[1] + 2 * high, frame.seen, grey, width=width)


def _legend(page: ExaminationPage, texts: Texts, sheet: Sheet, y: float) -> float:
    if not page.patterns:
        return y
    x = parts.LEFT
    for pattern, title in page.patterns:
        middle = y + sheet.leading(parts.SMALL) / 2
        for colour, line in (("#000000", 3.0), (WHITE, 1.0)):
            sheet.path([(x, middle), (x + 22, middle)], Pen(colour=colour, line=line, dashes=DASHES[pattern]))
        x += 27 + sheet.line(x + 26, y, title, parts.SMALL, width=parts.INNER / 3) + 12
    left = parts.INNER - (x - parts.LEFT)
    return sheet.paragraph(x, y, left, texts.label("outline-legend"), parts.SMALL) + 4


# ---- timeline


def _timeline(page: ExaminationPage, texts: Texts, sheet: Sheet, y: float) -> float:
    shown = page.timeline
    if shown is None:
        return y
    y = sheet.paragraph(parts.LEFT, y, parts.INNER, texts.label("timeline"), parts.HEADING) + 2
    y = _marks(shown, sheet, y)
    for lane in shown.lanes:
        y = _lane(lane, shown, sheet, y)
    y = _stretches(shown.stretches, texts, sheet, y)
    for place, words in shown.ticks:
        sheet.line(_at(place) - 20, y + 1, words, Style(size=6.5, colour=GREY), width=40, align="centre")
    y += sheet.leading(parts.SMALL) + 3
    return sheet.paragraph(parts.LEFT, y, parts.INNER, texts.label("timeline-legend"), parts.SMALL) + parts.GAP


def _at(place: float) -> float:
    return parts.LEFT + _TIME_LABEL + place * (parts.INNER - _TIME_LABEL)


def _marks(shown: Timeline, sheet: Sheet, y: float) -> float:
    """Numbers of key frames above the lanes."""
    for mark in shown.marks:
        sheet.line(_at(mark.shown_at) - 8, y, str(mark.number), _SMALL_BOLD, width=16, align="centre")
    return y + sheet.leading(_SMALL_BOLD) + 1


def _lane(lane: Lane, shown: Timeline, sheet: Sheet, y: float) -> float:
    high, bottom = 27.0, y + 27.0
    style = Style(size=7.5, bold=lane.present)
    sheet.paragraph(parts.LEFT, y + 6, _TIME_LABEL - 6, lane.title, style)
    sheet.box(_at(0), y, _at(1) - _at(0), high, Frame(fill=PALE, border=RULE, line=0.3))
    for mark in shown.marks:
        sheet.path([(_at(mark.place), y), (_at(mark.place), bottom)], Pen(colour=RULE, line=0.4, dashes=(1.0, 1.5)))
    colour = ALARM if lane.present else GREY
    for run in lane.runs:
        points = [(_at(place), bottom - height * (high - 1)) for place, height in run]
        floor = [(points[0][0], bottom), *points, (points[-1][0], bottom)]
        sheet.path(floor, Pen(colour=colour, line=0, closed=True, fill=_faint(colour)))
        sheet.path(points, Pen(colour=colour, line=0.8))
    for start, end in lane.tracks:
        sheet.box(_at(start), bottom + 1, max(1.5, _at(end) - _at(start)), 3, Frame(fill=colour))
    return bottom + 7


def _faint(colour: str) -> str:
    """The colour a third as strong on white."""
    mixed = [round(255 * (1 - (1 - part) / 3)) for part in toColor(colour).rgb()]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def _stretches(stretches: Sequence[Stretch], texts: Texts, sheet: Sheet, y: float) -> float:
    high = sheet.leading(parts.SMALL) + 1
    sheet.line(parts.LEFT, y, texts.label("seen-row"), Style(size=7.5), width=_TIME_LABEL - 6)
    for stretch in stretches:
        wide = _at(stretch.end) - _at(stretch.start)
        sheet.box(_at(stretch.start), y, wide, high, Frame(fill=_FILLS[stretch.seen]))
        if wide > 34:
            sheet.line(_at(stretch.start) + 2, y + 0.5, stretch.words, Style(size=6.5), width=wide - 4, align="centre")
    sheet.path([(_at(0), y), (_at(1), y), (_at(1), y + high), (_at(0), y + high)], Pen(line=0.4, closed=True))
    return y + high


def _followed(page: ExaminationPage, texts: Texts, sheet: Sheet, y: float) -> float:
    if not page.followed:
        return y
    y = sheet.paragraph(parts.LEFT, y, parts.INNER, texts.label("followed"), parts.HEADING) + 1
    for lesion in page.followed:
        key = texts.label("key-frame", number=lesion.key) if lesion.key else ""
        words = JOIN.join(filter(None, (f"{lesion.title} {lesion.probability}", key)))
        sheet.line(parts.LEFT, y, lesion.span, parts.BOLD, width=_TIME_LABEL - 4)
        y = sheet.paragraph(parts.LEFT + _TIME_LABEL, y, parts.INNER - _TIME_LABEL, words, parts.NORMAL)
    return y + parts.GAP


# ---- what was not judged, stations, fields


def _unjudged(page: ExaminationPage, texts: Texts, sheet: Sheet, y: float) -> float:
    if not page.judged:
        return y
    sheet.rule(parts.LEFT, y, parts.INNER)
    y = sheet.paragraph(parts.LEFT, y + 3, parts.INNER, texts.label("unjudged-heading"), parts.HEADING) + 1
    if not page.unjudged:
        y = sheet.paragraph(parts.LEFT, y, parts.INNER, texts.label("all-judged"), parts.NORMAL)
    for group in page.unjudged:
        y = _group(group, sheet, y)
    return y + parts.GAP


def _group(group: Unjudged, sheet: Sheet, y: float) -> float:
    """Count and share, status and reason, where."""
    sheet.line(parts.LEFT, y, str(group.frames), parts.BOLD, width=26, align="right")
    sheet.line(parts.LEFT + 30, y, f"{group.share} %", parts.NORMAL, width=30)
    words = JOIN.join(filter(None, (group.status, group.reason)))
    left, wide = parts.LEFT + 62, parts.INNER * 0.5 - 30
    right = left + wide + 8
    below = sheet.paragraph(left, y, wide, words, parts.NORMAL)
    return max(below, sheet.paragraph(right, y, parts.LEFT + parts.INNER - right, group.where, parts.SMALL)) + 1


def _stations(page: ExaminationPage, texts: Texts, sheet: Sheet, y: float) -> float:
    if not (page.photographed or page.missing):
        return y
    sheet.rule(parts.LEFT, y, parts.INNER)
    y = sheet.paragraph(parts.LEFT, y + 3, parts.INNER, texts.label("stations"), parts.HEADING) + 1
    for label, places, style in (
        ("photographed", page.photographed, parts.NORMAL),
        ("missing", page.missing, parts.BOLD),
    ):
        words = JOIN.join(_place(place, texts) for place in places) or texts.label("none")
        sheet.line(parts.LEFT, y, texts.label(label), Style(size=8, colour=GREY), width=_TIME_LABEL - 6)
        y = sheet.paragraph(parts.LEFT + _TIME_LABEL, y, parts.INNER - _TIME_LABEL, words, style) + 1
    return sheet.paragraph(parts.LEFT, y, parts.INNER, texts.label("stations-note"), parts.SMALL) + parts.GAP


def _place(place: Place, texts: Texts) -> str:
    words = f"{place.name} {place.frames}" if place.frames else place.name
    return texts.label("parenthesis", words=words, aside=place.lists) if place.lists else words


def _fields(texts: Texts, sheet: Sheet, y: float) -> float:
    """Ruled boxes: Prague C and M, Paris, biopsies, who and when."""
    height = sheet.leading(parts.HEADING) + 3 * sheet.leading(parts.BOLD) + 37
    sheet.box(parts.LEFT, y, parts.INNER, height, Frame(border=INK, line=0.8))
    x, y_in = parts.LEFT + 8, y + 4
    used = sheet.line(x, y_in, texts.label("to-fill-in"), parts.HEADING, width=parts.INNER / 2) + 10
    sheet.line(x + used, y_in + 2, texts.label("to-fill-in-note"), parts.SMALL, width=parts.INNER - used - 20)
    y_in += sheet.leading(parts.HEADING) + 5
    _prague(texts, sheet, y_in)
    _paris(texts, sheet, y_in)
    y_in += 2 * sheet.leading(parts.BOLD) + 11
    for label, left, wide in (("biopsies", x, parts.INNER * 0.52), ("endoscopist", x + parts.INNER * 0.55, 227.0)):
        said = sheet.line(left, y_in, texts.label(label), parts.BOLD, width=wide / 2) + 6
        sheet.rule(left + said, y_in + sheet.leading(parts.BOLD), wide - said)
    return y + height + parts.GAP


def _prague(texts: Texts, sheet: Sheet, y: float) -> None:
    x = parts.LEFT + 8
    x += sheet.line(x, y, texts.label("prague"), parts.BOLD, width=96) + 6
    for letter in "CM":
        x += sheet.line(x, y, letter, parts.BOLD, width=10) + 3
        sheet.box(x, y - 2, 26, sheet.leading(parts.BOLD) + 4, Frame(border=INK, line=0.6))
        x += 28 + sheet.line(x + 28, y, texts.label("centimetres"), parts.SMALL, width=20) + 6


def _paris(texts: Texts, sheet: Sheet, y: float) -> None:
    x, side = parts.LEFT + parts.INNER * 0.5, sheet.leading(parts.NORMAL)
    x += sheet.line(x, y, texts.label("paris"), parts.BOLD, width=40) + 8
    for kind in PARIS:
        sheet.box(x, y + 0.5, side - 2, side - 2, Frame(border=INK, line=0.6))
        x += side + 1
        x += sheet.line(x, y, kind, parts.NORMAL, width=30) + 7
