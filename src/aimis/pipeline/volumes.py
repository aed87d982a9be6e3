"""Reads a CT: loaded and decoded, compared with the earlier one where there is one, read, and cut for the report.

One volume is held at a time, beside the earlier one; what goes on are the readings and the few pictures of a report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from operator import attrgetter
from typing import TYPE_CHECKING, cast

from aimis.domain.errors import BrokenInputError, CaseError, UnsupportedInputError
from aimis.domain.reading import Outcome, Reading, Reason, Source, Status
from aimis.domain.scan import Scan
from aimis.pipeline.tools import (
    FrameResult,
    ItemResult,
    OpenReader,
    Tools,
    VolumeItem,
    identities_of,
)

if TYPE_CHECKING:
    from aimis.imaging.volume import Volume
    from aimis.pipeline.tools import Cut
    from aimis.readers.port import VolumeReader
    from aimis.reports.views import Views


def read_volume(item: VolumeItem, tools: Tools) -> ItemResult:
    """Load, compare and read; whatever happens, each reader id has one reading.

    StoppedError: the run was asked to stop; a half-read volume gives nothing
    EngineError, ReaderRefusedError: a reader cannot be opened
    """
    readers = tools.opened(attrgetter("takes_volumes"))
    work = _Work(item=item, tools=tools, readers=readers)
    if not all(opened.takes_volumes for opened in readers):
        return work.refuse(UnsupportedInputError("takes-no-volumes"))
    whose = tools.attempt(item.identity)  # asked first: an earlier version may have read two people as one
    if isinstance(whose, CaseError):
        return work.refuse(whose)
    recalled = work.recall()
    if recalled is not None:
        return recalled
    tools.step("loading")
    volume = tools.attempt(lambda: item.load(tools.stop_if_asked))
    if isinstance(volume, CaseError):
        return work.refuse(volume)
    tools.stop_if_asked()
    return work.read(volume)


def views_again(
    item: VolumeItem, reading: Reading, cut: Cut, stop_if_asked: Callable[[], None] = lambda: None
) -> Views | None:
    """The pictures of an earlier reading, cut from the files loaded again.

    CaseError: nothing of them can be had, or they are not what was read
    """
    scan = reading.outcome.scan
    if scan is None or reading.outcome.status is not Status.READ:
        return None
    volume = item.load(stop_if_asked)
    if item.sha256() != reading.source.sha256:
        raise BrokenInputError("changed")
    return cut(volume, scan)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Compared:
    """A volume with what limits it, and the earlier one where the two can be compared."""

    volume: Volume
    prior: Volume | None = None


@dataclass(kw_only=True)
class _Work:
    """One volume on its way."""

    item: VolumeItem
    tools: Tools
    readers: Sequence[OpenReader]
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.tools.clock.monotonic()

    def refuse(self, error: CaseError) -> ItemResult:
        """The same refusal from every reader."""
        outcome = _refused(error, None)
        return self._result({reader: outcome for opened in self.readers for reader in opened.identities}, None, {})

    def recall(self) -> ItemResult | None:
        """What an earlier run read and compared with the same CT; its files are loaded again for a report alone."""
        if self.tools.recall is None:
            return None
        sha256, prior = self._sha256(), self._prior_sha256()
        if sha256 is None:
            return None
        recalled = self.tools.recall(self.item.path, sha256, identities_of(self.readers))
        if recalled is None or any(r.source.prior_sha256 != prior for readings in recalled for r in readings):
            return None
        if self._another_patient and any(_is_compared(r) for readings in recalled for r in readings):
            return None
        frames = tuple(FrameResult(readings=readings) for readings in recalled)
        return ItemResult(item=self.item, frames=frames, recalled=True, views=self._views_again)

    def read(self, volume: Volume) -> ItemResult:
        """What each reader says of it, and the pictures of each result."""
        compared = self._compared(volume)
        self.tools.stop_if_asked()
        self.tools.step("reading")
        outcomes: dict[str, Outcome] = {}
        for opened in self.readers:
            outcomes |= self._outcomes(opened, compared)
        self.tools.stop_if_asked()
        return self._result(outcomes, volume, self._cut(volume, outcomes))

    def _compared(self, volume: Volume) -> _Compared:
        """Nothing is compared with the CT of another patient, which is not even loaded."""
        if self.tools.prior is None:
            return _Compared(volume=volume)
        if self._another_patient is not None:
            return _limited(volume, self._another_patient)
        prior = self.tools.prior.load(self.tools)
        if isinstance(prior, CaseError):
            return _limited(volume, Reason.of("prior-not-read"), prior.reason)
        if self._prior_sha256() == self._sha256():
            return _limited(volume, Reason.of("prior-is-the-same"))
        new, old = volume.series.date, prior.series.date
        if new and old and old > new:
            return _limited(volume, Reason.of("prior-is-newer", prior=old, new=new))
        nameless = self.tools.prior.is_nameless_beside(self.item, self.tools)
        doubts = (Reason.of("prior-patient-unknown"),) if nameless else ()
        return replace(_limited(volume, *doubts), prior=prior)

    @cached_property
    def _another_patient(self) -> Reason | None:
        return None if self.tools.prior is None else self.tools.prior.of_another_patient(self.item, self.tools)

    def _outcomes(self, opened: OpenReader, compared: _Compared) -> dict[str, Outcome]:
        reader, volume = cast("VolumeReader", opened.reader), compared.volume
        names = ", ".join(opened.identities)
        said = self.tools.attempt(lambda: reader.read_volume(volume, compared.prior), reader=names)
        if isinstance(said, CaseError):
            return dict.fromkeys(opened.identities, _refused(said, volume))
        forgotten = _refused(BrokenInputError("reader-failed"), volume)
        return {name: _with_limits(said.get(name, forgotten), volume) for name in opened.identities}

    def _cut(self, volume: Volume, outcomes: Mapping[str, Outcome]) -> dict[str, Views]:
        """By reader id, while the volume is at hand; a picture that fails does not take the result with it."""
        cut = self.tools.cut
        if cut is None:
            return {}
        self.tools.step("cutting")
        made = {
            name: self.tools.attempt(partial(cut, volume, outcome.scan), reader=name)
            for name, outcome in outcomes.items()
            if outcome.scan is not None and outcome.status is Status.READ
        }
        return {name: views for name, views in made.items() if not isinstance(views, CaseError)}

    def _views_again(self, reading: Reading) -> Views | None:
        cut = self.tools.cut
        if cut is None:
            return None
        views = self.tools.attempt(
            lambda: views_again(self.item, reading, cut, self.tools.stop_if_asked), sha256=reading.source.sha256
        )
        return None if isinstance(views, CaseError) else views

    def _result(self, outcomes: Mapping[str, Outcome], volume: Volume | None, views: Mapping[str, Views]) -> ItemResult:
        seconds = self.tools.clock.monotonic() - self.began
        read_at = self.tools.clock.now_utc().isoformat(timespec="seconds")
        source = self._source(volume)
        readings = tuple(
            Reading(source=source, identity=known, outcome=outcomes[known.reader], seconds=seconds, read_at_utc=read_at)
            for known in identities_of(self.readers)
        )
        return ItemResult(
            item=self.item,
            frames=(FrameResult(readings=readings),),
            views=lambda reading: views.get(reading.identity.reader),
        )

    def _source(self, volume: Volume | None) -> Source:
        known = Source(path=self.item.path, sha256=self._sha256(), prior_sha256=self._prior_sha256())
        if volume is None:
            return known
        return replace(
            known,
            size_px=(volume.hu.shape[2], volume.hu.shape[1]),
            patient_id=volume.patient_id,
            study_instance_uid=volume.study_instance_uid,
            series_instance_uid=volume.series.series_instance_uid,
        )

    def _sha256(self) -> str | None:
        sha256 = self.tools.attempt(lambda: self.item.sha256(self.tools.stop_if_asked))
        return sha256 if isinstance(sha256, str) else None

    def _prior_sha256(self) -> str | None:
        return None if self.tools.prior is None else self.tools.prior.sha256(self.tools)


def _is_compared(reading: Reading) -> bool:
    return reading.outcome.scan is not None and reading.outcome.scan.prior is not None


def _limited(volume: Volume, *reasons: Reason) -> _Compared:
    """Read by itself, which is said first."""
    return _Compared(volume=replace(volume, limited=(*reasons, *volume.limited)))


def _refused(error: CaseError, volume: Volume | None) -> Outcome:
    """With the series where it could be told."""
    scan = None if volume is None else Scan(series=volume.series, limited=volume.limited)
    return Outcome(status=error.status, reason=error.reason, scan=scan)


def _with_limits(outcome: Outcome, volume: Volume) -> Outcome:
    """All that limits a scan that was read, each once: what the reader says first, then what the files do."""
    if outcome.status is not Status.READ or outcome.scan is None:
        return outcome
    said = (*((outcome.reason,) if outcome.reason else ()), *outcome.scan.limited, *volume.limited)
    limited = tuple(dict.fromkeys(said))
    return replace(outcome, reason=next(iter(limited), None), scan=replace(outcome.scan, limited=limited))
