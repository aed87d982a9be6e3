"""Puts masked nodules into whole scans: turned, scaled, faded at the mask's edge, inside the lung or at its wall."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage

if TYPE_CHECKING:
    from training.lung.nodules import Nodule


Floats = npt.NDArray[np.float32]
Point = tuple[float, float, float]
WALL = -300.0
"""HU above which a host's voxel is tissue that an inserted nodule does not take away."""
HIDDEN = 0.25
"""Most of a nodule that may lie in such tissue, where it would not be seen."""
TRIES = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class Stamp:
    """A nodule ready to be put in: HU times alpha, and alpha, on the host's spacing; `diameter_mm` after scaling."""

    weighted: Floats
    alpha: Floats
    inside: Floats
    diameter_mm: float


def stamp(
    nodule: Nodule,
    spacing_mm: Point,
    *,
    scale: float = 1.0,
    angle: float = 0.0,
    flip: tuple[bool, bool] = (False, False),
) -> Stamp:
    """A nodule scaled, turned in the axial plane and mirrored (in z, in x), resampled with its partial volumes.

    The mask is grown by 0.7 voxel and softened, so that the nodule's own blurred edge comes along; what is dense
    beyond the grown mask (wall, vessels) stays behind.
    """
    soft = np.clip(1.35 - ndimage.distance_transform_edt(~nodule.mask, sampling=nodule.spacing_mm) / 1.0, 0, 1)
    soft = np.where(nodule.mask, 1.0, np.where(nodule.hu > -200, 0.6 * soft, soft))
    source = np.pad(soft, ((1, 1), (2, 2), (2, 2))), np.pad(soft * nodule.hu, ((1, 1), (2, 2), (2, 2)))
    inside = np.pad(nodule.mask.astype(np.float64), ((1, 1), (2, 2), (2, 2)))
    own = np.array(nodule.spacing_mm) * scale
    middle = np.argwhere(inside > 0).mean(axis=0)
    extent = np.abs(np.argwhere(source[0] > 0) - middle).max(axis=0) * own
    reach = float(np.hypot(extent[1], extent[2])) + 1.0
    half = [int(np.ceil((extent[0] + 1) / spacing_mm[0])), *(int(np.ceil(reach / s)) for s in spacing_mm[1:])]
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[1 - 2 * flip[0], 0, 0], [0, cos, -sin], [0, sin, cos]]) @ np.diag([1, 1, 1 - 2 * flip[1]])
    matrix = (turn * np.array(spacing_mm)) / own[:, None]
    fine = np.maximum(1, np.ceil(np.array(spacing_mm) / own - 0.25)).astype(int)  # several samples a voxel
    parts = [np.zeros([2 * h + 1 for h in half]) for _ in range(3)]
    for shift in np.ndindex(*fine):
        within = (np.array(shift) + 0.5) / fine - 0.5
        offset = middle + matrix @ (within - np.array(half))
        for part, array in zip(parts, (*source, inside), strict=True):
            part[...] += ndimage.affine_transform(array, matrix, offset, part.shape, order=1) / fine.prod()
    alpha, weighted, mask = (p.astype(np.float32) for p in parts)
    return Stamp(weighted=weighted, alpha=alpha, inside=mask, diameter_mm=nodule.diameter_mm * scale)


def noise_hu(hu: npt.NDArray[np.int16] | Floats) -> float:
    """Standard deviation of the noise in aerated lung, from differences along rows; 0 where there is too little."""
    steps = np.diff(np.asarray(hu, np.float32), 2, axis=-1)
    lung = np.asarray(hu)[..., 1:-1] < -750
    return float(np.median(np.abs(steps[lung])) / 0.6745 / np.sqrt(6)) if lung.sum() > 50 else 0.0


def with_noise(made: Stamp, missing_hu: float, rng: np.random.Generator) -> Stamp:
    """With as much noise added as the host has more than the nodule's own scan."""
    noise = rng.standard_normal(made.alpha.shape).astype(np.float32) * missing_hu
    return replace(made, weighted=made.weighted + made.alpha * noise)


def put(host: Floats, made: Stamp, centre: tuple[int, int, int]) -> bool:
    """Into a host's HU, in place; the stamp is cut at the host's edge.

    False, and nothing is put in, where tissue of the host would hide more than a quarter of the nodule.
    """
    here, there = _overlap(host.shape, made.alpha.shape, centre)
    part, inside = host[here], made.inside[there] > 0.5
    if (part[inside] > WALL).sum() > HIDDEN * max(1, int(inside.sum())):
        return False
    mixed = part * (1 - made.alpha[there]) + made.weighted[there]
    part[...] = np.where(part > WALL, np.maximum(part, mixed), mixed)
    return True


def _overlap(
    host: tuple[int, ...], stamp_shape: tuple[int, ...], centre: tuple[int, int, int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where a stamp lies in the host, and which part of the stamp that is."""
    here, there = [], []
    for c, n, whole in zip(centre, stamp_shape, host, strict=True):
        first = c - n // 2
        low, high = max(0, first), min(whole, first + n)
        here.append(slice(low, high))
        there.append(slice(low - first, high - first))
    return tuple(here), tuple(there)


class Places:
    """Where nodules may go in a host: in the lung, some at its wall, some at vessels, none on another."""

    def __init__(self, labels: npt.NDArray[np.uint8], hu: Floats, spacing_mm: Point) -> None:
        self._deep = ndimage.distance_transform_edt(labels > 0, sampling=spacing_mm).astype(np.float32)
        self._spacing = np.array(spacing_mm)
        inside = self._deep > 1.0
        self._any = np.argwhere(inside & (hu < -600)).astype(np.int32)
        vessel = ndimage.binary_dilation(inside & (hu > -400), iterations=1)
        self._vessel = np.argwhere(vessel & inside & (hu < -500)).astype(np.int32)
        self._wall = np.argwhere((self._deep > 0.5) & (self._deep < 8) & (hu < -500)).astype(np.int32)

    def any_voxel(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Of the lungs."""
        return self._any[rng.integers(len(self._any))].astype(np.int64)

    def put(
        self, host: Floats, made: Stamp, rng: np.random.Generator, taken: list[tuple[tuple[int, int, int], float]]
    ) -> tuple[int, int, int] | None:
        """Put a nodule where it is seen and touches no other; where that was, None where six tries found nothing."""
        for _ in range(TRIES):
            place = self.draw(rng, made.diameter_mm, taken)
            if place is not None and put(host, made, place):
                return place
        return None

    def draw(
        self, rng: np.random.Generator, diameter_mm: float, taken: list[tuple[tuple[int, int, int], float]]
    ) -> tuple[int, int, int] | None:
        """A voxel at which a nodule of this size may be put; None where forty tries found none."""
        for _ in range(40):
            kind = rng.random()
            among = self._any if kind < 0.5 else self._vessel if kind < 0.75 else self._wall
            place = among[rng.integers(len(among))]
            deep = float(self._deep[tuple(place)])
            at_wall = kind >= 0.75
            fits = deep >= diameter_mm / 2 - 0.5 if not at_wall else diameter_mm / 4 <= deep <= diameter_mm / 2 + 1
            apart = all(
                np.linalg.norm((place - np.array(c)) * self._spacing) > diameter_mm / 2 + d / 2 + 8 for c, d in taken
            )
            if fits and apart:
                z, y, x = (int(v) for v in place)
                return z, y, x
        return None
