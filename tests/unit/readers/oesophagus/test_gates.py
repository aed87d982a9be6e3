"""What a frame needs in order to be read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.readers.oesophagus import gates, network

GATES = gates.Gates(least_side_px=160, other_site=0.5, furthest=25.0, own_site=0.6)


def output(shares: dict[str, float], distance: float = 10.0) -> network.Output:
    """Of a frame whose site has these probabilities, the rest shared by the other organs."""
    rest = (1 - sum(shares.values())) / (len(network.SITES) - len(shares))
    sites = np.log([max(1e-9, shares.get(name, rest)) for name in network.SITES])
    none = np.zeros(0, np.float32)
    return network.Output(findings=none, sites=sites.astype(np.float32), distance=distance, map=none)


def code(said: network.Output) -> str | None:
    reason = gates.site(said, GATES)[1]
    return None if reason is None else reason.code


def test_oesophagus_that_may_be_no_endoscopy_is_read() -> None:
    assert code(output({"oesophagus": 0.35, "cardia-gej": 0.05, "other": 0.4})) is None


def test_what_is_likelier_no_endoscopy_is_refused_as_such() -> None:
    assert code(output({"oesophagus": 0.45, "other": 0.53})) == "not-an-endoscopic-picture"


def test_what_is_likely_another_organ_is_refused_with_its_name() -> None:
    site, reason = gates.site(output({"antrum": 0.5, "oesophagus": 0.4}), GATES)
    assert site == "antrum"
    assert reason is not None
    assert reason.code == "not-the-oesophagus"


def test_refused_organ_is_never_no_endoscopy() -> None:
    assert gates.site(output({"antrum": 0.3, "oesophagus": 0.2, "other": 0.4}), GATES)[0] == "antrum"


@pytest.mark.parametrize(("own", "other"), [("oesophagus", "cardia-gej"), ("cardia-gej", "oesophagus")])
def test_oesophagus_and_junction_count_together_and_the_likelier_is_named(own: str, other: str) -> None:
    assert gates.site(output({own: 0.4, other: 0.3}), GATES) == (own, None)


@given(st.floats(0, 50), st.lists(st.floats(-20, 20), min_size=12, max_size=12))
def test_nothing_is_read_beyond_the_furthest(distance: float, sites: list[float]) -> None:
    none = np.zeros(0, np.float32)
    said = network.Output(findings=none, sites=np.array(sites, np.float32), distance=distance, map=none)
    site, reason = gates.site(said, GATES)
    assert reason is not None or (distance <= GATES.furthest and site in gates.OWN_SITES)
