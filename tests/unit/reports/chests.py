"""Chest CTs made up for tests of reports: a small volume with balls in its lungs, its nodules, and a reader's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from aimis.domain.reading import Finding, Outcome, ReaderIdentity, Reading, Reason, Source, Status
from aimis.domain.scan import (
    Change,
    Density,
    Growth,
    Management,
    Mask,
    Nodule,
    Place,
    Point,
    Risk,
    Scan,
    Series,
    Size,
)
from aimis.imaging.volume import Volume
from aimis.reports.texts import CHEST, Texts

SHAPE, SPACING_MM = (60, 100, 110), (2.5, 2.0, 2.0)
ORIGIN_MM = (-110.0, -100.0, -400.0)
BALLS_MM = ((-50.0, 10.0, -330.0, 20.0), (52.0, -20.0, -320.0, 12.0))
"""x, y, z and diameter: one in the patient's right lung, one in the left."""
IDENTITY = ReaderIdentity(
    reader="lung-nodule", version="1.0.0", weights_sha256="ab" * 32, engine="none", operating_point="screening"
)
FLEISCHNER, LUNG_RADS = "fleischner-2017", "lung-rads-2022"
OWN: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "advice": {
            f"guideline-{FLEISCHNER}-big": {
                "text": "Consider PET/CT.",
                "citation": "Radiology 2017",
                "urgency": "soon",
            },
            f"guideline-{FLEISCHNER}-small": {"text": "No CT.", "citation": "Radiology 2017", "urgency": "rescreen"},
            f"guideline-{LUNG_RADS}-all": {"text": "Consider a CT.", "citation": "ACR 2022", "urgency": "rescreen"},
        },
        "condition": {"high-risk": "the risk is high", "screening": "this was screening"},
        "input": {"smoking": "smoking"},
    },
    "zh": {"advice": {f"guideline-{FLEISCHNER}-big": {"text": "可考虑 PET/CT。"}}, "input": {"smoking": "吸烟史"}},
}


def words(language: str = "en") -> Texts:
    """The core's words about the chest, and a reader's."""
    return Texts(language, OWN, CHEST)


def volume() -> Volume:
    """A body of water in air, two lungs of air in it, and the balls in them."""
    z, y, x = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    at = [ORIGIN_MM[2 - axis] + grid * SPACING_MM[axis] for axis, grid in enumerate((z, y, x))]
    hu = np.full(SHAPE, -1000, dtype=np.int16)
    hu[np.broadcast_to((at[2] / 105) ** 2 + (at[1] / 80) ** 2 < 1, SHAPE)] = 20
    for side in (-50.0, 50.0):
        hu[((at[2] - side) / 38) ** 2 + (at[1] / 55) ** 2 + ((at[0] + 325) / 65) ** 2 < 1] = -850
    for ball in range(len(BALLS_MM)):
        hu[_within(ball)] = 40
    return Volume(hu=hu, spacing_mm=SPACING_MM, origin_lps_mm=ORIGIN_MM, series=series())


def _within(ball: int) -> Any:
    z, y, x = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    x0, y0, z0, diameter = BALLS_MM[ball]
    at = [ORIGIN_MM[2 - axis] + grid * SPACING_MM[axis] for axis, grid in enumerate((z, y, x))]
    return (at[2] - x0) ** 2 + (at[1] - y0) ** 2 + (at[0] - z0) ** 2 <= (diameter / 2) ** 2


def series(**more: Any) -> Series:
    """As read."""
    told: dict[str, Any] = {"thickness_mm": 2.5, "kernel": "B50f", "date": "2026-01-30"} | more
    return Series(shape_zyx=SHAPE, spacing_zyx_mm=SPACING_MM, **told)


