"""The border to the decoders that others wrote: their warnings stay there, their exceptions become ours.

Decoders raise nearly every built-in exception on damaged bytes. They are named here, in one place, so that
nothing else needs a broad `except`; an exception that is not named is a defect and reaches the worker's loop.
"""

from __future__ import annotations

import logging
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
from PIL import Image

from aimis.domain.errors import BrokenInputError

_FOREIGN_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,  # Pillow's word for a file that is not of the format
    TypeError,
    ValueError,
    Image.DecompressionBombError,
    cv2.error,
    struct.error,
    zlib.error,
)
_WHY_LENGTH = 80

# What is wrong with a file comes back as an exception; on standard error or in the log it would say it twice.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
logging.getLogger("PIL").propagate = False
logging.getLogger("PIL").addHandler(logging.NullHandler())


@contextmanager
def foreign_decoder(code: str, *, why: str | None = None, also: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Run a foreign decoder inside; what it raises becomes `BrokenInputError`.

    The code is "truncated" where the decoder says that the file ends early, else `code`.
    also : exceptions of the decoder's own that derive from no built-in one
    why : shown with the code instead of the decoder's own words, which may quote what the file says of a patient
    """
    try:
        with _silence:
            yield
    except _FOREIGN_ERRORS + also as error:
        said = str(error) or type(error).__name__
        if "truncated" in said.lower() or "premature end of jpeg" in said.lower():
            raise BrokenInputError("truncated") from error
        shown = why or said.splitlines()[0][:_WHY_LENGTH]
        raise BrokenInputError(code, why=shown) from error


class _Silence:
    """Drops warnings while any thread is inside: `warnings.catch_warnings` alone would mix up two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.simplefilter("ignore")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)


_silence = _Silence()
