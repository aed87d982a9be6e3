"""`aimis knowledge`: checks a set of knowledge, counts what it holds, and writes a page a condition."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from aimis import settings
from aimis.console.tables import PlainConsole
from aimis.consult import assemble, loader, phrases
from aimis.consult.knowledge import lint, pages
from aimis.consult.safety import rules
from aimis.domain.errors import UsageError

if TYPE_CHECKING:
    from aimis.consult.model import Language

SOUND, FAULTY = 0, 1


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for on the command line. pages : where the pages go."""

    name: str
    language: str | None
    pages: Path | None = None


def show(request: Request) -> int:
    """Print the counts and every fault, and write the pages where asked; FAULTY where there is a fault."""
    if request.name not in assemble.sets():
        raise UsageError(f"there is no knowledge {request.name!r}; there are {', '.join(assemble.sets())}")
    folder = loader.KNOWLEDGE / request.name
    knowledge = loader.load_knowledge(folder)
    flags = [rule.id for rule in rules.load_red_flags(folder / "red_flags", knowledge.findings)]
    language: Language = "zh" if (request.language or settings.load_settings().language) == "zh" else "en"
    faults = list(lint.lint(knowledge, flags))
    console = PlainConsole(sys.stdout)
    console.print(Text(f"{knowledge.name} {knowledge.version} ({knowledge.date})", style="bold"))
    console.print(_counts(lint.count(knowledge, flags), faults, language))
    for fault in faults:
        console.print(Text(f"{fault.where}: {fault.what}", style="red"))
    if request.pages is not None:
        written = pages.write_pages(knowledge, request.pages, language)
        console.print(Text(_words(language)["pages"].format(count=written, folder=request.pages)))
    return FAULTY if faults else SOUND


def _words(language: Language) -> Mapping[str, str]:
    said: Mapping[str, str] = tomllib.loads((pages.TEXTS / f"{language}.toml").read_text(encoding="utf-8"))["command"]
    return said


def _counts(counts: lint.Counts, faults: Sequence[lint.Fault], language: Language) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for number, what in _rows(counts, len(faults), language):
        table.add_row(str(number), what)
    return table


def _rows(counts: lint.Counts, faults: int, language: Language) -> Iterator[tuple[int, str]]:
    words, urgencies = _words(language), phrases.load_phrases(language).urgencies
    yield counts.conditions, words["conditions"]
    for urgency, number in sorted(counts.by_urgency.items(), key=lambda of: of[0].rank):
        yield number, f"  {urgencies[urgency]}"
    yield len(counts.by_area), words["areas"]
    yield counts.findings, words["findings"]
    yield counts.red_flags, words["red-flags"]
    yield len(counts.without_rule), words["without-rule"]
    yield counts.citations, words["citations"]
    yield counts.sources, words["sources"]
    yield faults, words["faults"]
