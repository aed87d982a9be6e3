"""Slices about a candidate for the slice network: is it a nodule, how is it rated, where is its outline."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from aimis.readers.lung import grid

if TYPE_CHECKING:
    from aimis.imaging.volume import Volume
    from aimis.inference.engine import Engine
    from aimis.readers.lung.find import Candidate

PIXEL_MM = 0.7
SIDE = 48
ANSWERS = (
    "nodule",
    "malignant-above-2",
    "malignant-above-3",
    "malignant-above-4",
    "spiculated",
    "lobulated",
    "not-solid",
    "ground-glass",
    "calcified",
    "ill-defined",
)
"""The order of the answers' logits."""
_LOOKED_AT_MM = (-1.5, 0.0, 1.5)
_MOST_SLICES = 41
_OVERLAP = 0.25  # of the smaller of two neighbouring sections
_WIDER = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
"""By how much a section may reach beyond the one before, 1.4 mm: what reaches further is a vessel or the wall."""
_LONGEST = 0.8  # of the middle section's diameter: how far up and down a nodule is followed
Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Voxels = npt.NDArray[np.bool_]
Place = tuple[float, float, float]
"""In voxels of a scan, (z, y, x)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Outline:
    """A nodule's voxels in a box of the scan, with room around them.

    origin_zyx : of the box, in voxels of the scan
    mask : shape (z, y, x)
    """

    origin_zyx: tuple[int, int, int]
    mask: Voxels

    @property
    def box(self) -> grid.Box:
        """In voxels of the scan."""
        z, y, x = (slice(o, o + n) for o, n in zip(self.origin_zyx, self.mask.shape, strict=True))
        return z, y, x


def shared(one: Outline, other: Outline) -> float:
    """How much of the smaller outline the two share, 0..1."""
    pairs = list(zip(one.box, other.box, strict=True))
    common = [slice(max(a.start, b.start), max(a.start, b.start, min(a.stop, b.stop))) for a, b in pairs]
    parts = [
        each.mask[tuple(slice(c.start - o, c.stop - o) for c, o in zip(common, each.origin_zyx, strict=True))]
        for each in (one, other)
    ]
    return float((parts[0] & parts[1]).sum()) / min(int(one.mask.sum()), int(other.mask.sum()))


def cut(plane: Floats | npt.NDArray[np.int16], centre: tuple[float, float], pixel_mm: tuple[float, float]) -> Bytes:
    """A square of 48 pixels of 0.7 mm about (row, column) of a plane, in 8 bit; its edge goes on beyond it."""
    turn = _turn(centre, pixel_mm)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    square = cv2.warpAffine(plane.astype(np.float32), turn, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return grid.windowed(np.asarray(square, dtype=np.float32))


def looked_at(volume: Volume, place: Place) -> Bytes:
    """About a place: shape (9, 48, 48), three axial slices, then three coronal and three sagittal ones."""
    squares = []
    for axis, slice_mm in enumerate(volume.spacing_mm):
        planes, centre, pixel_mm = _window(volume, axis, place)
        for away in _LOOKED_AT_MM:
            at = min(max(place[axis] + away / slice_mm, 0), len(planes) - 1)
            low, share = int(at), np.float32(at - int(at))
            between = planes[low] * (1 - share) + planes[min(low + 1, len(planes) - 1)] * share
            squares.append(cut(between, centre, pixel_mm))
    return np.stack(squares)


def nodule_logits(engine: Engine, volume: Volume, candidates: tuple[Candidate, ...], pool: Executor) -> Floats:
    """Shape (candidates,): the mean over what is `looked_at`, each slice as it is and mirrored."""
    if not candidates:
        return np.zeros(0, np.float32)
    squares = np.stack(list(pool.map(partial(looked_at, volume), (c.place for c in candidates))))
    both = np.concatenate([squares, squares[..., ::-1]], axis=1)
    answers = _run(engine, both.reshape(-1, SIDE, SIDE), pool)
    return np.asarray(answers[:, 0].reshape(len(candidates), -1).mean(axis=1), dtype=np.float32)


def outline(engine: Engine, volume: Volume, candidate: Candidate) -> tuple[Outline | None, Floats]:
    """The nodule's voxels, None where the network draws nothing there; and its answers.

    answers : shape (2, answers), the mean over the sections by their area, and of the largest section
    """
    z, y, x = candidate.place
    reach = math.ceil((candidate.diameter_mm * _LONGEST + 3) / volume.spacing_mm[0])
    reach = min(reach, _MOST_SLICES // 2)
    middle = min(max(round(z), 0), len(volume.hu) - 1)
    chosen = range(max(0, middle - reach), min(len(volume.hu), middle + reach + 1))
    planes, centre, pixel_mm = _window(volume, 0, candidate.place)
    squares = np.stack([cut(planes[k], centre, pixel_mm) for k in chosen])
    out = engine.run({"squares": squares})
    sections = _followed(out["outlines"], middle - chosen.start, volume.spacing_mm[0])
    areas = sections.sum(axis=(1, 2)).astype(np.float32)
    weight = areas if areas.any() else (np.arange(len(areas)) == middle - chosen.start).astype(np.float32)
    mean = (out["answers"] * weight[:, None]).sum(axis=0) / weight.sum()
    answers = np.stack([mean, out["answers"][weight.argmax()]]).astype(np.float32)
    if not areas.any():
        return None, answers
    return _in_scan(out["outlines"], sections, chosen.start, (y, x), volume), answers


def _turn(centre: tuple[float, float], pixel_mm: tuple[float, float]) -> npt.NDArray[np.float64]:
    """From the square's pixels to the plane's."""
    down, right = PIXEL_MM / pixel_mm[0], PIXEL_MM / pixel_mm[1]
    half = (SIDE - 1) / 2
    return np.array([[right, 0, centre[1] - right * half], [0, down, centre[0] - down * half]])


def _window(
    volume: Volume, axis: int, place: Place
) -> tuple[npt.NDArray[np.int16], tuple[float, float], tuple[float, float]]:
    """Enough of all planes across an axis about a place, that place within them, and their pixels' sides."""
    box, centre, pixel_mm = [slice(None)] * 3, [], []
    for other in (a for a in range(3) if a != axis):
        reach = math.ceil(PIXEL_MM * SIDE / 2 / volume.spacing_mm[other]) + 2
        low = max(0, int(place[other]) - reach)
        box[other] = slice(low, int(place[other]) + reach + 1)
        centre.append(place[other] - low)
        pixel_mm.append(volume.spacing_mm[other])
    planes = np.moveaxis(volume.hu[tuple(box)], axis, 0)
    return planes, (centre[0], centre[1]), (pixel_mm[0], pixel_mm[1])


