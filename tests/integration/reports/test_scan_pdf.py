"""The report of a chest CT as files: few pages, embedded fonts, the same bytes for the same reading."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aimis.domain.scan import Change, Growth
from aimis.reports import html, scan, scan_pdf, write
from aimis.reports import pdf_parts as parts
from aimis.reports.sheet import Sheet
from aimis.reports.texts import LANGUAGES
from tests.integration.reports.test_pdf import pages
from tests.unit.reports import chests
from tests.unit.reports.chests import nodule, reading, words
from tests.unit.reports.test_scan import READINGS, composed, cut

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", READINGS)
def test_pdf_has_few_pages_with_every_font_embedded(name: str, language: str) -> None:
    document = scan_pdf.render(composed(name, language), words(language))
    assert pages(document) <= (4 if name == "fourteen nodules" else 2)
    assert b"/FontFile2" in document
    assert b"/Helvetica" not in document


def test_many_nodules_go_on_to_more_pages_and_none_leaves_its_page() -> None:
    growth = Growth(change=Change.NEW, days=200)
    told = chests.scan(*(nodule(n, growth=growth) for n in range(90)), prior=chests.series())
    page = scan.compose(reading(told), None, words())
    sections = scan_pdf._sections(page, words())
    for together in scan_pdf._packed(sections):
        measure, y = Sheet(None, 0.9), parts.TOP
        for section in together:
            y = section(measure, y)
        assert y <= parts.BOTTOM
    assert pages(scan_pdf.render(page, words())) > 5


def test_same_reading_gives_the_same_pdf_and_html() -> None:
    first, second = (composed("compared") for _ in range(2))
    assert scan_pdf.render(first, words()) == scan_pdf.render(second, words())
    assert html.render_scan(first, words()) == html.render_scan(second, words())


def test_scan_that_is_not_at_hand_is_reported_in_words() -> None:
    page = scan.compose(reading(chests.scan()), None, words())
    assert pages(scan_pdf.render(page, words())) == 1


def test_files_stand_in_the_folder_and_the_json_keeps_what_the_guidelines_say(tmp_path: Path) -> None:
    written = write.write_scan(tmp_path, READINGS["two nodules"], cut("two nodules"), words())
    assert {file.name for file in tmp_path.iterdir()} == {f.name for f in (written.json, written.html, written.pdf)}
    told = json.loads(written.json.read_text("utf-8"))
    assert told["verdicts"][0]["words"] == "2 nodules"
    assert told["guidelines"][0]["rules"][0]["text"] == "Consider PET/CT."
    assert told["readings"][0]["status"] == "read"
