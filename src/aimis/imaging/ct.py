"""A CT series to a volume: slices in the order of their places, decoded by as many threads as there are cores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from aimis.domain.errors import BrokenInputError, CaseError, UnsupportedInputError
from aimis.domain.reading import Reason
from aimis.domain.scan import Series
from aimis.imaging import ct_pixels, ct_stack, hounsfield
from aimis.imaging.ct_pixels import AIR_HU, Hu
from aimis.imaging.volume import Volume

if TYPE_CHECKING:
    from aimis.imaging.ct_instance import Instance, Plane
    from aimis.imaging.ct_stack import Grid, Stack
    from aimis.imaging.limits import Limits

MOST_VOXELS = 1000 * 512 * 512
"""Half a gigabyte; of a longer series every second slice is read, or every third."""
THINNED_MM = 2.5
_MOST_BROKEN = 0.02


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One slice of a series that was chosen.

    hu : decodes it; shape as the instance says; raises `CaseError`
    """

    instance: Instance
    plane: Plane
    hu: Callable[[], Hu]


def slice_of(instance: Instance, load: Callable[[], bytes], limits: Limits) -> Slice:
    """A single-frame instance; raises `BrokenInputError` "broken-dicom" with the tag that it lacks."""
    if instance.plane is None or instance.stored is None:
        raise BrokenInputError("broken-dicom", why=instance.lacking or "data set")
    stored = instance.stored
    return Slice(instance=instance, plane=instance.plane, hu=lambda: ct_pixels.hu_of(load(), stored, limits))


def load_series(slices: Sequence[Slice], *, threads: int, limited: Iterable[Reason] = ()) -> Volume:
    """The volume of one series.

    slices : of one size, orientation and spacing, in any order
    limited : what else limits a reading of it

    Raises what `ct_stack` raises, `UnsupportedInputError` "too-many-slices", "hounsfield-implausible" and its like,
    and `BrokenInputError` "slices-broken" with how many where more than one in fifty cannot be read.
    """
    shape = _shape(slices[0])
    stack = ct_stack.stack_up([each.plane for each in slices], shape)
    thickness = slices[0].instance.thickness_mm
    step = ct_stack.even_out(stack.heights_mm).step_mm
    reasons = [*limited, *ct_stack.check_extent(len(stack.order), step, thickness)]
    stack, thinned = _thinned(stack, step)
    ordered = [slices[at] for at in stack.order]
    hu, broken = _decode(ordered, stack, threads)
    kept = [at for at in range(len(ordered)) if at not in broken]
    grid = ct_stack.even_out(stack.heights_mm[kept])
    made_of = [ordered[kept[lower]].instance for lower, _, _ in grid.sources]
    reasons += [*_losses(stack, grid, broken), *thinned]
    hounsfield.check(hu[kept] if broken else hu)
    hu = _evened(hu[kept] if broken else hu, grid)
    spacing = (grid.step_mm, *stack.spacing_mm)
    lowest = stack.heights_mm[kept[0]] - stack.heights_mm[0]
    return Volume(
        hu=hu,
        spacing_mm=spacing,
        origin_lps_mm=_moved(stack, float(lowest)),
        directions=stack.directions,
        series=series_of(slices[0].instance, hu.shape, spacing),
        limited=tuple(reasons),
        instance_numbers=tuple(each.number or 0 for each in made_of),
        sop_instance_uids=tuple(each.sop_instance_uid for each in made_of),
        patient_id=made_of[0].patient_id,
        study_instance_uid=made_of[0].study_instance_uid or None,
    )


def series_of(instance: Instance, shape: tuple[int, ...], spacing_mm: tuple[float, float, float]) -> Series:
    """What is told of the series; the choice among others is not known here."""
    return Series(
        shape_zyx=(shape[0], shape[1], shape[2]),
        spacing_zyx_mm=spacing_mm,
        thickness_mm=instance.thickness_mm,
        kernel=instance.kernel,
        description=instance.description,
        date=instance.date,
        age_years=instance.age_years,
        sex=instance.sex,
        series_instance_uid=instance.series_instance_uid or None,
        frame_of_reference_uid=instance.frame_of_reference_uid,
    )


