"""Lines of text in the embedded fonts."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aimis.reports import typeset
from aimis.reports.texts import LANGUAGES, core_table
from tests.unit.reports.samples import FUNDUS_TEXTS

FONTS = (typeset.REGULAR, typeset.BOLD)
any_text = st.text(st.characters(codec=None), max_size=80) | st.text("糖尿病视网膜,。《》abc /-1", max_size=80)


@pytest.mark.parametrize("font", FONTS)
def test_font_draws_every_character_of_the_texts(font: str) -> None:
    words = "".join(str(core_table(language)) for language in LANGUAGES)
    words += "".join(file.read_text(encoding="utf-8") for file in FUNDUS_TEXTS.values())
    words = "".join(c for c in words if c.isprintable())
    assert typeset.drawable(words, font) == words


@pytest.mark.parametrize("font", FONTS)
def test_font_draws_the_frequent_chinese_characters(font: str) -> None:
    cells = [bytes([row + 0xA0, cell + 0xA0]) for row in range(16, 55) for cell in range(1, 95)]
    frequent = "".join(cell.decode("gb2312") for cell in cells)
    assert typeset.drawable(frequent, font) == frequent


def test_character_that_the_font_lacks_becomes_a_square() -> None:
    assert typeset.drawable("a\N{SLICE OF PIZZA}\udcffb\n", typeset.REGULAR) == "a□□b "


@settings(deadline=None)
@example("0\xa0 0\x1b", 20.0, typeset.REGULAR)
@given(any_text, st.floats(20, 400), st.sampled_from(FONTS))
def test_lines_are_no_wider_than_asked_and_lose_nothing_but_white_space(text: str, width: float, font: str) -> None:
    lines = typeset.wrap(text, font, 8, width)
    assert all(typeset.width(line, font, 8) <= width + 1e-6 for line in lines)
    assert "".join("".join(lines).split()) == "".join(typeset.drawable(text, font).split())


def test_latin_breaks_at_spaces() -> None:
    assert typeset.wrap("diabetic retinopathy", typeset.REGULAR, 8, 50) == ("diabetic", "retinopathy")


def test_chinese_line_begins_with_no_closing_mark() -> None:
    text = "糖尿病视网膜病变、黄斑水肿。" * 6
    for width in range(24, 120, 3):
        lines = typeset.wrap(text, typeset.REGULAR, 8, width)
        assert not any(line[0] in "、。" for line in lines)


def test_word_wider_than_a_line_is_cut() -> None:
    lines = typeset.wrap("a" * 100, typeset.REGULAR, 8, 50)
    assert len(lines) > 5
    assert "".join(lines) == "a" * 100


@settings(deadline=None)
@given(any_text, st.floats(12, 300))
def test_shortened_text_fits_and_keeps_both_ends(text: str, width: float) -> None:
    short = typeset.shortened(text, typeset.REGULAR, 8, width)
    drawn = typeset.drawable(text, typeset.REGULAR)
    assert typeset.width(short, typeset.REGULAR, 8) <= width or len(short) <= 3
    if short != drawn:
        head, _, tail = short.partition("…")
        assert drawn.startswith(head)
        assert drawn.endswith(tail)
