"""The fundus network as it was exported: what goes in, what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from aimis.inference.engine import Engine

TARGETS = (
    "icdr-1-or-worse",
    "icdr-2-or-worse",
    "icdr-3-or-worse",
    "icdr-4",
    "diabetic-macular-oedema",
    "glaucoma",
    "age-related-macular-degeneration",
    "cataract",
    "hypertensive-retinopathy",
    "pathological-myopia",
    "other-fundus-abnormality",
    "abnormal-fundus",
)
"""The order of the logits and of the evidence."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Output:
    """What the network says of one photograph.

    logits : shape (targets,), not calibrated
    evidence : shape (targets, rows, columns); its sum over places and the target's bias is the logit
    gate : logit that this is a colour fundus photograph at all
    disc : shape (rows, columns), where the optic disc is; sums to 1
    """

    logits: npt.NDArray[np.float32]
    evidence: npt.NDArray[np.float32]
    gate: float
    disc: npt.NDArray[np.float32]

    def logit(self, target: str) -> float:
        """By name."""
        return float(self.logits[TARGETS.index(target)])

    def evidence_of(self, target: str) -> npt.NDArray[np.float32]:
        """By name, shape (rows, columns)."""
        return np.asarray(self.evidence[TARGETS.index(target)])

    @property
    def disc_offset(self) -> float:
        """How far right of the middle the optic disc lies, in widths of the field, -0.5..0.5."""
        return float(self.disc.sum(axis=0) @ np.linspace(-0.5, 0.5, self.disc.shape[1]))


def run(engine: Engine, square: npt.NDArray[np.uint8]) -> Output:
    """The network's output for a normalised photograph of shape (side, side, 3)."""
    out = engine.run({"photograph": square[None]})
    return Output(logits=out["logits"][0], evidence=out["evidence"][0], gate=float(out["gate"][0]), disc=out["disc"][0])