def _shape(first: Slice) -> tuple[int, int]:
    stored = first.instance.stored
    if stored is None:
        raise BrokenInputError("broken-dicom", why=first.instance.lacking or "data set")
    return stored.rows, stored.columns


def _thinned(stack: Stack, step_mm: float) -> tuple[Stack, tuple[Reason, ...]]:
    """Every second slice, or third, where all of them would take too much memory."""
    every = -(-len(stack.order) * stack.shape[0] * stack.shape[1] // MOST_VOXELS)
    if every == 1:
        return stack, ()
    if step_mm * every > THINNED_MM:
        raise UnsupportedInputError("too-many-slices", slices=len(stack.order))
    thinned = replace(
        stack,
        order=stack.order[::every],
        heights_mm=stack.heights_mm[::every],
        shifts_px=stack.shifts_px[::every],
    )
    return thinned, (Reason.of("slices-passed-over", every=every, slices=len(stack.order)),)


def _decode(slices: Sequence[Slice], stack: Stack, threads: int) -> tuple[Hu, dict[int, CaseError]]:
    """Shape (slices, rows, columns), and what went wrong with which; those are not filled in."""
    hu = np.empty((len(slices), *stack.shape), np.int16)
    broken: dict[int, CaseError] = {}

    def fill(at: int) -> None:
        try:
            hu[at] = _placed(slices[at].hu(), stack, at)
        except CaseError as error:
            broken[at] = error

    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        for _ in pool.map(fill, range(len(slices))):
            pass
    if len(broken) > max(1, _MOST_BROKEN * len(slices)):
        raise _failure(list(broken.values()), len(slices))
    return hu, broken


def _failure(errors: Sequence[CaseError], slices: int) -> CaseError:
    """What is wrong with all of them alike, else how many are broken."""
    (code, count), *_ = Counter(error.reason.code for error in errors).most_common()
    if count == slices:
        return next(error for error in errors if error.reason.code == code)
    return BrokenInputError("slices-broken", count=len(errors), slices=slices)


def _placed(pixels: Hu, stack: Stack, at: int) -> npt.NDArray[np.int16]:
    """A slice turned, and moved within the common frame where the gantry was tilted."""
    turned = stack.turn.of(pixels)
    if stack.is_straight:
        return turned
    down, across = stack.shifts_px[at]
    by = np.array([[1, 0, across], [0, 1, down]])
    size = (stack.shape[1], stack.shape[0])
    moved = cv2.warpAffine(np.ascontiguousarray(turned), by, size, flags=cv2.INTER_LINEAR, borderValue=(AIR_HU,))
    return np.asarray(moved, np.int16)


def _losses(stack: Stack, grid: Grid, broken: dict[int, CaseError]) -> list[Reason]:
    """What of the series was made up, most grave first."""
    reasons = [Reason.of("slices-broken-few", count=len(broken))] if broken else []
    if grid.missing > len(broken) or (grid.limited and not broken):
        reasons += grid.limited
    if not stack.is_straight:
        moved = stack.shifts_px[-1] - stack.shifts_px[0]
        height = stack.heights_mm[-1] - stack.heights_mm[0]
        degrees = np.degrees(np.arctan2(np.hypot(*(moved * stack.spacing_mm)), height))
        reasons.append(Reason.of("gantry-tilt", degrees=round(float(degrees), 1)))
    if stack.doubled:
        reasons.append(Reason.of("slices-doubled", count=stack.doubled))
    return reasons


def _evened(hu: Hu, grid: Grid) -> Hu:
    """The slices of the grid."""
    if grid.is_plain and len(grid.sources) == len(hu):
        return hu
    even = np.empty((len(grid.sources), *hu.shape[1:]), np.int16)
    for at, (lower, upper, share) in enumerate(grid.sources):
        even[at] = cv2.addWeighted(hu[lower], 1 - share, hu[upper], share, 0) if share else hu[lower]
    return even


def _moved(stack: Stack, height_mm: float) -> tuple[float, float, float]:
    """The first pixel of the common frame at a height over the lowest slice."""
    x, y, z = np.array(stack.origin_lps_mm) + height_mm * stack.directions[0]
    return (float(x), float(y), float(z))
