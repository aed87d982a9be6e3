"""The oesophagus network as it was exported: what goes in, what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from aimis.inference.engine import Engine

CLASSES = ("background", "barretts-oesophagus", "oesophageal-neoplasia", "oesophagitis", "other-lesion")
"""What a place of the picture shows: the order of the map."""
FINDINGS = ("oesophageal-neoplasia", "barretts-oesophagus", "oesophagitis")
SITES = (
    "oesophagus",
    "cardia-gej",
    "pharynx",
    "fundus",
    "gastric-body",
    "antrum",
    "greater-curvature",
    "lesser-curvature",
    "duodenal-bulb",
    "duodenum",
    "colon",
    "other",
)
"""The order of the site logits; `other` is no picture from inside the digestive tract."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Output:
    """What the network says of one frame.

    findings : shape (findings,), logits, not calibrated
    sites : shape (sites,), logits
    distance : from the endoscopy that the network was trained on (Mahalanobis, of features of the whole frame)
    map : shape (classes, rows, columns), logits of a softmax over classes at 1/8 of the input
    """

    findings: npt.NDArray[np.float32]
    sites: npt.NDArray[np.float32]
    distance: float
    map: npt.NDArray[np.float32]


def run(engine: Engine, square: npt.NDArray[np.uint8]) -> Output:
    """The network's output for a normalised frame of shape (side, side, 3)."""
    out = engine.run({"frame": square[None]})
    findings, sites, places = (out[name][0] for name in ("findings", "sites", "map"))
    return Output(findings=findings, sites=sites, distance=float(out["distance"][0]), map=places)
