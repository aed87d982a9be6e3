"""The report as HTML: one file, safe, accessible."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from aimis.domain.reading import Laterality, Outcome, Status
from aimis.reports import html, page, sheet
from aimis.reports.case import Case
from aimis.reports.texts import LANGUAGES
from tests.unit.reports.samples import EVERYTHING, FUNDUS, NORMAL, REFERABLE, RETINOPATHY, eye, refused, texts

R, L = Laterality.RIGHT, Laterality.LEFT
VOID = {"meta", "img", "link", "br", "hr", "input"}


class Parsed(HTMLParser):
    """Tags, attributes and words of a page; fails on tags that do not match."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words += data

    def attributes(self, name: str) -> list[str | None]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]


def rendered(*eyes: dict[str, Outcome], language: str = "en", path: str = "7.jpg") -> str:
    sides = (R, L) if len(eyes) > 1 else (R,)
    made = tuple(eye(outcomes, path, side=side) for outcomes, side in zip(eyes, sides, strict=True))
    words = texts(language)
    return html.render(page.compose(Case(eyes=made), words), words)


@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("zh", "zh-Hans")])
def test_page_says_its_language(language: str, tag: str) -> None:
    assert Parsed(rendered(NORMAL, language=language)).tags[0] == ("html", {"lang": tag})


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_needs_no_script_and_nothing_from_outside(language: str) -> None:
    parsed = Parsed(rendered(EVERYTHING, refused(Status.FAILED, "truncated"), language=language))
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in parsed.tags}
    assert all(str(source).startswith("data:image/jpeg;base64,") for source in parsed.attributes("src"))
    assert parsed.attributes("href") == []
    assert not any(name.startswith("on") for _, attributes in parsed.tags for name in attributes)
    assert "url(" not in rendered(NORMAL)


def test_every_picture_is_described() -> None:
    pictures = [attributes for tag, attributes in Parsed(rendered(REFERABLE, NORMAL)).tags if tag == "img"]
    assert len(pictures) == 3
    assert all(len(str(attributes["alt"])) > 20 for attributes in pictures)


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_says_all_that_is_found_and_what_to_do(language: str) -> None:
    words, shown = texts(language), Parsed(rendered(EVERYTHING, NORMAL, language=language)).words
    for name in (*RETINOPATHY, *FUNDUS):
        assert words.finding(name).title in shown
    for code in ("icdr-4-refer-urgent", "dme-refer", "icdr-0-rescreen"):
        assert words.advice(code).text in shown
        assert words.advice(code).citation in shown
    for label in ("research-use", "symptoms", "probability-meaning", "provenance"):
        assert words.label(label) in shown
    assert words.label("overlay-legend", core=25, wide=50) in shown
    assert words.word("verdict", "urgent") in shown
    assert words.word("verdict", "none") in shown


def test_name_of_a_file_is_text_and_never_markup() -> None:
    markup = rendered(NORMAL, path='<script>alert("x")</script>&.jpg')
    assert "<script" not in markup
    assert "&lt;script&gt;" in markup


def test_name_that_is_no_unicode_does_not_stop_the_page() -> None:
    assert rendered(NORMAL, path="a\udcff.jpg").encode()


def test_same_readings_give_the_same_page() -> None:
    assert rendered(EVERYTHING, NORMAL) == rendered(EVERYTHING, NORMAL)


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        (sheet.GREY, sheet.WHITE),
        (sheet.GREY, sheet.PALE),
        (sheet.INK, sheet.PALE),
        (sheet.WHITE, sheet.ALARM),
        (sheet.ALARM, sheet.WHITE),
    ],
)
def test_colours_of_text_stand_out_from_their_ground(ink: str, ground: str) -> None:
    light, dark = sorted((luminance(ink), luminance(ground)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 7  # WCAG 2.2, 1.4.6


def test_html_and_pdf_use_the_same_colours() -> None:
    style = rendered(NORMAL)
    named = dict(re.findall(r"--(\w+):(#\w+)", style))
    same = {"ink": sheet.INK, "grey": sheet.GREY, "pale": sheet.PALE, "rule": sheet.RULE, "alarm": sheet.ALARM}
    assert named == same
