"""The report as one HTML file: no script, nothing fetched, printable on one page of A4."""

from __future__ import annotations

import base64
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import jinja2

from aimis.reports.page import JOIN, Level

if TYPE_CHECKING:
    from aimis.reports.page import Page
    from aimis.reports.texts import Texts

_LANGUAGE_TAGS = {"en": "en", "zh": "zh-Hans"}


def render(page: Page, texts: Texts) -> str:
    """The HTML of a page."""
    language = _LANGUAGE_TAGS[page.language]
    # without the pixels, which the cycles among the template's own objects would keep alive
    shown = replace(page, eyes=tuple(replace(eye, drawn=None) for eye in page.eyes))
    markup = _template().render(page=shown, label=texts.label, language=language, level=Level, join=JOIN)
    return markup.encode(errors="replace").decode()  # a file name that is no Unicode must not stop the report


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("aimis.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")
    return environment.get_template("page.html.j2")
