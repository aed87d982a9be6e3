"""Which series of a study is read for the lungs, by what the headers say; and why not the others.

Thin axial slices through the whole chest, original, of a kernel neither bony nor blurred. Source of the values of
Image Type: DICOM PS3.3 C.8.2.1.1.1 and C.8.15.3; vendors add their own after the third.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from pydicom import uid

from aimis.domain.errors import BrokenInputError, CaseError, UnsupportedInputError
from aimis.imaging import ct_stack

if TYPE_CHECKING:
    from aimis.imaging.ct_instance import Instance, Plane

_LOCALISERS = frozenset({"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW"})
_PROJECTIONS = frozenset({"MIP", "MINIP", "MAX_IP", "MIN_IP", "MAX IP", "PROJECTION", "PROJECTION IMAGE", "VRT", "3D"})
_CAPTURES = frozenset(
    {
        uid.SecondaryCaptureImageStorage,
        uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
    }
)
_RANKS_OF_STEP_MM = (1.26, 2.01, 3.01, 5.01)
_WHOLE_CHEST_MM = 240.0
_MOST_OVERLAP = 0.25
_SHARPEST, _SOFTEST = 65, 20
_OTHER_PARTS = re.compile(r"\b(?:bone|osteo|inner ear|head|brain)\b", re.IGNORECASE)
_DIGITS = re.compile(r"\d{2}")


@dataclass(frozen=True, kw_only=True)
class Group:
    """Slices that belong together: of one series, size, orientation and kind.

    at : their indices among the instances given, in order
    """

    at: tuple[int, ...]
    instances: tuple[Instance, ...]

    @cached_property
    def planes(self) -> tuple[Plane, ...]:
        """Those that are known."""
        return tuple(each.plane for each in self.instances if each.plane is not None)

    @property
    def name(self) -> str:
        """For people: the description, else the kernel, else the modality, with the number of slices."""
        first = self.instances[0]
        slices = sum(each.frames for each in self.instances)
        return f"{first.description or first.kernel or first.modality} ({slices})"

    @cached_property
    def step_mm(self) -> float:
        """The usual distance of slices; infinite where it cannot be told."""
        heights = self._heights
        gaps = np.diff(heights)
        apart = gaps[gaps > 0.01]
        return float(np.median(apart)) if len(apart) else np.inf

    @cached_property
    def extent_mm(self) -> float:
        """From the lowest to the highest slice."""
        return float(np.ptp(self._heights)) if self.planes else 0.0

    @cached_property
    def _heights(self) -> ct_stack.Floats:
        if not self.planes:
            return np.zeros(0)
        normal = np.cross(self.planes[0].across, self.planes[0].down)
        return np.sort(np.array([plane.position_mm for plane in self.planes]) @ normal)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The series to read.

    at : indices of its instances among those given
    code : why this one: "only-series", or what it has over the next best
    others : names of the others and the code of why each was not read
    lost : instances of the same series whose headers are damaged
    """

    at: tuple[int, ...]
    code: str
    others: tuple[tuple[str, str], ...]
    lost: int = 0


