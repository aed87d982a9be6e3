"""Stains are told by what their light does to the colours."""

from __future__ import annotations

import numpy as np
import pytest

from aimis.readers.oesophagus import stain
from aimis.readers.oesophagus.aperture import find_aperture, normalise, shown
from tests.fakes import scopes


def name_of(rgb: scopes.Rgb) -> str:
    aperture = find_aperture(rgb)
    return stain.name(stain.colours(normalise(rgb, aperture, 288), shown(aperture, 288)), aperture)


def coloured(colour: tuple[int, int, int], shape: scopes.Shape = "octagon", patchy: float = 0.12) -> scopes.Rgb:
    """A frame in one colour, its blue patchy as blood makes it under white light."""
    rgb = scopes.frame(shape, columns=640, rows=500, box=(0, 0, 640, 500), colour=colour).astype(np.float64)
    wave = 1 + patchy * np.sin(np.arange(640) / 40)
    rgb[..., 2] *= wave[None]
    return np.clip(rgb, 0, 255).astype(np.uint8)


def two_bands(shape: scopes.Shape) -> scopes.Rgb:
    """Green and blue from one band: their ratio is the same all over."""
    return coloured((130, 140, 108), shape, patchy=0)


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        (coloured((205, 120, 105)), "white-light"),
        (coloured((205, 120, 105), "barrel"), "white-light"),
        (two_bands("octagon"), "narrow-band"),
        (two_bands("barrel"), "blue-light"),
        (coloured((170, 140, 85)), "flexible-colour"),
        (coloured((60, 110, 190)), "chromo"),
        (coloured((190, 150, 160), "barrel"), "linked-colour"),
        (coloured((190, 150, 160), "octagon"), "white-light"),
        (np.zeros((300, 400, 3), np.uint8), "unknown"),
    ],
)
def test_stain_is_told_by_its_colours(rgb: scopes.Rgb, expected: str) -> None:
    assert name_of(rgb) == expected


def test_brightness_does_not_change_the_stain() -> None:
    for rgb in (coloured((205, 120, 105)), two_bands("octagon")):
        assert name_of((rgb * 0.6).astype(np.uint8)) == name_of(rgb)


def test_every_name_is_one_of_the_stains() -> None:
    rng = np.random.default_rng(0)
    named = {name_of(coloured(tuple(rng.integers(30, 240, 3).tolist()))) for _ in range(4)}
    assert named <= set(stain.STAINS)
