"""The endoscope's picture within a frame: find it, bring it to one square.

Processors set the picture into black (octagon, barrel, circle, square), write text beside it and lay insets over
its corners. The network sees every frame alike: the picture alone, at its own proportions, black all round.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

_WORKING_SIDE_PX = 256
_NOISE = 9  # of 255: how far the surround strays from its own colour after compression
_DIRECTIONS = 48  # of the outline's support lines; a multiple of eight, so that an octagon's sides are among them
_VERTICES = 120
_MARGIN = 0.008  # of the picture's width, cut off all round: the surround's ringing and the mask's soft edge
_LEAST_SHARE = 0.08  # of the frame that a picture covers
_LEAST_FILLED = 0.6  # of its outline that is lit
_INSET_RUN = 0.12  # of the frame's height and width that an inset's straight edges are long at least
_INSET_STEP = 28  # of 255: how sharply an inset's edge stands out

Rectangle = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, the last column and row left out."""


@dataclass(frozen=True, kw_only=True)
class Aperture:
    """Where the picture lies, in pixels of the frame that it was found in.

    box_px : x0, y0, x1, y1 of its outline, within the frame, the last column and row left out
    outline_px : its convex outline, x and y
    insets_px : rectangles laid over it that show no mucosa (a scope's position, a second picture)
    found : False where no border was told from the picture, so that the whole frame stands for it
    """

    box_px: Rectangle
    outline_px: tuple[tuple[float, float], ...]
    insets_px: tuple[Rectangle, ...] = ()
    found: bool = True

    def placement(self, side_px: int) -> tuple[float, float, float]:
        """Zoom and shift x, y: a point p of the frame lies at `zoom * p + shift` of the square of `normalise`."""
        x0, y0, x1, y1 = self.box_px
        zoom = side_px / max(x1 - x0, y1 - y0)
        return zoom, side_px / 2 - zoom * (x0 + x1) / 2, side_px / 2 - zoom * (y0 + y1) / 2


def find_aperture(rgb: npt.NDArray[np.uint8]) -> Aperture:
    """The picture within a frame of shape (rows, columns, 3); the whole frame where it has no surround."""
    small, scale = _reduced(rgb)
    insets = _insets(small)
    outline = _outline(_lit(small, insets))
    rows, columns = rgb.shape[:2]
    if outline is None:
        return _whole(rows, columns)
    outline = (outline + 0.5) / scale
    x0, y0 = np.clip(np.floor(outline.min(axis=0)), 0, None).astype(int)
    x1, y1 = np.minimum(np.ceil(outline.max(axis=0)).astype(int), (columns, rows))
    return Aperture(
        box_px=(int(x0), int(y0), int(x1), int(y1)),
        outline_px=tuple((x, y) for x, y in outline.tolist()),
        insets_px=tuple(_enlarged(inset, scale, rows, columns) for inset in insets),
    )


def normalise(rgb: npt.NDArray[np.uint8], aperture: Aperture, side_px: int) -> npt.NDArray[np.uint8]:
    """The picture as a square of shape (side_px, side_px, 3): its longer side fills it, all else is black."""
    x0, y0, x1, y1 = aperture.box_px
    zoom, shift_x, shift_y = aperture.placement(side_px)
    left, top = round(zoom * x0 + shift_x), round(zoom * y0 + shift_y)
    size = (max(1, round(zoom * (x1 - x0))), max(1, round(zoom * (y1 - y0))))
    picture = _resized(rgb[y0:y1, x0:x1], size)
    square = np.zeros((side_px, side_px, 3), dtype=np.uint8)
    window = (slice(top, top + size[1]), slice(left, left + size[0]))
    mask = shown(aperture, side_px)[window]
    square[window] = cv2.bitwise_and(picture, picture, mask=mask)
    return square


