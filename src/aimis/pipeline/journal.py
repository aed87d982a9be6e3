"""The record of a run, `readings.jsonl`: one reading a line, on the disk before it counts as done.

A run that was stopped anywhere, even with kill -9, is taken up again from it: a last line that was torn is cut
off, and an item counts as done only when every frame of it stands there (docs/decisions/0004-resume.md).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from aimis.domain.errors import UsageError
from aimis.domain.reading import ReaderIdentity, Reading
from aimis.reports import json as records

FILE_NAME = "readings.jsonl"
PREVIOUS_NAME = "readings.previous.jsonl"
TRIED_AGAIN = frozenset({"internal-error", "reader-failed"})
"""Reasons that lie with us and not with the input: a rerun may do better."""
_HALF_WRITTEN = re.compile(r"\..+\.(json|html|pdf|jpg)\.\d+-\d+\.part")
"""Files of reports before they are moved to their place (`aimis.reports.write`); no one else's are touched."""


class _Place(NamedTuple):
    """Where a line stands, and how many frames its file has in all."""

    offset: int
    length: int
    frames: int


_Frames = dict[int, _Place]


class Journal:
    """The record in a folder, open for one run alone; safe to recall from in many threads.

    With `resume` what stands there is kept and can be recalled; else it becomes `readings.previous.jsonl`. What a run
    that was killed left half written in the folder is removed.
    UsageError: another run has it open, a line inside it is damaged, or the folder cannot be written
    """

    def __init__(self, folder: Path, *, resume: bool) -> None:
        self._path = folder / FILE_NAME
        self._places: dict[bytes, _Frames] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = _open_alone(self._path)
            if not resume and os.fstat(self._file).st_size:
                self._path.rename(folder / PREVIOUS_NAME)
                os.close(self._file)
                self._file = _open_alone(self._path)
            for part in filter(lambda path: _HALF_WRITTEN.fullmatch(path.name), folder.iterdir()):
                part.unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"{folder} cannot be written ({error.strerror}). Name another folder") from error
        try:
            if resume:
                self._find_what_is_done()
        except UsageError:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def append(self, frames: Sequence[Iterable[Reading]]) -> None:
        """Add an item's readings, frame by frame; on return they are on the disk."""
        lines = "".join(
            records.line({**records.to_record(reading), "frames": len(frames)}) + "\n"
            for frame in frames
            for reading in frame
        ).encode()
        while lines:
            lines = lines[os.write(self._file, lines) :]
        os.fsync(self._file)

    def recall(
        self, path: str, sha256: str, identities: Iterable[ReaderIdentity]
    ) -> tuple[tuple[Reading, ...], ...] | None:
        """The readings of an item, frame by frame, if earlier runs finished it with each of these readers."""
        found = [self._places.get(_key(path, sha256, identity), {}) for identity in identities]
        if not all(_whole(places) for places in found) or len({tuple(sorted(places)) for places in found}) != 1:
            return None
        return tuple(tuple(self._read(places[frame]) for places in found) for frame in sorted(found[0]))

    def _read(self, place: _Place) -> Reading:
        return records.from_record(json.loads(os.pread(self._file, place.length, place.offset)))

    def _find_what_is_done(self) -> None:
        """Note where every line stands; cut off the end of a line that was torn."""
        offset = 0
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    os.truncate(self._file, offset)
                    return
                self._note(_parsed(line, f"{self._path}, line {number}"), offset, len(line))
                offset += len(line)

    def _note(self, record: dict[str, Any], offset: int, length: int) -> None:
        source, reason = record["source"], record["outcome"]["reason"]
        if source["sha256"] is None or (reason and reason["code"] in TRIED_AGAIN):
            return
        key = _key(source["path"], source["sha256"], ReaderIdentity(**record["identity"]))
        frame = -1 if source["frame"] is None else source["frame"]
        self._places.setdefault(key, {})[frame] = _Place(offset, length, record["frames"])


def _open_alone(path: Path) -> int:
    """A descriptor that appends, locked; UsageError where another run holds the lock."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(file)
        raise UsageError(f"another run is writing to {path}. Wait for it, or name another folder") from error
    return file


def _whole(places: _Frames) -> bool:
    return bool(places) and len(places) >= max(place.frames for place in places.values())


def _key(path: str, sha256: str, identity: ReaderIdentity) -> bytes:
    """Of what decides a reading; the engine does not: it changes digits, not what was read."""
    decides = (path, sha256, identity.reader, identity.version, identity.weights_sha256, identity.operating_point)
    return hashlib.blake2b(json.dumps(decides).encode(), digest_size=16).digest()


def _parsed(line: bytes, where: str) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(line)
        records.from_record(record)
        int(record["frames"])
    except (ValueError, TypeError, KeyError, AttributeError, UsageError) as error:
        raise UsageError(f"{where} is no record of a run. Remove the line, or run without --resume") from error
    return record
