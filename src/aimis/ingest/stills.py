"""An examination of stills: pictures of a folder, an archive or a series in their order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from aimis.domain import identity
from aimis.domain.errors import BrokenInputError, CaseError
from aimis.imaging import formats
from aimis.imaging.decode import decode
from aimis.imaging.formats import Format
from aimis.imaging.frame import Frame
from aimis.ingest import folder
from aimis.ingest.examination import ready
from aimis.ingest.sorts import Sort, Sorted

if TYPE_CHECKING:
    from aimis.domain.identity import Identity
    from aimis.domain.reading import Reason
    from aimis.imaging.limits import Limits
    from aimis.ingest.examination import FrameWork
    from aimis.ingest.item import Item

_DIGITS = re.compile(r"(\d+)")


def natural_key(path: str) -> tuple[tuple[int, int, str], ...]:
    """By which paths are sorted as people count: image2 before image10; upper and lower case alike."""
    parts = _DIGITS.split(path.casefold())
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts)


@contextmanager
def open_stills(path: str, parts: tuple[Sorted, ...], limits: Limits, limited: Reason | None) -> Iterator[OpenStills]:
    """The examination; nothing stays open between its pictures.

    parts : in their order; limited : what is to be said of what is not among them
    Raises `UnsupportedInputError` "two-patients" or "two-studies", naming both, where the headers say so.
    """
    identity.of_one_study(_identity(part, limits) for part in parts)
    yield OpenStills(path, parts, limits, limited)


def _identity(part: Sorted, limits: Limits) -> Identity:
    """By the header, also of a picture that cannot be decoded; nobody's where there is none."""
    if part.header is not None:
        return part.header.identity
    try:
        beginning = part.item.beginning(folder.VIDEO_PROBE_BYTES)
        if part.sort is not Sort.PAGES or formats.recognise(beginning) is not Format.DICOM:
            return identity.NOBODY
        from aimis.imaging import dicom_tags  # noqa: PLC0415  # pydicom takes a third of a second to import

        return dicom_tags.read_subject(dicom_tags.read_tags(part.item.load(), limits)).identity
    except CaseError:
        return identity.NOBODY


class OpenStills:
    """See `OpenExamination`; a picture is decoded, and its file hashed, in the thread that calls its work."""

    seconds = None

    def __init__(self, path: str, parts: tuple[Sorted, ...], limits: Limits, limited: Reason | None) -> None:
        self._top = path.rstrip("/")
        self._parts = parts
        self._limits = limits
        self._digests: dict[int, str] = {}
        self.lost = limited

    @property
    def expected(self) -> int:
        """One for each file."""
        return len(self._parts)

    def frames(self) -> Iterator[FrameWork]:
        """See `OpenExamination`; a file that may hold more pictures than one is decoded before its works come."""
        index = 0
        for at, part in enumerate(self._parts):
            if part.sort is Sort.PAGES:
                for frame in self._pages(at, index):
                    index += 1
                    yield ready(frame)
            else:
                yield partial(self._frame, at, index)
                index += 1

    def sha256(self) -> str:
        """See `OpenExamination`."""
        error: CaseError = BrokenInputError("empty-file")
        for at, part in enumerate(self._parts):
            if at not in self._digests:
                try:
                    self._load(at, part.item)
                except CaseError as refused:
                    error = refused
        digests = [self._digests[at] for at in sorted(self._digests)]
        if not digests:
            raise error.with_traceback(None)
        return digests[0] if len(self._parts) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()

    def _frame(self, at: int, index: int) -> Frame:
        return next(self._pages(at, index))

    def _pages(self, at: int, index: int) -> Iterator[Frame]:
        """At least one frame for a file; those before a broken page are good."""
        item = self._parts[at].item
        name = item.path.removeprefix(f"{self._top}/")
        try:
            for still in decode(self._load(at, item), item.path, limits=self._limits):
                yield Frame(index=index, picture=still, name=name)
                index += 1
        except CaseError as error:
            yield Frame(index=index, picture=error, name=name)

    def _load(self, at: int, item: Item) -> bytes:
        content = item.load()
        self._digests[at] = hashlib.sha256(content).hexdigest()
        return content
