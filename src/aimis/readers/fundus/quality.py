"""Measured quality of a field-normalised fundus photograph: light, focus, contrast, field, obstruction.

Everything is measured on the normalised square, so that the numbers mean the same for every camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from aimis.imaging.field import disc


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What was measured, each over the lit part of the disc.

    light : median of the brightest channel, 0..1
    burnt : share of pixels with green and red both at the top of their range, 0..1
    colour : mean distance between the strongest and the weakest channel, 0..1
    warmth : red against the stronger of green and blue, as a share of both, 0..1; a retina is red, a dye's picture not
    contrast : spread of green against its surroundings (vessels, disc, lesions), 0..1
    detail : spread of green in fine structure alone, 0..1; falls with blur
    field : share of the inscribed circle that is lit, 0..1
    shaded : share of pixels far darker than the rest, as behind lashes, a lid or a small pupil, 0..1
    """

    light: float
    burnt: float
    colour: float
    warmth: float
    contrast: float
    detail: float
    field: float
    shaded: float


def measure(square: npt.NDArray[np.uint8], visible_fraction: float) -> Quality:
    """Quality of a normalised photograph of shape (side, side, 3)."""
    red, green, blue = cv2.split(square)
    brightest = cv2.max(cv2.max(red, green), blue)
    weakest = cv2.min(cv2.min(red, green), blue)
    inner = _inner(square.shape[0]) & (brightest > 12)
    if np.count_nonzero(inner) < 100:
        return Quality(
            light=0.0, burnt=0.0, colour=0.0, warmth=0.0, contrast=0.0, detail=0.0, field=visible_fraction, shaded=1.0
        )
    fine, coarse = _bands(square[:, :, 1], inner)
    light = float(np.median(brightest[inner])) / 255
    return Quality(
        light=light,
        burnt=float(np.mean((cv2.min(red, green)[inner]) > 248)),
        colour=float(np.mean(brightest[inner] - weakest[inner])) / 255,
        warmth=_warmth(square, inner),
        contrast=float(np.sqrt(fine + coarse)) / 255,
        detail=float(np.sqrt(fine)) / 255,
        field=visible_fraction,
        shaded=float(np.mean(brightest[inner] < 0.35 * 255 * light)),
    )


@cache
def _inner(side_px: int) -> npt.NDArray[np.bool_]:
    """The disc without its outermost tenth, where the camera's own edge would count as structure."""
    small = disc(int(side_px * 0.9) // 2 * 2)
    margin = (side_px - small.shape[0]) // 2
    mask = np.zeros((side_px, side_px), dtype=bool)
    mask[margin : margin + small.shape[0], margin : margin + small.shape[0]] = small > 0
    return mask


def _warmth(square: npt.NDArray[np.uint8], inner: npt.NDArray[np.bool_]) -> float:
    red, green, blue, _ = cv2.mean(square, mask=inner.astype(np.uint8))
    return red / (red + max(green, blue))


def _bands(green: npt.NDArray[np.uint8], inner: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Mean squares of two bands of green: under 1/200 of the side (fine), and from there to 1/20 (coarse)."""
    side = green.shape[0]
    value = green.astype(np.float32)
    soft = cv2.GaussianBlur(value, (0, 0), side / 250)
    ground = cv2.blur(soft, (side // 16 | 1, side // 16 | 1))
    clip = 40.0  # a camera's edge or reflex is not structure
    fine, coarse = np.clip(value - soft, -clip, clip)[inner], np.clip(soft - ground, -clip, clip)[inner]
    return float(np.mean(fine**2)), float(np.mean(coarse**2))