def _run(engine: Engine, squares: Bytes, pool: Executor) -> Floats:
    """Answers of squares (n, 48, 48), in batches side by side."""
    batches = np.array_split(squares, max(1, math.ceil(len(squares) / 96)))
    outs = pool.map(lambda batch: engine.run({"squares": np.ascontiguousarray(batch)}), batches)
    return np.concatenate([out["answers"] for out in outs])


def _followed(outlines: Floats, middle: int, slice_mm: float) -> Voxels:
    """From the middle section up and down, as long as sections overlap; each the piece that goes on from the last."""
    sections = np.zeros(outlines.shape, np.bool_)
    found = outlines > 0
    start = _piece(found[middle], _disc())
    if start is None:
        near = [k for k in (middle - 1, middle + 1) if 0 <= k < len(outlines)]
        pieces = [(k, _piece(found[k], _disc())) for k in near]
        usable = [(k, p) for k, p in pieces if p is not None]
        if not usable:
            return sections
        middle, start = max(usable, key=lambda pair: int(pair[1].sum()))
    sections[middle] = start
    for step in (-1, 1):
        last, k, widest = start, middle + step, start
        while 0 <= k < len(outlines) and abs(k - middle) * slice_mm <= _LONGEST * _diameter_mm(widest):
            piece = _piece(found[k], last)
            if piece is None or (piece & last).sum() < _OVERLAP * min(piece.sum(), last.sum()):
                break
            sections[k] = last = piece & (cv2.dilate(last.astype(np.uint8), _WIDER) > 0)
            widest = last if last.sum() > widest.sum() else widest
            k += step
    return sections


def _disc() -> Voxels:
    """The middle of the square, 6 mm wide."""
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    return np.asarray(np.hypot(axis[:, None], axis[None]) * PIXEL_MM <= 3.0)


def _diameter_mm(section: Voxels) -> float:
    return 2 * math.sqrt(float(section.sum()) * PIXEL_MM**2 / math.pi)


def _piece(found: Voxels, near: Voxels) -> Voxels | None:
    """The connected piece that shares most with `near`; None where none does."""
    labels, count = ndimage.label(found)
    if not count:
        return None
    shared = np.bincount(labels[near], minlength=count + 1)
    shared[0] = 0
    return np.asarray(labels == shared.argmax()) if shared.any() else None


def _in_scan(
    outlines: Floats, sections: Voxels, first: int, centre: tuple[float, float], volume: Volume
) -> Outline | None:
    """The sections in the scan's own voxels: the logits resampled, kept where the followed piece is."""
    pixel = volume.spacing_mm[1], volume.spacing_mm[2]
    reach = [math.ceil(PIXEL_MM * SIDE / 2 / mm) + 1 for mm in pixel]
    top, left = max(0, int(centre[0]) - reach[0]), max(0, int(centre[1]) - reach[1])
    rows = min(volume.hu.shape[1], int(centre[0]) + reach[0] + 1) - top
    columns = min(volume.hu.shape[2], int(centre[1]) + reach[1] + 1) - left
    turn = _turn((centre[0] - top, centre[1] - left), pixel)
    used = np.flatnonzero(sections.any(axis=(1, 2)))
    low, high = max(0, first + int(used[0]) - 1), min(len(volume.hu), first + int(used[-1]) + 2)
    mask = np.zeros((high - low, rows, columns), np.bool_)
    grown = np.ones((3, 3), np.uint8)
    for k in used:
        kept = cv2.dilate(sections[k].astype(np.uint8), grown) > 0
        logits = np.where(kept, np.clip(outlines[k], -4, 4), -4).astype(np.float32)
        placed = cv2.warpAffine(logits, turn, (columns, rows), flags=cv2.INTER_LINEAR, borderValue=-4)
        mask[first + k - low] = placed > 0
    return Outline(origin_zyx=(low, top, left), mask=mask) if mask.any() else None
