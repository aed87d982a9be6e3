"""From logits to what is said of a candidate: is it a nodule, and would radiologists call it malignant."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from aimis.readers.lung import slices

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from aimis.domain.scan import Size


class Judgement(BaseModel):
    """The manifest's network table.

    slices_share : weight of the slice network's logit beside the finder's
    listed_from, drawn_from : least probability of a candidate that is listed, and that is outlined and measured
    least_mm : a smaller one is listed, never reported
    malignancy : weights of `features`, and of "one"
    repeatability : standard deviation of ln(volume) over repeated readings of a nodule of 100 mm3, and the power of
        volume / 100 mm3 that it goes with
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    slices_share: float
    listed_from: float
    drawn_from: float
    least_mm: float
    malignancy: Mapping[str, float]
    repeatability: tuple[float, float]

    def spread(self, volume_mm3: float) -> float:
        """Standard deviation of ln(volume) over repeated readings of a nodule of this volume."""
        at_100, power = self.repeatability
        return float(at_100 * (max(volume_mm3, 1.0) / 100) ** power)

    def logit(self, finder: float, slice_network: float) -> float:
        """Of being a nodule, before calibration."""
        return finder + self.slices_share * slice_network

    def malignancy_probability(self, answers: npt.NDArray[np.float32], size: Size) -> float:
        """Of the radiologists' vote, calibrated, 0..1."""
        values = features(answers, size)
        logit = self.malignancy["one"] + sum(self.malignancy[name] * value for name, value in values.items())
        return round(1 / (1 + math.exp(-min(max(logit, -30.0), 30.0))), 6)


def features(answers: npt.NDArray[np.float32], size: Size) -> dict[str, float]:
    """What malignancy is judged by: the slice network's ratings (logits) and the measured size and density.

    answers : shape (2, answers), as `slices.outline` gives them
    """
    told = {
        f"{which}-{name}": float(value)
        for which, row in zip(("mean", "largest"), answers, strict=True)
        for name, value in zip(slices.ANSWERS, row, strict=True)
        if name != "nodule"
    }
    return {
        **told,
        "log-diameter": math.log(max(size.diameter_mm, 1.0)),
        "log-long-axis": math.log(max(size.long_axis_mm, 1.0)),
        "log-short-axis": math.log(max(size.short_axis_mm, 1.0)),
        "roundness": size.short_axis_mm / max(size.long_axis_mm, 1.0),
        "density": size.mean_hu / 500,
    }


def probability(answers: npt.NDArray[np.float32], name: str) -> float:
    """Of one rating of the slice network over the whole nodule, 0..1, not calibrated."""
    return 1 / (1 + math.exp(-float(answers[0][slices.ANSWERS.index(name)])))
