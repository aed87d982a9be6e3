"""A chest CT as tables for a person: what was read, the nodules reported, what changed and what guidelines ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from aimis.reports import scan_words
from aimis.reports.texts import CHEST

if TYPE_CHECKING:
    from aimis.domain.scan import Management, Nodule, Scan
    from aimis.reports.texts import Texts

NONE = scan_words.RANGE


def scan(found: Scan, words: Texts) -> RenderableType:
    """All of a scan that was read, to stand under a reader's name."""
    about = words.about(CHEST)
    parts = [_unjudged(found, about), _nodules(found, about), _gone(found, about), _facts(found, about)]
    return Group(*(part for part in parts if part.row_count))


def what(found: Scan, words: Texts) -> str:
    """`Chest CT · 2026-03-01 · 300 slices of 1 mm`."""
    return scan_words.whose(found, words.about(CHEST))


def summary(found: Scan, words: Texts) -> str:
    """`3 nodules, the largest 12 mm`; empty where none is reported."""
    sizes = [nodule.size.mean_axis_mm if nodule.size else nodule.diameter_mm for nodule in _reported(found)]
    places = words.label("cli-unjudged", count=len(found.unjudged)) if found.unjudged else ""
    if not sizes:
        return places
    key = "cli-one-nodule" if len(sizes) == 1 else "cli-nodules"
    return scan_words.listed((places, words.label(key, count=len(sizes), mm=scan_words.rounded(max(sizes)))), words)


def _reported(found: Scan) -> list[Nodule]:
    return [nodule for nodule in found.nodules if nodule.present]


def _unjudged(found: Scan, words: Texts) -> Table:
    """What was not judged, before all that was."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for place in found.unjudged:
        table.add_row(Text(words.label("look-here"), style="bold yellow"), scan_words.unjudged(place, words))
    return table


def _nodules(found: Scan, words: Texts) -> Table:
    """A row a nodule: where, how large, how dense, how sure, and what became of it."""
    columns = ["number", "place", "slice", "cli-mean-axis", "density", "malignancy", "probability"]
    compared = found.prior is not None
    table = _table(words, *columns, *(["change"] if compared else []))
    for nodule in scan_words.ranked(_reported(found), words):
        table.add_row(*_row(nodule, words), *([_change(nodule, words)] if compared else []))
    return table


def _row(nodule: Nodule, words: Texts) -> Iterator[str]:
    yield str(nodule.index + 1)
    yield scan_words.place(nodule, words)
    yield scan_words.slices(nodule, words)
    yield scan_words.rounded(nodule.size.mean_axis_mm) if nodule.size else NONE
    yield scan_words.listed(_density(nodule, words), words) or NONE
    yield scan_words.malignancy(nodule)
    yield f"{nodule.probability:.3f}"


def _density(nodule: Nodule, words: Texts) -> Iterator[str]:
    if nodule.density:
        yield words.word("density", nodule.density)
    if nodule.calcified:
        yield words.label("calcified")


def _change(nodule: Nodule, words: Texts) -> str:
    """New or growing, with the volume's change and doubling time where they are known."""
    growth = nodule.growth
    if growth is None:
        return NONE
    parts = (scan_words.change(growth, words), scan_words.volume_change(growth), scan_words.doubling(growth, words))
    return scan_words.listed((part for part in parts if part != NONE), words)


def _first_rules(found: Scan, words: Texts) -> Iterator[tuple[str, str]]:
    """What the guideline with the most urgent row has one consider of each nodule; the same for several once."""
    asked: dict[Management, list[Nodule]] = {}
    for nodule in scan_words.ranked(_reported(found), words):
        first = min(nodule.management, key=lambda rule: scan_words.most_urgent([rule], words), default=None)
        for rule in nodule.management:
            if first is not None and rule.guideline == first.guideline:
                asked.setdefault(rule, []).append(nodule)
    for rule, nodules in sorted(asked.items(), key=lambda item: scan_words.most_urgent([item[0]], words)):
        yield scan_words.numbers(nodules, words), _rule(rule, words)


def _rule(rule: Management, words: Texts) -> str:
    """The guideline, its category, what it has one consider, and on which condition."""
    title = " ".join(filter(None, (words.word("guideline", rule.guideline), rule.category)))
    text = words.advice(scan_words.advice_code(rule)).text
    conditions = scan_words.listed((words.word("condition", code) for code in rule.applies_if), words)
    applies = words.label("applies-if", conditions=conditions) if conditions else ""
    return words.label("named", name=title, words=" ".join(filter(None, (text, applies))))


def _gone(found: Scan, words: Texts) -> Table:
    """Nodules of the earlier CT that this one does not show."""
    table = _table(words, "change", "place", "cli-diameter")
    for nodule in found.gone:
        table.add_row(scan_words.change(nodule.growth, words), scan_words.place(nodule, words), _mm(nodule.diameter_mm))
    return table


def _facts(found: Scan, words: Texts) -> Table:
    """What guidelines ask for, what is not listed, which series was read and what limits it."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, told in _first_rules(found, words):
        table.add_row(label, told)
    for rule in found.management:
        table.add_row(words.label("whole-scan"), _rule(rule, words))
    if not _reported(found):
        table.add_row(words.label("nodules"), words.label("no-nodules"))
    unlisted = len(found.nodules) - len(_reported(found))
    if unlisted:
        table.add_row(words.label("cli-unlisted"), words.label("cli-unlisted-count", count=unlisted))
    for label, told in scan_words.facts(found, words):
        table.add_row(label, told)
    for number, reason in enumerate(found.limited):
        table.add_row("" if number else words.label("limited-by"), Text(words.reason(reason), style="yellow"))
    return table


def _mm(value: float) -> str:
    return f"{value:.1f} mm"


def _table(words: Texts, *columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    numbers = {"cli-mean-axis", "malignancy", "probability"}
    for key in columns:
        table.add_column(words.label(key), justify="right" if key in numbers else "left", overflow="fold")
    return table
