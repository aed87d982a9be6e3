"""Faults are found where they are put, and measures move the way their names say."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest

from aimis.readers.oesophagus import quality
from aimis.readers.oesophagus.aperture import find_aperture, normalise, shown
from aimis.readers.oesophagus.quality import Limits, Quality
from tests.fakes import scopes

RNG = np.random.default_rng(1)


@cache
def clear() -> scopes.Rgb:
    """A sharp, well lit frame with a sensor's noise; not to be written to."""
    rgb = scopes.frame("barrel", rows=400, columns=520, box=(10, 0, 510, 400))
    noisy = np.clip(rgb + RNG.normal(0, 6, rgb.shape), 0, 255).astype(np.uint8)
    picture = np.where(rgb.max(axis=2, keepdims=True) > 0, noisy, 0)
    picture.setflags(write=False)
    return picture


def of(rgb: scopes.Rgb) -> Quality:
    aperture = find_aperture(rgb)
    return quality.measure(normalise(rgb, aperture, 288), shown(aperture, 288))


def code(rgb: scopes.Rgb) -> str | None:
    reason = quality.fault(of(rgb), Limits())
    return reason.code if reason else None


def inside(rgb: scopes.Rgb, change: Callable[[scopes.Rgb], scopes.Rgb]) -> scopes.Rgb:
    """The frame with its picture changed, its black surround as it was."""
    filled = np.where(rgb.max(axis=2, keepdims=True) > 0, rgb, scopes.mucosa(*rgb.shape[:2]))
    return np.where(rgb.max(axis=2, keepdims=True) > 0, change(np.asarray(filled, np.uint8)), 0).astype(np.uint8)


def bubbles(rgb: scopes.Rgb) -> scopes.Rgb:
    """Small rings, each with a bright speck."""
    out = rgb.copy()
    for x, y in RNG.integers((0, 0), rgb.shape[1::-1], (2500, 2)):
        cv2.circle(out, (int(x), int(y)), 5, (120, 80, 70), 1, cv2.LINE_AA)
        cv2.circle(out, (int(x) - 1, int(y) - 1), 1, (250, 245, 240), -1)
    return out


def smear(rgb: scopes.Rgb) -> scopes.Rgb:
    noisy = np.clip(rgb + RNG.normal(0, 30, rgb.shape), 0, 255).astype(np.uint8)
    return np.asarray(cv2.filter2D(noisy, -1, np.full((1, 35), 1 / 35)), np.uint8)


def blurred(sigma: float) -> Callable[[scopes.Rgb], scopes.Rgb]:
    return lambda rgb: np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8)


FAULTS: dict[str, Callable[[scopes.Rgb], scopes.Rgb]] = {
    "too-dark": lambda rgb: (rgb * 0.12).astype(np.uint8),
    "too-bright": lambda rgb: np.clip(rgb * 2.0 + 70, 0, 255).astype(np.uint8),
    "out-of-focus": blurred(9),
    "blurred-by-motion": smear,
    "foam": bubbles,
    "nothing-to-see": lambda rgb: np.clip(RNG.normal((190, 70, 60), 8, rgb.shape), 0, 255).astype(np.uint8),
    "text-or-empty": lambda rgb: np.full_like(rgb, (190, 70, 60)),
    "outside-the-body": lambda rgb: np.repeat(rgb[..., 1:2], 3, axis=2),
}


def test_clear_frame_has_no_fault() -> None:
    assert code(clear()) is None


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named_where_it_is_put(name: str) -> None:
    assert code(inside(clear(), FAULTS[name])) == name


def test_page_of_text_is_told() -> None:
    rgb = np.zeros((540, 960, 3), np.uint8)
    for column in (10, 330, 650):
        scopes.write_text(rgb, (column, 40), lines=16)
    assert code(rgb) in {"text-or-empty", "too-dark"}
    assert code(255 - rgb) == "text-or-empty"


def test_many_strong_colours_are_no_mucosa_and_a_dye_explains_blue() -> None:
    room = np.zeros((400, 400, 3), np.uint8)
    for i, colour in enumerate(((200, 40, 40), (40, 190, 60), (200, 190, 40), (180, 40, 190))):
        room[:, i * 100 : (i + 1) * 100] = colour
    noisy = np.clip(room + RNG.normal(0, 12, room.shape), 0, 255).astype(np.uint8)
    assert code(noisy) == "outside-the-body"
    dyed = scopes.mucosa(400, 400)
    dyed[:, 200:] = scopes.mucosa(400, 200, colour=(60, 110, 190))
    assert code(np.clip(dyed + RNG.normal(0, 6, dyed.shape), 0, 255).astype(np.uint8)) is None


def test_more_blur_never_means_more_detail_or_worth() -> None:
    frames = [inside(clear(), blurred(sigma)) for sigma in (0.5, 2.0, 5.0)]
    details, worths = [of(f).detail for f in frames], [of(f).worth for f in frames]
    assert details == sorted(details, reverse=True)
    assert worths == sorted(worths, reverse=True)
    assert all(0 <= w <= 1 for w in worths)


def test_surround_changes_no_measure() -> None:
    wide = scopes.frame("barrel", rows=500, columns=900, box=(200, 50, 700, 450))
    tight = wide[50:450, 200:700]
    one, other = of(wide), of(np.ascontiguousarray(tight))
    assert (one.light, one.contrast, one.colour) == pytest.approx((other.light, other.contrast, other.colour), rel=0.1)
    assert one.dark == pytest.approx(other.dark, abs=0.02)


def test_frame_without_a_pixel_is_too_dark_and_breaks_nothing() -> None:
    measured = quality.measure(np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8))
    reason = quality.fault(measured, Limits())
    assert reason is not None
    assert reason.code == "too-dark"


def test_measures_are_those_of_the_limits() -> None:
    named = {m.name: m for m in quality.measures(of(clear()), Limits())}
    assert named["detail"].lowest == Limits().detail
    assert named["foam"].highest == Limits().foam
