"""Whether a phrase that was found is denied, past, only supposed, or another person's.

English follows the idea of NegEx (Chapman et al. 2001, doi:10.1006/jbin.2001.1029): a negator reaches forward until a
word breaks its reach or the clause ends; a comma ends it unless the list goes on to an "or". In Chinese a negator
reaches over the list sign but over no comma; the one-character ones reach three characters.
What is uncertain counts as present: a danger must not be read away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum, auto
from functools import cache, cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimis.consult.language.lexicon import Grammar

SENTENCE = re.compile(r"[.;!?\n\u3002\uff1b\uff01\uff1f]")
CLAUSE = re.compile(r"[.;!?\n,:\u3002\uff1b\uff01\uff1f\uff0c]")
_WORD, _SIGN = re.compile(r"[a-z]{2,}(?:-[a-z]+)*"), re.compile("[\u4e00-\u9fff]")
MOST_WORDS, MOST_WORDS_OF_A_LIST, MOST_SIGNS, MOST_SIGNS_OF_ONE = 7, 14, 14, 3


def telling(text: str, grammar: Grammar, language: str) -> list[tuple[int, int]]:
    """Where the words of a written text stand that tell something; in Chinese each character is one."""
    is_chinese = language == "zh"
    empty = _any_of((*grammar.empty, *grammar.patients, *grammar.speaker), is_chinese=is_chinese)
    left = empty.sub(lambda match: " " * len(match[0]), text)
    return [match.span() for match in (_SIGN if is_chinese else _WORD).finditer(left)]


def sentences(text: str) -> list[tuple[int, int]]:
    """Where each sentence begins and ends."""
    ends = [match.end() for match in SENTENCE.finditer(text)]
    return list(zip([0, *ends], [*ends, len(text)], strict=True))


class Standing(Enum):
    """What a text says of a phrase in it."""

    PRESENT = auto()
    DENIED = auto()
    PAST = auto()
    SUPPOSED = auto()
    ANOTHERS = auto()


class Reading:
    """The grammar at work on one text."""

    def __init__(self, text: str, grammar: Grammar, language: str) -> None:
        self.text = text
        self.grammar = grammar
        self.is_chinese = language == "zh"

    def standing(self, match: re.Match[str]) -> Standing:
        """What the text says of this phrase."""
        if self._is_denied(match):
            return Standing.DENIED
        clause = self._clause(match)
        before = self._breaks.split(self.text[self._begin(CLAUSE, match.start()) : match.start()])[-1]
        if self._has(self.grammar.past, clause):
            return Standing.PAST
        if self._has(self.grammar.supposed, before):
            return Standing.SUPPOSED
        if self._has(self.grammar.others, before) and self._has(self.grammar.theirs, before):
            return Standing.ANOTHERS
        return Standing.PRESENT

    def subject_is_speaker(self, match: re.Match[str]) -> bool:
        """The clause speaks of the one who writes."""
        clause = self._clause(match)
        return self._has(self.grammar.speaker, clause) and not self._has(self.grammar.others, clause)

    def _is_denied(self, match: re.Match[str]) -> bool:
        after = self.text[match.end() : match.end() + 14].strip()
        if any(after.startswith(word) for word in self.grammar.after) and self._ends_soon(after):
            return True
        literal = [match.span(group + 1) for group in range(match.re.groups)]
        begin = self._begin(SENTENCE, match.start())
        window = self.text[begin : literal[-1][0]]
        masked = [(begin + m.start(), begin + m.end()) for m in self._denying_nothing.finditer(window)]
        found = [
            m for m in self._negator.finditer(self.text, begin, literal[-1][0]) if not _inside(m, literal + masked)
        ]
        return any(self._reaches(m, match) for m in found[-2:])

    def _ends_soon(self, after: str) -> bool:
        """`fever? no` and `fever: no, cough: yes`, but not `fever. No appetite`."""
        words = next(word for word in sorted(self.grammar.after, key=len, reverse=True) if after.startswith(word))
        rest = after[len(words) :].lstrip()
        return rest[:1] in {"", ".", ",", ";", "\uff0c", "\u3002", "\uff1b", "\u3001"}

    def _reaches(self, negator: re.Match[str], match: re.Match[str]) -> bool:
        if negator.end() > match.start():  # in a gap of the phrase: "my chest does not hurt"
            return True
        between = self.text[negator.end() : match.start()]
        return (
            self._reaches_in_chinese(negator, between) if self.is_chinese else self._reaches_in_english(between, match)
        )

    def _reaches_in_chinese(self, negator: re.Match[str], between: str) -> bool:
        if CLAUSE.search(between):
            return False
        if len(negator[0]) == 1:
            return len(between) <= MOST_SIGNS_OF_ONE and not self._has(self.grammar.breaks, between)
        own = re.search("(?<!没)有", between)
        return len(between) <= MOST_SIGNS and own is None and not self._has(self.grammar.breaks, between)

    def _reaches_in_english(self, between: str, match: re.Match[str]) -> bool:
        if self._has(self.grammar.breaks, between) or re.search(r"[:(]", between):
            return False
        goes_on = re.search(r"(?:^|[ ,])(?:or|nor) ", f" {between.rsplit(',', 1)[-1]}{self._rest(match)}")
        if "," in between and (goes_on is None or between.startswith(" ,")):
            return False
        after_and = re.search(r"(?:^| )(?:and|,) ([a-z-]+) ", f"{between} {match[0]} ")
        if after_and is not None and after_and[1] in self.grammar.starts:
            return False
        return len(between.split()) <= (MOST_WORDS_OF_A_LIST if goes_on else MOST_WORDS)

    def _rest(self, match: re.Match[str]) -> str:
        end = SENTENCE.search(self.text, match.end())
        return self.text[match.start() : end.start() if end else len(self.text)]

    def _clause(self, match: re.Match[str]) -> str:
        end = CLAUSE.search(self.text, match.end())
        return self.text[self._begin(CLAUSE, match.start()) : end.start() if end else len(self.text)]

    def _begin(self, ends: re.Pattern[str], at: int) -> int:
        return max((m.end() for m in ends.finditer(self.text, 0, at)), default=0)

    @cached_property
    def _negator(self) -> re.Pattern[str]:
        return self._any_of(self.grammar.negators)

    @cached_property
    def _breaks(self) -> re.Pattern[str]:
        return self._any_of(self.grammar.breaks)

    @cached_property
    def _denying_nothing(self) -> re.Pattern[str]:
        return self._any_of(self.grammar.not_negators)

    def _has(self, words: tuple[str, ...], text: str) -> bool:
        return self._any_of(words).search(f" {text} ") is not None

    def _any_of(self, words: tuple[str, ...]) -> re.Pattern[str]:
        return _any_of(words, is_chinese=self.is_chinese)


@cache
def _any_of(words: tuple[str, ...], *, is_chinese: bool) -> re.Pattern[str]:
    """One pattern of them all."""
    joined = "|".join(re.escape(word.replace("_", " ")) for word in sorted(words, key=len, reverse=True))
    return re.compile(joined) if is_chinese else re.compile(rf"(?<![a-z])(?:{joined})(?![a-z])")


def _inside(match: re.Match[str], spans: Iterable[tuple[int, int]]) -> bool:
    return any(start <= match.start() and match.end() <= end for start, end in spans)
