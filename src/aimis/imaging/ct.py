"""A CT series to a volume: slices in the order of their places, decoded by as many threads as there are cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from aimis.domain.errors import BrokenInputError, CaseError
from aimis.domain.reading import Reason
from aimis.domain.scan import Series
from aimis.imaging import ct_pixels, ct_stack, hounsfield
from aimis.imaging.ct_pixels import AIR_HU, Hu
from aimis.imaging.volume import Volume

if TYPE_CHECKING:
    from aimis.imaging.ct_instance import Instance, Plane
    from aimis.imaging.ct_stack import Grid, Stack
    from aimis.imaging.dicom_codecs import ByGdcm
    from aimis.imaging.limits import Limits

_MOST_BROKEN = 0.02


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One slice of a series that was chosen.

    hu : decodes it; shape as the instance says; raises `CaseError`
    """

    instance: Instance
    plane: Plane
    hu: Callable[[], Hu]


def slice_of(instance: Instance, load: Callable[[], bytes], limits: Limits, by_gdcm: ByGdcm) -> Slice:
    """A single-frame instance; raises `BrokenInputError` "broken-dicom" with the tag that it lacks."""
    if instance.plane is None or instance.stored is None:
        raise BrokenInputError("broken-dicom", why=instance.lacking or "data set")
    stored = instance.stored
    return Slice(instance=instance, plane=instance.plane, hu=lambda: ct_pixels.hu_of(load(), stored, limits, by_gdcm))


def load_series(
    slices: Sequence[Slice], *, threads: int, lost: int = 0, stop_if_asked: Callable[[], None] = lambda: None
) -> Volume:
    """The volume of one series.

    slices : of one size, orientation and spacing, in any order
    lost : slices of the series whose headers are damaged
    stop_if_asked : called before each slice; what it raises ends the loading

    Raises what `ct_stack` raises, what `hounsfield.check` raises, and `BrokenInputError` "slices-broken" with how many
    where more than one in fifty cannot be read, or what is wrong with all of them alike.
    """
    stack, limited = _stacked(slices)
    ordered = [slices[at] for at in stack.order]
    hu, kept = _decode(ordered, stack, threads, lost, stop_if_asked)
    broken = len(ordered) - len(kept) + lost
    grid = ct_stack.even_out(stack.heights_mm[kept], broken)
    hounsfield.check(hu)
    hu = _evened(hu, grid)
    spacing = (grid.step_mm, *stack.spacing_mm)
    made_of = [ordered[kept[lower]].instance for lower, _, _ in grid.sources]
    first = made_of[0]
    return Volume(
        hu=hu,
        spacing_mm=spacing,
        origin_lps_mm=_moved(stack, stack.heights_mm[kept[0]] - stack.heights_mm[0]),
        directions=stack.directions,
        series=series_of(first, hu.shape, spacing),
        limited=(*_losses(stack, grid, broken), *limited),
        instance_numbers=tuple(each.number or 0 for each in made_of),
        sop_instance_uids=tuple(each.sop_instance_uid for each in made_of),
        patient_id=next((each.identity.patient_id for each in made_of if each.identity.patient_id), None),
        study_instance_uid=first.study_instance_uid or None,
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


def _stacked(slices: Sequence[Slice]) -> tuple[Stack, tuple[Reason, ...]]:
    """The slices in order, fewer where all would take too much memory; and what their thickness limits."""
    first = slices[0].instance
    if first.stored is None:
        raise BrokenInputError("broken-dicom", why=first.lacking or "data set")
    stack = ct_stack.stack_up([each.plane for each in slices], (first.stored.rows, first.stored.columns))
    step = ct_stack.even_out(stack.heights_mm).step_mm
    limited = ct_stack.check_extent(len(stack.order), step, float(np.ptp(stack.heights_mm)), first.thickness_mm)
    every, thinned = ct_stack.thinning(len(stack.order), stack.shape[0] * stack.shape[1], step)
    order, heights, shifts = stack.order[::every], stack.heights_mm[::every], stack.shifts_px[::every]
    return replace(stack, order=order, heights_mm=heights, shifts_px=shifts), (*limited, *thinned)


def _decode(
    slices: Sequence[Slice], stack: Stack, threads: int, lost: int, stop_if_asked: Callable[[], None]
) -> tuple[Hu, list[int]]:
    """Shape (slices, rows, columns) of those that could be decoded, and which they are."""
    hu = np.empty((len(slices), *stack.shape), np.int16)
    broken: dict[int, CaseError] = {}

    def fill(at: int) -> None:
        stop_if_asked()
        try:
            hu[at] = _placed(slices[at].hu(), stack, at)
        except CaseError as error:
            broken[at] = error.with_traceback(None)

    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        for _ in pool.map(fill, range(len(slices))):
            pass
    if len(broken) == len(slices) or len(broken) + lost > max(1, _MOST_BROKEN * len(slices)):
        raise _failure(list(broken.values()), len(slices), lost)
    kept = [at for at in range(len(slices)) if at not in broken]
    return hu[kept] if broken else hu, kept


def _failure(errors: Sequence[CaseError], slices: int, lost: int) -> CaseError:
    """What is wrong with all of them alike, else how many are broken."""
    codes = {error.reason.code for error in errors}
    if len(errors) == slices and len(codes) == 1:
        return errors[0]
    return BrokenInputError("slices-broken", count=len(errors) + lost, slices=slices + lost)


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


def _losses(stack: Stack, grid: Grid, broken: int) -> list[Reason]:
    """What of the series was made up, most grave first."""
    reasons = [Reason.of("slices-broken-few", count=broken)] if broken else []
    reasons += grid.limited
    if not stack.is_straight:
        reasons.append(Reason.of("gantry-tilt", degrees=round(stack.tilt_degrees, 1)))
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
