"""Measured quality of a normalised endoscopy frame, and what makes a frame too poor, or no view of mucosa at all.

Everything is measured at one size on the square of `aperture.normalise`, so that the numbers mean the same for every
processor. The limits are those of training/oesophagus/inspection.py: of the development frames of oesophagus and
junction they refuse at most one in fifty.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from aimis.domain.reading import Measure, Reason

if TYPE_CHECKING:
    from cv2.typing import MatLike

_SIDE_PX = 256
_EDGE_PX = 5  # the mask's rim, where the picture's own border would count as structure
_TILE_PX = 16
_DARK = 28  # of 255: brightest channel below which nothing is seen
_BURNT = 248  # of 255: second strongest channel above which nothing is seen
_QUIET = 1  # of 255: how far neighbours differ in a drawn page; no sensor is as quiet
_GREY = 50  # of 255: saturation under which a hue means nothing
_SPECK_STEP = 0.35  # of the level around it: how much brighter a speck is
_SPECKS = 3  # in a tile, that make it foam
_LARGEST_GLARE = 0.01  # of the picture: a larger burnt patch is overexposure

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What was measured over the picture's own pixels; shares are of their number, 0..1.

    light : median of the brightest channel, 0..1
    dark : share with next to no light; a lumen is dark too
    burnt : share overexposed in large patches
    glare : share burnt in small patches, as wet mucosa shines
    contrast : spread of structure of middling size, against the level around it
    detail : spread of the finest structure, against the level around it; falls with blur
    smear : how far structure across one direction exceeds that along it, 0..1; rises with motion
    foam : share of tiles full of small bright specks, as bubbles shine
    flat : share as even as only drawn pages and empty pictures are
    colour : mean saturation, 0..1
    variety : spread of hue over the circle, 0..1; mucosa has one hue, or two where it is stained
    dyed : share in the blue of a dye
    """

    light: float
    dark: float
    burnt: float
    glare: float
    contrast: float
    detail: float
    smear: float
    foam: float
    flat: float
    colour: float
    variety: float
    dyed: float

    @property
    def worth(self) -> float:
        """How good a key frame it makes, 0..1: sharp, lit, free of foam and glare; orders frames of one examination."""
        return float(np.clip(self.detail / 0.04, 0, 1) * (1 - self.foam) * (1 - min(1.0, self.burnt + self.dark)))


