"""What a chest CT takes, from files to the written report: in this process, warm, and as a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

import cv2
import numpy as np
from pydicom import uid

from aimis import bootstrap, logs, settings
from aimis.console import words
from aimis.domain.errors import EngineError, UsageError
from aimis.inference import engine
from aimis.ingest import examinations as inputs
from aimis.pipeline import read
from aimis.pipeline import tools as parts
from aimis.readers.lung import find, grid, lungs
from aimis.readers.port import VolumeReader
from aimis.reports import views, write
from aimis.reports.texts import Texts
from tests.benchmarks import measure
from tests.fakes import ct

if TYPE_CHECKING:
    from aimis.domain.scan import Nodule
    from aimis.imaging.volume import Volume

READER = "lung-nodule"
TOY = "spotter"
SLICES, SIDE, FEW_SLICES = 300, 512, 99
JOBS = 1
_FIELD_MM = 345.0
_STEPS = (("lung", lungs, "find_lungs"), ("candidates", grid, "make"), ("candidates", find, "find"))
"""What the lung reader does one after another, with the part that it is of; all the rest is judging."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Folders of slices of 512 x 512."""

    whole: Path
    twice: Path
    compressed: Path


def make(folder: Path) -> Drawn:
    """A chest of 300 slices, of twice as many, and of 99 in JPEG 2000, with five nodules."""
    scan = _chest(SLICES)
    doubled = replace(scan, hu=np.repeat(scan.hu, 2, axis=0), spacing_mm=(scan.spacing_mm[0] / 2, *scan.spacing_mm[1:]))
    named = [f"{ct.SERIES_UID}.{at}" for at in range(2 * SLICES)]
    doubled = replace(doubled, instance_numbers=tuple(range(1, 2 * SLICES + 1)), sop_instance_uids=tuple(named))
    few = ct.Writing(transfer_syntax=uid.JPEG2000Lossless, order=range(FEW_SLICES))
    return Drawn(
        whole=ct.write_dicom(folder / "whole", scan),
        twice=ct.write_dicom(folder / "twice", doubled),
        compressed=ct.write_dicom(folder / "compressed", _chest(FEW_SLICES), few),
    )


def _chest(slices: int) -> Volume:
    spacing = (_FIELD_MM * 300 / 345 / slices, _FIELD_MM / SIDE, _FIELD_MM / SIDE)
    nodules = [
        ct.Ball(lps_mm=(x, y, z), diameter_mm=wide)
        for x, y, z, wide in (
            (-90.0, 20.0, 90.0, 6.0),
            (-70.0, -40.0, 150.0, 9.0),
            (80.0, 10.0, 200.0, 7.0),
            (95.0, 40.0, 160.0, 14.0),
            (-60.0, 45.0, 220.0, 5.0),
        )
    ]
    return ct.scan(ct.Scanner(shape=(slices, SIDE, SIDE), spacing_mm=spacing), nodules)


@dataclass(frozen=True, kw_only=True)
class Warm:
    """The product's own parts, open, as `aimis read --report` uses them."""

    tools: parts.Tools
    chosen: tuple[bootstrap.Chosen, ...]
    texts: Texts

    @property
    def reader(self) -> VolumeReader:
        """Open."""
        return cast("VolumeReader", self.tools.readers[0].open().reader)

    def found(self, folder: Path) -> parts.VolumeItem:
        """The one scan of a folder."""
        none = inputs.Examinations.NONE
        (item,) = inputs.find_inputs([str(folder)], examinations=none, volumes=True)
        if not isinstance(item, parts.VolumeItem):
            raise UsageError(f"{folder} holds no CT")
        return item

    def to_report(self, folder: Path) -> float:
        """Seconds from finding the files to the written report."""
        with TemporaryDirectory() as out:
            began = time.perf_counter()
            (result,) = read.read_all([self.found(folder)], self.tools, jobs=JOBS, threads_a_job=cv2.getNumberOfCPUs())
            self._report(Path(out), result)
            return time.perf_counter() - began

    def _report(self, out: Path, result: parts.ItemResult) -> None:
        for reading in result.readings:
            if result.views is None or reading.outcome.status != "read":
                raise UsageError(f"the scan was not read: {reading.outcome.reason}")
            write.write_scan(out, reading, result.views(reading), self.texts)

    def stages(self, folder: Path) -> dict[str, float]:
        """Seconds of each part, as they follow one another."""
        watch = measure.Stopwatch()
        with watch.stage("find"):
            item = self.found(folder)
        with watch.stage("load, hash, decode"):
            volume = item.load()
        with _timed(watch), watch.stage("read"):
            (outcome,) = self.reader.read_volume(volume).values()
        if outcome.scan is None:
            raise UsageError(f"the scan was not read: {outcome.reason}")
        with watch.stage("views"):
            views.cut(volume, outcome.scan)
        del volume
        (result,) = read.read_all([item], self.tools, jobs=JOBS)
        with TemporaryDirectory() as out, watch.stage("report"):
            self._report(Path(out), result)
        taken = dict(watch.seconds)
        shown = {part: taken.get(part, 0.0) for part in ("find", "load, hash, decode", "lung", "candidates")}
        judging = taken["read"] - shown["lung"] - shown["candidates"]
        return {**shown, "judging": judging, "views": taken["views"], "report": taken["report"]}


