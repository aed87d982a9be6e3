"""Every word a person reads, by key and language.

Two catalogues: the core's (`text/<language>.toml` beside this file: labels, statuses, reasons) and the readers' own
(findings, grades, advice, quality measures). A key that a language lacks is taken from English; a key that no
catalogue has is shown as it is, so that a report never fails for a missing word.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from aimis.domain.errors import ReaderRefusedError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from aimis.domain.reading import Classification, Laterality, LateralitySource, Reason, Status

LANGUAGES = ("en", "zh")
EYE, ENDOSCOPY, CHEST, PICTURE = "eye", "endoscopy", "chest", "picture"
"""What a report is about: the eye unless a reader's texts say otherwise, or any picture that no reader knew."""

TextTable = Mapping[str, Any]
"""A text file as parsed: tables in tables, strings at the ends."""

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_AFTER_COLON = re.compile(r"(?:: |\N{FULLWIDTH COLON})\{(\w+)\}")
_MISSING = "?"


class Urgency(StrEnum):
    """How soon somebody must act on an advice, most urgent first."""

    URGENT = "urgent"
    SOON = "soon"
    REFER = "refer"
    REVIEW = "review"
    RETAKE = "retake"
    RESCREEN = "rescreen"

    @property
    def rank(self) -> int:
        """0 is the most urgent."""
        return list(Urgency).index(self)


@dataclass(frozen=True, kw_only=True)
class FindingWords:
    """A finding in words.

    title : for a table; present, absent : a sentence each; explanation : what is looked for
    summary : says again what a more specific finding says, as "any retinopathy" beside "referable"
    """

    title: str
    present: str
    absent: str
    explanation: str
    summary: bool


@dataclass(frozen=True, kw_only=True)
class AdviceWords:
    """An advice in words, with the guideline it follows.

    only_without_referral : left out where another advice refers the same eye
    """

    code: str
    text: str
    citation: str
    urgency: Urgency
    only_without_referral: bool = False


@dataclass(frozen=True, kw_only=True)
class StatusWords:
    """A status in words: what it is called, what it means for the eye, what to do."""

    title: str
    meaning: str
    action: str


