"""Puts the parts together: what a command needs, made once from the settings."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

from aimis.domain.errors import UsageError
from aimis.domain.reading import ReaderIdentity
from aimis.imaging.limits import Limits
from aimis.inference import processor
from aimis.readers import registry

if TYPE_CHECKING:
    from aimis.domain.scan import Scan
    from aimis.imaging.volume import Volume
    from aimis.logs import Log
    from aimis.pipeline.tools import ChosenReader, OpenReader, Prior, Recall, Tools
    from aimis.readers.manifest import Manifest, ReaderEntry
    from aimis.readers.port import OpenEngine
    from aimis.reports.views import Views
    from aimis.settings import Settings

EXAMINATION, VOLUME, STILL = "examination", "volume", "still"
FRAME_ENOUGH_PX = 480
"""Of a frame's shortest side: a full-HD still is decoded at half its size, faster by half than in full."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Some entries of one manifest, read in one pass at one operating point."""

    manifest: Manifest
    reader_ids: tuple[str, ...]
    operating_point: str

    @property
    def takes_stills(self) -> bool:
        """Whether each of them reads pictures; those of one choice agree, in this as in what follows."""
        return all(takes_stills(self.manifest.reader(reader_id)) for reader_id in self.reader_ids)

    @property
    def takes_examinations(self) -> bool:
        """Whether each of them reads whole examinations."""
        return all(takes_examinations(self.manifest.reader(reader_id)) for reader_id in self.reader_ids)

    @property
    def takes_volumes(self) -> bool:
        """Whether each of them reads volumes."""
        return all(takes_volumes(self.manifest.reader(reader_id)) for reader_id in self.reader_ids)

    @property
    def identities(self) -> Mapping[str, ReaderIdentity]:
        """By reader id; the engine is not known before the network is open."""
        weights = self.manifest.weights.identity
        entries = [self.manifest.reader(reader_id) for reader_id in self.reader_ids]
        return {
            entry.id: ReaderIdentity(
                reader=entry.id,
                version=entry.version,
                weights_sha256=weights,
                engine="",
                operating_point=entry.operating_point_label(self.operating_point),
            )
            for entry in entries
        }


def find_readers(settings: Settings) -> registry.Found:
    """All readers, with the site's own thresholds; the environment's path wins over the settings file's."""
    extra = () if os.environ.get(registry.PATH_VARIABLE) else settings.readers_path
    return registry.find_readers(extra).with_thresholds(settings.thresholds)


def choose_readers(found: registry.Found, ids: Sequence[str], operating_point: str | None) -> tuple[Chosen, ...]:
    """The readers named, or all of them; grouped so that readers of one network share its pass.

    UsageError: a reader that is not there, or none at all
    """
    wanted = tuple(dict.fromkeys(ids)) or tuple(found.manifests)
    for reader_id in wanted:
        if reader_id not in found.manifests:
            raise UsageError(_not_there(reader_id, found))
    if not wanted:
        raise UsageError("no reader is installed here; `aimis doctor` says why")
    groups: dict[tuple[int, str, tuple[bool, ...]], list[str]] = {}
    for reader_id in wanted:
        manifest = found.manifests[reader_id]
        entry = manifest.reader(reader_id)
        point = operating_point or entry.default_operating_point
        takes = takes_stills(entry), takes_examinations(entry), takes_volumes(entry)
        groups.setdefault((id(manifest), point, takes), []).append(reader_id)
    return tuple(
        Chosen(manifest=found.manifests[ids[0]], reader_ids=tuple(ids), operating_point=point)
        for (_, point, _), ids in groups.items()
    )


def takes_examinations(entry: ReaderEntry) -> bool:
    """Whether its manifest lists examinations among the inputs."""
    return EXAMINATION in entry.inputs


def takes_volumes(entry: ReaderEntry) -> bool:
    """Whether its manifest lists volumes among the inputs."""
    return VOLUME in entry.inputs


def takes_stills(entry: ReaderEntry) -> bool:
    """Whether it reads pictures: all do but a reader of volumes, which says so where it reads both."""
    return VOLUME not in entry.inputs or STILL in entry.inputs


def usable_threads(settings: Settings) -> int:
    """The settings' number, else one for each processor; never more than this process may use."""
    return processor.threads_to_use(settings.threads or 0)


def peek(items: Iterable[T], count: int) -> tuple[Iterator[T], list[T]]:
    """All items, and the first `count` of them."""
    rest = iter(items)
    first = list(islice(rest, count))
    return chain(first, rest), first


