"""The words of the terminal: the reports' catalogue, the readers' own, and those of this folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from aimis.reports.texts import LANGUAGES, Texts, load_texts

OWN_FILES = {language: Path(__file__).parent / "text" / f"{language}.toml" for language in LANGUAGES}


def load_words(language: str, readers: Iterable[Mapping[str, Path]] = ()) -> Texts:
    """All words of a language; `readers` gives each reader folder's text files by language."""
    return load_texts(language, [OWN_FILES, *readers])
