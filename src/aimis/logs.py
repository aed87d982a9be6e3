"""Log lines on standard error: what happened, never to whom. No path, no patient's name, no error's own words.

A path or an error's message may hold a name, so an input is named by its SHA-256, and an error by its type and
the lines of code that it came through.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger, Processor

Level = Literal["debug", "info", "warning", "error"]
Form = Literal["text", "json"]
SEVERITY: dict[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
DEEPEST_LINES = 8


@dataclass(frozen=True, kw_only=True)
class Log:
    """Lines of `level` and above, as text or JSON; structlog is loaded with the first line."""

    level: Level = "warning"
    form: Form = "text"

    def failure(self, error: Exception, input_sha256: str | None, readers: str | None) -> None:
        """Reading an input met an error that nobody foresaw; where in the code."""
        self._write.error(
            "reading-failed", input_sha256=input_sha256, readers=readers, error=type(error).__name__, at=_way(error)
        )

    def serving_failed(self, error: BaseException, what: str) -> None:
        """A request or a job met an error that nobody foresaw; `what` is a route or a task, never an address."""
        self._write.error("serving-failed", what=what, error=type(error).__name__, at=_way(error))

    def reader_refused(self, folder: Path, why: str) -> None:
        """A reader's folder does not hold what it says and is not offered."""
        self._write.warning("reader-refused", folder=str(folder), why=why)

    def run_ended(self, *, items: int, seconds: float, stopped: bool) -> None:
        """A run came to its end, or was stopped before it."""
        if SEVERITY[self.level] <= SEVERITY["info"]:  # asked first, so that structlog need not be loaded to say nothing
            self._write.info("run-ended", items=items, seconds=round(seconds, 3), stopped=stopped)

    @cached_property
    def _write(self) -> FilteringBoundLogger:
        import structlog  # noqa: PLC0415  costs a tenth of a second, and most runs log nothing

        last: Processor = (
            structlog.processors.JSONRenderer(ensure_ascii=False)
            if self.form == "json"
            else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
        )
        logger: FilteringBoundLogger = structlog.wrap_logger(
            structlog.PrintLogger(sys.stderr),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                last,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(SEVERITY[self.level]),
        )
        return logger


def _way(error: BaseException) -> list[str]:
    """The lines of code that an error came through."""
    frames = extract_tb(error.__traceback__)[-DEEPEST_LINES:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
