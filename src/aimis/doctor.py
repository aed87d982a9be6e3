"""What is there, whether it works, and how to mend what does not; the command line prints it.

Each check is a record; nothing is printed or changed here.
"""

from __future__ import annotations

import os
import platform
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psutil

from aimis.domain.errors import AimisError, EngineError
from aimis.inference import engine, processor
from aimis.reports import texts

if TYPE_CHECKING:
    from aimis.inference.engine import Kind, Network, Precision
    from aimis.readers.manifest import Manifest, WeightsFile
    from aimis.readers.registry import Found

T = TypeVar("T")

ENOUGH_PROCESSORS = 2
ENOUGH_MEMORY_BYTES = 1 << 30  # one process may take 700 MB


class Health(StrEnum):
    """What came of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at.

    name : what, e.g. `engine` or `reader fundus`
    detail : what was found, in a sentence's length
    mend : what to do, empty where nothing is to be done
    """

    name: str
    health: Health
    detail: str
    mend: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How networks are to be opened, as the settings have it; see `aimis.inference.engine.open_engine`."""

    kind: Kind = "auto"
    precision: Precision = "auto"
    threads: int = 0
    streams: int = 1


def diagnose(found: Found, plan: Plan, *, clock: Callable[[], float] = time.perf_counter) -> Iterator[Check]:
    """All checks, each made when it is asked for; networks are opened and run last.

    clock : seconds
    """
    yield _installation()
    yield _engine(plan)
    yield _processors(plan)
    yield _memory()
    yield from (_catalogue(language) for language in texts.LANGUAGES)
    yield _fonts()
    folders = {manifest.folder: manifest for manifest in found.manifests.values()}
    if not folders:
        mend = "Install the package again, or name a folder of readers in AIMIS_READERS_PATH"
        yield Check(name="readers", health=Health.FAILED, detail="none is found", mend=mend)
    yield from (_folder(manifest) for manifest in folders.values())
    for folder, why in found.refused:
        mend = "Mend what is named, or take the folder out of AIMIS_READERS_PATH"
        yield Check(name=f"reader {folder.name}", health=Health.FAILED, detail=f"refused: {why}", mend=mend)
    yield from (_network(m, file, plan, clock) for m in folders.values() for file in m.weights.files)


_FREE_SIDE = 16  # of a network that takes any length


def try_network(network: Network, clock: Callable[[], float]) -> tuple[float, float]:
    """Seconds of the first run on zeros and of the second; EngineError where the network cannot run."""
    import numpy as np  # noqa: PLC0415  only where a network is run

    zeros = {
        name: np.zeros([side or _FREE_SIDE for side in form.shape], dtype=form.dtype)
        for name, form in network.inputs.items()
    }
    first, second = (_timed(lambda: network.run(zeros), clock)[1] for _ in range(2))
    return first, second


def _installation() -> Check:
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return Check(name="aimis", health=Health.OK, detail=f"{metadata.version('aimis')}, {system}")


def _engine(plan: Plan) -> Check:
    """The engine and the precision it will run in, with the reason for both."""
    try:
        kind = engine.choose_kind(plan.kind)
        precision, why = _precision(kind, plan.precision)
        version = metadata.version({"onnxruntime-cuda": "onnxruntime-gpu"}.get(kind, kind))
    except (EngineError, metadata.PackageNotFoundError) as error:
        mend = "Set AIMIS_ENGINE=auto and AIMIS_PRECISION=auto, or install what is missing"
        return Check(name="engine", health=Health.FAILED, detail=str(error), mend=mend)
    chosen = "chosen for this machine" if plan.kind == "auto" else "asked for"
    return Check(name="engine", health=Health.OK, detail=f"{kind} {version}, {chosen}; precision {precision}: {why}")


def _precision(kind: Kind, wanted: Precision) -> tuple[str, str]:
    if kind != "openvino":
        return "f32", "ONNX Runtime runs the networks in f32"
    from aimis.inference import openvino_engine  # noqa: PLC0415  loaded on use

    return openvino_engine.choose_precision(wanted)


def _processors(plan: Plan) -> Check:
    """How many this process may use, what bounds them, and how many it will."""
    usable, quota = processor.usable_processors(), processor.processor_quota()
    parts = [f"{usable} of {os.cpu_count()} may be used"]
    if quota is not None:
        parts.append(f"the control group grants {quota:g}")
    try:
        parts.append(f"the engine takes {processor.threads_to_use(plan.threads)}")
    except EngineError as error:
        mend = f"Set {processor.THREADS_VARIABLE} to a whole number from 1, or unset it"
        return Check(name="processors", health=Health.FAILED, detail=str(error), mend=mend)
    few = usable < ENOUGH_PROCESSORS
    mend = f"Give the process {ENOUGH_PROCESSORS}; with fewer a photograph takes longer" if few else ""
    return Check(name="processors", health=Health.WARNING if few else Health.OK, detail=", ".join(parts), mend=mend)


def _memory() -> Check:
    """Free memory, within what the control group grants."""
    free, limit = psutil.virtual_memory().available, processor.memory_limit_bytes()
    detail = f"{free / 1e9:.1f} GB free" + (f", the control group grants {limit / 1e9:.1f} GB" if limit else "")
    little = min(free, limit or free) < ENOUGH_MEMORY_BYTES
    mend = "Free 1 GB, or use fewer jobs (--jobs 1)" if little else ""
    return Check(name="memory", health=Health.WARNING if little else Health.OK, detail=detail, mend=mend)


def _catalogue(language: str) -> Check:
    """The words of the reports in one language."""
    name = f"texts {language}"
    try:
        table = texts.core_table(language)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Check(name=name, health=Health.FAILED, detail=str(error), mend="Install the package again")
    return Check(name=name, health=Health.OK, detail=f"{len(table.get('reasons', {}))} reasons in words")


def _fonts() -> Check:
    """The fonts of the reports, and whether they draw every character of the texts."""
    from reportlab.pdfbase.ttfonts import TTFError  # noqa: PLC0415  loaded on use

    from aimis.reports import typeset  # noqa: PLC0415  loaded on use

    try:
        used = {c for language in texts.LANGUAGES for c in str(texts.core_table(language))}
        lacking = {c for font in (typeset.REGULAR, typeset.BOLD) for c in used if typeset.drawable(c, font) != c}
    except (OSError, ValueError, TTFError) as error:
        return Check(name="fonts", health=Health.FAILED, detail=str(error), mend="Install the package again")
    if lacking:
        shown = "".join(sorted(lacking))[:20]
        mend = "Install the package again; until then these characters are drawn as white squares"
        return Check(name="fonts", health=Health.WARNING, detail=f"no glyphs for {shown}", mend=mend)
    return Check(name="fonts", health=Health.OK, detail=f"draw all {len(used)} characters of the texts")


def _folder(manifest: Manifest) -> Check:
    """A reader's folder that was found; its weights had the stated checksum."""
    readers = ", ".join(f"{reader.id} {reader.version}" for reader in manifest.readers)
    weights = f"weights {manifest.weights.identity[:12]} hold, {manifest.weights.licence}"
    return Check(name=f"reader {manifest.folder.name}", health=Health.OK, detail=f"{readers}; {weights}")


def _network(manifest: Manifest, file: WeightsFile, plan: Plan, clock: Callable[[], float]) -> Check:
    """A network of the folder opened and run on zeros, with the time each takes."""
    name = f"network {manifest.folder.name}" + (f" {Path(file.file).stem}" if manifest.weights.also else "")
    try:
        network, opening = _timed(lambda: _open(manifest, file, plan), clock)
        first, second = try_network(network, clock)
    except AimisError as error:
        mend = "Install the reader again, or choose another engine (AIMIS_ENGINE)"
        return Check(name=name, health=Health.FAILED, detail=str(error), mend=mend)
    times = f"opened in {opening * 1e3:.0f} ms, first run {first * 1e3:.0f} ms, second {second * 1e3:.0f} ms"
    return Check(name=name, health=Health.OK, detail=f"{network.name}; {times}")


def _open(manifest: Manifest, file: WeightsFile, plan: Plan) -> Network:
    precision = manifest.precision(plan.precision)
    return engine.open_engine(
        manifest.folder / file.file, kind=plan.kind, precision=precision, threads=plan.threads, streams=plan.streams
    )


def _timed(do: Callable[[], T], clock: Callable[[], float]) -> tuple[T, float]:
    start = clock()
    return do(), clock() - start
