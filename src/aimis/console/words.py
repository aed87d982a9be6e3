"""The words of the terminal: the reports' catalogue, the readers' own, and those of this folder."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from aimis.reports.texts import LANGUAGES, Texts, load_texts

OWN_FILES = {language: Path(__file__).parent / "text" / f"{language}.toml" for language in LANGUAGES}


def load_words(language: str, readers: Iterable[Mapping[str, Path]] = ()) -> Texts:
    """All words of a language; `readers` gives each reader folder's text files by language."""
    return load_texts(language, [OWN_FILES, *readers])


def load_phrases(language: str) -> Callable[[str], str]:
    """Puts English sentences of `aimis doctor` into a language, phrase by phrase; what it does not know stays.

    The checks themselves know no languages: what they say is mostly names and numbers.
    """
    table = tomllib.loads(OWN_FILES[language].read_text(encoding="utf-8")).get("phrases", {})
    book = [(_pattern(phrase), table[phrase]) for phrase in sorted(table, key=len, reverse=True)]

    def translated(text: str) -> str:
        for pattern, template in book:
            text = pattern.sub(partial(_filled, template), text)
        return text

    return translated


def _filled(template: str, match: re.Match[str]) -> str:
    return template.format(*match.groups())


def _pattern(phrase: str) -> re.Pattern[str]:
    """The phrase between other words, with a number or a name at each {}."""
    between = r"([^\s,;]+)".join(map(re.escape, phrase.split("{}")))
    return re.compile(r"(?<!\w)" + between + r"(?!\w)")
