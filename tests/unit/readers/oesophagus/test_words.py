"""Whatever the reader's rules can say has words in both languages."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from aimis.readers import oesophagus
from aimis.readers.oesophagus import conclude, network, stain, stations

FOLDER = Path(oesophagus.__file__).parent
CODE = re.compile(r'\("([a-z-]+)", (?:quality\.|_)')


def table(language: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / "text" / f"{language}.toml").read_text(encoding="utf-8"))


def quality_codes() -> set[str]:
    return set(CODE.findall((FOLDER / "quality.py").read_text(encoding="utf-8")))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_reason_has_words(language: str) -> None:
    words = table(language)
    assert len(quality_codes()) == 9
    known = words["reasons"].keys() | words["subject"]["endoscopy"]["reasons"].keys()
    assert {*conclude.REASONS, *quality_codes()} <= known


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_site_station_stain_and_finding_has_words(language: str) -> None:
    words = table(language)
    assert words["grades"]["site"].keys() == set(network.SITES) == words["value"]["site"].keys()
    assert words["grades"]["stain"].keys() == set(stain.STAINS) == words["value"]["stain"].keys()
    assert words["stations"].keys() == set(stations.LISTED)
    assert words["findings"].keys() == set(network.FINDINGS)


@pytest.mark.parametrize(("name", "asked"), [("ESGE", stations.ESGE), ("BSG", stations.BRITISH)])
def test_station_s_lists_are_those_that_ask_for_it(name: str, asked: dict[str, str]) -> None:
    listed = {site for site, entry in table("en")["stations"].items() if name in entry["lists"]}
    assert listed == set(asked.values())


def test_every_advice_that_can_be_given_has_words() -> None:
    source = (FOLDER / "advice.py").read_text(encoding="utf-8")
    codes = {c for c in re.findall(r'"([a-z]+(?:-[a-z]+)+)"', source) if c not in network.FINDINGS}
    assert codes == table("en")["advice"].keys() == table("zh")["advice"].keys()