@dataclass(kw_only=True)
class LazyReader:
    """A chosen reader whose network is opened when it is first asked for, by one thread."""

    choice: Chosen
    open_engine: OpenEngine
    _opened: OpenReader | None = None

    @property
    def takes_stills(self) -> bool:
        """As its manifest says."""
        return self.choice.takes_stills

    @property
    def takes_examinations(self) -> bool:
        """The same."""
        return self.choice.takes_examinations

    @property
    def takes_volumes(self) -> bool:
        """The same."""
        return self.choice.takes_volumes

    def open(self) -> OpenReader:
        """The same each time."""
        if self._opened is None:
            self._opened = self._load()
        return self._opened

    def _load(self) -> OpenReader:
        from aimis.pipeline.tools import OpenReader  # noqa: PLC0415  numpy is not needed to choose readers

        choice = self.choice
        reader = registry.load_reader(choice.manifest, choice.reader_ids, choice.operating_point, self.open_engine)
        identities = {name: replace(known, engine=reader.engine) for name, known in choice.identities.items()}
        return OpenReader(
            reader=reader,
            identities=identities,
            takes_stills=self.takes_stills,
            takes_examinations=self.takes_examinations,
            takes_volumes=self.takes_volumes,
        )


def offer_readers(chosen: Iterable[Chosen], settings: Settings, *, jobs: int) -> tuple[LazyReader, ...]:
    """The readers, to be opened for `jobs` requests at once, on no more threads than the process may use.

    A reader of volumes reads one at a time, and asks of its networks as many requests at once as there are threads.
    """
    from aimis.inference import engine  # noqa: PLC0415  numpy is not needed to choose readers

    threads = settings.threads or 0
    open_engine = partial(engine.open_engine, kind=settings.engine, threads=threads)
    return tuple(
        LazyReader(
            choice=choice,
            open_engine=partial(
                open_engine,
                precision=choice.manifest.precision(settings.precision),
                streams=usable_threads(settings) if choice.takes_volumes else jobs,
            ),
        )
        for choice in chosen
    )


def open_readers(chosen: Iterable[Chosen], settings: Settings, *, jobs: int) -> tuple[OpenReader, ...]:
    """The same, opened at once."""
    return tuple(reader.open() for reader in offer_readers(chosen, settings, jobs=jobs))


def make_tools(
    readers: Sequence[ChosenReader],
    settings: Settings,
    log: Log,
    *,
    recall: Recall | None = None,
    prior: Prior | None = None,
    keep_stills: bool = False,
    is_stopped: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int | None], None] = lambda _done, _expected: None,
    step: Callable[[str], None] = lambda _name: None,
) -> Tools:
    """What reading an item takes, with the real clock and the site's limits.

    keep_stills : hand on the pictures that a report shows, those of volumes too
    """
    from aimis.imaging.decode import decode  # noqa: PLC0415  numpy is not needed to choose readers
    from aimis.pipeline.tools import Clock, Tools  # noqa: PLC0415  see above

    return Tools(
        readers=readers,
        decode=partial(decode, limits=limits_of(settings)),
        clock=Clock(monotonic=time.perf_counter, now_utc=lambda: datetime.now(UTC)),
        log_failure=log.failure,
        recall=recall,
        prior=prior,
        keep_stills=keep_stills,
        cut=cut_views if keep_stills else None,
        masks_patients=settings.mask_patient_ids,
        is_stopped=is_stopped,
        progress=progress,
        step=step,
    )


def cut_views(volume: Volume, scan: Scan) -> Views:
    """The pictures that the report of a scan shows."""
    from aimis.reports import views  # noqa: PLC0415  wanted for the report of a scan alone

    return views.cut(volume, scan)


def limits_of(settings: Settings) -> Limits:
    """What one input may cost here."""
    return Limits(**settings.limits.model_dump())


def examination_limits(chosen: Iterable[Chosen], settings: Settings) -> Limits:
    """The same of an examination's frames, decoded no larger than the readers' networks and a report's page need."""
    wanted = [choice.manifest.network.get("input_px", 0) for choice in chosen if choice.takes_examinations]
    enough = max(FRAME_ENOUGH_PX, *(int(side) for side in wanted), 0)
    limits = limits_of(settings)
    return replace(limits, enough_px=min(limits.enough_px, enough))


def _not_there(reader_id: str, found: registry.Found) -> str:
    known = ", ".join(found.manifests) or "none"
    refused = "".join(f"; refused: {folder.name} ({why})" for folder, why in found.refused)
    return f"there is no reader {reader_id!r}; there are: {known}{refused}"
