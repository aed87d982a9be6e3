"""Volumes that lie in memory: air with dense balls in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aimis.domain.identity import Identity
from aimis.domain.scan import Series
from aimis.imaging.volume import Volume

SHAPE, SPACING_MM = (24, 40, 40), (2.0, 1.5, 1.5)

Ball = tuple[float, float, float, float]
"""x, y, z and diameter in mm."""

PATIENT = Identity(patient_id="P-17")

BALL: Ball = (20.0, 30.0, 24.0, 8.0)


def volume(balls_mm: Sequence[Ball] = (BALL,), **changes: Any) -> Volume:
    """Air with balls in it; the series' date, patient and so on may be changed."""
    z, y, x = (np.arange(n) * mm for n, mm in zip(SHAPE, SPACING_MM, strict=True))
    hu = np.full(SHAPE, -900, np.int16)
    for at_x, at_y, at_z, diameter in balls_mm:
        far = (z[:, None, None] - at_z) ** 2 + (y[:, None] - at_y) ** 2 + (x - at_x) ** 2
        hu[far <= (diameter / 2) ** 2] = 40
    date = changes.pop("date", "2026-03-01")
    told: dict[str, Any] = {
        "hu": hu,
        "spacing_mm": SPACING_MM,
        "origin_lps_mm": (0.0, 0.0, 0.0),
        "series": Series(shape_zyx=SHAPE, spacing_zyx_mm=SPACING_MM, date=date, series_instance_uid="1.2.3"),
        "instance_numbers": tuple(range(1, SHAPE[0] + 1)),
        "patient_id": "P-17",
        "study_instance_uid": "1.2",
    }
    return Volume(**(told | changes))


@dataclass(kw_only=True)
class FakeVolume:
    """An item that makes its volume by a function, and asks once whether to stop.

    whose : what its headers say
    loaded : how often it was
    """

    path: str = "scan"
    make: Callable[[], Volume] = volume
    digest: str = "ab" * 32
    whose: Identity = PATIENT
    loaded: int = 0

    def load(self, stop_if_asked: Callable[[], None] = lambda: None, /) -> Volume:
        """Made anew."""
        stop_if_asked()
        self.loaded += 1
        return self.make()

    def identity(self) -> Identity:
        """As given."""
        return self.whose

    def sha256(self, _stop_if_asked: Callable[[], None] = lambda: None, /) -> str:
        """As given."""
        return self.digest
