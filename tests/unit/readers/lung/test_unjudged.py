"""What is larger than a nodule, or hollow, is named; what belongs in a chest is not."""

import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.domain.scan import UnjudgedKind
from aimis.imaging.volume import Volume
from aimis.readers.lung import lungs, unjudged
from aimis.readers.lung.lungs import Lungs
from tests.fakes import ct

FREE, WALL = (-78.0, 10.0, 190.0), (-120.0, 0.0, 170.0)
OUTSIDE_HU = -990.0


@cache
def plain() -> Volume:
    return ct.scan(noise_hu=8, vessels=12)


def with_ball(centre: tuple[float, float, float], diameter: float, wall: float | None = None) -> Volume:
    """The phantom with a ball of tissue, or of air within a wall."""
    volume = plain()
    z, y, x = (
        np.arange(n) * mm + at - c
        for n, mm, at, c in zip(
            volume.hu.shape, volume.spacing_mm, volume.origin_lps_mm[::-1], centre[::-1], strict=True
        )
    )
    away = np.sqrt(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2)
    edge = np.clip(0.5 + (diameter / 2 - away) / 2.7, 0, 1)
    hu = volume.hu + edge * (40.0 - volume.hu)
    if wall is not None:
        hollow = np.clip(0.5 + (diameter / 2 - wall - away) / 2.7, 0, 1)
        hu += hollow * (OUTSIDE_HU - hu)
    return replace(volume, hu=np.rint(hu).astype(np.int16))


def found_in(volume: Volume) -> Lungs:
    return lungs.find_lungs(volume.hu, volume.spacing_mm)


def nearest_mm(volume: Volume, centre: tuple[float, float, float]) -> float:
    places = [volume.to_lps(region.centre_zyx) for region in unjudged.find(found_in(volume))]
    return min((math.dist(place, centre) for place in places), default=math.inf)


def test_a_chest_with_vessels_alone_has_nothing_to_name() -> None:
    assert unjudged.find(found_in(plain())) == ()


@pytest.mark.parametrize("centre", [FREE, WALL])
def test_a_mass_is_named_with_its_size_and_place(centre: tuple[float, float, float]) -> None:
    volume = with_ball(centre, 60)
    (region,) = unjudged.find(found_in(volume))
    assert region.kind is UnjudgedKind.MASS
    assert math.dist(volume.to_lps(region.centre_zyx), centre) < 15
    assert region.extent_mm == pytest.approx(60, abs=14)


@pytest.mark.parametrize("wall", [4.0, 10.0])
def test_a_hollow_with_a_wall_is_named_a_cavity(wall: float) -> None:
    (region,) = unjudged.find(found_in(with_ball(FREE, 60, wall)))
    assert region.kind is UnjudgedKind.CAVITY
    assert region.extent_mm == pytest.approx(60, abs=14)


def filled(*, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> Volume:
    """The phantom without air in a box, in LPS mm: of lungs, what stands in it is solid."""
    volume, boxes = plain(), (z, y, x)
    axes = [
        (np.arange(n) * mm + at >= low) & (np.arange(n) * mm + at <= high)
        for n, mm, at, (low, high) in zip(
            volume.hu.shape, volume.spacing_mm, volume.origin_lps_mm[::-1], boxes, strict=True
        )
    ]
    hu: Any = volume.hu.copy()
    inside = axes[0][:, None, None] & axes[1][:, None] & axes[2] & (found_at(volume) > 0)
    hu[inside] = 30
    return replace(volume, hu=hu)


def found_at(volume: Volume) -> Any:
    return found_in(volume).at(np.moveaxis(np.indices(volume.hu.shape), 0, -1))


@pytest.mark.parametrize(
    "box",
    [
        pytest.param({"x": (0, 200), "y": (-200, 200), "z": (0, 300)}, id="a whole lung"),
        pytest.param({"x": (-200, 0), "y": (-200, 200), "z": (160, 300)}, id="an upper lobe"),
        pytest.param({"x": (0, 200), "y": (-200, 200), "z": (190, 300)}, id="an apex"),
        pytest.param({"x": (-200, 0), "y": (20, 200), "z": (0, 200)}, id="fluid behind"),
    ],
)
def test_what_takes_the_place_of_a_lung_or_a_part_of_it_is_named(box: dict[str, tuple[float, float]]) -> None:
    volume = filled(x=box["x"], y=box["y"], z=box["z"])
    (region,) = unjudged.find(found_in(volume))
    place = volume.to_lps(region.centre_zyx)
    assert all(low <= at <= high for at, (low, high) in zip(place, (box["x"], box["y"], box["z"]), strict=True))


@settings(max_examples=15, deadline=None)
@given(
    diameter=st.floats(30, 95),
    wall=st.sampled_from([None, 4.0, 8.0, 14.0]),
    back=st.floats(-25, 25),
    up=st.floats(-40, 60),
    side=st.sampled_from([-1, 1]),
)
def test_whatever_the_size_and_place_in_the_lung_it_is_named(
    diameter: float, wall: float | None, back: float, up: float, side: int
) -> None:
    centre = (80.0 * side, 15.0 + back, 160.0 + up)
    assert nearest_mm(with_ball(centre, diameter, wall), centre) < max(15.0, diameter / 2)


def test_slices_with_a_chest_wall_thinner_than_a_block_are_not_left_out() -> None:
    volume = plain()
    thin: Any = volume.hu.copy()
    z = slice(45, 65)
    x = volume.origin_lps_mm[0] + np.arange(volume.hu.shape[2]) * volume.spacing_mm[2]
    y = volume.origin_lps_mm[1] + np.arange(volume.hu.shape[1]) * volume.spacing_mm[1]
    lung = (((np.abs(x) - 78) / 56) ** 2 + (y[:, None] / 82) ** 2) <= 1
    outside = (((np.abs(x) - 78) / 59.5) ** 2 + (y[:, None] / 85.5) ** 2 > 1) & (np.abs(x) > 60) & (y[:, None] < 40)
    thin[z][:, outside] = -1000
    thin[z][:, lung & (np.abs(x) > 60)] = -860
    right, left = lungs.find_lungs(thin, volume.spacing_mm).volumes_ml
    assert (right, left) == pytest.approx(found_in(volume).volumes_ml, rel=0.1)
