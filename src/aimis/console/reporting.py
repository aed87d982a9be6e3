"""Writes a run's reports and says where they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimis.domain.reading import Reading
    from aimis.pipeline.tools import CutViews, Pictures
    from aimis.reports.case import Case
    from aimis.reports.texts import Texts
    from aimis.reports.write import Written

FILES_NAMED = 2
"""Of so many reports each file is named; of more, the folder."""


@dataclass(kw_only=True)
class Reports:
    """The reports of one run in a folder.

    files : of the first reports written
    """

    folder: Path
    words: Texts
    written: int = 0
    there_already: int = 0
    files: list[Path] = field(default_factory=list)

    def prepare(self) -> None:
        """Begin to load what reports take, beside the reading: half a second of a cold start."""
        Thread(target=import_module, args=("aimis.reports.write",), name="prepare").start()

    def write(self, case: Case, new: bool) -> None:  # noqa: FBT001  called by the pipeline, by position
        """Write the report of a case, unless an earlier run wrote it and nothing is new."""
        from aimis.reports import write  # noqa: PLC0415  the PDF's library is loaded when a report is wanted

        if new or not self._is_there(case.stem):
            self._count(write.write_report(self.folder, case, self.words))

    def write_examination(self, reading: Reading, pictures: Pictures, new: bool) -> None:  # noqa: FBT001  see above
        """Write the report of an examination likewise; its pictures are decoded for no other purpose."""
        from aimis.reports import case, write  # noqa: PLC0415  see above

        if new or not self._is_there(case.stem_of(reading.source)):
            self._count(write.write_examination(self.folder, reading, pictures(), self.words))

    def write_scan(self, reading: Reading, views: CutViews, new: bool) -> None:  # noqa: FBT001  see above
        """Write the report of a CT likewise."""
        from aimis.reports import case, write  # noqa: PLC0415  see above

        if new or not self._is_there(case.stem_of(reading.source)):
            self._count(write.write_scan(self.folder, reading, views(reading), self.words))

    def _is_there(self, stem: str) -> bool:
        there = (self.folder / f"{stem}.json").is_file()  # of a report's files it is placed last
        self.there_already += there
        return there

    def _count(self, made: Written) -> None:
        self.written += 1
        if self.written <= FILES_NAMED:
            self.files += [made.pdf, made.html, made.json, *made.overlays, *filter(None, [made.montage])]

    def notes(self) -> Iterator[str]:
        """Where everything is, in words."""
        if self.written > FILES_NAMED:
            yield self.words.label("cli-reports-written", count=self.written, folder=str(self.folder))
        else:
            yield from (f"{self.words.label('cli-report-written')}  {file}" for file in self.files)
        if self.there_already:
            yield self.words.label("cli-reports-there", count=self.there_already)
