"""The report as one HTML file: no script, nothing fetched, printable on A4."""

from __future__ import annotations

import base64
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import jinja2

from aimis.reports.document import JOIN, Level
from aimis.reports.examination import PARIS, ROWS_OF

if TYPE_CHECKING:
    from aimis.reports.document import Document
    from aimis.reports.examination import ExaminationPage
    from aimis.reports.page import Page
    from aimis.reports.scan import ScanPage
    from aimis.reports.texts import Texts

_LANGUAGE_TAGS = {"en": "en", "zh": "zh-Hans"}


def render(page: Page, texts: Texts) -> str:
    """The HTML of the page of an eye or a pair."""
    # without the pixels, which the cycles among the template's own objects would keep alive
    shown = replace(page, eyes=tuple(replace(eye, drawn=None) for eye in page.eyes))
    return _markup("page.html.j2", shown, texts, verdicts=[eye.verdict for eye in page.eyes])


def render_examination(page: ExaminationPage, texts: Texts) -> str:
    """The HTML of an examination's report."""
    shown = replace(page, key_frames=tuple(replace(frame, rgb=None) for frame in page.key_frames))
    widths = [count for count in ROWS_OF.get(len(page.key_frames), ()) for _ in range(count)] or [3] * 99
    return _markup("examination.html.j2", shown, texts, verdicts=[page.verdict], widths=widths, paris=PARIS)


def render_scan(page: ScanPage, texts: Texts) -> str:
    """The HTML of the report of a CT."""
    return _markup("scan.html.j2", page, texts, verdicts=[page.verdict])


def _markup(template: str, page: Document, texts: Texts, **more: Any) -> str:
    language = _LANGUAGE_TAGS[page.language]
    markup = _environment().get_template(template)
    shown = markup.render(page=page, label=texts.label, language=language, level=Level, join=JOIN, **more)
    return shown.encode(errors="replace").decode()  # a file name that is no Unicode must not stop the report


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("aimis.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")
    return environment
