"""Frames to `gdcm_frame`, in a process that outlives the frame: starting one for each is too slow for a series."""

from __future__ import annotations

import struct
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from types import TracebackType
from typing import IO, Self

from aimis.domain.errors import BrokenInputError

_LENGTH = struct.Struct("<I")
_COMMAND = (sys.executable, "-P", "-m", "aimis.imaging.gdcm_frame")  # -P: nothing of the folder we stand in
_PATIENCE_S = 60.0
_ENDING_S = 5.0


class GdcmProcess:
    """One process, started at once; used by one thread, inside a `with`."""

    def __init__(self) -> None:
        self._said: IO[bytes] = tempfile.TemporaryFile("a+b", buffering=0)  # noqa: SIM115  # closed on exit
        self._heard = 0
        self._process = subprocess.Popen(  # noqa: S603  # our own program
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Its input ends, and with it the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        try:
            self._process.wait(_ENDING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._said.close()

    @property
    def has_ended(self) -> bool:
        """Whether it can take no more frames."""
        return self._process.poll() is not None

    def decode(self, request: bytes) -> tuple[bytes, bytes]:
        """The pixels of a frame, and what was written to standard error about it.

        request : as `gdcm_frame` takes it
        Raises `BrokenInputError` "broken-picture" where none decode, or none within a minute.
        """
        answer = b""
        alarm = threading.Timer(_PATIENCE_S, self._process.kill)
        alarm.start()
        try:
            answer = self._asked(request)
        except OSError:  # it ended while it was asked
            self._process.kill()
        finally:
            alarm.cancel()
        if not answer:
            raise BrokenInputError("broken-picture", why="JPEG")
        return answer, self._news()

    def _asked(self, request: bytes) -> bytes:
        asking, answering = self._process.stdin, self._process.stdout
        if asking is None or answering is None:
            return b""
        asking.write(_LENGTH.pack(len(request)) + request)
        asking.flush()
        said = answering.read(_LENGTH.size)
        length = _LENGTH.unpack(said)[0] if len(said) == _LENGTH.size else 0
        answer = answering.read(length)
        return answer if len(answer) == length else b""

    def _news(self) -> bytes:
        """What was written to standard error since it was last looked at."""
        self._said.seek(self._heard)
        news = self._said.read()
        self._heard += len(news)
        return news


class GdcmProcesses:
    """A process for each thread that asks, started when it first does; inside a `with`."""

    def __init__(self) -> None:
        self._mine = threading.local()
        self._all: list[GdcmProcess] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._all:
            process.__exit__(kind, error, at)

    def decode(self, request: bytes) -> tuple[bytes, bytes]:
        """See `GdcmProcess`; one that has ended is replaced."""
        process: GdcmProcess | None = getattr(self._mine, "process", None)
        if process is None or process.has_ended:
            process = self._mine.process = GdcmProcess()
            self._all.append(process)
        return process.decode(request)


def decode_once(request: bytes) -> tuple[bytes, bytes]:
    """See `GdcmProcess`; for a frame alone."""
    with GdcmProcess() as process:
        return process.decode(request)
