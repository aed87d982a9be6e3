"""Nodules and series made up for tests of rules and models."""

from __future__ import annotations

import math
from typing import Any

from aimis.domain.scan import Change, Density, Growth, Nodule, Place, Risk, Series, Size

SOLID, PART_SOLID, GROUND_GLASS = Density.SOLID, Density.PART_SOLID, Density.GROUND_GLASS
THIN = Series(shape_zyx=(300, 512, 512), spacing_zyx_mm=(1.0, 0.7, 0.7), thickness_mm=1.0, age_years=62, sex="F")
THICK = Series(shape_zyx=(120, 512, 512), spacing_zyx_mm=(2.5, 0.7, 0.7), thickness_mm=2.5, age_years=62, sex="F")


def sized(mm: float, solid_mm: float = 0.0, volume_mm3: float | None = None, long_mm: float | None = None) -> Size:
    """A nodule of a mean axis; its volume is that of the sphere unless given."""
    return Size(
        long_axis_mm=long_mm or mm,
        short_axis_mm=2 * mm - (long_mm or mm),
        mean_axis_mm=mm,
        diameter_mm=mm,
        volume_mm3=math.pi / 6 * mm**3 if volume_mm3 is None else volume_mm3,
        solid_mean_axis_mm=solid_mm,
        solid_volume_mm3=math.pi / 6 * solid_mm**3,
        mean_hu=0.0,
    )


def nodule(mm: float, density: Density = SOLID, solid_mm: float | None = None, **more: Any) -> Nodule:
    """A reported nodule; a solid one is solid throughout."""
    solid = solid_mm if solid_mm is not None else mm if density is SOLID else 0.0
    given: dict[str, Any] = {
        "index": 0,
        "centre_lps_mm": (0.0, 0.0, 0.0),
        "diameter_mm": mm,
        "probability": 0.9,
        "present": True,
        "density": density,
        "size": sized(mm, solid),
    }
    return Nodule(**given | more)


def grown(change: Change, before_mm: float | None = None, days: int | None = None, vdt: float | None = None) -> Growth:
    """Against an earlier CT."""
    return Growth(change=change, prior_mean_axis_mm=before_mm, days=days, doubling_days=vdt)


def brock(probability: float) -> tuple[Risk, ...]:
    """A probability by the Brock model."""
    return (Risk(model="brock", probability=probability),)


def at(pleura_mm: float, **more: Any) -> Place:
    """A place so far from the pleura."""
    return Place(pleura_mm=pleura_mm, **more)
