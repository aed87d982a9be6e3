"""What a reader's folder gives: a way to load it, and a reader of stills."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aimis.domain.reading import Outcome
    from aimis.imaging.still import Still
    from aimis.inference.engine import Engine
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


class OpenEngine(Protocol):
    """Opens a network; given by bootstrap with device, precision and threads settled."""

    def __call__(self, weights: Path, /) -> Engine:
        """The network of the file, ready to run; EngineError where it cannot be opened."""
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
