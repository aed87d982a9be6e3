"""Another scope, processor, stain and view for the same mucosa."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Square = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Strength:
    """How far to go; 0 leaves a part out.

    colour : of gains, gamma and saturation; stain : chance of another mixing of the channels, as virtual stains do
    zoom : chance of a closer look
    gentle : chance that a frame whose site is known, or whose redness tells, keeps orientation and colours by and large
    borrow : chance that a frame takes the colours of another, from whatever centre
    """

    colour: float = 1.0
    stain: float = 0.3
    zoom: float = 0.3
    gentle: float = 0.0
    borrow: float = 0.0

    @property
    def gentler(self) -> Strength:
        """For a site: which way up it stands, and how it is coloured, tells it."""
        return Strength(colour=0.6, stain=self.stain / 3, zoom=self.zoom / 3, gentle=1.0)


def augment(
    frame: Square, allowed: Square, side_px: int, rng: np.random.Generator, strength: Strength
) -> tuple[Square, Square]:
    """Frame and map of shape (side_px, side_px, ...), moved alike; the frame recoloured, blurred, recoded, masked."""
    matrix = _movement(allowed, side_px, rng, strength)
    size = (side_px, side_px)
    out = np.asarray(cv2.warpAffine(frame, matrix, size, flags=cv2.INTER_LINEAR), dtype=np.uint8)
    labels = cv2.warpAffine(allowed, matrix, size, flags=cv2.INTER_NEAREST)
    out = _recolour(out, rng, strength)
    if rng.random() < 0.3:
        out = _refocus(out, rng)
    if rng.random() < 0.25:
        grain = rng.standard_normal((side_px // 2, side_px // 2), dtype=np.float32) * rng.uniform(1, 8)
        out = np.asarray(cv2.add(out, cv2.merge([cv2.resize(grain, size)] * 3), dtype=cv2.CV_8U), dtype=np.uint8)
    if rng.random() < 0.4:
        out = _recode(out, rng)
    if rng.random() < 0.4:
        labels = cv2.bitwise_and(labels, labels, mask=_window(side_px, rng))
    inside = (labels > 0).astype(np.uint8)
    return np.asarray(cv2.bitwise_and(out, out, mask=inside), dtype=np.uint8), np.asarray(labels, dtype=np.uint8)


def recoloured_as(frame: Square, other: Square, share: float) -> Square:
    """The frame with the mean and covariance of the other's colours, by a share of the way (0 to 1).

    The linear map between two Gaussians that moves the colours least (Pitie and Kokaram, CVMP 2007).
    """
    here, there = (_colours(f) for f in (frame, other))
    if here is None or there is None:
        return frame
    root = _root(here[1])
    inverse = np.linalg.inv(root)
    linear = (1 - share) * np.eye(3) + share * (inverse @ _root(root @ there[1] @ root) @ inverse)
    shift = here[0] + share * (there[0] - here[0]) - linear @ here[0]
    return np.asarray(cv2.transform(frame, np.column_stack([linear, shift])), dtype=np.uint8)


def _colours(frame: Square) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Mean and covariance of what is lit; None where hardly anything is."""
    few = frame[::6, ::6].reshape(-1, 3)
    lit = few[few.max(axis=1) > 24]
    if len(lit) < 64:
        return None
    return lit.mean(axis=0), np.cov(lit.T) + 4 * np.eye(3)


def _root(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(values.clip(min=1e-6))) @ vectors.T)


