"""Whether a frame is read, and whether neoplasia is judged in it: by what the network says of it as a whole."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from aimis.domain.reading import Reason
from aimis.readers.oesophagus import network

OWN_SITES = ("oesophagus", "cardia-gej")
ELSEWHERE = "not-the-oesophagus"
SUSPICIOUS = {True: "suspicious-unsure", False: "suspicious-elsewhere"}
"""Of a frame that was refused for another organ's, by whether the likeliest site is an own one all the same."""
IN_BARRETTS, AT_JUNCTION = "not-judged-in-barretts", "not-judged-at-junction"
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


class NotJudged(BaseModel):
    """Where neoplasia is not judged, from the manifest's network table: on Barrett's mucosa it cannot be told.

    barretts : least probability of Barrett's from which it is not
    squamous : least share of the oesophagus's among the odds of oesophagus and junction that an alarm needs: where
        the frame is surely of the junction, Barrett's may go unseen
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    barretts: float
    squamous: float

    def reason(self, output: network.Output, *, barretts: float, suspicious: bool) -> Reason | None:
        """Why neoplasia is not judged in the frame; None where it is.

        barretts : the probability of Barrett's; suspicious : whether neoplasia is above its operating point
        """
        if barretts >= self.barretts:
            return Reason.of(IN_BARRETTS)
        own = output.sites[[network.SITES.index(name) for name in OWN_SITES]].astype(np.float64)
        if suspicious and 1 / (1 + np.exp(own[1] - own[0])) < self.squamous:
            return Reason.of(AT_JUNCTION)
        return None


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
        return likeliest, Reason.of(ELSEWHERE, site=likeliest)
    return max(OWN_SITES, key=lambda name: share[name]), None