class Limits(BaseModel):
    """The gates' thresholds as measured; the manifest may set others. See `Quality` for what they bound."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    light: float = 0.22
    dark: float = 0.6
    burnt: float = 0.2
    glare: float = 0.05
    contrast: float = 0.027
    detail: float = 0.0082
    smear: float = 0.42
    smeared_detail: float = 0.014
    foam: float = 0.4
    flat: float = 0.45
    strokes: float = 0.03
    colour: float = 0.1
    variety: float = 0.35
    varied_colour: float = 0.25
    dyed: float = 0.02


def measure(square: Bytes, mask: Bytes) -> Quality:
    """Quality of a normalised frame of shape (side, side, 3), where the mask (`aperture.shown`) is not 0."""
    size = (_SIDE_PX, _SIDE_PX)
    small = _bytes(cv2.resize(square, size, interpolation=cv2.INTER_AREA))
    shown = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    inner = _bytes(cv2.bitwise_and(cv2.erode(shown, _square(_EDGE_PX)), _frame()))
    red, green, blue = cv2.split(small)
    brightest = _bytes(cv2.max(cv2.max(red, green), blue))
    middle = cv2.max(cv2.min(red, green), cv2.min(cv2.max(red, green), blue))
    seen = _bytes(cv2.bitwise_and(cv2.inRange(brightest, _DARK, 255), cv2.inRange(middle, 0, _BURNT), mask=inner))
    grey = _bytes(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
    level = _level(grey, inner)
    whitest = cv2.inRange(middle, _BURNT + 1, 255)
    burnt, glare = _burnt(cv2.bitwise_and(whitest, inner), cv2.countNonZero(inner))
    contrast, detail, smear = _structure(grey, level, inner, seen)
    colour, variety, dyed = _colours(small, seen)
    return Quality(
        light=_median(brightest, inner) / 255,
        dark=_share(cv2.inRange(brightest, 0, _DARK - 1), inner),
        burnt=burnt,
        glare=glare,
        contrast=contrast,
        detail=detail,
        smear=smear,
        foam=_foam(grey, level, inner),
        flat=_share(cv2.inRange(cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, _square(3)), 0, _QUIET), inner),
        colour=colour,
        variety=variety,
        dyed=dyed,
    )


def fault(quality: Quality, limits: Limits) -> Reason | None:
    """The first thing for which the frame cannot be judged, or None."""
    faults = (
        ("too-dark", quality.light < limits.light or quality.dark > limits.dark),
        ("text-or-empty", _drawn(quality, limits)),
        ("too-bright", quality.burnt > limits.burnt),
        ("outside-the-body", _outside(quality, limits)),
        ("glare", quality.glare > limits.glare),
        ("foam", quality.foam > limits.foam),
        ("blurred-by-motion", quality.smear > limits.smear and quality.detail < limits.smeared_detail),
        ("out-of-focus", quality.detail < limits.detail),
        ("nothing-to-see", quality.contrast < limits.contrast),
    )
    return next((Reason.of(code) for code, bad in faults if bad), None)


FOREIGN = frozenset({"text-or-empty", "outside-the-body"})
"""Faults of what is no endoscopic picture of the body; the others are faults of one."""


def measures(quality: Quality, limits: Limits) -> tuple[Measure, ...]:
    """What was measured beside what is accepted, for the report of a single still."""
    return (
        Measure(name="light", value=quality.light, lowest=limits.light),
        Measure(name="burnt", value=quality.burnt, highest=limits.burnt),
        Measure(name="glare", value=quality.glare, highest=limits.glare),
        Measure(name="contrast", value=quality.contrast, lowest=limits.contrast),
        Measure(name="detail", value=quality.detail, lowest=limits.detail),
        Measure(name="foam", value=quality.foam, highest=limits.foam),
    )


def _drawn(quality: Quality, limits: Limits) -> bool:
    """Even as no sensor's picture is; an overexposed one is even too, but has no strokes."""
    return quality.flat > limits.flat and (quality.burnt <= limits.burnt or quality.detail > limits.strokes)


def _outside(quality: Quality, limits: Limits) -> bool:
    """Grey as another machine's picture, or of many strong colours and no dye that would explain them.

    Under narrow bands vessels and mucosa have opposite hues too, but pale ones.
    """
    many = quality.variety > limits.variety and quality.colour > limits.varied_colour and quality.dyed < limits.dyed
    return many or quality.colour < limits.colour


@cache
def _square(side_px: int) -> Bytes:
    return np.ones((side_px, side_px), dtype=np.uint8)


@cache
def _frame() -> Bytes:
    """255 but for the rim of the square itself, where a picture is cut off."""
    frame = np.zeros((_SIDE_PX, _SIDE_PX), dtype=np.uint8)
    frame[2:-2, 2:-2] = 255
    return frame


def _bytes(values: MatLike) -> Bytes:
    return np.asarray(values, dtype=np.uint8)


def _share(chosen: MatLike, mask: Bytes) -> float:
    return cv2.countNonZero(cv2.bitwise_and(chosen, mask)) / max(1, cv2.countNonZero(mask))


def _median(channel: Bytes, mask: Bytes) -> float:
    counts = cv2.calcHist([channel], [0], mask, [256], [0, 256]).ravel().cumsum()
    return float(np.searchsorted(counts, counts[-1] / 2)) if counts[-1] else 0.0


def _burnt(burnt: MatLike, whole: int) -> tuple[float, float]:
    """Shares burnt in large patches and in small ones."""
    if not cv2.countNonZero(burnt):
        return 0.0, 0.0
    _, _, stats, _ = cv2.connectedComponentsWithStats(burnt, ltype=cv2.CV_16U)
    areas = stats[1:, cv2.CC_STAT_AREA] / max(1, whole)
    return float(areas[areas > _LARGEST_GLARE].sum()), float(areas[areas <= _LARGEST_GLARE].sum())


