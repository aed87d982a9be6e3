"""What was written, brought to one form in which phrases can be looked for, each character knowing where it stood."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

SHORT_FORMS = {
    "can't": "can not", "cannot": "can not", "cant": "can not", "won't": "will not", "wont": "will not",
    "dont": "do not", "doesnt": "does not", "didnt": "did not", "isnt": "is not", "wasnt": "was not",
    "arent": "are not", "havent": "have not", "hasnt": "has not", "couldnt": "could not", "wouldnt": "would not",
    "im": "i am", "ive": "i have", "shes": "she is", "hes": "he is", "its": "it is", "theres": "there is",
    "gonna": "going to", "wanna": "want to", "w/o": "without", "u": "you",
}  # fmt: skip
ENDINGS = {"n't": " not", "'m": " am", "'re": " are", "'ve": " have", "'ll": " will", "'d": " would"}
SUBJECTS = {"i", "he", "she", "it", "that", "there", "what", "who", "here", "baby", "son", "daughter", "child"}
_TOKEN = re.compile(r"w/o|[a-z]+(?:'[a-z]+)?(?:-[a-z]+)*|\d+(?:[./,]\d+)*|[^\sa-z0-9]|[a-z]+")


@dataclass(frozen=True, kw_only=True)
class Written:
    """text : lower case, one form of every sign; English words stand apart by one space.

    origin : for each character of `text`, where its word began and ended in what was written
    """

    text: str
    origin: tuple[tuple[int, int], ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where text[start:end] stood in what was written."""
        part = self.origin[start:end]
        return min(first for first, _ in part), max(last for _, last in part)


def plain(text: str) -> str:
    """Lower case and one width, one character for each character given."""
    folded = (unicodedata.normalize("NFKC", sign).lower() for sign in text)
    one_each = "".join(new if len(new) == 1 else old for new, old in zip(folded, text, strict=True))
    return one_each.translate({0x2019: "'", 0x2018: "'", 0x2032: "'"})


def english(text: str, corrected: Callable[[str], str]) -> Written:
    """Words apart by a space, short forms written out, spelling mended by `corrected`."""
    pieces: list[str] = []
    origin: list[tuple[int, int]] = []
    for match in _TOKEN.finditer(plain(text)):
        word = _written_out(match[0], corrected) + " "
        pieces.append(word)
        origin += [match.span()] * len(word)
    return Written(text="".join(pieces), origin=tuple(origin))


def _written_out(token: str, corrected: Callable[[str], str]) -> str:
    if token in SHORT_FORMS:
        return SHORT_FORMS[token]
    for ending, whole in ENDINGS.items():
        if token.endswith(ending):
            return token.removesuffix(ending) + whole
    if token.endswith("'s"):
        stem = corrected(token.removesuffix("'s"))
        return f"{stem} is" if stem in SUBJECTS else stem
    return corrected(token) if token.isalpha() else token


def chinese(text: str, simplified: Mapping[str, str]) -> Written:
    """Without spaces, in simplified characters as far as the table knows them."""
    kept = [(simplified.get(sign, sign), at) for at, sign in enumerate(plain(text)) if not sign.isspace()]
    return Written(text="".join(sign for sign, _ in kept), origin=tuple((at, at + 1) for _, at in kept))


def deletes(word: str) -> Iterator[str]:
    """The word, and the word with any one letter left out."""
    yield word
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]


class Speller:
    """Brings a misspelt word to the word of the lexicon that is one slip away.

    A slip is a letter left out, added, changed, or two that changed places; words of under five letters, words that
    are known, and a first letter are left as they are.
    """

    def __init__(self, words: frozenset[str], stems: frozenset[str], ordinary: frozenset[str]) -> None:
        self._known = words | ordinary
        self._stems = tuple(stems)
        self._near: dict[str, str] = {}
        for word in sorted(words):
            for near in deletes(word) if len(word) >= 5 else ():
                self._near.setdefault(near, word)

    def corrected(self, word: str) -> str:
        """The word of the lexicon, or the word itself."""
        if len(word) < 5 or word in self._known or self._inflects(word):
            return word
        for near in deletes(word):
            found = self._near.get(near)
            if found is not None and found[0] == word[0] and abs(len(found) - len(word)) <= 1:
                return found
        return word

    def _inflects(self, word: str) -> bool:
        ended = any(word.removesuffix(end) in self._known for end in ("s", "es", "ed", "d", "ing", "ly", "y", "er"))
        return ended or any(word.startswith(stem) and len(word) <= len(stem) + 2 for stem in self._stems)
