"""The places that an upper endoscopy should photograph, by the sites that the reader tells, and which were.

ESGE: Bisschops et al., Performance measures for upper gastrointestinal endoscopy, Endoscopy 2016;48:843-864, at least
ten pictures. British: Beg et al., Quality standards in upper gastrointestinal endoscopy (BSG and AUGIS), Gut
2017;66:1886-1899, eight stations. Several stations of a list may be one site here: the incisura is seen as the lesser
curvature, and the upper and the lower oesophagus look alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from aimis.domain.examination import FrameRecord, Station

OWN = frozenset({"oesophagus", "cardia-gej"})
"""What this reader reads: oesophagus and junction."""
COLON = "colon"
NO_ORGAN = "other"
"""The site of a frame that shows no inside of a body."""

ESGE: dict[str, str] = {
    "proximal-oesophagus": "oesophagus",
    "distal-oesophagus": "oesophagus",
    "z-line-and-diaphragm": "cardia-gej",
    "cardia-and-fundus-in-inversion": "fundus",
    "corpus-forward-with-lesser-curvature": "gastric-body",
    "corpus-retroflex-with-greater-curvature": "greater-curvature",
    "angulus-in-partial-inversion": "lesser-curvature",
    "antrum": "antrum",
    "duodenal-bulb": "duodenal-bulb",
    "second-part-of-duodenum": "duodenum",
}
BRITISH: dict[str, str] = {
    "upper-oesophagus": "oesophagus",
    "gastro-oesophageal-junction": "cardia-gej",
    "fundus-in-retroflexion": "fundus",
    "gastric-body": "gastric-body",
    "incisura-in-retroflexion": "lesser-curvature",
    "antrum": "antrum",
    "duodenal-bulb": "duodenal-bulb",
    "distal-duodenum": "duodenum",
}
LISTED = tuple(dict.fromkeys((*ESGE.values(), *BRITISH.values())))
"""Every site that one of the lists asks for, in the order of an examination."""


def stations(records: Iterable[FrameRecord]) -> tuple[Station, ...]:
    """Every listed site and how many frames show it; a frame too poor to judge has no site and shows none."""
    seen = Counter(record.site for record in records)
    return tuple(Station(site=site, frames=seen[site]) for site in LISTED)
