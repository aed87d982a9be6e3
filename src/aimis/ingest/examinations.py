"""Files, folders, globs and zips to single pictures and whole examinations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from aimis.domain.errors import UnsupportedInputError
from aimis.domain.examination import ExaminationKind
from aimis.domain.reading import Reason
from aimis.imaging.limits import DEFAULT_LIMITS, Limits
from aimis.ingest import folder, sorts, stills, videos
from aimis.ingest.examination import ExaminationItem
from aimis.ingest.item import Item, lost_item, shown
from aimis.ingest.sorts import Sort, Sorted

if TYPE_CHECKING:
    from aimis.imaging.dicom_video import Header

__all__ = ["Examinations", "count_inputs", "find_inputs"]


class Examinations(StrEnum):
    """What is taken as one examination."""

    NONE = "none"
    """Nothing: every file is read by itself, videos are looked for nowhere."""
    FOUND = "found"
    """A video, and the DICOM stills of one endoscopic series in one folder."""
    WHOLE = "whole"
    """A video, and all the stills of each path that was given."""


def find_inputs(
    paths: Sequence[str], *, limits: Limits = DEFAULT_LIMITS, examinations: Examinations
) -> Iterator[Item | ExaminationItem]:
    """The inputs that some paths name, in the order of the paths, but series last; never raises.

    Where files are looked for is as in `find_items`, and videos beside them. A video is an examination of its own,
    also among the stills of one; the stills' examination then says so.
    """
    if examinations is Examinations.NONE:
        yield from folder.find_items(paths, limits=limits)
        return
    series = _Series(limits=limits)
    for path in paths:
        found = False
        for each in _inputs_of(path, limits, series if examinations is Examinations.FOUND else None):
            found = True
            yield from each
        if not found:
            yield lost_item(path, UnsupportedInputError("no-pictures"))
    yield from series.inputs()


def count_inputs(paths: Sequence[str], *, examinations: Examinations) -> int:
    """How many inputs `find_inputs` will find."""
    return sum(1 for _ in find_inputs(paths, examinations=examinations))


_Inputs = tuple[Item | ExaminationItem, ...]


def _inputs_of(path: str, limits: Limits, series: _Series | None) -> Iterator[_Inputs]:
    """What each file of a path gives, nothing yet where it goes into a series.

    series : None where all the stills of the path are one examination
    """
    kept: list[Sorted] = []
    apart = 0
    for item in folder.items_of(path, limits, videos=True):
        each = sorts.sort(item)
        if each.sort.is_video:
            apart += 1
            yield (videos.examination(each, limits),)
        elif series is None:
            kept.append(each)
            yield ()
        else:
            yield () if series.take(each) else (item,)
    if kept:
        yield (_whole(path, kept, apart, limits),)


def _whole(path: str, kept: list[Sorted], apart: int, limits: Limits) -> Item | ExaminationItem:
    """All stills of a path as one; what is not there at all stays what it is."""
    if len(kept) == 1 and kept[0].sort is Sort.LOST and kept[0].item.path == shown(path):
        return kept[0].item
    limited = Reason.of("videos-read-apart", count=apart) if apart else None
    parts = sorted(kept, key=lambda each: stills.natural_key(each.item.path))
    return _of_stills(shown(path), parts, limits, limited)


def _of_stills(path: str, parts: Sequence[Sorted], limits: Limits, limited: Reason | None = None) -> ExaminationItem:
    return ExaminationItem(
        path=path,
        kind=ExaminationKind.STILLS,
        open=partial(stills.open_stills, path, tuple(parts), limits, limited),
    )


@dataclass(kw_only=True)
class _Series:
    """Endoscopic DICOM stills by their folder and series, whichever path named them."""

    limits: Limits
    _parts: dict[tuple[str, str], list[tuple[Header, Sorted]]] = field(default_factory=dict)

    def take(self, each: Sorted) -> bool:
        """Whether a file is one of a series; it is kept then."""
        header = each.header
        if header is None or not header.is_endoscopic or not header.series_instance_uid:
            return False
        place = each.item.path.rpartition("/")[0] or "."
        self._parts.setdefault((place, header.series_instance_uid), []).append((header, each))
        return True

    def inputs(self) -> Iterator[Item | ExaminationItem]:
        """An examination for each series; a picture that is alone in its series is read by itself."""
        for (place, _), parts in self._parts.items():
            if len(parts) == 1:
                yield parts[0][1].item
            else:
                yield _of_stills(place, [each for _, each in sorted(parts, key=_instance_key)], self.limits)


def _instance_key(part: tuple[Header, Sorted]) -> tuple[float, tuple[tuple[int, int, str], ...]]:
    """By Instance Number, those without one last, then by name."""
    header, each = part
    number = float("inf") if header.number is None else header.number
    return number, stills.natural_key(each.item.path)
