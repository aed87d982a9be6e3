"""A reader of stills that needs no network: how red a picture is.

It keeps the promises of the port as the real ones do: safe to call from many threads, the same answer for the
same picture, refusals with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aimis.domain.errors import NotAssessableError
from aimis.domain.reading import (
    Classification,
    EvidenceMap,
    Finding,
    Laterality,
    Outcome,
    ReaderIdentity,
    Region,
    Status,
)
from aimis.imaging.still import Still

TOO_DARK_BELOW = 0.04


@dataclass(frozen=True, kw_only=True)
class RednessReader:
    """Says `red` for each of its ids where red is more than `threshold` of the light."""

    ids: tuple[str, ...] = ("redness",)
    threshold: float = 0.5
    engine: str = "none"

    def read(self, still: Still) -> Mapping[str, Outcome]:
        """One outcome an id; a dark picture is not assessable."""
        if still.rgb.mean() < 255 * TOO_DARK_BELOW:
            raise NotAssessableError("too-dark", light=float(still.rgb.mean()) / 255)
        return dict.fromkeys(self.ids, self._outcome(still))

    def _outcome(self, still: Still) -> Outcome:
        light = still.rgb.reshape(-1, 3).sum(axis=0, dtype=np.float64)
        redness = float(light[0] / light.sum())
        columns, rows = still.full_size_px
        whole = (0.0, 0.0, float(columns), float(rows))
        return Outcome(
            status=Status.READ,
            findings=(
                Finding(
                    name="red",
                    probability=redness,
                    present=redness >= self.threshold,
                    regions=(Region(box_px=whole, probability=redness),),
                ),
            ),
            classifications=(Classification(key="redness_grade", value=int(4 * redness)),),
            certainty=abs(redness - self.threshold),
            evidence=(EvidenceMap(finding="red", values=((redness,),), box_px=whole),),
            laterality=Laterality.LEFT,
        )


def identity(reader: str = "redness", **changes: str) -> ReaderIdentity:
    """The identity that the fake answers with."""
    fields = {
        "reader": reader,
        "version": "1.0.0",
        "weights_sha256": "0" * 64,
        "engine": "none",
        "operating_point": "balanced",
    }
    return ReaderIdentity(**{**fields, **changes})
