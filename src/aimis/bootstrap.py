"""Puts the parts together: what a command needs, made once from the settings."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    from aimis.logs import Log
    from aimis.pipeline.read import OpenReader, Recall, Tools
    from aimis.readers.manifest import Manifest
    from aimis.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Some entries of one manifest, read in one pass at one operating point."""

    manifest: Manifest
    reader_ids: tuple[str, ...]
    operating_point: str

    @property
    def identities(self) -> Mapping[str, ReaderIdentity]:
        """By reader id; the engine is not known before the network is open."""
        weights = self.manifest.weights.sha256
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
    groups: dict[tuple[int, str], list[str]] = {}
    for reader_id in wanted:
        manifest = found.manifests[reader_id]
        point = operating_point or manifest.reader(reader_id).default_operating_point
        groups.setdefault((id(manifest), point), []).append(reader_id)
    return tuple(
        Chosen(manifest=found.manifests[ids[0]], reader_ids=tuple(ids), operating_point=point)
        for (_, point), ids in groups.items()
    )


def usable_threads(settings: Settings) -> int:
    """The settings' number, else one for each processor; never more than this process may use."""
    return processor.threads_to_use(settings.threads or 0)


def peek(items: Iterable[T], count: int) -> tuple[Iterator[T], int]:
    """All items, and how many of the first `count` there are."""
    rest = iter(items)
    first = list(islice(rest, count))
    return chain(first, rest), len(first)


def open_readers(chosen: Iterable[Chosen], settings: Settings, *, jobs: int) -> tuple[OpenReader, ...]:
    """The networks opened for `jobs` requests at once, on no more threads than the process may use."""
    from aimis.inference import engine  # noqa: PLC0415  numpy is not needed to choose readers
    from aimis.pipeline.read import OpenReader  # noqa: PLC0415  see above

    open_engine = partial(
        engine.open_engine,
        kind=settings.engine,
        threads=settings.threads or 0,
        streams=jobs,
    )
    opened = []
    for choice in chosen:
        own_engine = partial(open_engine, precision=choice.manifest.precision(settings.precision))
        reader = registry.load_reader(choice.manifest, choice.reader_ids, choice.operating_point, own_engine)
        opened.append(OpenReader(reader=reader, identities=_with_engine(choice.identities, reader.engine)))
    return tuple(opened)


def make_tools(
    readers: Sequence[OpenReader], settings: Settings, log: Log, *, recall: Recall | None, keep_stills: bool
) -> Tools:
    """What reading an item takes, with the real clock and the site's limits."""
    from aimis.imaging.decode import decode  # noqa: PLC0415  numpy is not needed to choose readers
    from aimis.pipeline.read import Clock, Tools  # noqa: PLC0415  see above

    return Tools(
        readers=readers,
        decode=partial(decode, limits=limits_of(settings)),
        clock=Clock(monotonic=time.perf_counter, now_utc=lambda: datetime.now(UTC)),
        log_failure=log.failure,
        recall=recall or (lambda _path, _sha256: None),
        keep_stills=keep_stills,
    )


def limits_of(settings: Settings) -> Limits:
    """What one input may cost here."""
    return Limits(**settings.limits.model_dump())


def _with_engine(identities: Mapping[str, ReaderIdentity], engine: str) -> dict[str, ReaderIdentity]:
    return {reader_id: replace(identity, engine=engine) for reader_id, identity in identities.items()}


def _not_there(reader_id: str, found: registry.Found) -> str:
    known = ", ".join(found.manifests) or "none"
    refused = "".join(f"; refused: {folder.name} ({why})" for folder, why in found.refused)
    return f"there is no reader {reader_id!r}; there are: {known}{refused}"
