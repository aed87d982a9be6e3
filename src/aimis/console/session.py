"""`aimis read`: from what was asked for to the exit status."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aimis import bootstrap, logs, settings
from aimis.console import tables, words
from aimis.console.progress import Counting
from aimis.console.reporting import Reports
from aimis.console.show import FEW, JsonLines, Show, Tables
from aimis.console.stop import Stop
from aimis.domain.errors import UsageError
from aimis.ingest import examinations as inputs
from aimis.pipeline import read as reading
from aimis.pipeline.journal import FILE_NAME, Journal
from aimis.pipeline.run import Run
from aimis.pipeline.tally import Tally
from aimis.pipeline.tools import ExaminationItem, Prior, StoppedError, VolumeItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aimis.bootstrap import Chosen
    from aimis.console.tables import PlainConsole
    from aimis.imaging.limits import Limits
    from aimis.pipeline.tools import Item, ItemResult, Tools
    from aimis.reports.texts import Texts
    from aimis.settings import Settings

READ, NOT_ALL_READ = 0, 3


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for on the command line; None where the settings decide."""

    paths: tuple[str, ...]
    readers: tuple[str, ...] = ()
    json: bool = False
    report: Path | None = None
    language: str | None = None
    jobs: int | None = None
    resume: bool = False
    operating_point: str | None = None
    exam: bool = False
    prior: str | None = None

    def __post_init__(self) -> None:
        if self.resume and self.report is None:
            raise UsageError("--resume takes up the record of an earlier run: name its folder with --report DIR")


def read(request: Request) -> int:
    """Read all that was asked for and print it; the exit status.

    UsageError: there is no such reader, or a folder that cannot be written
    EngineError, ReaderRefusedError: the readers cannot be opened
    """
    site = settings.load_settings()
    log = logs.Log(level=site.log_level, form=site.log_format)
    found = bootstrap.find_readers(site)
    for refused in found.refused:
        log.reader_refused(refused.folder, refused.why)
    chosen = bootstrap.choose_readers(
        found, request.readers or site.readers, request.operating_point or site.operating_point
    )
    _check_options(request, chosen)
    texts = words.load_words(request.language or site.language, [choice.manifest.text_paths for choice in chosen])
    jobs = request.jobs or site.jobs or bootstrap.usable_threads(site)
    limits = bootstrap.examination_limits(chosen, site)  # of an examination's frames; stills are decoded by the tools
    found_inputs = inputs.find_inputs(
        request.paths, limits=limits, examinations=_taken_together(request, chosen), volumes=_takes_volumes(chosen)
    )
    items, first = bootstrap.peek(found_inputs, max(jobs, FEW + 1))
    examines = any(isinstance(item, ExaminationItem) for item in first)
    session = _Session(
        request=request,
        site=site,
        log=log,
        chosen=chosen,
        texts=texts,
        few=len(first) <= FEW,
        takes_long=examines or any(isinstance(item, VolumeItem) for item in first),
        prior=_prior(request, limits),
    )
    return session.read(items, jobs=jobs if examines else min(jobs, len(first)))


