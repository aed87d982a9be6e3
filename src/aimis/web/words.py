"""Every word of the pages, by key and language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).parent / "text"
LANGUAGES = ("en", "zh")


@dataclass(frozen=True, kw_only=True)
class Words:
    """The words of a language; a key that is not there is a KeyError, found by a test."""

    language: str
    table: Mapping[str, Any]

    def __call__(self, key: str, **values: object) -> str:
        """A sentence with its values filled in."""
        text = str(self.table[key])
        return text.format(**values) if values else text

    def paragraphs(self, key: str) -> tuple[str, ...]:
        """A longer text."""
        return tuple(self.table[key])


@cache
def words_of(language: str) -> Words:
    """The words of `en` or `zh`; of another language the English ones."""
    known = language if language in LANGUAGES else "en"
    with (TEXTS / f"{known}.toml").open("rb") as file:
        return Words(language=known, table=tomllib.load(file))


def preferred(accept_language: str | None) -> str:
    """The language of ours that a browser likes best: the first it names, as browsers order them."""
    for part in (accept_language or "").split(","):
        name = part.split(";")[0].strip().lower()[:2]
        if name in LANGUAGES:
            return name
    return "en"