def _structure(grey: Bytes, level: Floats, inner: Bytes, seen: Bytes) -> tuple[float, float, float]:
    """Contrast, detail and smear; see `Quality`."""
    value = np.where(inner > 0, grey, level).astype(np.float32)  # the surround's edge is no structure
    fine = cv2.divide(value - cv2.GaussianBlur(value, (5, 5), 1.0), level)
    quarter = cv2.resize(value, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    ground = cv2.resize(level, quarter.shape, interpolation=cv2.INTER_AREA)
    middling = cv2.divide(quarter - cv2.GaussianBlur(quarter, (0, 0), 2.0), ground)
    few = cv2.resize(seen, quarter.shape, interpolation=cv2.INTER_NEAREST)
    return _spread(middling, few, 0.4), _spread(fine, seen, 0.2), _smear(value, level, seen)


def _level(grey: Bytes, inner: Bytes) -> Floats:
    """The brightness of the picture around each place, at least 12 of 255; beyond its border as near it."""
    coarse, weight = (
        cv2.GaussianBlur(cv2.resize(part, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA), (0, 0), 1.5)
        for part in (cv2.bitwise_and(grey, inner).astype(np.float32), inner.astype(np.float32) / 255)
    )
    level = np.maximum(coarse / np.maximum(weight, 0.01), 12.0)
    return np.asarray(cv2.resize(level, grey.shape, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _spread(values: MatLike, mask: MatLike, most: float) -> float:
    """Root mean square within the mask, single values cut at `most`."""
    clipped = np.clip(values, -most, most)
    return float(np.sqrt(cv2.mean(clipped * clipped, mask=mask)[0]))


def _smear(value: Floats, level: Floats, seen: Bytes) -> float:
    """Anisotropy of the mean structure tensor of what is finer than a fold."""
    half = cv2.resize(value, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    fine = cv2.divide(half - cv2.GaussianBlur(half, (0, 0), 2.0), cv2.resize(level, half.shape))
    x, y = (cv2.Sobel(np.clip(fine, -0.3, 0.3), cv2.CV_32F, *direction) for direction in ((1, 0), (0, 1)))
    few = cv2.resize(seen, half.shape, interpolation=cv2.INTER_NEAREST)
    xx, yy, xy = (cv2.mean(product, mask=few)[0] for product in (x * x, y * y, x * y))
    return float(np.hypot(xx - yy, 2 * xy) / (xx + yy + 1e-9))


def _foam(grey: Bytes, level: Floats, inner: Bytes) -> float:
    """Of the tiles within the picture how many hold several small specks."""
    peaks = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    bright = cv2.bitwise_and((peaks > np.maximum(_SPECK_STEP * level, 25)).astype(np.uint8), inner)
    _, _, stats, centres = cv2.connectedComponentsWithStats(bright, ltype=cv2.CV_16U)
    small = centres[1:][stats[1:, cv2.CC_STAT_AREA] <= 2 * _TILE_PX].astype(int) // _TILE_PX
    tiles = _SIDE_PX // _TILE_PX
    specks = np.bincount(small[:, 1] * tiles + small[:, 0], minlength=tiles * tiles)
    within = cv2.resize(inner, (tiles, tiles), interpolation=cv2.INTER_AREA).ravel() > 127
    return float(np.mean(specks[within] >= _SPECKS)) if within.any() else 0.0


def _colours(small: Bytes, seen: Bytes) -> tuple[float, float, float]:
    """Mean saturation, spread of hue where there is one, and the share in a dye's blue."""
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    saturation = cv2.mean(hsv, mask=seen)[1] / 255
    vivid = cv2.bitwise_and(cv2.inRange(hsv, np.array((0, _GREY, 0)), np.array((180, 255, 255))), seen)
    counts = cv2.calcHist([hsv], [0], vivid, [180], [0, 180]).ravel()
    angles = np.arange(180) * (2 * np.pi / 180)
    whole = float(counts.sum())
    if whole < 50:
        return saturation, 0.0, 0.0
    variety = 1 - float(np.hypot(counts @ np.cos(angles), counts @ np.sin(angles))) / whole
    return saturation, variety, float(counts[85:128].sum()) / max(1, cv2.countNonZero(seen))
