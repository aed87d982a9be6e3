"""The summary for a doctor as PDF: A4, the reports' embedded fonts, as many pages as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from aimis.consult.handover.case import load_words
from aimis.reports import typeset
from aimis.web.words import words_of

if TYPE_CHECKING:
    from aimis.consult.handover.sbar import Sbar
    from aimis.web.desk import View

WIDTH_PT, HEIGHT_PT = A4
MARGIN_PT = 56.0
LINE_WIDTH_PT = WIDTH_PT - 2 * MARGIN_PT


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """Text set in one size; space_pt stands above it."""

    text: str
    bold: bool = False
    size_pt: float = 10.5
    space_pt: float = 3.0

    @property
    def font(self) -> str:
        """The name of its font."""
        return typeset.BOLD if self.bold else typeset.REGULAR


def render(story: Sbar, view: View, language: str) -> bytes:
    """The PDF."""
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=True)
    canvas.setTitle(words_of(language)("summary-title"))
    for name in (typeset.REGULAR, typeset.BOLD):
        typeset.face(name)
    _set(canvas, _paragraphs(story, view, language))
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _set(canvas: Canvas, paragraphs: Iterator[Paragraph]) -> None:
    y_pt = HEIGHT_PT - MARGIN_PT
    for paragraph in paragraphs:
        y_pt -= paragraph.space_pt
        for line in typeset.wrap(paragraph.text, paragraph.font, paragraph.size_pt, LINE_WIDTH_PT):
            y_pt -= paragraph.size_pt * 1.4
            if y_pt < MARGIN_PT:
                canvas.showPage()
                y_pt = HEIGHT_PT - MARGIN_PT - paragraph.size_pt * 1.4
            canvas.setFont(paragraph.font, paragraph.size_pt)
            canvas.drawString(MARGIN_PT, y_pt, line)


def _paragraphs(story: Sbar, view: View, language: str) -> Iterator[Paragraph]:
    words, medical = words_of(language), load_words(language)
    yield Paragraph(text=words("summary-title"), bold=True, size_pt=16, space_pt=0)
    about = f"{view.kept.touched_at:%Y-%m-%d %H:%M} UTC, {view.consultation.knowledge}"
    yield Paragraph(text=f"{about} {view.consultation.knowledge_version}, {view.kept.id}", size_pt=8)
    for heading, lines in (
        ("situation", story.situation),
        ("background", story.background),
        ("assessment", story.assessment),
        ("recommendation", story.recommendation),
    ):
        yield Paragraph(text=medical[heading], bold=True, size_pt=12, space_pt=10)
        yield from (Paragraph(text=line) for line in lines)
    yield Paragraph(text=words("summary-asked"), bold=True, size_pt=12, space_pt=10)
    for question, answer in story.asked:
        yield Paragraph(text=question)
        yield Paragraph(text=answer, bold=True, space_pt=0)
