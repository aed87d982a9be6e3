"""`aimis doctor`: prints what was checked, what is wrong and how to mend it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from aimis import bootstrap, doctor, settings
from aimis.console import words
from aimis.console.tables import PlainConsole
from aimis.reports import json as records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aimis.doctor import Check
    from aimis.reports.texts import Texts

WELL, SOMETHING_IS_WRONG = 0, 1
STYLES = {doctor.Health.OK: "green", doctor.Health.WARNING: "yellow", doctor.Health.FAILED: "bold red"}


def run(*, as_json: bool, language: str | None) -> int:
    """Print each check as soon as it is made; 1 where one failed."""
    site = settings.load_settings()
    chosen = language or site.language
    plan = doctor.Plan(kind=site.engine, precision=site.precision, threads=site.threads or 0)
    checks = doctor.diagnose(bootstrap.find_readers(site), plan)
    if as_json:
        return _print_lines(checks)
    return _print_table(checks, words.load_words(chosen), words.load_phrases(chosen))


def _print_lines(checks: Iterable[Check]) -> int:
    worst = WELL
    for check in checks:
        sys.stdout.write(records.line(asdict(check)) + "\n")
        sys.stdout.flush()
        worst = max(worst, _status(check))
    return worst


def _print_table(checks: Iterable[Check], texts: Texts, say: Callable[[str], str]) -> int:
    console, worst = PlainConsole(sys.stdout), WELL
    for check in checks:
        console.print(_row(check, texts, say))
        worst = max(worst, _status(check))
    console.print(Text(texts.label("cli-something-wrong" if worst else "cli-all-well"), style="bold"))
    return worst


def _row(check: Check, texts: Texts, say: Callable[[str], str]) -> Table:
    """One check in one row; what to do stands under what was found."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=10, overflow="fold")
    table.add_column(width=24, overflow="fold")
    table.add_column(overflow="fold")
    found = Text(say(check.detail))
    if check.mend:
        found.append(f"\n→ {say(check.mend)}", style="bold")
    health = Text(texts.label(f"cli-health-{check.health}"), style=STYLES[check.health])
    table.add_row(health, say(check.name), found)
    return table


def _status(check: Check) -> int:
    return SOMETHING_IS_WRONG if check.health is doctor.Health.FAILED else WELL
