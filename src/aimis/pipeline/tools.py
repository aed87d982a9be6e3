"""What reading takes and what it gives: items found, readers, clock and log in; results out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from aimis.domain import identity
from aimis.domain.errors import AimisError, BrokenInputError, CaseError, EngineError
from aimis.domain.reading import ReaderIdentity, Reading, Reason
from aimis.reports.case import PHOTOGRAPH_SIDE_PX, shrunk

if TYPE_CHECKING:
    from aimis.domain.examination import ExaminationKind
    from aimis.domain.identity import Identity
    from aimis.domain.scan import Scan
    from aimis.imaging.frame import Frame
    from aimis.imaging.still import Still
    from aimis.imaging.volume import Stoppable, Volume
    from aimis.readers.port import StillReader
    from aimis.reports.views import Views

T = TypeVar("T")


class StoppedError(AimisError):
    """The run was asked to stop; what was finished before is whole."""


class Item(Protocol):
    """A file as found; `load` gives its bytes or raises a `CaseError`."""

    @property
    def path(self) -> str:
        """As found; of a zip's member archive.zip/member."""
        ...

    @property
    def load(self) -> Callable[[], bytes]:
        """Reads the file, in the thread that needs it."""
        ...


class OpenExamination(Protocol):
    """An examination being read; used by one thread, its frames' work by many."""

    @property
    def seconds(self) -> float | None:
        """Of a video its length; None for stills, or where nothing says it."""
        ...

    @property
    def expected(self) -> int | None:
        """About how many frames will come; None where nothing says it."""
        ...

    @property
    def lost(self) -> Reason | None:
        """What no frame tells of, e.g. the end of a video cut off; known after the last frame."""
        ...

    def frames(self) -> Iterator[Callable[[], Frame]]:
        """The frames in order, once; each is made by the thread that calls it."""
        ...

    def sha256(self) -> str:
        """Of the files; raises a `CaseError` where none can be read."""
        ...


@runtime_checkable
class ExaminationItem(Protocol):
    """Several pictures or a video that are read as one."""

    @property
    def path(self) -> str:
        """As found."""
        ...

    @property
    def kind(self) -> ExaminationKind:
        """What its frames are."""
        ...

    @property
    def open(self) -> Callable[[], AbstractContextManager[OpenExamination]]:
        """Begins the reading; raises a `CaseError` where nothing of it can be had."""
        ...


@runtime_checkable
class VolumeItem(Protocol):
    """The files of a CT, or of another modality's images that are to be refused."""

    @property
    def path(self) -> str:
        """The folder that holds them, or the one file."""
        ...

    @property
    def load(self) -> Stoppable[Volume]:
        """Chooses the series and decodes it, on all cores; raises a `CaseError` where there is none to read."""
        ...

    @property
    def sha256(self) -> Stoppable[str]:
        """Of the files; free once they were loaded; raises a `CaseError` where none can be read."""
        ...

    @property
    def identity(self) -> Callable[[], Identity]:
        """Whose it is, by the headers alone; raises a `CaseError` where they are of two people, or of two studies."""
        ...


Decode = Callable[[bytes, str], "Iterator[Still]"]
"""Gives the pictures of a file's bytes and name, one a frame, lazily; raises a `CaseError` where it cannot."""

Recall = Callable[[str, str, Iterable[ReaderIdentity]], tuple[tuple[Reading, ...], ...] | None]
"""Gives the frames that an earlier run read of a path and SHA-256 as each of these, or None."""

LogFailure = Callable[[Exception, str | None, str | None], None]
"""Takes note of an error that is no `CaseError`, the input's SHA-256 and the readers; never the input's name."""

Pictures = Callable[[], "Mapping[int, Still]"]
"""Gives an examination's pictures by frame index, at least those of its key frames that can be had."""

Cut = Callable[["Volume", "Scan"], "Views"]
"""Makes the pictures of a volume that the report of a scan shows."""

CutViews = Callable[[Reading], "Views | None"]
"""Gives the pictures of a volume that the report of a reading shows; None where they cannot be had."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The time: seconds that only go up, and the calendar in UTC."""

    monotonic: Callable[[], float]
    now_utc: Callable[[], datetime]


class ChosenReader(Protocol):
    """A reader that was asked for; its network is opened at its first item, by one thread."""

    @property
    def takes_stills(self) -> bool:
        """Whether it is a `StillReader`."""
        ...

    @property
    def takes_examinations(self) -> bool:
        """Whether it is an `ExaminationReader`."""
        ...

    @property
    def takes_volumes(self) -> bool:
        """Whether it is a `VolumeReader`."""
        ...

    def open(self) -> OpenReader:
        """The same reader each time; EngineError or ReaderRefusedError where it cannot be loaded."""
        ...


@dataclass(frozen=True, kw_only=True)
class OpenReader:
    """A reader that is loaded, and the identity of every entry that it answers for, by reader id."""

    reader: StillReader
    identities: Mapping[str, ReaderIdentity]
    takes_stills: bool = True
    takes_examinations: bool = False
    takes_volumes: bool = False

    def __post_init__(self) -> None:
        if not self.identities:
            raise ValueError("a reader answers for at least one id")

    def open(self) -> OpenReader:
        """Itself."""
        return self


