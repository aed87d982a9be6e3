"""A sheet of A4 that is drawn on from the top downwards, in points; or only measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING

from reportlab.lib.colors import HexColor
from reportlab.lib.utils import ImageReader

from aimis.reports import typeset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = 595.28, 841.89
INK, GREY, PALE, RULE, ALARM, WHITE = "#111111", "#444444", "#f2f2f2", "#9a9a9a", "#7a1f0b", "#ffffff"


@dataclass(frozen=True, kw_only=True)
class Style:
    """How text is set: size and leading in points."""

    size: float = 8
    bold: bool = False
    colour: str = INK
    spacing: float = 1.32

    @property
    def font(self) -> str:
        """The font's name in ReportLab."""
        return typeset.BOLD if self.bold else typeset.REGULAR

    @property
    def leading(self) -> float:
        """From line to line."""
        return self.size * self.spacing


@dataclass(frozen=True, kw_only=True)
class Frame:
    """How a box is drawn: filled, bordered, dashed."""

    fill: str | None = None
    border: str | None = None
    line: float = 0.6
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Pen:
    """How a line through points is drawn: its width (0 for none), dashes and filling."""

    colour: str = INK
    line: float = 0.6
    dashes: tuple[float, ...] = ()
    closed: bool = False
    fill: str | None = None


class _Jpeg(ImageReader):  # type: ignore[misc]  # ReportLab ships no types
    """A JPEG told apart from others by its bytes; the base class decodes it for that, and holds on to the pixels."""

    _dataA = None  # no transparency  # noqa: N815  # ReportLab's name

    def __init__(self, jpeg: bytes) -> None:
        super().__init__(BytesIO(jpeg))
        del self.jpeg_fh  # a method bound to its own object: a cycle that would keep the bytes alive

    def jpeg_fh(self) -> BytesIO:
        """The bytes, to be embedded as they are."""
        return BytesIO(self.getRGBData())

    def getRGBData(self) -> bytes:  # noqa: N802  # ReportLab's name
        """What names the picture within the document."""
        content: bytes = self.fp.getvalue()
        return content


class Sheet:
    """Draws with y growing downwards; text is scaled as a whole so that a full page still fits.

    canvas : None to measure only
    """

    def __init__(self, canvas: Canvas | None, scale: float = 1.0) -> None:
        self._canvas = canvas
        self.scale = scale

    def paragraph(self, x: float, y: float, width: float, text: str, style: Style) -> float:
        """Text in lines from (x, y) downwards; the y below it."""
        style = self.scaled(style)
        lines = typeset.wrap(text, style.font, style.size, width) if text else ()
        for number, line in enumerate(lines):
            self._line(x, y + number * style.leading, line, style)
        return y + len(lines) * style.leading

    def paragraph_with_source(
        self, x: float, y: float, width: float, texts: tuple[str, str], styles: tuple[Style, Style]
    ) -> float:
        """A paragraph and its source, after its last line where that has room for it, else below; the y below both."""
        below = self.paragraph(x, y, width, texts[0], styles[0])
        own, small = (self.scaled(style) for style in styles)
        last = typeset.wrap(texts[0], own.font, own.size, width)[-1]
        used = typeset.width(last, own.font, own.size) + own.size
        source = typeset.drawable(texts[1], small.font)
        if used + typeset.width(source, small.font, small.size) > width:
            return self.paragraph(x, below, width, texts[1], styles[1])
        self._line(x + used, below - own.leading + 0.88 * (own.size - small.size), source, small)
        return below

    def line(self, x: float, y: float, text: str, style: Style, *, width: float, align: str = "left") -> float:
        """One line within a width; its own. What is too wide is set smaller, by a fifth at most, and then shortened."""
        style = self.scaled(style)
        text = typeset.drawable(text, style.font)
        wide = typeset.width(text, style.font, style.size)
        if wide > width:
            style = replace(style, size=style.size * max(0.8, width / wide))
            text = typeset.shortened(text, style.font, style.size, width)
            wide = typeset.width(text, style.font, style.size)
        shift = {"left": 0.0, "right": width - wide, "centre": (width - wide) / 2}[align]
        self._line(x + shift, y, text, style)
        return wide

    def leading(self, style: Style) -> float:
        """From line to line, as scaled."""
        return self.scaled(style).leading

    def scaled(self, style: Style) -> Style:
        """The style at this sheet's scale."""
        return replace(style, size=style.size * self.scale)

    def box(self, x: float, y: float, width: float, height: float, frame: Frame) -> None:
        """A rectangle, filled and bordered."""
        canvas = self._canvas
        if canvas is None or height <= 0:
            return
        canvas.setLineWidth(frame.line)
        canvas.setDash([4, 2.5] if frame.dashed else [])
        canvas.setFillColor(HexColor(frame.fill or WHITE))
        canvas.setStrokeColor(HexColor(frame.border or WHITE))
        canvas.rect(x, HEIGHT - y - height, width, height, stroke=int(bool(frame.border)), fill=int(bool(frame.fill)))
        canvas.setDash([])

    def rule(self, x: float, y: float, width: float) -> None:
        """A thin line across."""
        if self._canvas is not None:
            self._canvas.setLineWidth(0.5)
            self._canvas.setStrokeColor(HexColor(RULE))
            self._canvas.line(x, HEIGHT - y, x + width, HEIGHT - y)

    def path(self, points: Sequence[tuple[float, float]], pen: Pen) -> None:
        """A line through points (x, y), with the area within it where it is filled."""
        if self._canvas is None or len(points) < 2:
            return
        canvas, path = self._canvas, self._canvas.beginPath()
        path.moveTo(points[0][0], HEIGHT - points[0][1])
        for x, y in points[1:]:
            path.lineTo(x, HEIGHT - y)
        if pen.closed:
            path.close()
        canvas.setLineWidth(pen.line)
        canvas.setLineJoin(1)
        canvas.setLineCap(1)
        canvas.setDash(list(pen.dashes))
        canvas.setStrokeColor(HexColor(pen.colour))
        canvas.setFillColor(HexColor(pen.fill or WHITE))
        canvas.drawPath(path, stroke=int(pen.line > 0), fill=int(pen.fill is not None))
        canvas.setDash([])
        canvas.setLineCap(0)

    def picture(self, x: float, y: float, width: float, height: float, jpeg: bytes) -> None:
        """A JPEG, embedded as it is."""
        if self._canvas is not None:
            self._canvas.drawImage(_Jpeg(jpeg), x, HEIGHT - y - height, width, height)

    def next_page(self) -> None:
        """End this page and begin another."""
        if self._canvas is not None:
            self._canvas.showPage()

    def _line(self, x: float, y: float, text: str, style: Style) -> None:
        """The text's top at y: ascenders reach about 0.88 of the size above the base line."""
        if self._canvas is not None:
            self._canvas.setFont(style.font, style.size)
            self._canvas.setFillColor(HexColor(style.colour))
            self._canvas.drawString(x, HEIGHT - y - 0.5 * (style.leading - style.size) - 0.88 * style.size, text)
