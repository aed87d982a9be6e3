"""The field of view of a fundus photograph: find its disc, bring it to one frame.

Cameras differ in angle, sensor and cropping. The reader's network sees every photograph in the same
frame: the disc centred, its diameter equal to the side of the square, black outside.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

_WORKING_SIDE_PX = 256
_ARC_MINIMUM_POINTS = 24
_FRAME_MARGIN_PX = 2
_NOISE = 12  # of 255: what a black surround may reach


@dataclass(frozen=True, kw_only=True)
class Field:
    """The circle of the image on the sensor, in pixels of the photograph it was found in.

    centre_px : (x, y), may lie outside the photograph
    radius_px : of the circle, not of what the frame leaves of it
    visible_fraction : share 0..1 of the circle's area that the photograph shows lit
    """

    centre_px: tuple[float, float]
    radius_px: float
    visible_fraction: float


def find_field(rgb: npt.NDArray[np.uint8]) -> Field | None:
    """The lit disc of a photograph of shape (rows, columns, 3), or None where nothing is lit."""
    scale = _WORKING_SIDE_PX / max(rgb.shape[:2])
    small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    lit = _lit_region(np.asarray(small, dtype=np.uint8))
    if lit is None:
        return None
    x, y, radius = _fit_circle(lit)
    visible = float(lit.sum()) / float(np.pi * radius**2)
    return Field(
        centre_px=((x + 0.5) / scale - 0.5, (y + 0.5) / scale - 0.5),
        radius_px=radius / scale,
        visible_fraction=min(1.0, visible),
    )


def normalise_field(rgb: npt.NDArray[np.uint8], field: Field, side_px: int) -> npt.NDArray[np.uint8]:
    """The field as a square of shape (side_px, side_px, 3), its circle inscribed, black outside."""
    zoom = side_px / (2 * field.radius_px)
    source = rgb
    while zoom < 0.5:  # halve by area first: bilinear sampling alone would alias small lesions
        source = np.asarray(cv2.resize(source, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        zoom *= 2
    reduction = source.shape[1] / rgb.shape[1]
    x, y = ((c + 0.5) * reduction - 0.5 for c in field.centre_px)
    middle = (side_px - 1) / 2
    matrix = np.array([[zoom, 0, middle - zoom * x], [0, zoom, middle - zoom * y]])
    square = cv2.warpAffine(source, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR)
    return np.asarray(cv2.bitwise_and(square, square, mask=disc(side_px)), dtype=np.uint8)


def disc(side_px: int) -> npt.NDArray[np.uint8]:
    """A mask of shape (side_px, side_px): 255 inside the inscribed circle, 0 outside."""
    mask = np.zeros((side_px, side_px), dtype=np.uint8)
    cv2.circle(mask, (side_px // 2, side_px // 2), side_px // 2, 255, thickness=-1)
    return mask


def _lit_region(small: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_] | None:
    """The largest connected lit region, holes filled; the threshold follows the picture's own exposure."""
    brightest = cv2.GaussianBlur(small.max(axis=2), (5, 5), 0)
    above_noise = brightest[brightest > _NOISE]
    if len(above_noise) < 0.01 * brightest.size:
        return None
    threshold = max(8.0, 0.15 * float(np.percentile(above_noise, 90)))
    contours, _ = cv2.findContours((brightest > threshold).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    filled = np.zeros(small.shape[:2], dtype=np.uint8)
    cv2.drawContours(filled, [max(contours, key=cv2.contourArea)], -1, 1, thickness=-1)
    return filled.astype(bool) if filled.any() else None


def _fit_circle(lit: npt.NDArray[np.bool_]) -> tuple[float, float, float]:
    """Centre x, y and radius: least squares on the hull's points off the frame, else the bounding box."""
    contours, _ = cv2.findContours(lit.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    points = np.concatenate([c[:, 0, :] for c in contours]).astype(np.float64)
    left, top = points.min(axis=0)
    right, bottom = points.max(axis=0)
    box_radius = (max(right - left, bottom - top) + 1) / 2
    box = (float(left + right) / 2, float(top + bottom) / 2, float(box_radius))
    rows, columns = lit.shape
    last = np.array([columns, rows]) - 1 - _FRAME_MARGIN_PX
    arc = points[((points >= _FRAME_MARGIN_PX) & (points <= last)).all(axis=1)]
    for _ in range(3):
        if len(arc) < _ARC_MINIMUM_POINTS:
            return box
        x, y, radius = _least_squares_circle(arc)
        error = np.abs(np.hypot(arc[:, 0] - x, arc[:, 1] - y) - radius)
        kept = arc[error <= max(1.5, 2.0 * float(np.median(error)))]
        if len(kept) == len(arc):
            break
        arc = kept
    plausible = 0.9 * box_radius <= radius <= 1.5 * box_radius
    inside = left - box_radius < x < right + box_radius and top - box_radius < y < bottom + box_radius
    return (x, y, radius) if plausible and inside else box


def _least_squares_circle(points: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Kåsa's algebraic fit: x^2 + y^2 = 2ax + 2by + c."""
    design = np.column_stack([2 * points, np.ones(len(points))])
    (x, y, c), *_ = np.linalg.lstsq(design, (points**2).sum(axis=1), rcond=None)
    return float(x), float(y), float(np.sqrt(max(c + x * x + y * y, 1.0)))