class Texts:
    """The words of one language.

    language : "en" or "zh"; UsageError for another
    subject : what the words are about
    reader_texts : language -> the readers' own tables, as `reader_texts` merges them
    """

    def __init__(self, language: str, reader_texts: Mapping[str, TextTable] | None = None, subject: str = EYE) -> None:
        if language not in LANGUAGES:
            raise UsageError(f"there is no language {language!r}; there are {', '.join(LANGUAGES)}")
        self.language = language
        self.subject = subject
        self._own = reader_texts or {}
        tables = [t for code in dict.fromkeys((language, "en")) for t in (self._own.get(code, {}), core_table(code))]
        self._tables = [part for t in tables for part in (t.get("subject", {}).get(subject, {}), t)]

    def about(self, subject: str) -> Texts:
        """The same words, where `[subject.<subject>]` has its own those: a report of an endoscopy speaks of no eye."""
        return Texts(self.language, self._own, subject)

    def subject_of(self, reader_id: str) -> str:
        """What a reader reads: `subject` of its texts."""
        return self._find("reader", reader_id, "subject") or EYE

    def label(self, key: str, /, **values: str | float) -> str:
        """A word or sentence of the core catalogue, its placeholders filled in."""
        return self._filled(("labels", key), values)

    def reason(self, reason: Reason) -> str:
        """Why an input was not read, or what limits its result, as a sentence.

        A value that the sentence names after a colon and the reason does not have is left out with its colon.
        """
        values = {name: self._value(name, value) for name, value in reason.values}
        if self._find("reasons", reason.code) is None:
            return self.label("unknown-reason", code=reason.code)
        return self._filled(("reasons", reason.code), values)

    def finding(self, name: str) -> FindingWords:
        """By the finding's name; a name that no catalogue has stands for itself."""
        title, present, absent, explanation = (
            self._find("findings", name, part) for part in ("title", "present", "absent", "explanation")
        )
        return FindingWords(
            title=title or name.replace("-", " "),
            present=present or title or name,
            absent=absent or title or name,
            explanation=explanation or "",
            summary=self._flag("findings", name, "summary"),
        )

    def advice(self, code: str) -> AdviceWords:
        """By code; advice that no catalogue has is shown as its code and counts as a referral."""
        urgency = self._find("advice", code, "urgency") or Urgency.REFER
        return AdviceWords(
            code=code,
            text=self._find("advice", code, "text") or code,
            citation=self._find("advice", code, "citation") or "",
            urgency=Urgency(urgency) if urgency in set(Urgency) else Urgency.REFER,
            only_without_referral=self._flag("advice", code, "only_without_referral"),
        )

    def status(self, status: Status) -> StatusWords:
        """What a status is called and what it means."""
        return StatusWords(
            title=self._filled(("status", status, "title")),
            meaning=self._filled(("status", status, "meaning")),
            action=self._filled(("status", status, "action")),
        )

    def classification(self, key: str) -> str:
        """The name of a grade or a site, e.g. `ICDR grade` for icdr_grade."""
        return self._find("classifications", key, "title") or key.replace("_", " ")

    def grade(self, classification: Classification) -> str:
        """What a grade's value says, e.g. `Moderate non-proliferative diabetic retinopathy` for 2."""
        value = str(classification.value)
        return self._find("grades", classification.key, value, "title") or value

    def grades(self, key: str) -> tuple[int, ...]:
        """The values of a numbered scale, rising; empty where the texts know none."""
        found = {v for table in self._tables for v in table.get("grades", {}).get(key, {}) if v.isdecimal()}
        return tuple(sorted(map(int, found)))

    def site(self, name: str) -> str:
        """A place within the body, as the classification `site` gives it."""
        return self._find("grades", "site", name, "title") or _plain(name)

    def station(self, site: str) -> str:
        """What an examination should photograph of a site."""
        return self._find("stations", site, "title") or self.site(site)

    def stain(self, name: str) -> str:
        """White light, or a stain or virtual stain."""
        return self._find("grades", "stain", name, "title") or _plain(name)

    def lists(self, site: str) -> str:
        """Whose lists ask for a station, e.g. `ESGE, BSG`; empty where the texts do not say."""
        return self._find("stations", site, "lists") or ""

    def measure(self, name: str) -> str:
        """The name of a quality measure."""
        return self._find("measures", name, "title") or name.replace("-", " ")

    def reader(self, reader_id: str) -> str:
        """A reader's title."""
        return self._find("reader", reader_id, "title") or reader_id

    def intended_use(self, reader_id: str) -> str:
        """What a reader is meant for; empty where its texts do not say."""
        return self._find("reader", reader_id, "intended_use") or ""

    def laterality(self, side: Laterality | None, *, short: bool = False) -> str:
        """`Right eye (OD)`, or `right` where short; says so where the side is not known."""
        return self._filled(("laterality-short" if short else "laterality", side.value if side else "unknown"))

    def laterality_source(self, source: LateralitySource) -> str:
        """Where a laterality is known from."""
        return self._filled(("laterality-source", source.value))

    def operating_point(self, name: str) -> str:
        """The name of an operating point; what a site changed, after a semicolon, stays as it is."""
        point, *changes = name.split(";")
        return ";".join([self._find("operating-point", point) or point, *changes])

    def word(self, *keys: str) -> str:
        """Any other entry of the catalogues by its path, e.g. ("urgency", "soon")."""
        return self._filled(keys)

    def _flag(self, *keys: str) -> bool:
        return self._find(*keys) == str(True)

    def _value(self, name: str, value: str) -> str:
        return self._find("value", name, value) or self._find("grades", name, value, "title") or value

    def _filled(self, keys: tuple[str, ...], values: Mapping[str, str | float] | None = None) -> str:
        """The words at a path, placeholders filled in; the last key where there are none."""
        template, given = self._find(*keys) or keys[-1], values or {}
        template = _AFTER_COLON.sub(lambda match: match[0] if match[1] in given else "", template)
        return _PLACEHOLDER.sub(lambda match: str(given.get(match[1], _MISSING)), template)

    def _find(self, *keys: str) -> str | None:
        """In the reader's texts, then the core's, then both in English."""
        for table in self._tables:
            entry: Any = table
            for key in keys:
                entry = entry.get(key) if isinstance(entry, Mapping) else None
            if entry is not None and not isinstance(entry, Mapping):
                return str(entry)
        return None


def _plain(name: str) -> str:
    return name.replace("-", " ")


@cache
def core_table(language: str) -> TextTable:
    """The core catalogue of a language, as parsed."""
    file = resources.files("aimis.reports") / "text" / f"{language}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def reader_texts(folders: Iterable[Mapping[str, Path]]) -> dict[str, TextTable]:
    """The readers' own texts, merged by language; each folder gives language -> file (`Manifest.text_paths`).

    ReaderRefusedError: a file that cannot be read or is no TOML
    """
    merged: dict[str, dict[str, Any]] = {}
    for files in folders:
        for language, file in files.items():
            _merge(merged.setdefault(language, {}), _read_table(file))
    return dict(merged)


def load_texts(language: str, folders: Iterable[Mapping[str, Path]] = ()) -> Texts:
    """The words of a language, with the texts of the given readers' folders."""
    return Texts(language, reader_texts(folders))


def _read_table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReaderRefusedError(f"texts {file} cannot be read: {error}. Mend or restore the file") from error


def _merge(into: dict[str, Any], table: Mapping[str, Any]) -> None:
    """Deeply; what stands there first stays."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            inner = into.setdefault(key, {})
            if isinstance(inner, dict):
                _merge(inner, value)
        else:
            into.setdefault(key, value)
