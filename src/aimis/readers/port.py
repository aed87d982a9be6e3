"""What a reader's folder gives: a way to load it, and a reader of stills, and of examinations where it reads those."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from aimis.domain.examination import ExaminationKind, FrameRecord
    from aimis.domain.reading import Outcome, Reason
    from aimis.imaging.frame import Frame
    from aimis.imaging.still import Still
    from aimis.imaging.volume import Volume
    from aimis.inference.engine import Engine, Precision
    from aimis.readers.manifest import Manifest


class StillReader(Protocol):
    """Reads one picture for one or more entries of its manifest, in one pass; safe to call from many threads."""

    @property
    def engine(self) -> str:
        """The inference engine and precision in use, e.g. `openvino 2026.1 bf16`."""
        ...

    def read(self, still: Still) -> Mapping[str, Outcome]:
        """The outcome by reader id, one for every id the reader was loaded for.

        A picture that cannot be read for one id has an outcome saying so, or a `CaseError` is raised for all.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedFrame:
    """What a reader makes of one frame before it knows the others.

    interest : how much the frame deserves to be shown; of a long video only the most interesting keep their picture
    private : what the reader itself needs to conclude; small (no pixels of full size)
    """

    record: FrameRecord
    interest: float = 0.0
    private: Any = None


class ExaminationReader(StillReader, Protocol):
    """Reads whole examinations too: each frame is judged by itself, by many threads, then all are concluded from."""

    def judge(self, frame: Frame) -> JudgedFrame:
        """One frame by itself; one that was not decoded, or cannot be judged, has a record that says so.

        Never raises `CaseError`.
        """
        ...

    def conclude(
        self,
        judged: Sequence[JudgedFrame],
        *,
        kind: ExaminationKind,
        seconds: float | None,
        pictured: Collection[int],
        limited: Reason | None = None,
    ) -> Mapping[str, Outcome]:
        """The outcome by reader id, with `Outcome.examination` whatever its status.

        judged : in order; may be empty
        pictured : indices of the frames whose pictures are kept, from which key frames are chosen
        limited : what was lost before any frame could be judged, e.g. a video cut off; it limits the result
        """
        ...


class VolumeReader(Protocol):
    """Reads whole volumes; called by one thread at a time, and uses the cores itself."""

    @property
    def engine(self) -> str:
        """The inference engine and precision in use."""
        ...

    def read_volume(self, volume: Volume, prior: Volume | None = None) -> Mapping[str, Outcome]:
        """The outcome by reader id, with `Outcome.scan` whenever the series could be told.

        prior : an earlier CT of the same patient, to compare with
        A volume that cannot be read has an outcome saying so, or a `CaseError` is raised.
        """
        ...


class OpenEngine(Protocol):
    """Opens a network; given by bootstrap with device, precision and threads settled."""

    def __call__(self, weights: Path, /, *, precision: Precision = ..., outputs: Collection[str] = ...) -> Engine:
        """The network of the file, ready to run; EngineError where it cannot be opened.

        precision : only "f32", of a network whose decisions do not hold in another; else left as settled
        outputs : those that are asked for; all where none is named
        """
        ...


class LoadReader(Protocol):
    """The callable that a manifest's `entry` names, as `module:function` inside the folder.

    operating_point : screening, balanced or specific, or a site's own name; by reader id and finding where
    a settings file changed single thresholds (see `Manifest`)
    """

    def __call__(
        self, manifest: Manifest, reader_ids: frozenset[str], operating_point: str, open_engine: OpenEngine, /
    ) -> StillReader:
        """The reader, its network open."""
        ...
