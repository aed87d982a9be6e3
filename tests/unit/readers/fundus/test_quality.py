"""Quality measures move the way their names say."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from aimis.readers.fundus.quality import Quality, measure
from tests.fakes.eyes import eye


def of(rgb: np.ndarray) -> Quality:
    return measure(np.asarray(cv2.resize(rgb, (384, 384), interpolation=cv2.INTER_AREA), dtype=np.uint8), 1.0)


def test_blur_takes_detail_away() -> None:
    details = [of(cv2.GaussianBlur(eye(), (0, 0), s) if s else eye()).detail for s in (0, 1, 2, 4, 8)]
    assert details == sorted(details, reverse=True)
    assert details[-1] < details[0] / 3


def test_less_light_is_measured_as_less() -> None:
    lights = [of(eye(light=f)).light for f in (1.0, 0.6, 0.3, 0.1)]
    assert lights == pytest.approx([lights[0] * f for f in (1.0, 0.6, 0.3, 0.1)], abs=0.01)


def test_a_shadow_counts_as_shaded() -> None:
    dark = eye()
    dark[:, :200] //= 6
    assert of(eye()).shaded < 0.05
    assert of(dark).shaded > 0.25


def test_a_grey_picture_has_no_colour() -> None:
    grey = np.repeat(eye().mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert of(grey).colour < 0.005 < of(eye()).colour


def test_a_black_square_measures_nothing() -> None:
    assert of(np.zeros((384, 384, 3), np.uint8)).light == 0.0
