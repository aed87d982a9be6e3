"""The eye is taken from a file's name only where the name says it plainly."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain.reading import Laterality
from aimis.imaging.laterality import laterality_of_name

WORDS = {
    Laterality.LEFT: ["left", "Left", "LEFT", "OS", "os", "左眼", "左", "\uff2f\uff33"],
    Laterality.RIGHT: ["right", "Right", "RIGHT", "OD", "od", "右眼", "右", "\uff2f\uff24"],
}
SIDES = [(side, word) for side, words in WORDS.items() for word in words]
SEPARATORS = st.sampled_from(["_", "-", " ", ".", "(", ")", "__", "+"])
NUMBERS = st.integers(0, 99999).map(str)
SUFFIXES = st.sampled_from([".jpg", ".png", ".DCM", ".tiff", ""])
PLAIN_WORDS = st.sampled_from(["lesion", "retina", "olds", "fundus", "img", "modal", "rod", "cleft", "bright"])


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("10003_left.jpg", Laterality.LEFT),
        ("OD_x.png", Laterality.RIGHT),
        ("IMG-OS-2.jpg", Laterality.LEFT),
        ("patient7_R.jpg", Laterality.RIGHT),
        ("patient7_L (1).jpg", Laterality.LEFT),
        ("R.jpg", Laterality.RIGHT),
        ("L_0012.jpg", Laterality.LEFT),
        ("张三左眼.jpg", Laterality.LEFT),
        ("右眼底照片2.png", Laterality.RIGHT),
        ("OD1.png", Laterality.RIGHT),
        ("12OS.png", Laterality.LEFT),
        ("left eye.jpeg", Laterality.LEFT),
        ("folder.zip/right/77_os.webp", Laterality.LEFT),
        ("C:\\photos\\right\\77_left.bmp", Laterality.LEFT),
        ("lesion.jpg", None),
        ("girl.jpg", None),
        ("cleft.jpg", None),
        ("leftover.jpg", None),
        ("bright.jpg", None),
        ("model.jpg", None),
        ("macOS.jpg", None),
        ("code.png", None),
        ("a7l.jpg", None),
        ("L_Smith.jpg", None),
        ("R_Kumar_fundus.jpg", None),
        ("左右眼.jpg", None),
        ("双眼_左.jpg", None),
        ("左明.jpg", None),
        ("OU_left.jpg", None),
        ("left/77.jpg", None),
        ("right", Laterality.RIGHT),
        ("", None),
        ("...", None),
    ],
)
def test_name_says_its_eye_or_nothing(name: str, side: Laterality | None) -> None:
    assert laterality_of_name(name) is side


@given(st.sampled_from(SIDES), st.lists(NUMBERS | PLAIN_WORDS, max_size=3), SEPARATORS, SUFFIXES, st.randoms())
def test_word_alone_between_separators_is_heard_anywhere(
    said: tuple[Laterality, str], others: list[str], separator: str, suffix: str, random: object
) -> None:
    side, word = said
    parts = [*others, word]
    random.shuffle(parts)  # type: ignore[attr-defined]

    assert laterality_of_name(separator.join(parts) + suffix) is side


@given(st.sampled_from(SIDES), st.text(string.ascii_letters, min_size=1, max_size=6), SUFFIXES)
def test_word_inside_a_longer_word_is_not_heard(said: tuple[Laterality, str], more: str, suffix: str) -> None:
    word = said[1]
    if not word.isascii() or more.lower() == "eye":
        return

    assert laterality_of_name(f"x {word}{more} y{suffix}") is None
    assert laterality_of_name(f"x {more}{word} y{suffix}") is None


@given(st.sampled_from(WORDS[Laterality.LEFT]), st.sampled_from(WORDS[Laterality.RIGHT]), SEPARATORS, NUMBERS)
def test_name_that_holds_both_eyes_says_none(left: str, right: str, separator: str, number: str) -> None:
    assert laterality_of_name(separator.join([left, number, right]) + ".jpg") is None
    assert laterality_of_name(separator.join([right, number, left]) + ".jpg") is None


@given(st.sampled_from(["L", "l", "R", "r"]), NUMBERS, st.sampled_from("_- "), SUFFIXES)
def test_single_letter_is_heard_as_the_last_word(letter: str, number: str, separator: str, suffix: str) -> None:
    side = Laterality(letter.upper())

    assert laterality_of_name(f"eye{separator}{number}{separator}{letter}{suffix}") is side
    assert laterality_of_name(f"eye{separator}{letter}{separator}{number}{suffix}") is side
    assert laterality_of_name(f"{letter}{separator}{number}{separator}eye{suffix}") is None


@given(st.text(max_size=60))
def test_any_text_is_a_name(name: str) -> None:
    assert laterality_of_name(name) in {None, Laterality.LEFT, Laterality.RIGHT}


@given(st.text(string.hexdigits + "-", max_size=40))
def test_hexadecimal_names_say_nothing(name: str) -> None:
    assert laterality_of_name(name + ".jpg") is None