@dataclass(frozen=True, kw_only=True)
class _Session:
    """One `aimis read`, its readers chosen and its words loaded.

    takes_long : an item is worth a line of progress of its own
    """

    request: Request
    site: Settings
    log: logs.Log
    chosen: tuple[Chosen, ...]
    texts: Texts
    few: bool
    takes_long: bool
    prior: Prior | None

    def read(self, items: Iterator[Item | ExaminationItem | VolumeItem], *, jobs: int) -> int:
        """Open what is needed, read, and close it again, whatever happens."""
        out, beside = tables.PlainConsole(sys.stdout), tables.PlainConsole(sys.stderr)
        printed = self._show(out, beside)
        tally, began = Tally(), time.perf_counter()
        reports = None if self.request.report is None else Reports(folder=self.request.report, words=self.texts)
        with ExitStack() as opened:
            stop = opened.enter_context(Stop())
            journal = self._journal(opened)
            bar = opened.enter_context(self._bar(out, beside))
            tools = self._tools(journal, jobs, stop, bar)
            if reports is not None:
                reports.prepare()
            threads = max(1, bootstrap.usable_threads(self.site) // jobs)
            found = reading.read_all(items, tools, jobs=jobs, threads_a_job=threads)
            results = opened.enter_context(closing(found))
            run = Run(
                show=partial(_show_and_count, printed, tally, bar),
                is_stopped=stop.asked,
                journal=journal,
                report=reports.write if reports else None,
                report_examination=reports.write_examination if reports else None,
                report_scan=reports.write_scan if reports else None,
            )
            stopped = _is_stopped(run, results)
        seconds = time.perf_counter() - began
        self.log.run_ended(items=tally.items, seconds=seconds, stopped=stopped)
        if not stopped:
            printed.end(tally, seconds)
        printed.note(self._notes(tally, reports, stopped=stopped))
        return stop.exit_status if stopped else READ if tally.all_read else NOT_ALL_READ

    def _show(self, out: PlainConsole, beside: PlainConsole) -> Show:
        if self.request.json:
            return JsonLines(out=sys.stdout, beside=beside, words=self.texts)
        return Tables(console=out, words=self.texts, few=self.few)

    def _bar(self, out: PlainConsole, beside: PlainConsole) -> Counting:
        """Over the table where that is on the terminal, else on standard error; never among JSON lines."""
        shown = (not self.few or self.takes_long) and not (self.request.json and out.is_terminal)
        console = out if out.is_terminal else beside
        taken_together = _taken_together(self.request, self.chosen)
        volumes = _takes_volumes(self.chosen)
        count = partial(inputs.count_inputs, self.request.paths, examinations=taken_together, volumes=volumes)
        return Counting(console, self.texts, count, shown=shown, many=not self.few)

    def _journal(self, opened: ExitStack) -> Journal | None:
        if self.request.report is None:
            return None
        return opened.enter_context(Journal(self.request.report, resume=self.request.resume))

    def _tools(self, journal: Journal | None, jobs: int, stop: Stop, bar: Counting) -> Tools:
        return bootstrap.make_tools(
            bootstrap.offer_readers(self.chosen, self.site, jobs=jobs),
            self.site,
            self.log,
            recall=journal.recall if journal and self.request.resume else None,
            prior=self.prior,
            keep_stills=journal is not None,
            is_stopped=stop.asked,
            progress=bar.frames,
            step=bar.step,
        )

    def _notes(self, tally: Tally, reports: Reports | None, *, stopped: bool) -> Iterator[str]:
        if reports is not None:
            yield from reports.notes()
            yield f"{self.texts.label('cli-record')}  {reports.folder / FILE_NAME}"
        if stopped:
            yield self.texts.label("cli-stopped" if reports else "cli-stopped-no-record", count=tally.items)


def _check_options(request: Request, chosen: Iterable[Chosen]) -> None:
    """UsageError where an option asks for what none of the readers does."""
    asked_for = ", ".join(reader for choice in chosen for reader in choice.reader_ids)
    if request.exam and not any(choice.takes_examinations for choice in chosen):
        raise UsageError(f"--exam: none of these readers reads whole examinations: {asked_for}. Leave --exam out")
    if request.prior is not None and not _takes_volumes(chosen):
        raise UsageError(f"--prior: none of these readers reads CT: {asked_for}. Leave --prior out")


def _prior(request: Request, limits: Limits) -> Prior | None:
    """UsageError where it is not one CT that is to be compared with."""
    if request.prior is None:
        return None
    found = inputs.find_inputs([request.prior], limits=limits, examinations=inputs.Examinations.NONE, volumes=True)
    scans = [item for item in found if isinstance(item, VolumeItem)]
    if len(scans) != 1:
        raise UsageError(f"--prior: {request.prior} holds {len(scans) or 'no'} CT studies. Name the folder of one")
    return Prior(item=scans[0])


def _takes_volumes(chosen: Iterable[Chosen]) -> bool:
    return any(choice.takes_volumes for choice in chosen)


def _taken_together(request: Request, chosen: Iterable[Chosen]) -> inputs.Examinations:
    """What is read as one; readers that take no examinations are given every file by itself."""
    if request.exam:
        return inputs.Examinations.WHOLE
    if any(choice.takes_examinations for choice in chosen):
        return inputs.Examinations.FOUND
    return inputs.Examinations.NONE


def _show_and_count(printed: Show, tally: Tally, bar: Counting, result: ItemResult) -> None:
    tally.add(result)
    printed.result(result)
    bar.advance()


def _is_stopped(run: Run, results: Iterator[ItemResult]) -> bool:
    try:
        run.through(results)
    except StoppedError:
        return True
    return False
