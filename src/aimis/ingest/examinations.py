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
from aimis.ingest.volumes import VolumeItem, Volumes

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


Input = Item | ExaminationItem | VolumeItem


def find_inputs(
    paths: Sequence[str], *, limits: Limits = DEFAULT_LIMITS, examinations: Examinations, volumes: bool = False
) -> Iterator[Input]:
    """The inputs that some paths name, in the order of the paths, but series and DICOM volumes last; never raises.

    Where files are looked for is as in `find_items`, and videos beside them. A video is an examination of its own,
    also among the stills of one; the stills' examination then says so.
    volumes : slices of one study in one folder, and NIfTI files, are volumes
    """
    if examinations is Examinations.NONE and not volumes:
        yield from folder.find_items(paths, limits=limits)
        return
    finder = _Finder(limits=limits, examinations=examinations, volumes=Volumes(limits=limits) if volumes else None)
    for path in paths:
        found = False
        for each in finder.inputs_of(path):
            found = True
            yield from each
        if not found:
            yield lost_item(path, UnsupportedInputError("no-pictures"))
    yield from finder.series.inputs()
    if finder.volumes is not None:
        yield from finder.volumes.items()


def count_inputs(paths: Sequence[str], *, examinations: Examinations, volumes: bool = False) -> int:
    """How many inputs `find_inputs` will find."""
    return sum(1 for _ in find_inputs(paths, examinations=examinations, volumes=volumes))


class _Finder:
    """Tells files apart; those that go into a series or a volume are given with the others of theirs."""

    def __init__(self, *, limits: Limits, examinations: Examinations, volumes: Volumes | None) -> None:
        self._limits = limits
        self._examinations = examinations
        self.series = _Series(limits=limits)
        self.volumes = volumes

    def inputs_of(self, path: str) -> Iterator[tuple[Input, ...]]:
        """What each file of a path gives, nothing yet where it goes into a series or a volume."""
        kept: list[Sorted] = []
        apart = 0
        examines = self._examinations is not Examinations.NONE
        for item in folder.items_of(path, self._limits, videos=examines, volumes=self.volumes is not None):
            if self.volumes is not None and (volume := self.volumes.take(item, shown(path))) is not None:
                yield volume
            elif not examines:
                yield (item,)
            elif (each := sorts.sort(item)).sort.is_video:
                apart += 1
                yield (videos.examination(each, self._limits),)
            elif self._examinations is Examinations.WHOLE:
                kept.append(each)
                yield ()
            else:
                yield () if self.series.take(each) else (item,)
        if kept:
            yield (_whole(path, kept, apart, self._limits),)


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
