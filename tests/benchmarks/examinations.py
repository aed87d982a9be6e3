"""What an examination takes, from files to the written report: in this process, warm, and as a process of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from aimis import bootstrap, logs, settings
from aimis.console import words
from aimis.domain.errors import UsageError
from aimis.imaging.frame import Frame
from aimis.ingest import examinations as inputs
from aimis.ingest.examination import ExaminationItem
from aimis.pipeline import read
from aimis.pipeline import tools as parts
from aimis.readers.port import ExaminationReader
from aimis.reports import write
from aimis.reports.texts import Texts
from tests.benchmarks import measure

READER = "oesophagus"
TOY = "examiner"
JOBS = 2


@dataclass(frozen=True, kw_only=True)
class Warm:
    """The product's own parts, open, as `aimis read --exam --report` uses them."""

    tools: parts.Tools
    chosen: tuple[bootstrap.Chosen, ...]
    site: settings.Settings
    texts: Texts
    watch: measure.Stopwatch

    @property
    def engine(self) -> str:
        """In use."""
        return self.tools.readers[0].open().reader.engine

    def found(self, folder: Path) -> ExaminationItem:
        """The one examination of a folder."""
        limits = bootstrap.examination_limits(self.chosen, self.site)
        (item,) = inputs.find_inputs([str(folder)], limits=limits, examinations=inputs.Examinations.WHOLE)
        if not isinstance(item, ExaminationItem):
            raise UsageError(f"{folder} holds no examination")
        return item

    def to_report(self, folder: Path) -> float:
        """Seconds from finding the files to the written report."""
        with TemporaryDirectory() as out:
            began = time.perf_counter()
            (result,) = read.read_all([self.found(folder)], self.tools, jobs=JOBS)
            self._report(Path(out), result)
            return time.perf_counter() - began

    def _report(self, out: Path, result: parts.ItemResult) -> None:
        if result.pictures is None:
            raise UsageError("no examination was read")
        for reading in result.readings:
            write.write_examination(out, reading, result.pictures(), self.texts)

    def stages(self, folder: Path) -> dict[str, float]:
        """Seconds of each part, one after another on one thread; `judge` without the network's runs."""
        self.watch.seconds.clear()
        item, frames = self._found_and_decoded(folder)
        reader = cast("ExaminationReader", self.tools.readers[0].open().reader)
        with self.watch.stage("judge"):
            judged = [reader.judge(frame) for frame in frames]
        with self.watch.stage("conclude"):
            outcomes = reader.conclude(judged, kind=item.kind, seconds=None, pictured=range(len(frames)))
        if not outcomes:
            raise UsageError("nothing was concluded")
        taken = dict(self.watch.seconds)
        (result,) = read.read_all([item], self.tools, jobs=JOBS)
        with TemporaryDirectory() as out, self.watch.stage("report"):
            self._report(Path(out), result)
        infer = taken.pop("infer", 0.0)
        return {**taken, "judge": taken["judge"] - infer, "infer": infer, "report": self.watch.seconds["report"]}

    def _found_and_decoded(self, folder: Path) -> tuple[ExaminationItem, list[Frame]]:
        with self.watch.stage("find"):
            item = self.found(folder)
        with self.watch.stage("load, hash, decode"), item.open() as opened:
            return item, [work() for work in opened.frames()]


def open_warm(reader: str) -> Warm:
    """As `aimis read --exam --report` opens them, with a stopwatch in the inference engine."""
    site, watch = settings.load_settings(), measure.Stopwatch()
    chosen = bootstrap.choose_readers(bootstrap.find_readers(site), [reader], None)
    offered = [
        bootstrap.LazyReader(choice=c, open_engine=partial(measure.open_timed, watch, c, site, JOBS)) for c in chosen
    ]
    tools = bootstrap.make_tools(offered, site, logs.Log(), keep_stills=True)
    texts = words.load_words("en", [choice.manifest.text_paths for choice in chosen])
    return Warm(tools=tools, chosen=chosen, site=site, texts=texts, watch=watch)


def cold(reader: str, folder: Path) -> measure.Ended:
    """A process of its own, from start to exit, its report written."""
    with TemporaryDirectory() as out:
        return measure.run_process("read", "--exam", str(folder), "--reader", reader, "--report", out)


def video(reader: str, path: Path) -> measure.Ended:
    """The same of a video."""
    with TemporaryDirectory() as out:
        return measure.run_process("read", str(path), "--reader", reader, "--json", "--report", out)