def shown(aperture: Aperture, side_px: int) -> npt.NDArray[np.uint8]:
    """A mask of shape (side_px, side_px): 255 where the square of `normalise` shows mucosa, 0 elsewhere."""
    zoom, shift_x, shift_y = aperture.placement(side_px)
    mask = np.zeros((side_px, side_px), dtype=np.uint8)
    corners = np.array(aperture.outline_px) * zoom + (shift_x - 0.5, shift_y - 0.5)
    cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 255)
    for x0, y0, x1, y1 in aperture.insets_px:
        left, right = (np.clip(zoom * x + shift_x, 0, side_px) for x in (x0, x1))
        top, bottom = (np.clip(zoom * y + shift_y, 0, side_px) for y in (y0, y1))
        mask[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = 0
    return mask


def _resized(picture: npt.NDArray[np.uint8], size: tuple[int, int]) -> cv2.typing.MatLike:
    """To columns and rows; much reduced in two steps, first by whole pixels, in a third of INTER_AREA's own time."""
    rows, columns = picture.shape[:2]
    by = min(columns // size[0], rows // size[1])
    if by < 2:
        return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if size[0] < columns else cv2.INTER_LINEAR)
    whole = (columns // by, rows // by)
    coarse = cv2.resize(picture[: whole[1] * by, : whole[0] * by], whole, interpolation=cv2.INTER_AREA)
    return cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)


def _whole(rows: int, columns: int) -> Aperture:
    corners = ((0.0, 0.0), (float(columns), 0.0), (float(columns), float(rows)), (0.0, float(rows)))
    return Aperture(box_px=(0, 0, columns, rows), outline_px=corners, found=False)


def _reduced(rgb: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], float]:
    """The frame at the working size, and its pixels for one of the frame."""
    scale = _WORKING_SIDE_PX / max(rgb.shape[:2])
    rows, columns = rgb.shape[:2]
    step = max(1, int(1 / scale))
    coarse = cv2.resize(rgb, (-(-columns // step), -(-rows // step)), interpolation=cv2.INTER_NEAREST)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8), scale


def _enlarged(rectangle: Rectangle, scale: float, rows: int, columns: int) -> Rectangle:
    x0, y0, x1, y1 = (c / scale for c in rectangle)
    return int(x0), int(y0), min(columns, int(np.ceil(x1))), min(rows, int(np.ceil(y1)))


def _lit(small: npt.NDArray[np.uint8], insets: tuple[Rectangle, ...]) -> npt.NDArray[np.uint8]:
    """1 where the frame differs from its surround, as one piece without text, shape (rows, columns)."""
    differs = (_strongest(cv2.absdiff(small, _surround(small))) > _NOISE).astype(np.uint8)
    for x0, y0, x1, y1 in insets:
        differs[y0:y1, x0:x1] = 0
    thick = cv2.morphologyEx(differs, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(thick, ltype=cv2.CV_16U)
    if count < 2:
        return np.asarray(thick, dtype=np.uint8)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == largest, dtype=np.uint8)


def _strongest(colours: cv2.typing.MatLike) -> npt.NDArray[np.uint8]:
    """The largest channel, shape (rows, columns)."""
    red, green, blue = cv2.split(colours)
    return np.asarray(cv2.max(cv2.max(red, green), blue), dtype=np.uint8)


def _surround(small: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """The colour of the surround as OpenCV takes it: that of the darkest two corners, black where they are not flat."""
    corners = [small[y, x].reshape(-1, 3) for y in (slice(4), slice(-4, None)) for x in (slice(4), slice(-4, None))]
    darkest = np.concatenate(sorted(corners, key=lambda corner: int(corner.max()))[:2])
    flat = int(np.ptp(darkest, axis=0).max()) <= 2 * _NOISE
    return np.array([*(np.median(darkest, axis=0) if flat else np.zeros(3)), 0.0])


def _outline(lit: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64] | None:
    """The picture's convex outline, shape (vertices, 2), or None where what is lit is no picture.

    Apertures are alike left and right, above and below. Of the four corners the second widest counts: a dark lumen
    at the edge takes nothing away, and text or an inset in one corner adds nothing.
    """
    contours, _ = cv2.findContours(lit, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    points = cv2.convexHull(max(contours, key=cv2.contourArea))[:, 0].astype(np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    reach = (points - (low + high) / 2) @ _directions().T
    support = np.sort(reach.max(axis=0)[_mirrored()], axis=0)[-2] + 0.5 - _MARGIN * float(high[0] - low[0])
    outline = (low + high) / 2 + _polygon(support)
    area = float(cv2.contourArea(outline.astype(np.float32)))
    if area < _LEAST_SHARE * lit.size or np.count_nonzero(lit) < _LEAST_FILLED * area:
        return None
    return np.asarray(outline, dtype=np.float64)


@cache
def _directions(count: int = _DIRECTIONS) -> npt.NDArray[np.float64]:
    """Unit vectors, shape (count, 2), the first to the right, then clockwise as y points down."""
    angles = np.arange(count) * (2 * np.pi / count)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@cache
def _mirrored() -> npt.NDArray[np.intp]:
    """For each direction itself and its three mirror images, shape (4, directions)."""
    own, half = np.arange(_DIRECTIONS), _DIRECTIONS // 2
    return np.stack([own, -own, half + own, half - own]) % _DIRECTIONS


def _polygon(support: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The points round a centre, shape (vertices, 2), that lie within every support line of the directions."""
    rays = _directions(_VERTICES)
    along = rays @ _directions().T
    reach = np.where(along > 1e-6, support / np.maximum(along, 1e-6), np.inf).min(axis=1)
    return np.asarray(rays * reach[:, None])


def _insets(small: npt.NDArray[np.uint8]) -> tuple[Rectangle, ...]:
    """Rectangles in the frame's corners with two straight, sharp edges, in pixels of `small`."""
    rows, columns = small.shape[:2]
    level = _strongest(cv2.absdiff(small[1:], small[:-1])) > _INSET_STEP
    upright = _strongest(cv2.absdiff(small[:, 1:], small[:, :-1])) > _INSET_STEP
    found = []
    for right in (False, True):
        for top in (False, True):
            turned = (slice(None, None, -1 if top else 1), slice(None, None, -1 if right else 1))
            if (corner := _inset_below_left(level[turned], upright[turned])) is not None:
                x, y = corner
                x0, x1 = (columns - x, columns) if right else (0, x)
                y0, y1 = (0, rows - y) if top else (y, rows)
                found.append((x0, y0, x1, y1))
    return tuple(found)


def _inset_below_left(level: npt.NDArray[np.bool_], upright: npt.NDArray[np.bool_]) -> tuple[int, int] | None:
    """The upper right corner x, y of an inset that reaches to the frame's lower left corner, or None.

    level : where a pixel differs from the one below it, shape (rows - 1, columns)
    upright : where it differs from the one right of it, shape (rows, columns - 1)
    """
    rows, columns = len(upright), level.shape[1]
    top, most = int(0.55 * rows), int(0.45 * columns)
    level, upright = level[top:, :most], upright[top:, : most - 1]
    wide, high = _INSET_RUN * columns, _INSET_RUN * rows
    if level.sum(axis=1).max() < 0.9 * wide or upright.sum(axis=0).max() < 0.9 * high:
        return None
    right = _runs(level.T)  # along each row's edge, from the left
    up = _runs(upright[::-1])  # along each column's edge, from below
    for y in np.flatnonzero(right >= wide):
        for x in np.flatnonzero(up >= high):
            if abs(right[y] - (x + 1)) <= 3 and abs(up[x] - (len(level) - y)) <= 3:
                return int(x) + 2, int(y) + top
    return None


def _runs(edges: npt.NDArray[np.bool_]) -> npt.NDArray[np.int16]:
    """Of each column of (rows, columns) up to which edge pixel at least nine in ten from the first row are edge."""
    length = np.arange(1, len(edges) + 1, dtype=np.int16)[:, None]
    dense = edges & (10 * edges.cumsum(axis=0, dtype=np.int16) >= 9 * length)
    return np.asarray(np.where(dense, length, np.int16(0)).max(axis=0))
