"""The report as PDF: one page, embedded fonts, the same bytes for the same readings."""

from __future__ import annotations

import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from reportlab.pdfbase import pdfmetrics

from aimis.domain.reading import Laterality, Outcome, Status
from aimis.reports import page, pdf, typeset
from aimis.reports.case import Case, Eye
from aimis.reports.texts import LANGUAGES
from tests.unit.reports.samples import EVERYTHING, NORMAL, REFERABLE, RETINOPATHY, eye, outcome, refused, texts

pytestmark = pytest.mark.integration

R, L = Laterality.RIGHT, Laterality.LEFT
LONG = "district hospital/" + "a-folder-with-a-long-name/" * 12 + "检查编号20260131_患者_右眼_" * 4 + ".jpg"
SEVERE = {
    "diabetic-retinopathy": outcome(RETINOPATHY, *RETINOPATHY, advice=("icdr-3-refer-soon", "dme-refer"), grade=3)
}
CASES: dict[str, tuple[dict[str, Outcome], ...]] = {
    "normal": (NORMAL,),
    "referable": (REFERABLE,),
    "referable and normal": (REFERABLE, NORMAL),
    "not assessable and referable": (refused(Status.NOT_ASSESSABLE, "out-of-focus"), REFERABLE),
    "unsupported": (refused(Status.UNSUPPORTED, "not-a-fundus-photograph"),),
    "failed": (refused(Status.FAILED, "truncated"),),
    "everything in both eyes": (EVERYTHING, EVERYTHING),
    "everything in both eyes at two grades": (EVERYTHING, EVERYTHING | SEVERE),
}


def case(*eyes: dict[str, Outcome], path: str = "7.jpg") -> Case:
    sides = (R, L) if len(eyes) > 1 else (R,)
    return Case(eyes=tuple(eye(outcomes, path, side=side) for outcomes, side in zip(eyes, sides, strict=True)))


def rendered(made: Case, language: str = "en") -> bytes:
    words = texts(language)
    return pdf.render(page.compose(made, words), words)


def pages(document: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", document))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("eyes", CASES.values(), ids=CASES)
def test_report_is_one_page(eyes: tuple[dict[str, Outcome], ...], language: str) -> None:
    assert pages(rendered(case(*eyes), language)) == 1


def test_long_name_of_a_file_keeps_to_one_page() -> None:
    assert pages(rendered(case(EVERYTHING, path=LONG), "zh")) == 1


def test_what_does_not_fit_goes_on_to_a_second_page() -> None:
    many = {
        f"reader-{i}": outcome(tuple(f"finding-{i}-{j}" for j in range(30)), advice=("other-refer",)) for i in range(4)
    }
    assert pages(rendered(case(many, many))) > 1


@pytest.mark.parametrize("name", ["\N{SLICE OF PIZZA}.jpg", "a\udcff.jpg", "\u0f40\u0fb3.jpg", "\x00\x07.jpg", " "])
def test_character_outside_the_fonts_does_not_break_the_page(name: str) -> None:
    assert pages(rendered(case(NORMAL, path=name))) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_font_is_embedded(language: str) -> None:
    document = rendered(case(REFERABLE), language)
    assert b"/FontFile2" in document
    assert b"/Helvetica" not in document
    assert b"NotoSansSC" in document


@pytest.mark.parametrize("language", LANGUAGES)
def test_same_readings_give_the_same_bytes(language: str) -> None:
    assert rendered(case(REFERABLE, NORMAL), language) == rendered(case(REFERABLE, NORMAL), language)


def test_reports_made_at_once_are_the_same_as_one_after_another() -> None:
    made = [case(*eyes) for eyes in CASES.values()]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(rendered, made)) == [rendered(one) for one in made]


def test_fonts_hold_nothing_of_a_document_that_is_done() -> None:
    rendered(case(NORMAL))
    assert len(pdfmetrics.getFont(typeset.REGULAR).state) == 0


def test_document_is_dated_by_its_reading() -> None:
    assert b"D:20260131080509+00'00'" in rendered(case(NORMAL))


def test_document_of_an_odd_time_is_made_all_the_same() -> None:
    reading = eye(NORMAL).readings[0]
    object.__setattr__(reading, "read_at_utc", "yesterday")
    assert b"D:20000101000000+00'00'" in rendered(Case(eyes=(Eye(readings=(reading,)),)))


@pytest.mark.integration
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not there")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("eyes", CASES.values(), ids=CASES)
def test_page_can_be_read_as_text(eyes: tuple[dict[str, Outcome], ...], language: str, tmp_path: Path) -> None:
    made, words = case(*eyes, path=LONG), texts(language)
    file = tmp_path / "report.pdf"
    file.write_bytes(rendered(made, language))
    run = subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, check=True, encoding="utf-8")
    shown = re.sub(r"\s", "", run.stdout)
    composed = page.compose(made, words)
    expected = [words.label("research-use"), words.label("symptoms"), words.label("no-finding-meaning")]
    expected += [e.verdict.words for e in composed.eyes] + [a.text for a in composed.advice]
    expected += [block.meaning for e in composed.eyes for block in e.blocks if len(composed.eyes) == 1]
    expected += [value for _, value in composed.provenance if len(value) == 64]
    for text in expected:
        assert re.sub(r"\s", "", text) in shown
