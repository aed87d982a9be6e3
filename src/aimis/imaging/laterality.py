"""Which eye a file's name says, where it says so plainly."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from aimis.domain.reading import Laterality

_SIDE_OF_WORD = {
    "left": Laterality.LEFT,
    "lefteye": Laterality.LEFT,
    "os": Laterality.LEFT,  # oculus sinister
    "right": Laterality.RIGHT,
    "righteye": Laterality.RIGHT,
    "od": Laterality.RIGHT,  # oculus dexter
}
_SIDE_OF_LETTER = {"l": Laterality.LEFT, "r": Laterality.RIGHT}
_BOTH_EYES = frozenset({"ou", "both", "bilateral", "botheyes"})
_WORD = re.compile(r"[^\W\d_]+")
_LAST_LETTER = re.compile(r"(?<![^\W_])([lr])(?![^\W_])[\W\d_]*$")
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,5}$")


def laterality_of_name(path: str) -> Laterality | None:
    """The eye that the last part of a path names, or None where it names none or both.

    Words (left, right, OS, OD) count as whole tokens in any place, a single L or R only as the last word, where
    it is least likely an initial; 左眼 and 右眼 also inside a run of Chinese characters, 左 and 右 alone.
    """
    name = unicodedata.normalize("NFKC", PurePosixPath(path.replace("\\", "/")).name)
    words = _WORD.findall(name.casefold())
    if _BOTH_EYES.intersection(words) or "双眼" in name:
        return None
    sides = {_SIDE_OF_WORD[word] for word in words if word in _SIDE_OF_WORD}
    sides.update(side for word in words for side in _sides_of_characters(word))
    if letter := _LAST_LETTER.search(_SUFFIX.sub("", name).casefold()):
        sides.add(_SIDE_OF_LETTER[letter[1]])
    return sides.pop() if len(sides) == 1 else None


def _sides_of_characters(word: str) -> set[Laterality]:
    """The sides that a run of Chinese characters names; 左右眼 names both."""
    sides = set()
    if word in {"左", "右"} or "眼" in word:
        sides.update({Laterality.LEFT} if re.search("左右?眼|^左$", word) else set())
        sides.update({Laterality.RIGHT} if re.search("右左?眼|^右$", word) else set())
    return sides
