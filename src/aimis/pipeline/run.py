"""One run over many items: each result is recorded, shown and, with its patient's other eye, reported."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aimis.pipeline.tools import StoppedError
from aimis.reports import case as cases

if TYPE_CHECKING:
    from aimis.domain.reading import Reading
    from aimis.pipeline.journal import Journal
    from aimis.pipeline.tools import CutViews, ItemResult, Pictures
    from aimis.reports.case import Case, Eye

Report = Callable[["Case", bool], None]
"""Takes a case, and whether something of it was read in this run rather than recalled."""

ReportExamination = Callable[["Reading", "Pictures", bool], None]
"""Takes an examination's reading, its pictures on demand, and whether it was read in this run."""

ReportScan = Callable[["Reading", "CutViews", bool], None]
"""The same of a scan, whose pictures are its views."""


@dataclass(kw_only=True)
class Run:
    """What is done with every result, in this order: record, show, report.

    show : called for each result, after it is on the disk where there is a record
    is_stopped : asked after each result
    """

    show: Callable[[ItemResult], None]
    is_stopped: Callable[[], bool]
    journal: Journal | None = None
    report: Report | None = None
    report_examination: ReportExamination | None = None
    report_scan: ReportScan | None = None
    _new: set[tuple[str, int | None]] = field(default_factory=set)

    def through(self, results: Iterator[ItemResult]) -> None:
        """Take all results; StoppedError where the run was asked to stop.

        A patient's eyes whose report was still waiting for more are left to the rerun, which reports them together.
        """
        finished = self._finish(results)
        if self.report is None:
            deque(finished, maxlen=0)
            return
        for case in cases.cases_of(finished):
            places = {(eye.source.path, eye.source.frame) for eye in case.eyes}
            self.report(case, bool(places & self._new))
            self._new -= places

    def _finish(self, results: Iterator[ItemResult]) -> Iterator[Eye]:
        for result in results:
            if not result.recalled and self.journal is not None:
                self.journal.append([frame.readings for frame in result.frames])
            self.show(result)
            if result.pictures is not None:
                self._report_examination(result, result.pictures)
            elif result.views is not None:
                self._report_scan(result, result.views)
            else:
                yield from self._eyes(result)
            if self.is_stopped():
                raise StoppedError("stopped")

    def _eyes(self, result: ItemResult) -> Iterator[Eye]:
        if not result.recalled and self.report is not None:
            self._new.update((r.source.path, r.source.frame) for r in result.readings)
        yield from (cases.eye_of(frame.readings, frame.still) for frame in result.frames)

    def _report_examination(self, result: ItemResult, pictures: Pictures) -> None:
        """At once: an examination waits for no other eye."""
        if self.report_examination is not None:
            for reading in result.readings:
                self.report_examination(reading, pictures, not result.recalled)

    def _report_scan(self, result: ItemResult, views: CutViews) -> None:
        if self.report_scan is not None:
            for reading in result.readings:
                self.report_scan(reading, views, not result.recalled)