def nodule(index: int = 0, **more: Any) -> Nodule:
    """One of the balls, reported."""
    x, y, z, diameter = BALLS_MM[index % 2]
    slices = tuple(round((z - ORIGIN_MM[2] + d) / SPACING_MM[0]) for d in (-diameter / 2, 0.0, diameter / 2))
    told: dict[str, Any] = {
        "centre_lps_mm": (x, y, z),
        "diameter_mm": diameter,
        "probability": 0.95 - index / 20,
        "present": True,
        "malignancy_probability": 0.8 - index / 5,
        "density": Density.SOLID,
        "slices": slices,
        "instance_numbers": tuple(SHAPE[0] - number for number in slices),
        "size": size((x, y, z), diameter),
        "place": Place(side="R" if x < 0 else "L", zone="lower", pleura_mm=3.2),
        "mask": mask(index % 2),
        "management": (Management(guideline=FLEISCHNER, rule="big", applies_if=("high-risk",)),),
        "risks": (
            Risk(model="brock", probability=0.3, missing=("smoking",)),
            Risk(model="mayo", probability=None, missing=("smoking",)),
        ),
    }
    return Nodule(index=index, **(told | more))


def size(centre: Point, diameter: float) -> Size:
    """Of a ball."""
    x, y, z = centre
    radius = diameter / 2
    return Size(
        long_axis_mm=diameter,
        short_axis_mm=diameter - 1.0,
        mean_axis_mm=diameter - 0.5,
        diameter_mm=diameter,
        volume_mm3=float(np.pi / 6 * diameter**3),
        solid_mean_axis_mm=diameter / 2,
        solid_volume_mm3=100.0,
        mean_hu=-20.0,
        ends_lps_mm=((x - radius, y, z), (x + radius, y, z), (x, y - radius, z), (x, y + radius, z)),
    )


@cache
def mask(ball: int) -> Mask:
    """Of a ball, in the smallest box."""
    inside = _within(ball)
    box = tuple(slice(int(axis.min()), int(axis.max()) + 1) for axis in np.nonzero(inside))
    flat = inside[box].ravel().astype(np.int8)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [flat.size]])
    runs = tuple(int(run) for run in np.diff(edges))
    low_z, low_y, low_x = (part.start for part in box)
    high, deep, wide = (part.stop - part.start for part in box)
    runs = (0, *runs) if flat[0] else runs
    return Mask(origin_zyx=(low_z, low_y, low_x), shape_zyx=(high, deep, wide), runs=runs)


def scan(*nodules: Nodule, **more: Any) -> Scan:
    """Both balls unless told otherwise, and two candidates below the operating point."""
    shown = nodules or (nodule(0), nodule(1))
    unlisted = tuple(
        Nodule(index=len(shown) + n, centre_lps_mm=(0.0, 0.0, -330.0), diameter_mm=4.0, probability=0.1, present=False)
        for n in range(2)
    )
    told: dict[str, Any] = {"lung_volumes_ml": (2400.0, 2100.0)} | more
    return Scan(series=series(), nodules=(*shown, *unlisted), **told)


def compared() -> Scan:
    """With an earlier CT: one nodule grew, one is new, a third is gone."""
    grown = Growth(
        change=Change.GROWING,
        prior_index=0,
        prior_volume_mm3=2000.0,
        prior_mean_axis_mm=15.6,
        days=200,
        volume_ratio=2.0,
        doubling_days=200.0,
        doubling_low_days=150.0,
        doubling_high_days=None,
    )
    gone = nodule(
        4,
        growth=replace(grown, change=Change.GONE, volume_ratio=None, doubling_days=None, doubling_low_days=None),
        place=Place(side="L", zone="upper"),
    )
    new = Growth(change=Change.NEW, days=200)
    return scan(nodule(0, growth=grown), nodule(1, growth=new), gone=(gone,), prior=series(date="2025-07-14"))


def reading(told: Scan | None = None, status: Status = Status.READ, **more: Any) -> Reading:
    """A scan that was read, or was not."""
    told = scan() if told is None else told
    read = status is Status.READ
    present = any(n.present for n in told.nodules)
    best = max((n.probability for n in told.nodules), default=0.01)
    given: dict[str, Any] = {
        "reason": None if read else Reason.of("truncated"),
        "findings": (Finding(name="pulmonary-nodule", probability=best, present=present),) if read else (),
        "scan": told,
    }
    return Reading(
        source=Source(path="scans/7", sha256="cd" * 32, patient_id="P-7"),
        identity=IDENTITY,
        outcome=Outcome(status=status, **(given | more)),
        seconds=1.2,
        read_at_utc="2026-01-31T08:05:09+00:00",
    )
