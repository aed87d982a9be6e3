"""`aimis readers`: what there is to read with, and a reader's model card."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from aimis import bootstrap, settings
from aimis.console import words
from aimis.console.tables import PlainConsole
from aimis.reports import json as records

if TYPE_CHECKING:
    from aimis.readers.manifest import Manifest, ReaderEntry
    from aimis.readers.registry import Found
    from aimis.reports.texts import Texts


def list_readers(*, as_json: bool, language: str | None) -> None:
    """Print each reader, and each folder that was refused with the reason."""
    site = settings.load_settings()
    found = bootstrap.find_readers(site)
    texts = words.load_words(language or site.language, [m.text_paths for m in found.manifests.values()])
    if as_json:
        for reader_id, manifest in found.manifests.items():
            sys.stdout.write(records.line(_entry(manifest, manifest.reader(reader_id), texts)) + "\n")
        for folder, why in found.refused:
            sys.stdout.write(records.line({"refused": str(folder), "why": why}) + "\n")
        sys.stdout.flush()
        return
    console = PlainConsole(sys.stdout)
    console.print(_readers(found, texts))
    if found.refused:
        console.print(_refused(found, texts))


def show_card(reader_id: str) -> None:
    """Print the model card of a reader, laid out for the terminal; UsageError where there is no such reader."""
    from rich.markdown import Markdown  # noqa: PLC0415  loaded on use

    found = bootstrap.find_readers(settings.load_settings())
    (choice,) = bootstrap.choose_readers(found, [reader_id], None)
    PlainConsole(sys.stdout).print(Markdown(choice.manifest.card_path.read_text(encoding="utf-8")))


def _entry(manifest: Manifest, entry: ReaderEntry, texts: Texts) -> dict[str, Any]:
    return {
        "reader": entry.id,
        "version": entry.version,
        "title": texts.reader(entry.id),
        "intended_use": texts.intended_use(entry.id) or entry.intended_use,
        "inputs": list(entry.inputs),
        "limits": list(entry.limits),
        "findings": [finding.name for finding in entry.findings],
        "default_operating_point": entry.default_operating_point,
        "licence": manifest.weights.licence,
        "weights_sha256": manifest.weights.identity,
        "folder": str(manifest.folder),
    }


def _readers(found: Found, texts: Texts) -> Table:
    table = Table(show_lines=True)
    for key in ("reader", "cli-version", "cli-intended-use", "cli-licence", "cli-folder"):
        table.add_column(texts.label(key), overflow="fold")
    for reader_id, manifest in found.manifests.items():
        entry = manifest.reader(reader_id)
        name = Text.assemble((texts.reader(reader_id), "bold"), f"\n{reader_id}")
        use = texts.intended_use(reader_id) or entry.intended_use
        table.add_row(name, entry.version, use, manifest.weights.licence, str(manifest.folder))
    return table


def _refused(found: Found, texts: Texts) -> Table:
    table = Table(show_lines=True, style="yellow")
    table.add_column(texts.label("cli-refused"), overflow="fold")
    table.add_column(texts.label("cli-refused-why"), overflow="fold")
    for folder, why in found.refused:
        table.add_row(str(folder), why)
    return table
