r"""The lexicon's phrases, as regular expressions over written text.

`pain|ache* ~chest`: a space lets up to `gap` words (Chinese: characters) stand between, never the end of a clause;
` ... ` lets up to three times as many, over commas too; `_` joins words; `|` parts alternatives; `*` takes any ending,
`?` one digit; `~name` is a class of the lexicon.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

WIDE = ("...",)
SENTENCE_ENDS = ".;!?\n\u3002\uff1b\uff01\uff1f"
CLAUSE_ENDS = ".;!?\n,\u3002\uff0c\uff1b\uff01\uff1f\u3001:"


@dataclass(frozen=True)
class Phrase:
    """One phrase of the lexicon.

    terms : for each term its alternatives, written as in the text but for * and ?
    """

    terms: tuple[tuple[str, ...], ...]
    expression: Callable[[Phrase], re.Pattern[str]]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Made when first needed: most phrases never are."""
        return self.expression(self)

    @cached_property
    def stems(self) -> tuple[frozenset[str], ...]:
        """For each term what a text must hold one of, for the phrase to be looked for at all."""
        terms = (term for term in self.terms if term != WIDE)
        return tuple(frozenset(re.split(r"[*?]", word, maxsplit=1)[0] for word in term) for term in terms)


def parse(phrase: str, classes: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """The terms with their classes written out; KeyError for a class that is not there."""
    return tuple(tuple(_alternatives(term, classes)) for term in phrase.split())


def _alternatives(term: str, classes: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for alternative in term.split("|"):
        if alternative.startswith("~"):
            name, joined, rest = alternative[1:].partition("_")
            yield from ((word + joined + rest).replace("_", " ") for word in classes[name])
        else:
            yield alternative.replace("_", " ")


def english(gap: int) -> Callable[[Phrase], re.Pattern[str]]:
    """Terms are whole words; between two of them up to `gap` words, and a comma where "it" takes up what was said."""
    it_after = r", (?=(?:and )?(?:it|its|which|they) )"
    word = rf"(?:{it_after}|(?!but )[^\s{re.escape(CLAUSE_ENDS)}]+ )"
    wide = rf"(?:(?:, |(?!but )[^\s{re.escape(SENTENCE_ENDS)}]+ ))"
    return lambda phrase: _joined(phrase, _words, rf" {word}{{0,{gap}}}?", rf" {wide}{{0,{3 * gap}}}?")


def chinese(gap: int) -> Callable[[Phrase], re.Pattern[str]]:
    """Up to `gap` characters between two terms."""
    near = rf"[^{re.escape(CLAUSE_ENDS)}]{{0,{gap}}}?"
    wide = rf"[^{re.escape(SENTENCE_ENDS)}]{{0,{3 * gap}}}?"
    return lambda phrase: _joined(phrase, _signs, near, wide)


def _joined(phrase: Phrase, written: Callable[[Iterable[str]], str], near: str, wide: str) -> re.Pattern[str]:
    parts: list[str] = []
    for before, term in zip((WIDE, *phrase.terms), phrase.terms, strict=False):
        if term != WIDE:
            parts += [wide if before == WIDE else near] * bool(parts) + [written(term)]
    return re.compile("".join(parts))


def _words(term: Iterable[str]) -> str:
    return rf"(?<![a-z0-9])({_one_of(term, ending='[a-z]*')})(?![a-z0-9])"


def _signs(term: Iterable[str]) -> str:
    return f"({_one_of(term, ending='')})"


def _one_of(term: Iterable[str], *, ending: str) -> str:
    longest_first = sorted(set(term), key=len, reverse=True)
    return "|".join(re.escape(word).replace(r"\*", ending).replace(r"\?", r"\d") for word in longest_first)