def _movement(allowed: Square, side_px: int, rng: np.random.Generator, strength: Strength) -> npt.NDArray[np.float64]:
    """An affine matrix: any turn and mirror, some stretch, at times a closer look at a lesion or anywhere."""
    upright = strength.gentle >= 1
    scale, angle = side_px / allowed.shape[0], rng.uniform(-0.35, 0.35) if upright else rng.uniform(0, 2 * np.pi)
    centre = np.array([allowed.shape[1] / 2, allowed.shape[0] / 2])
    zoom = rng.uniform(0.85, 1.15)
    if rng.random() < strength.zoom:
        zoom = rng.uniform(1.2, 2.2)
        places = np.argwhere((allowed > 1) & (allowed & 1 == 0)) if rng.random() < 0.6 else np.argwhere(allowed > 0)
        if len(places):
            target = places[rng.integers(len(places))][::-1]
            centre = centre + (target - centre) * (1 - 1 / zoom) * rng.uniform(0.7, 1.1)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.diag(np.exp(rng.uniform(-0.15, 0.15, 2)) * [1 if upright else rng.choice([-1, 1]), 1])
    linear = turn @ stretch * (zoom * scale)
    return np.column_stack([linear, side_px / 2 + rng.uniform(-0.04, 0.04, 2) * side_px - linear @ centre])


def _recolour(frame: Square, rng: np.random.Generator, strength: Strength) -> Square:
    levels = np.arange(256, dtype=np.float32) / 255
    far = strength.colour
    gains = np.exp(rng.normal(0, 0.15, 3) * far + rng.uniform(-0.25, 0.2) * far)
    gamma = np.exp(rng.uniform(-0.4, 0.4) * far)
    table = np.clip(255 * gains[None] * levels[:, None] ** gamma, 0, 255).astype(np.uint8)
    out = cv2.LUT(frame, table[None])
    mixing = np.eye(3)
    if rng.random() < strength.stain:  # each channel seen becomes a mixture of those there, as narrow bands are shown
        mixing = rng.dirichlet([0.7, 0.7, 0.7], 3) * rng.uniform(0.7, 1.3, (3, 1))
    else:
        mixing = mixing + rng.normal(0, 0.07, (3, 3)) * far
    colour = 1 + (rng.uniform(0.3, 1.5) - 1) * far
    mixing = (colour * np.eye(3) + (1 - colour) / 3) @ mixing
    return np.asarray(cv2.transform(out, mixing), dtype=np.uint8)


def _refocus(frame: Square, rng: np.random.Generator) -> Square:
    side = frame.shape[0]
    if rng.random() < 0.4:
        soft = cv2.GaussianBlur(frame, (0, 0), 1.2)
        return np.asarray(cv2.addWeighted(frame, 1.7, soft, -0.7, 0), dtype=np.uint8)
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(frame, (0, 0), rng.uniform(0.4, 1.8)), dtype=np.uint8)
    few = int(side * rng.uniform(0.4, 0.9))
    return np.asarray(cv2.resize(cv2.resize(frame, (few, few), interpolation=cv2.INTER_AREA), (side, side)), np.uint8)


def _recode(frame: Square, rng: np.random.Generator) -> Square:
    if rng.random() < 0.7:
        _, encoded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 96))])
    else:
        _, encoded = cv2.imencode(".webp", frame, [cv2.IMWRITE_WEBP_QUALITY, int(rng.integers(20, 91))])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), dtype=np.uint8)


def _window(side_px: int, rng: np.random.Generator) -> Square:
    """What a processor leaves of the picture: a circle, an octagon or a rectangle."""
    mask = np.zeros((side_px, side_px), np.uint8)
    half, middle = side_px / 2, (side_px // 2, side_px // 2)
    kind = rng.integers(3)
    if kind == 0:
        cv2.circle(mask, middle, int(half * rng.uniform(0.9, 1.1)), 255, -1)
        return mask
    width, height = (int(half * rng.uniform(0.75, 1.0)) for _ in range(2))
    cut = int(half * rng.uniform(0.1, 0.5)) if kind == 1 else 0
    x0, x1, y0, y1 = middle[0] - width, middle[0] + width, middle[1] - height, middle[1] + height
    corners = [(x0 + cut, y0), (x1 - cut, y0), (x1, y0 + cut), (x1, y1 - cut)]
    corners += [(x1 - cut, y1), (x0 + cut, y1), (x0, y1 - cut), (x0, y0 + cut)]
    cv2.fillConvexPoly(mask, np.array(corners), 255)
    return mask
