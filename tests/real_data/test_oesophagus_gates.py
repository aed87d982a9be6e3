"""The oesophagus reader's gates on real frames; skipped without ../shared/data."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from aimis.readers.oesophagus import aperture, quality, stain
from training.oesophagus import data

FRAMES = Path(__file__).parents[3] / "shared" / "data" / "oesophagus"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not FRAMES.exists(), reason="../shared/data, the labelled development data, is not there"),
]


@cache
def rows() -> tuple[dict[str, str], ...]:
    with (FRAMES / "labels.csv").open(newline="") as handle:
        return tuple(csv.DictReader(handle))


def rgb_of(row: dict[str, str]) -> np.ndarray:
    return data.read_rgb(FRAMES / row["file"])


def test_hardly_a_frame_of_the_oesophagus_is_refused_for_quality() -> None:
    own = [r for r in rows() if r["oesophagus"] in {"yes", "junction"}][::4]
    refused = []
    for row in own:
        rgb = rgb_of(row)
        found = aperture.find_aperture(rgb)
        measured = quality.measure(aperture.normalise(rgb, found, 288), aperture.shown(found, 288))
        if quality.fault(measured, quality.Limits()):
            refused.append(row["file"])
    assert len(own) > 200
    assert len(refused) <= 0.02 * len(own), refused


def test_aperture_is_found_in_every_source_and_insets_where_they_are() -> None:
    for source in sorted({r["source"] for r in rows()}):
        for row in [r for r in rows() if r["source"] == source][::20]:
            found = aperture.find_aperture(rgb_of(row))
            assert found.found, row["file"]
            assert not found.insets_px or source == "hyperkvasir", row["file"]


def test_white_light_is_hardly_ever_called_a_stain() -> None:
    plain = [r for r in rows() if r["source"] in {"nics2021", "gastrovision", "hyperkvasir"}][::12]
    named = []
    for row in plain:
        rgb = rgb_of(row)
        found = aperture.find_aperture(rgb)
        colours = stain.colours(aperture.normalise(rgb, found, 288), aperture.shown(found, 288))
        named.append(stain.name(colours, found))
    assert named.count("white-light") >= 0.97 * len(named)
