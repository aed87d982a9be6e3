"""A reader of CT volumes that needs no network: what is dense, small and stands alone in air is a nodule.

It keeps the promises of the port as the real one does: `Outcome.scan` whenever there is a volume, refusals with a
reason, the same answer for the same volume. Every number of it is made up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from aimis.domain.reading import Finding, Outcome, Reason, Status
from aimis.domain.scan import Change, Density, Growth, Management, Mask, Nodule, Place, Point, Risk, Scan, Size
from aimis.imaging.volume import Volume

NODULE = "pulmonary-nodule"
THRESHOLD = 0.5
_DENSE_HU, _SOLID_HU, _METAL_HU = -600, -200, 3000
_LEAST_MM, _MOST_MM, _SURE_MM, _SAME_MM = 2.5, 40.0, 7.0, 10.0

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, kw_only=True)
class Spotter:
    """Says `pulmonary-nodule` of every dense spot; those under 7 mm are below the point."""

    ids: tuple[str, ...] = ("spotter",)
    engine: str = "none"

    def read_volume(self, volume: Volume, prior: Volume | None = None) -> Mapping[str, Outcome]:
        """One pass for all ids; a volume of metal alone is refused."""
        return dict.fromkeys(self.ids, _outcome(volume, prior))


def _outcome(volume: Volume, prior: Volume | None) -> Outcome:
    scan = Scan(series=volume.series, prior=None if prior is None else prior.series)
    if volume.hu.min() > _METAL_HU:
        return Outcome(status=Status.UNSUPPORTED, reason=Reason.of("no-lungs"), scan=scan)
    nodules = _nodules(volume)
    if prior is not None:
        old = _nodules(prior)
        nodules = tuple(replace(nodule, growth=_growth(nodule, old)) for nodule in nodules)
        scan = replace(scan, gone=tuple(_gone(old, nodules)))
    best = max((nodule.probability for nodule in nodules), default=0.01)
    finding = Finding(name=NODULE, probability=best, present=any(nodule.present for nodule in nodules))
    category = "3" if finding.present else "1"
    rules = (Management(guideline="lung-rads-2022", rule="toy", category=category, applies_if=("screening",)),)
    limited = volume.limited[0] if volume.limited else None
    scan = replace(scan, nodules=nodules, management=rules, lung_volumes_ml=(2400.0, 2100.5))
    return Outcome(status=Status.READ, reason=limited, findings=(finding,), scan=scan)


def _nodules(volume: Volume) -> tuple[Nodule, ...]:
    labels = ndimage.label(volume.hu > _DENSE_HU)[0]
    found = (_spot(volume, labels, number, box) for number, box in enumerate(ndimage.find_objects(labels), start=1))
    spots = sorted((spot for spot in found if spot), key=lambda spot: (-spot.probability, spot.centre_lps_mm))
    return tuple(replace(spot, index=index) for index, spot in enumerate(spots))


def _spot(volume: Volume, labels: npt.NDArray[np.int32], number: int, box: Box) -> Nodule | None:
    sides = [(part.stop - part.start) * mm for part, mm in zip(box, volume.spacing_mm, strict=True)]
    inside = labels[box] == number
    mm3 = float(np.count_nonzero(inside) * math.prod(volume.spacing_mm))
    diameter = (6 * mm3 / math.pi) ** (1 / 3)
    if max(sides) > _MOST_MM or diameter < _LEAST_MM:
        return None
    middle = np.argwhere(inside).mean(axis=0) + [part.start for part in box]
    probability = 0.9 if diameter >= _SURE_MM else 0.2
    spot = Nodule(
        index=0,
        centre_lps_mm=_point(volume.to_lps(middle)),
        diameter_mm=round(diameter, 3),
        probability=probability,
        present=probability >= THRESHOLD,
        malignancy_probability=round(min(0.95, diameter / 40), 3),
    )
    return _measured(spot, volume, inside, box, mm3) if spot.present else spot


def _measured(spot: Nodule, volume: Volume, inside: npt.NDArray[np.bool_], box: Box, mm3: float) -> Nodule:
    mean = float(volume.hu[box][inside].mean())
    slices = box[0].start, (box[0].start + box[0].stop) // 2, box[0].stop - 1
    return replace(
        spot,
        density=Density.SOLID if mean > _SOLID_HU else Density.GROUND_GLASS,
        slices=slices,
        instance_numbers=tuple(volume.instance_numbers[at] for at in slices) if volume.instance_numbers else (),
        size=_size(spot, mm3, mean),
        place=Place(side="L" if spot.centre_lps_mm[0] > 0 else "R", zone="middle", pleura_mm=12.0),
        mask=_mask(inside, box),
        risks=(Risk(model="brock", probability=0.031, missing=("emphysema",)), Risk(model="mayo", probability=None)),
        management=(Management(guideline="fleischner-2017", rule="toy", applies_if=("high-risk",)),),
    )


def _size(spot: Nodule, mm3: float, mean_hu: float) -> Size:
    x, y, z = spot.centre_lps_mm
    reach = spot.diameter_mm / 2
    ends = ((x - reach, y, z), (x + reach, y, z), (x, y - reach, z), (x, y + reach, z))
    return Size(
        long_axis_mm=spot.diameter_mm,
        short_axis_mm=spot.diameter_mm,
        mean_axis_mm=spot.diameter_mm,
        diameter_mm=spot.diameter_mm,
        volume_mm3=mm3,
        solid_mean_axis_mm=spot.diameter_mm,
        solid_volume_mm3=mm3,
        mean_hu=mean_hu,
        ends_lps_mm=ends,
    )


def _mask(inside: npt.NDArray[np.bool_], box: Box) -> Mask:
    edges = np.flatnonzero(np.diff(inside.ravel(), prepend=False))
    origin = (box[0].start, box[1].start, box[2].start)
    shape = (inside.shape[0], inside.shape[1], inside.shape[2])
    return Mask(
        origin_zyx=origin,
        shape_zyx=shape,
        runs=tuple(int(run) for run in np.diff(edges, prepend=0, append=inside.size)),
    )


def _growth(nodule: Nodule, old: Sequence[Nodule]) -> Growth:
    same = min((one for one in old if _near(one, nodule)), key=lambda one: _apart(one, nodule), default=None)
    if same is None:
        return Growth(change=Change.NEW)
    ratio = (nodule.diameter_mm / same.diameter_mm) ** 3
    change = Change.GROWING if ratio >= 1.25 else Change.STABLE
    prior_mm3 = math.pi / 6 * same.diameter_mm**3
    return Growth(change=change, prior_index=same.index, prior_volume_mm3=prior_mm3, volume_ratio=ratio)


def _gone(old: Sequence[Nodule], new: Sequence[Nodule]) -> Iterator[Nodule]:
    for one in old:
        if one.present and not any(_near(one, nodule) for nodule in new):
            yield replace(one, growth=Growth(change=Change.GONE, prior_index=one.index))


def _near(one: Nodule, other: Nodule) -> bool:
    return _apart(one, other) <= _SAME_MM


def _apart(one: Nodule, other: Nodule) -> float:
    return math.dist(one.centre_lps_mm, other.centre_lps_mm)


def _point(lps_mm: npt.NDArray[np.float64]) -> Point:
    x, y, z = (round(float(value), 3) for value in lps_mm)
    return x, y, z
