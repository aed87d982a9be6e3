"""Whether a frame is read: by how like endoscopy it is, and by where the network says that it was taken."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from aimis.domain.reading import Reason
from aimis.readers.oesophagus import network

OWN_SITES = ("oesophagus", "cardia-gej")
NO_ENDOSCOPY = "other"


class Gates(BaseModel):
    """The thresholds, from the manifest's network table.

    other_site : greatest probability of no endoscopy that is read
    furthest : greatest `network.Output.distance` that is read
    own_site : least probability of oesophagus or junction, if it is endoscopy, that is read
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    least_side_px: int
    other_site: float
    furthest: float
    own_site: float


def site(output: network.Output, gates: Gates) -> tuple[str, Reason | None]:
    """The likeliest site, and why the frame is not read where it is outside the oesophagus."""
    logits = output.sites.astype(np.float64)
    odds = np.exp(logits - logits.max())
    share = dict(zip(network.SITES, (odds / odds.sum()).tolist(), strict=True))
    other = share.pop(NO_ENDOSCOPY)
    if other > gates.other_site or output.distance > gates.furthest:
        return NO_ENDOSCOPY, Reason.of("not-an-endoscopic-picture")
    if sum(share[s] for s in OWN_SITES) < gates.own_site * (1 - other):
        likeliest = max(share, key=lambda name: share[name])
        return likeliest, Reason.of("not-the-oesophagus", site=likeliest)
    return max(OWN_SITES, key=lambda name: share[name]), None