def open_warm(reader: str, kind: engine.Kind | None = None, precision: engine.Precision | None = None) -> Warm:
    """As `aimis read --report` opens them, or with another engine or precision.

    EngineError: this machine does not have it
    """
    site = settings.load_settings()
    site = site.model_copy(update={"engine": kind or site.engine, "precision": precision or site.precision})
    chosen = bootstrap.choose_readers(bootstrap.find_readers(site), [reader], None)
    offered = bootstrap.offer_readers(chosen, site, jobs=JOBS)
    tools = bootstrap.make_tools(offered, site, logs.Log(), keep_stills=True)
    texts = words.load_words("en", [choice.manifest.text_paths for choice in chosen])
    warm = Warm(tools=tools, chosen=chosen, texts=texts)
    tools.opened()
    return warm


@contextmanager
def _timed(watch: measure.Stopwatch) -> Iterator[None]:
    """The lung reader's steps, each adding to its part; a toy has none of them."""
    with ExitStack() as patched:
        for part, module, name in _STEPS:
            timed = partial(_run, watch, part, getattr(module, name))
            patched.enter_context(mock.patch.object(module, name, timed))
        yield


def _run(watch: measure.Stopwatch, part: str, real: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    with watch.stage(part):
        return real(*arguments, **named)


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """Slices decoded to a volume; cores : processor time over wall time."""

    seconds: float
    cores: float


def decoding(warm: Warm, folder: Path) -> Decoding:
    """Files to the volume."""
    item = warm.found(folder)
    began, busy = time.perf_counter(), time.process_time()
    item.load()
    seconds = time.perf_counter() - began
    return Decoding(seconds=seconds, cores=(time.process_time() - busy) / seconds)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The same networks in another way.

    furthest : the greatest difference of a probability of a candidate that both list
    same : whether both report the same nodules
    """

    name: str
    seconds: float
    furthest: float = 0.0
    same: bool = True
    others: int = 0


def engines(reader: str, folder: Path, repeats: int) -> Iterator[Engine]:
    """One volume read in each engine and precision that is here; the first is what the others are held against."""
    volume = open_warm(reader).found(folder).load()
    first: tuple[Nodule, ...] | None = None
    ways: tuple[tuple[engine.Kind, engine.Precision], ...] = (("auto", "f32"), ("auto", "bf16"), ("onnxruntime", "f32"))
    for kind, precision in ways:
        try:
            warm = open_warm(reader, kind, precision)
            warm.reader.read_volume(volume)
        except EngineError:
            continue
        seconds, nodules = _read(warm.reader, volume, repeats)
        first = nodules if first is None else first
        yield _compared(warm.reader.engine, seconds, nodules, first)


def _read(reader: VolumeReader, volume: Volume, repeats: int) -> tuple[float, tuple[Nodule, ...]]:
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        (outcome,) = reader.read_volume(volume).values()
        taken.append(time.perf_counter() - began)
    return median(taken), outcome.scan.nodules if outcome.scan else ()


def _compared(name: str, seconds: float, nodules: tuple[Nodule, ...], first: tuple[Nodule, ...]) -> Engine:
    pairs = [(one, other) for one in nodules for other in first if _near(one, other)]
    reported = [sum(nodule.present for nodule in found) for found in (nodules, first)]
    return Engine(
        name=name,
        seconds=seconds,
        furthest=max((abs(one.probability - other.probability) for one, other in pairs), default=0.0),
        same=reported[0] == reported[1] and all(one.present == other.present for one, other in pairs),
        others=len(nodules) + len(first) - 2 * len(pairs),
    )


def _near(one: Nodule, other: Nodule) -> bool:
    return float(np.linalg.norm(np.subtract(one.centre_lps_mm, other.centre_lps_mm))) < 2.0


def cold(reader: str, folder: Path) -> measure.Ended:
    """A process of its own, from start to exit, its report written."""
    with TemporaryDirectory() as out:
        return measure.run_process("read", str(folder), "--reader", reader, "--report", out)
