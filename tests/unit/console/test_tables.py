"""The terminal's tables say everything that a reading says, in both languages."""

from __future__ import annotations

import io
import re
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from aimis import doctor
from aimis.console import tables, words
from aimis.domain.reading import (
    Classification,
    Finding,
    Laterality,
    LateralitySource,
    Outcome,
    Reading,
    Reason,
    Source,
    Status,
)
from aimis.pipeline.tally import Tally
from aimis.reports.texts import CHEST, LANGUAGES, core_table
from tests.fakes.redness import identity

words_of = cache(words.load_words)

LABEL = re.compile(r"label\(([^()]*)")
KEY = re.compile(r"[\"']([a-z]+(?:-[a-z]+)+|probability|certainty|reader|reason|advice|frame)[\"']")

READ = Reading(
    source=Source(
        path="eyes/one.jpg",
        sha256="ab" * 32,
        size_px=(2000, 1500),
        laterality=Laterality.RIGHT,
        laterality_source=LateralitySource.DICOM,
    ),
    identity=identity("fundus"),
    outcome=Outcome(
        status=Status.READ,
        findings=(
            Finding(name="glaucoma", probability=0.934, present=True),
            Finding(name="cataract", probability=0.021, present=False),
        ),
        classifications=(Classification(key="icdr_grade", value=2),),
        certainty=0.87,
        reason=Reason.of("pixels-missing"),
    ),
    seconds=0.0432,
    read_at_utc="2026-01-02T03:04:05+00:00",
)
DARK = replace(READ, outcome=Outcome(status=Status.NOT_ASSESSABLE, reason=Reason.of("too-dark")))


def printed(renderable: object, width: int = 100) -> str:
    stream = io.StringIO()
    console = tables.PlainConsole(stream)
    console.width = width
    console.print(renderable)
    return stream.getvalue()


@pytest.mark.parametrize("language", LANGUAGES)
def test_photograph_shows_file_eye_findings_grade_certainty_limit_and_time(language: str) -> None:
    texts = words_of(language)
    text = printed(tables.photograph([READ], texts))
    said = ["eyes/one.jpg", texts.laterality(Laterality.RIGHT), "2000 × 1500", "0.043", "glaucoma", "0.934", "0.021"]
    said += [texts.label("cli-yes"), texts.label("cli-no"), "0.87", texts.reason(Reason.of("pixels-missing"))]
    for part in said:
        assert part in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_photograph_that_was_not_read_shows_its_status_and_reason(language: str) -> None:
    texts = words_of(language)
    text = printed(tables.photograph([DARK], texts))
    assert texts.status(Status.NOT_ASSESSABLE).title in text
    assert texts.reason(Reason.of("too-dark")) in text
    assert texts.label("cli-finding") not in text


def test_row_names_what_is_present_and_leaves_out_what_is_not() -> None:
    text = printed(tables.overview_row([READ], words_of("en"), 100))
    assert "glaucoma 0.93" in text
    assert "cataract" not in text


def test_row_says_so_where_nothing_is_present() -> None:
    nothing = Finding(name="cataract", probability=0.021, present=False)
    calm = replace(READ, outcome=Outcome(status=Status.READ, findings=(nothing,)))
    assert "No finding above the operating point" in printed(tables.overview_row([calm], words_of("en"), 120))


def test_row_says_once_why_no_reader_could_read_it() -> None:
    texts = words_of("en")
    same = printed(tables.overview_row([DARK, DARK], texts, 200), 200)
    one = printed(tables.overview_row([READ, DARK], texts, 200), 200)
    assert same.count("too dark") == one.count("too dark") == 1
    assert "glaucoma 0.93" in one


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [60, 100])
def test_no_word_is_cut_off_however_narrow_the_terminal(language: str, width: int) -> None:
    texts = words_of(language)
    reason = Reason.of("not-certain")
    unsure = replace(READ, outcome=Outcome(status=Status.NOT_ASSESSABLE, reason=reason))
    for table in (tables.overview_row([READ, unsure], texts, width), tables.photograph([READ, unsure], texts)):
        text = printed(table, width)
        assert "…" not in text.replace(".jpg", "")
        assert set(texts.reason(reason)) <= set(text) | {" "}
        assert max(map(cell_len, text.splitlines())) <= width


def test_names_are_shown_as_they_are_and_not_as_markup() -> None:
    odd = replace(READ, source=replace(READ.source, path="[red]x[/red] :eye: \udcff.jpg"))
    assert "[red]x[/red] :eye: ?.jpg" in printed(tables.photograph([odd], words_of("en")))


@given(name=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z", "M"]), max_size=60))
def test_every_row_keeps_the_end_of_the_name_within_the_width(name: str) -> None:
    row = replace(READ, source=replace(READ.source, path=f"{name}.jpg"))
    lines = printed(tables.overview_row([row], words_of("en"), 80), 80).splitlines()
    assert ".jpg" in lines[0]
    assert all(cell_len(line) <= 80 for line in lines)


def test_summary_counts_statuses_and_findings() -> None:
    tally = Tally(items=3, recalled=1)
    tally.pictures.update({Status.READ: 2, Status.FAILED: 1})
    tally.present.update({"glaucoma": 2})
    text = printed(tables.summary(tally, 1.5, words_of("en")))
    for part in ("3 images", "1.5 s", "2.0 images/s", "2 × Read", "1 × Could not be read", "1 taken from", "glaucoma"):
        assert part in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_that_the_terminal_uses_is_there(language: str) -> None:
    own = tomllib.loads(words.OWN_FILES[language].read_text(encoding="utf-8"))["labels"]
    live = Path(words.__file__).parents[1] / "live" / "text" / f"{language}.toml"
    of_live = tomllib.loads(live.read_text(encoding="utf-8"))["labels"]
    core = core_table(language)
    known = own.keys() | of_live.keys() | core["labels"].keys() | core["subject"][CHEST]["labels"].keys()
    sources = [path.read_text(encoding="utf-8") for path in Path(words.__file__).parent.glob("*.py")]
    used = {key for source in sources for call in LABEL.findall(source) for key in KEY.findall(call)}
    assert len(used) > 20
    assert used - known == set()


def test_every_word_of_the_terminal_stands_in_every_language() -> None:
    catalogues = [tomllib.loads(file.read_text(encoding="utf-8"))["labels"] for file in words.OWN_FILES.values()]
    assert all(c.keys() == catalogues[0].keys() for c in catalogues)
    assert all(key.startswith("cli-") for key in catalogues[0])
    for key in catalogues[0]:
        placeholders = {frozenset(part.split("}")[0] for part in c[key].split("{")[1:]) for c in catalogues}
        assert len(placeholders) == 1, key


def test_every_phrase_that_the_doctor_mends_with_is_in_the_phrase_book() -> None:
    source = Path(doctor.__file__).read_text(encoding="utf-8")
    mends = re.findall(r'mend ?= ?f?"([^"]+)"', source)
    say = words.load_phrases("zh")
    assert len(mends) > 5
    for mend in mends:
        assert say(re.sub(r"\{[^}]+\}", "N", mend)) != mend, mend


def test_phrase_book_leaves_english_and_what_it_does_not_know_alone() -> None:
    text = "2 of 4 may be used; the disk is made of cheese"
    assert words.load_phrases("en")(text) == text
    assert words.load_phrases("zh")(text) == "可用 2 个（共 4 个）; the disk is made of cheese"
