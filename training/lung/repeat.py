"""How far repeated readings of a nodule differ: `python -m training.lung.repeat` (part of `make evaluate`).

Nodules put into scans that their network never saw are read again shifted by half a voxel, turned by some degrees in
the axial plane, with more noise, and in slices twice as thick. Printed: limits of agreement of volume and diameter with
the first reading (Bland and Altman, Lancet 1986;327:307-310), and the spread by which growth is told from noise.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from aimis.readers.lung import measure, slices
from aimis.readers.lung.find import Candidate
from training.lung import data, figures, kept_out, nodules, whole_scans

if TYPE_CHECKING:
    from aimis.domain.scan import Size
    from aimis.imaging.volume import Volume
    from aimis.inference.engine import Engine

REACH_MM = 34.0
NOISE_HU = 40.0
ROUNDS = 2
"""Scans of each fold that are used."""
Place = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A scan about one nodule, and the nodule's place in it."""

    volume: Volume
    place: Place
    diameter_mm: float


def main() -> None:
    """Read, read again, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/lung"))
    args = parser.parse_args()
    found = repeatability(args.data)
    figures.RESULTS.save({**figures.RESULTS.load(), "repeatability": found})
    print(json.dumps(found, indent=1))


def repeatability(root: Path) -> dict[str, object]:
    """Limits of agreement by change, and the spread of ln(volume) by volume."""
    rng = np.random.default_rng(3)
    changes: dict[str, Callable[[Part], Part]] = {
        "shifted": shifted,
        "turned": turned,
        "noisier": lambda part: noisier(part, rng),
        "thicker": thicker,
    }
    first: dict[str, list[float]] = {name: [] for name in changes}
    told: dict[str, list[tuple[float, float]]] = {name: [] for name in changes}
    for engine, part in _parts(root):
        size = read(engine, part)
        for name, change in changes.items() if size else ():
            again = read(engine, change(part))
            if size and again:
                first[name].append(size.volume_mm3)
                told[name].append((math.log(again.volume_mm3 / size.volume_mm3), again.diameter_mm - size.diameter_mm))
    alike = [name for name in changes if name != "thicker"]  # growth is judged on slices as thick as before
    everything = np.concatenate([np.array([v[0] for v in told[name]]) for name in alike])
    volumes = np.concatenate([np.array(first[name]) for name in alike])
    return {**{name: _limits(told[name]) for name in changes}, "spread": _spread(volumes, everything)}


def _parts(root: Path) -> Iterator[tuple[Engine, Part]]:
    volumes = nodules.volumes(root)
    for fold in range(data.FOLDS):
        engine = kept_out.reader(fold, "auto").slice_engine
        for case in whole_scans.cases(root, fold, "figures", volumes, ROUNDS):
            for truth in case.truth:
                z, y, x = (float(v) for v in case.volume.to_indices(truth.centre_lps_mm))
                yield engine, part_of(case.volume, (z, y, x), truth.diameter_mm)


def part_of(volume: Volume, place: Place, diameter_mm: float) -> Part:
    """The scan within 34 mm of a place."""
    low = [max(0, int(p - REACH_MM / mm)) for p, mm in zip(place, volume.spacing_mm, strict=True)]
    high = [int(p + REACH_MM / mm) + 2 for p, mm in zip(place, volume.spacing_mm, strict=True)]
    hu = np.ascontiguousarray(volume.hu[low[0] : high[0], low[1] : high[1], low[2] : high[2]])
    z, y, x = (p - q for p, q in zip(place, low, strict=True))
    return Part(volume=replace(volume, hu=hu), place=(z, y, x), diameter_mm=diameter_mm)


def read(engine: Engine, part: Part) -> Size | None:
    """Outlined and measured; None where nothing is outlined."""
    candidate = Candidate(place=part.place, logit=0.0, diameter_mm=part.diameter_mm)
    outline, _ = slices.outline(engine, part.volume, candidate)
    if outline is None:
        return None
    return measure.size(outline.mask, part.volume.hu[outline.box], part.volume.spacing_mm)


def shifted(part: Part) -> Part:
    """By half a voxel along each axis."""
    return _moved(part, np.eye(3), np.full(3, 0.5))


def turned(part: Part, degrees: float = 7.0) -> Part:
    """About the nodule, in the axial plane."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return _moved(part, np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]), np.zeros(3))


def noisier(part: Part, rng: np.random.Generator) -> Part:
    """With 40 HU of noise more."""
    hu = part.volume.hu + rng.standard_normal(part.volume.hu.shape) * NOISE_HU
    return replace(part, volume=replace(part.volume, hu=np.rint(hu).astype(np.int16)))


def thicker(part: Part) -> Part:
    """Each two slices as one."""
    pairs = part.volume.hu[: len(part.volume.hu) // 2 * 2].astype(np.float32)
    hu = np.rint((pairs[::2] + pairs[1::2]) / 2).astype(np.int16)
    z, y, x = part.place
    slice_mm, *pixel = part.volume.spacing_mm
    spacing = (2 * slice_mm, pixel[0], pixel[1])
    return replace(part, volume=replace(part.volume, hu=hu, spacing_mm=spacing), place=((z - 0.5) / 2, y, x))


def _moved(part: Part, matrix: npt.NDArray[np.float64], by: npt.NDArray[np.float64]) -> Part:
    """The picture moved under the grid; the nodule's place with it."""
    place = np.array(part.place)
    hu = ndimage.affine_transform(part.volume.hu.astype(np.float32), matrix, place - matrix @ place + by, order=1)
    z, y, x = (float(v) for v in place - np.linalg.inv(matrix) @ by)
    return replace(part, volume=replace(part.volume, hu=np.rint(hu).astype(np.int16)), place=(z, y, x))


def _limits(told: list[tuple[float, float]]) -> dict[str, object]:
    ratio, apart = np.array(told).T
    low, high = (float(np.exp(ratio.mean() + sign * 1.96 * ratio.std())) for sign in (-1, 1))
    mm = [round(float(apart.mean() + sign * 1.96 * apart.std()), 2) for sign in (-1, 1)]
    return {"nodules": len(told), "volume ratio": [round(low, 3), round(high, 3)], "diameter mm": mm}


def _spread(volumes: npt.NDArray[np.float64], ratios: npt.NDArray[np.float64]) -> list[float]:
    """Standard deviation of ln(volume) of one reading at 100 mm3, and its power of volume / 100 mm3."""
    size = np.log(volumes / 100)
    parts = np.array_split(np.argsort(size), 5)
    spread = np.array([np.log(max(ratios[p].std() / math.sqrt(2), 1e-3)) for p in parts])
    power, at_100 = np.polyfit([size[p].mean() for p in parts], spread, 1)
    return [round(float(np.exp(at_100)), 4), round(float(min(power, 0.0)), 3)]


if __name__ == "__main__":
    main()
