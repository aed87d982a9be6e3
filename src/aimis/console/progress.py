"""The progress of a long run: how many are done, how fast, how long it will take."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from aimis.reports.texts import Texts


class Counting:
    """A bar on a console; the number of images in all is counted beside the reading.

    shown : else nothing is drawn, as where the console is no terminal; gone when the run ends
    many : else the images are not counted, only the frames of an examination
    """

    def __init__(self, console: Console, words: Texts, count: Callable[[], int], *, shown: bool, many: bool) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            _Done(words),
            _Rate(words),
            TimeRemainingColumn(),
            TextColumn(words.label("cli-left"), markup=False),
            console=console,
            transient=True,
            disable=not (shown and console.is_terminal),
            redirect_stdout=False,
        )
        self._task = self._bar.add_task(words.label("cli-reading"), total=None, visible=many)
        self._frames = self._bar.add_task(words.label("cli-examination"), total=None, visible=False)
        self._step = self._bar.add_task("", total=None, visible=False)
        self._words = words
        self._count = count

    def __enter__(self) -> Counting:
        self._bar.start()
        if not self._bar.disable:
            Thread(target=self._learn_total, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()

    def advance(self) -> None:
        """One image, examination or scan more is done."""
        self._bar.update(self._frames, completed=0, visible=False)
        self._bar.update(self._step, visible=False)
        self._bar.advance(self._task)

    def frames(self, done: int, expected: int | None) -> None:
        """So many frames of the examination at hand are done."""
        total = None if expected is None else max(done, expected)
        self._bar.update(self._frames, completed=done, total=total, visible=True)

    def step(self, name: str) -> None:
        """What is being done with the scan at hand."""
        self._bar.update(self._step, description=self._words.label(f"cli-step-{name}"), visible=True)

    def _learn_total(self) -> None:
        self._bar.update(self._task, total=self._count())


class _Done(ProgressColumn):
    """How many of how many."""

    def __init__(self, words: Texts) -> None:
        super().__init__()
        self._words = words

    def render(self, task: Task) -> Text:
        """`12 of 500`; nothing of what is not counted."""
        if task.total is None and not task.completed:
            return Text()
        total = "?" if task.total is None else f"{task.total:.0f}"
        return Text(self._words.label("cli-items", done=f"{task.completed:.0f}", total=total))


class _Rate(ProgressColumn):
    """Images a second, of the last ones."""

    def __init__(self, words: Texts) -> None:
        super().__init__()
        self._words = words

    def render(self, task: Task) -> Text:
        """`24.1 images/s`; nothing before the second image."""
        return Text(self._words.label("cli-rate", rate=f"{task.speed:.1f}") if task.speed else "")