Rank = Callable[[Group], float]
_RANKS: tuple[tuple[str, str, Rank], ...] = (
    ("covers-more", "covers-less", lambda group: -min(group.extent_mm, _WHOLE_CHEST_MM) // 40),
    ("thinner-slices", "thicker-slices", lambda group: sum(_thickness(group) > mm for mm in _RANKS_OF_STEP_MM)),
    ("original", "derived", lambda group: float(group.instances[0].image_type[:1] != ("ORIGINAL",))),
    ("usual-kernel", "unusual-kernel", lambda group: float(not _is_usual_kernel(group.instances[0].kernel))),
    ("thinner-slices", "thicker-slices", lambda group: round(_thickness(group), 2)),
    ("more-slices", "fewer-slices", lambda group: -float(sum(each.frames for each in group.instances))),
)
"""What the better and the worse one is told by, from the first that tells two series apart; least is best."""
_ALIKE = ("first-of-alike", "alike")


def choose(instances: Sequence[Instance]) -> Choice:
    """The series of a study that is read.

    Raises why the largest of them cannot be, where none can: `UnsupportedInputError` "not-a-ct", "localiser",
    "no-slices", "not-axial" or what `ct_stack.check_extent` raises;
    `BrokenInputError` "broken-dicom" with the tag that its slices lack.
    """
    groups = list(_groups(instances))
    refused = [(group, _refusal(group)) for group in groups]
    fit = sorted((group for group, why in refused if why is None), key=_key)
    if not fit:
        raise _gravest([(group, why) for group, why in refused if why is not None])
    best, rest = fit[0], fit[1:]
    lost = [group for group, why in refused if isinstance(why, BrokenInputError) and _are_of_one_series(group, best)]
    others = [(group.name, _told_apart(best, group)[1]) for group in rest]
    others += [(group.name, why.reason.code) for group, why in refused if why is not None and group not in lost]
    alone = "only-fit-series" if others else "only-series"
    return Choice(
        at=best.at,
        code=_told_apart(best, rest[0])[0] if rest else alone,
        others=tuple(others),
        lost=sum(len(group.at) for group in lost),
    )


def _are_of_one_series(one: Group, other: Group) -> bool:
    return one.instances[0].series_instance_uid == other.instances[0].series_instance_uid


def _key(group: Group) -> tuple[float, ...]:
    return tuple(rank(group) for *_, rank in _RANKS)


def _told_apart(best: Group, other: Group) -> tuple[str, str]:
    """By what the better one is chosen, and by what the other is not."""
    return next(((won, lost) for won, lost, rank in _RANKS if rank(best) < rank(other)), _ALIKE)


def _gravest(refused: Sequence[tuple[Group, CaseError]]) -> CaseError:
    """Of the CT that has most slices, else of what has most."""
    return max(refused, key=lambda each: (each[0].instances[0].modality == "CT", len(each[0].instances)))[1]


def _refusal(group: Group) -> CaseError | None:
    """Why a group of slices cannot be read for the lungs."""
    first = group.instances[0]
    kinds = frozenset(first.image_type)
    if first.modality != "CT":
        return UnsupportedInputError("not-a-ct", modality=first.modality)
    if kinds & (_LOCALISERS | _PROJECTIONS) or first.sop_class_uid in _CAPTURES:
        return UnsupportedInputError("localiser" if kinds & _LOCALISERS else "no-slices")
    if first.frames > 1:
        return None
    if not group.planes:
        return BrokenInputError("broken-dicom", why=first.lacking or "data set")
    return _misfit(group)


def _misfit(group: Group) -> CaseError | None:
    """Why slices of a CT do not make a chest."""
    seen = ct_stack.orientation(group.planes[0])
    if seen != "axial":
        return UnsupportedInputError("not-axial", orientation=seen)
    slices = len(group.planes)
    try:
        step = group.step_mm if slices > 1 else 0.0
        ct_stack.check_extent(slices, step, group.extent_mm, group.instances[0].thickness_mm)
    except CaseError as error:
        return error.with_traceback(None)
    return None


def _thickness(group: Group) -> float:
    return max(group.step_mm, group.instances[0].thickness_mm or 0.0)


def _is_usual_kernel(kernel: str | None) -> bool:
    """Neither of bone nor of the sharpest, by the number in it, as makers count: B30f, Br64, FC51, D40s."""
    if kernel is None:
        return True
    number = _DIGITS.search(kernel)
    return not _OTHER_PARTS.search(kernel) and (number is None or _SOFTEST <= int(number[0]) <= _SHARPEST)


def _groups(instances: Sequence[Instance]) -> Iterator[Group]:
    """Instances by series, size and kind, then by orientation, and by acquisition where two lie in one place."""
    found: dict[tuple[object, ...], list[int]] = {}
    for at, each in enumerate(instances):
        found.setdefault(_likeness(each), []).append(at)
    for members in found.values():
        group = Group(at=tuple(members), instances=tuple(instances[at] for at in members))
        yield from _by_acquisition(group, instances)


def _likeness(each: Instance) -> tuple[object, ...]:
    """What slices of one volume have in common."""
    size = (each.stored.rows, each.stored.columns) if each.stored else ()
    axes = tuple(round(part, 2) + 0.0 for part in (*each.plane.across, *each.plane.down)) if each.plane else ()
    spacing = tuple(round(mm, 3) for mm in each.plane.spacing_mm) if each.plane else ()
    alone = each.sop_instance_uid if each.frames > 1 else ""
    kind = (each.modality, each.sop_class_uid, each.series_instance_uid, each.image_type[:3], each.kernel, alone)
    return (*kind, size, axes, spacing)


def _by_acquisition(group: Group, instances: Sequence[Instance]) -> Iterator[Group]:
    """The group, or its acquisitions where most places are taken twice and each acquisition takes them once.

    Two breath-holds that overlap by a few slices stay together.
    """
    parts: dict[int | None, list[int]] = {}
    for at in group.at:
        parts.setdefault(instances[at].acquisition, []).append(at)
    split = [Group(at=tuple(part), instances=tuple(instances[at] for at in part)) for part in parts.values()]
    if len(split) > 1 and _doubled(group) > _MOST_OVERLAP and not any(map(_doubled, split)):
        yield from split
    else:
        yield group


def _doubled(group: Group) -> float:
    """The share of slices that lie in the place of another."""
    places = {tuple(round(mm, 2) for mm in plane.position_mm) for plane in group.planes}
    return 1 - len(places) / len(group.planes) if group.planes else 0.0
