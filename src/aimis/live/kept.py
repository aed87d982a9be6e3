"""The frames that the endoscopist keeps: on the disk at once, in full size, as stills of an examination."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import simplejpeg

from aimis.domain.errors import UsageError

if TYPE_CHECKING:
    from aimis.domain.examination import FrameRecord
    from aimis.live.capture import Seen

STILLS = "stills"
_QUALITY = 95


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One kept frame.

    seconds : since the session began
    record : what the reader makes of this very frame
    """

    name: str
    seconds: float
    record: FrameRecord


@dataclass(kw_only=True)
class Keeping:
    """The kept frames of one session, in a folder that is made with the first.

    UsageError where its stills' folder holds another session's: two patients must not become one examination.
    """

    folder: Path
    frames: list[Kept] = field(default_factory=list)
    _count: int = 0
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        if self.stills.is_dir() and any(self.stills.iterdir()):
            raise UsageError(f"{self.stills} holds frames of an earlier examination; name another folder")

    @property
    def stills(self) -> Path:
        """Where the frames lie."""
        return self.folder / STILLS

    def keep(self, seen: Seen, record: FrameRecord) -> Kept:
        """Write the frame. OSError where the disk does not take it; CaseError where it is too large."""
        still = seen.in_full()
        jpeg = simplejpeg.encode_jpeg(still.rgb, quality=_QUALITY, colorspace="RGB", colorsubsampling="444")
        with self._lock:
            self._count += 1
            kept = Kept(name=f"{self._count:03}.jpg", seconds=seen.seconds, record=record)
            self._write(kept.name, jpeg)
            self.frames.append(kept)
        return kept

    def remove(self, name: str) -> bool:
        """Take one away again; whether it was there."""
        with self._lock:
            found = [kept for kept in self.frames if kept.name == name]
            for kept in found:
                (self.stills / kept.name).unlink(missing_ok=True)
                self.frames.remove(kept)
        return bool(found)

    def path(self, name: str) -> Path | None:
        """Of a kept frame."""
        return next((self.stills / kept.name for kept in self.frames if kept.name == name), None)

    def _write(self, name: str, content: bytes) -> None:
        """Whole or not at all."""
        self.stills.mkdir(parents=True, exist_ok=True)
        part = self.stills / f".{name}.part"
        part.write_bytes(content)
        part.replace(self.stills / name)
