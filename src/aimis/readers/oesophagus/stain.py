"""White light, or the dye or virtual stain that a frame looks like, by the statistics of its colours.

Narrow-band imaging and blue light imaging light with two narrow bands; green and blue of the picture are made from
one of them, so that their ratio hardly changes over the frame whatever is seen. Flexible colour enhancement weakens
blue alone. A dye adds a blue that no mucosa has. Narrow-band and blue light differ by their maker, whose apertures
differ: blue light (and linked colour) come in a circle cut above and below. Linked colour of the stomach looks as
white light does and is not told from it. Coefficients: training/oesophagus/inspection.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from aimis.readers.oesophagus.aperture import Aperture

WHITE_LIGHT, NARROW_BAND, BLUE_LIGHT = "white-light", "narrow-band", "blue-light"
LINKED_COLOUR, FLEXIBLE_COLOUR, CHROMO = "linked-colour", "flexible-colour", "chromo"
UNKNOWN = "unknown"
STAINS = (WHITE_LIGHT, NARROW_BAND, BLUE_LIGHT, LINKED_COLOUR, FLEXIBLE_COLOUR, CHROMO, UNKNOWN)

_SIDE_PX = 96
_LEAST_PIXELS = 200
_NOISE = 8.0  # of 255, added to each channel so that dark pixels' ratios mean little
_CUT_CIRCLE = (0.86, 0.915)  # share of its box that a circle cut above and below fills; octagons fill more
_DYED = 0.06  # share of the picture, from which it is dyed
_TWO_BANDS = -5.7  # of white light 1 in 200 lies above
_WEAK_BLUE = 0.0  # of white light none with so little blue but one frame full of bile


@dataclass(frozen=True, kw_only=True)
class Colours:
    """Statistics of the colour over the picture, as binary logarithms of ratios.

    red_green, green_blue : median
    green_blue_width : from the 10th to the 90th percentile
    green_blue_high : 90th percentile
    dye : share 0..1 bluer than any mucosa
    pixels : bright enough to tell, of a picture of 96 x 96
    """

    red_green: float
    green_blue: float
    green_blue_width: float
    green_blue_high: float
    dye: float
    pixels: int


def colours(square: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8]) -> Colours:
    """Of a normalised frame of shape (side, side, 3), where the mask (`aperture.shown`) is not 0."""
    size = (_SIDE_PX, _SIDE_PX)
    half = cv2.resize(square, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # in steps: a fifth of the time
    small = cv2.resize(half, size, interpolation=cv2.INTER_LINEAR)
    within = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST) > 0
    red, green, blue = cv2.split(small)
    brightest = cv2.max(cv2.max(red, green), blue)
    middle = cv2.max(cv2.min(red, green), cv2.min(cv2.max(red, green), blue))
    told = small[within & (brightest > 40) & (middle < 240)]
    if len(told) < _LEAST_PIXELS:
        return Colours(red_green=0, green_blue=0, green_blue_width=0, green_blue_high=0, dye=0, pixels=len(told))
    reds, greens, blues = np.log2(told.astype(np.float32) + _NOISE).T
    low, median, high = np.percentile(greens - blues, (10, 50, 90))
    return Colours(
        red_green=float(np.median(reds - greens)),
        green_blue=float(median),
        green_blue_width=float(high - low),
        green_blue_high=float(high),
        dye=float(np.mean((reds - blues < -0.35) & (greens - blues < 0.1))),
        pixels=len(told),
    )


def name(seen: Colours, aperture: Aperture) -> str:
    """One of `STAINS`; unknown where there is too little light to tell."""
    if seen.pixels < _LEAST_PIXELS:
        return UNKNOWN
    if seen.dye > _DYED:
        return CHROMO
    cut_circle = _CUT_CIRCLE[0] < _filled(aperture) < _CUT_CIRCLE[1]
    if seen.green_blue < 0.47 and _two_bands(seen) > _TWO_BANDS:
        return BLUE_LIGHT if cut_circle else NARROW_BAND
    if seen.green_blue >= 0.47 and _weak_blue(seen) > _WEAK_BLUE:
        return FLEXIBLE_COLOUR
    return LINKED_COLOUR if cut_circle and seen.red_green < 0.48 and seen.green_blue < 0.25 else WHITE_LIGHT


def _two_bands(seen: Colours) -> float:
    """Rises with how surely green and blue come from one band; a linear discriminant against white light."""
    return 21.0 * seen.green_blue - 15.6 * seen.red_green - 31.9 * seen.green_blue_width


def _weak_blue(seen: Colours) -> float:
    """Rises with how much weaker blue is than red would let expect; a linear discriminant against white light."""
    return 34.1 * seen.green_blue - 21.7 * seen.red_green - 13.9 * seen.green_blue_high


def _filled(aperture: Aperture) -> float:
    x0, y0, x1, y1 = aperture.box_px
    return cv2.contourArea(np.array(aperture.outline_px, dtype=np.float32)) / ((x1 - x0) * (y1 - y0))
