"""What is printed as results come: JSON lines for programs, tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TextIO

from aimis.console import tables
from aimis.reports import json as records

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from aimis.domain.reading import Reading
    from aimis.pipeline.tally import Tally
    from aimis.pipeline.tools import ItemResult
    from aimis.reports.texts import Texts

FEW = 3
"""So many photographs are shown in full; of more, each has a row."""


class Show(Protocol):
    """Prints the results of a run."""

    def result(self, result: ItemResult) -> None:
        """One item, as soon as it is finished."""
        ...

    def end(self, tally: Tally, seconds: float) -> None:
        """All items are done."""
        ...

    def note(self, lines: Iterable[str]) -> None:
        """Where something was written, or that the run was stopped."""
        ...


class JsonLines:
    """One object a line on `out`, whole at once; notes go to `beside`."""

    def __init__(self, *, out: TextIO, beside: Console, words: Texts) -> None:
        self._out = out
        self._beside = beside
        self._words = words

    def result(self, result: ItemResult) -> None:
        """One line a reading."""
        for reading in result.readings:
            self._out.write(records.line(records.to_interface(reading, self._words)) + "\n")
        self._out.flush()

    def end(self, tally: Tally, seconds: float) -> None:
        """Programs count for themselves."""

    def note(self, lines: Iterable[str]) -> None:
        """On standard error."""
        for line in lines:
            self._beside.print(line, soft_wrap=True)


class Tables:
    """Tables on a console; each photograph in full where they are few."""

    def __init__(self, *, console: Console, words: Texts, few: bool) -> None:
        self._console = console
        self._words = words
        self._few = few
        self._headed = False

    def result(self, result: ItemResult) -> None:
        """A table or a row for each picture of the item."""
        for frame in result.frames:
            if self._few:
                self._console.print(tables.photograph(frame.readings, self._words))
            else:
                self._row(frame.readings)

    def end(self, tally: Tally, seconds: float) -> None:
        """What became of all items, where there were many."""
        if not self._few:
            self._console.print(tables.summary(tally, seconds, self._words))

    def note(self, lines: Iterable[str]) -> None:
        """Under the tables."""
        for line in lines:
            self._console.print(line, soft_wrap=True)

    def _row(self, readings: tuple[Reading, ...]) -> None:
        if not self._headed:
            self._console.print(tables.overview_header(self._words, self._console.width))
            self._headed = True
        self._console.print(tables.overview_row(readings, self._words, self._console.width))
