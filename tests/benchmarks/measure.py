"""What is timed, and how: whole processes from outside, and the stages of one reading from inside."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from aimis import bootstrap, logs, settings
from aimis.console import words
from aimis.imaging.decode import decode
from aimis.inference import engine
from aimis.pipeline import read
from aimis.pipeline import tools as parts
from aimis.readers import registry
from aimis.reports import write
from aimis.reports.case import Case, eye_of

_FIXTURES = Path(__file__).parents[1] / "fixtures"
PROGRAM = (sys.executable, "-m", "aimis.cli")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A process that ended.

    processor_seconds : of all its threads together
    peak_bytes : the most memory that it held at once, of files it mapped too
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int
    status: int


def run_process(*arguments: str) -> Ended:
    """`aimis` with these arguments, from start to exit, its output thrown away."""
    began = time.perf_counter()
    process = subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ended(
        seconds=time.perf_counter() - began,
        processor_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * 1024,
        status=process.returncode,
    )


@dataclass
class Stopwatch:
    """Seconds by stage, summed over the runs since it was last emptied."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the time of the block."""
        began = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


@dataclass(frozen=True, kw_only=True)
class TimedEngine:
    """An engine whose runs are added to a stopwatch."""

    network: engine.Network
    watch: Stopwatch

    @property
    def name(self) -> str:
        """The engine's own."""
        return self.network.name

    def run(self, inputs: Mapping[str, npt.NDArray[Any]], /) -> dict[str, npt.NDArray[Any]]:
        """As the engine."""
        with self.watch.stage("infer"):
            return self.network.run(inputs)


@dataclass(frozen=True, kw_only=True)
class InProcess:
    """The product's own parts, open and warm, one photograph at a time."""

    tools: parts.Tools
    chosen: tuple[bootstrap.Chosen, ...]
    watch: Stopwatch

    def one_eye(self, path: Path) -> float:
        """Seconds to load, hash, decode and read one photograph with every reader of stills, maps included."""
        began = time.perf_counter()
        result = read.read_item(_File(path=str(path), load=path.read_bytes), self.tools)
        seconds = time.perf_counter() - began
        if len(result.readings) != sum(len(choice.reader_ids) for choice in self.chosen):
            raise SystemExit(f"{path} was not read by every reader")
        return seconds

    def stages(self, path: Path) -> dict[str, float]:
        """Seconds of one photograph by stage: decode, prepare (field, gates, findings), infer, report."""
        self.watch.seconds.clear()
        content = path.read_bytes()
        with self.watch.stage("decode"):
            (still,) = decode(content, str(path))
        with self.watch.stage("read"):
            for offered in self.tools.readers:
                offered.open().reader.read(still)
        result = read.read_item(_File(path=str(path), load=path.read_bytes), self.tools)
        texts = words.load_words("en", [choice.manifest.text_paths for choice in self.chosen])
        with tempfile.TemporaryDirectory() as folder, self.watch.stage("report"):
            write.write_report(Path(folder), Case(eyes=(eye_of(result.readings, still),)), texts)
        taken = self.watch.seconds
        infer = taken["infer"] / 2  # the network ran once for the stages and once for the report's readings
        return {
            "decode": taken["decode"],
            "prepare": taken["read"] - infer,
            "infer": infer,
            "report": taken["report"],
        }


@dataclass(frozen=True, kw_only=True)
class _File:
    path: str
    load: Callable[[], bytes]


def reader_id(reader: str, toy: str) -> str:
    """The reader; where that is not there the toy of the fixtures, of which the parts around a reader can be told."""
    if reader in bootstrap.find_readers(settings.load_settings()).manifests:
        return reader
    os.environ[registry.PATH_VARIABLE] = str(_FIXTURES / toy)
    os.environ["PYTHONPATH"] = str(_FIXTURES.parents[1])
    return toy


def open_in_process(*readers: str, jobs: int = 1) -> InProcess:
    """As `aimis read --reader` opens them, with a stopwatch in the inference engine."""
    site, watch = settings.load_settings(), Stopwatch()
    every = bootstrap.choose_readers(bootstrap.find_readers(site), readers, None)
    chosen = tuple(choice for choice in every if choice.takes_stills)

    offered = [bootstrap.LazyReader(choice=c, open_engine=partial(open_timed, watch, c, site, jobs)) for c in chosen]
    tools = bootstrap.make_tools(offered, site, logs.Log())
    return InProcess(tools=tools, chosen=chosen, watch=watch)


def open_timed(watch: Stopwatch, choice: bootstrap.Chosen, site: settings.Settings, jobs: int, weights: Path, /) -> Any:
    """The network in the precision that is read in, its runs added to the stopwatch."""
    precision = choice.manifest.precision(site.precision)
    network = engine.open_engine(weights, kind=site.engine, precision=precision, streams=jobs)
    return TimedEngine(network=network, watch=watch)


def plain_pipeline(weights: Path) -> Callable[[Path], float]:
    """The same network the plain way: Pillow decodes in full and resizes, ONNX Runtime runs float32 by its defaults.

    No field of view, no gates, no findings: less work than the product's own.
    """
    import onnxruntime  # noqa: PLC0415  only this needs it

    session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
    (network_input,) = session.get_inputs()
    _, rows, columns, _ = network_input.shape

    def run(path: Path) -> float:
        began = time.perf_counter()
        with Image.open(path) as photograph:
            square = photograph.convert("RGB").resize((columns, rows), Image.Resampling.BILINEAR)
        session.run(None, {network_input.name: np.asarray(square, dtype=np.uint8)[None]})
        return time.perf_counter() - began

    return run


def middle(values: list[dict[str, float]]) -> dict[str, float]:
    """The median of each stage."""
    return {stage: median(v[stage] for v in values) for stage in values[0]}
