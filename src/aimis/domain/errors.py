"""The errors a person may meet.

AimisError
├── CaseError                    one input cannot be read; it becomes that input's status and reason
│   ├── BrokenInputError         failed: the file is damaged, empty or not there
│   ├── UnsupportedInputError    unsupported: outside the intended use of the readers
│   └── NotAssessableError       not-assessable: the right kind of picture, too poor or too uncertain to judge
├── ReaderRefusedError           a reader's folder does not hold what its manifest says
├── EngineError                  the inference engine cannot load or run a network
└── UsageError                   the command was called wrongly
"""

from __future__ import annotations

from typing import ClassVar

from aimis.domain.reading import Reason, Status


class AimisError(Exception):
    """Base of all errors that AIMIS raises on purpose."""


class CaseError(AimisError):
    """One input cannot be read; the others go on."""

    status: ClassVar[Status]

    def __init__(self, code: str, /, **values: str | float) -> None:
        super().__init__(f"{code} {values}" if values else code)
        self.reason = Reason.of(code, **values)


class BrokenInputError(CaseError):
    """The file is damaged, empty, unreadable or not there."""

    status = Status.FAILED


class UnsupportedInputError(CaseError):
    """The input is outside the intended use; it goes to a person unread."""

    status = Status.UNSUPPORTED


class NotAssessableError(CaseError):
    """The right kind of picture, but too poor or too uncertain to judge."""

    status = Status.NOT_ASSESSABLE


class ReaderRefusedError(AimisError):
    """A reader's folder does not hold what its manifest says; it is not offered."""


class EngineError(AimisError):
    """The inference engine cannot load or run a network."""


class UsageError(AimisError):
    """The command was called wrongly; nothing was read."""
