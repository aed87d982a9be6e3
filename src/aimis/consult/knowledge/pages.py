"""A page a condition, in Markdown: what the set says of it, in words, with its sources."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aimis.consult import phrases
from aimis.consult.model import Band, Condition, Finding, Kind

if TYPE_CHECKING:
    from aimis.consult.model import Citation, Knowledge, Language

TEXTS = Path(__file__).parent / "text"
INDEX = "index.md"


def write_pages(knowledge: Knowledge, folder: Path, language: Language) -> int:
    """Write each condition's page and their index into `folder`; how many pages that made. OSError as usual."""
    writer = _Writer(knowledge, language)
    folder.mkdir(parents=True, exist_ok=True)
    for condition in knowledge.conditions.values():
        (folder / f"{condition.id}.md").write_text(writer.page(condition), encoding="utf-8")
    (folder / INDEX).write_text(writer.index(), encoding="utf-8")
    return len(knowledge.conditions) + 1


class _Writer:
    """Knows the set and the language."""

    def __init__(self, knowledge: Knowledge, language: Language) -> None:
        self._knowledge = knowledge
        self._language = language
        self._words: Mapping[str, str] = tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))
        self._urgencies = phrases.load_phrases(language).urgencies

    def index(self) -> str:
        """All conditions by area."""
        conditions = self._knowledge.conditions.values()
        lines = [f"# {self._words['index']}", "", self._words["warning"], ""]
        for area in sorted({condition.area for condition in conditions}):
            named = sorted((c.name.of(self._language), c.id) for c in conditions if c.area == area)
            lines += [f"## {self._words.get(f'area-{area}', area)}", ""]
            lines += [f"- [{name}]({condition_id}.md)" for name, condition_id in named] + [""]
        return "\n".join(lines)

    def page(self, condition: Condition) -> str:
        """One condition: what to do first, then how it shows, then where it stands."""
        parts = [f"# {condition.name.of(self._language)}", self._words["warning"], *self._advice(condition)]
        parts += [self._heading("findings"), "\n".join(self._findings(condition)), self._heading("about")]
        parts += ["\n".join(self._about(condition)), self._heading("sources"), "\n".join(self._sources(condition))]
        return "\n\n".join(parts) + "\n"

    def _heading(self, key: str) -> str:
        return f"## {self._words[key]}"

    def _advice(self, condition: Condition) -> Iterator[str]:
        yield f"**{self._urgencies[condition.urgency]}**"
        yield condition.explain.of(self._language)
        for key, text in (("self-care", condition.self_care), ("see-doctor", condition.see_doctor_if)):
            if text is not None:
                yield self._heading(key)
                yield text.of(self._language)

    def _findings(self, condition: Condition) -> Iterator[str]:
        """A row a finding or option, the likeliest first."""
        yield f"| {self._words['finding']} | {self._words['band']} |"
        yield "| --- | --- |"
        rows = [row for name, given in condition.findings.items() for row in self._rows(name, given)]
        for text, band in sorted(rows, key=lambda row: -self._knowledge.bands.chance(row[1])):
            yield f"| {text} | {self._band(band)} |"

    def _rows(self, name: str, given: Band | Mapping[str, Band]) -> Iterator[tuple[str, Band]]:
        finding = self._knowledge.findings[name]
        short = finding.short.of(self._language)
        if not isinstance(given, Mapping):
            yield short, given
            return
        for key, band in given.items():
            yield f"{short}: {self._option(finding, key)}", band

    def _option(self, finding: Finding, key: str) -> str:
        if finding.kind is Kind.NUMBER:
            return f"{key.replace('>=', '≥ ').replace('<', '< ')} {finding.unit or ''}".strip()
        return next(option.text.of(self._language) for option in finding.options if option.id == key)

    def _band(self, band: Band) -> str:
        said = self._words.get(f"band-{band}", "") if isinstance(band, str) else ""
        return f"{said} {self._knowledge.bands.chance(band):.0%}".strip()

    def _about(self, condition: Condition) -> Iterator[str]:
        codes = [f"ICD-10 {condition.icd10}", *([condition.doid] if condition.doid else [])]
        frequency = f"{self._knowledge.bands.per_100000(condition.frequency):g}"
        yield f"- {', '.join(codes)}"
        yield f"- {self._words['frequency'].format(count=frequency)}"
        flags = condition.red_flags
        yield f"- {self._words['red-flags']} " + (flags["none"] if isinstance(flags, Mapping) else ", ".join(flags))
        yield f"- {self._words['judgement']} {', '.join(condition.judgement) or self._words['none']}"

    def _sources(self, condition: Condition) -> Iterator[str]:
        for citation in condition.citations:
            yield f"- {_named(citation)} ({', '.join(citation.supports)})"


def _named(citation: Citation) -> str:
    """`NICE NG185, Acute coronary syndromes, 2020`, linked where it has an address."""
    named = ", ".join(str(part) for part in (citation.source, citation.title, citation.year) if part)
    return f"[{named}]({citation.url})" if citation.url else named