@dataclass(kw_only=True, eq=False)
class Prior:
    """The earlier CT that the scans of a run are compared with; loaded when it is first needed, and once."""

    item: VolumeItem
    _loaded: Volume | CaseError | None = None

    def load(self, tools: Tools) -> Volume | CaseError:
        """The volume, or why there is none; StoppedError where the run was asked to stop amid it."""
        if self._loaded is None:
            self._loaded = tools.attempt(lambda: self.item.load(tools.stop_if_asked))
        return self._loaded

    def of_another_patient(self, item: VolumeItem, tools: Tools) -> Reason | None:
        """Names both patients where the headers say that they are two; nothing where one cannot be told."""
        told = tools.attempt(lambda: (item.identity(), self.item.identity()))
        if isinstance(told, CaseError) or (found := identity.difference(*told)) is None:
            return None
        reason = Reason.of("prior-of-another-patient", by=found.by, new=found.first, prior=found.second)
        return identity.masked(reason) if tools.masks_patients else reason

    def is_nameless_beside(self, item: VolumeItem, tools: Tools) -> bool:
        """Whether one of the two CTs says whose it is and the other says nothing at all."""
        told = tools.attempt(lambda: (item.identity(), self.item.identity()))
        return not isinstance(told, CaseError) and (told[0].digest is None) != (told[1].digest is None)

    def sha256(self, tools: Tools) -> str | None:
        """Of its files; None where they cannot be read."""
        said = tools.attempt(lambda: self.item.sha256(tools.stop_if_asked))
        return said if isinstance(said, str) else None


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What reading an item takes.

    recall : None where nothing of an earlier run is to be taken
    keep_stills : hand the pictures on with the readings, as small as a report takes them
    is_stopped : asked between the frames of an examination and the slices of a volume, there by several threads
    progress : told the frames of an examination that are done and about how many there are
    step : told what is being done with a volume: loading, reading or cutting
    prior : what volumes are compared with
    cut : makes the pictures of a volume that its report shows; None where there is no report
    masks_patients : reasons that name patients or studies name them masked
    """

    readers: Sequence[ChosenReader]
    decode: Decode
    clock: Clock
    log_failure: LogFailure
    recall: Recall | None = None
    keep_stills: bool = False
    is_stopped: Callable[[], bool] = field(default=lambda: False)
    progress: Callable[[int, int | None], None] = field(default=lambda _done, _expected: None)
    step: Callable[[str], None] = field(default=lambda _name: None)
    prior: Prior | None = None
    cut: Cut | None = None
    masks_patients: bool = False

    def opened(self, taking: Callable[[ChosenReader], bool] = attrgetter("takes_stills")) -> tuple[OpenReader, ...]:
        """The readers that take such an input; where none does all of them, to say so."""
        takers = [reader for reader in self.readers if taking(reader)]
        return tuple(reader.open() for reader in takers or self.readers)

    def stop_if_asked(self) -> None:
        """StoppedError where the run is to end."""
        if self.is_stopped():
            raise StoppedError("stopped")

    def attempt(
        self, action: Callable[[], T], *, sha256: str | None = None, reader: str | None = None
    ) -> T | CaseError:
        """What the action gives, or why it gave nothing: an item never ends the run, a request to stop does."""
        try:
            return action()
        except CaseError as error:
            return identity.masked_error(error) if self.masks_patients else error
        except StoppedError:
            raise
        except Exception as error:  # noqa: BLE001  # the worker's outermost loop: one input must not stop the others
            self.log_failure(error, sha256, reader)
            return BrokenInputError("reader-failed" if isinstance(error, EngineError) else "internal-error")


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameResult:
    """One reading a reader of one picture, or of one examination; `still` where asked for and decoded."""

    readings: tuple[Reading, ...]
    still: Still | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemResult:
    """What became of one item: at least one frame; `recalled` when an earlier run read it.

    pictures : of an examination, which has one `FrameResult`; None for a file of pictures
    views : of a volume, which has one `FrameResult`, the pictures of a reader's result; None for other items
    """

    item: Item | ExaminationItem | VolumeItem
    frames: tuple[FrameResult, ...]
    recalled: bool = False
    pictures: Pictures | None = None
    views: CutViews | None = None

    @property
    def readings(self) -> tuple[Reading, ...]:
        """All readings, frame by frame."""
        return tuple(reading for frame in self.frames for reading in frame.readings)


def identities_of(readers: Iterable[OpenReader]) -> tuple[ReaderIdentity, ...]:
    """Of all entries that they answer for, in order."""
    return tuple(identity for opened in readers for identity in opened.identities.values())


def reduced(still: Still, side_px: int = PHOTOGRAPH_SIDE_PX) -> Still:
    """The picture as a report takes it; what waits for a report must stay small."""
    rgb = shrunk(still.rgb, side_px)
    return still if rgb is still.rgb else replace(still, rgb=rgb)
