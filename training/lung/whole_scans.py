"""Whole scans with nodules of patients kept out of training put in, and what the fold's networks find in them.

Fold k's networks saw neither scan k nor any patient of block k; nodules of block k go into scan k. Half of a block's
patients serve for calibration, the other half for the figures.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from aimis.readers.lung import lungs
from training.lung import data, insertion, nodules, scans

if TYPE_CHECKING:
    from aimis.imaging.volume import Volume

ROUNDS = 6
EACH = 10
"""Nodules put into a scan at a time."""
Part = Literal["calibration", "figures"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """A nodule in a scan: its place in LPS mm, diameter as annotated, its row in nodules.csv."""

    centre_lps_mm: tuple[float, float, float]
    diameter_mm: float
    row: dict[str, str] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A scan with nodules; `name` tells scan, part and round."""

    name: str
    fold: int
    volume: Volume
    truth: tuple[Truth, ...]


def part_of(patient: str) -> Part:
    """A patient's half."""
    return "figures" if hashlib.sha256(patient.encode()).digest()[1] % 2 else "calibration"


def plain(root: Path, fold: int) -> Case:
    """A scan as it is, with its labelled nodules."""
    scan = scans.load(root, data.SCANS[fold])
    known = tuple(
        Truth(centre_lps_mm=_point(scan.volume, place), diameter_mm=mm, row=row)
        for (place, mm), row in zip(scan.nodules, scan.rows, strict=True)
    )
    return Case(name=scan.name, fold=fold, volume=scan.volume, truth=known)


def cases(root: Path, fold: int, part: Part, all_nodules: list[nodules.Nodule], rounds: int = ROUNDS) -> Iterator[Case]:
    """The fold's scan with ten nodules at a time; the same in every run."""
    own = [n for n in all_nodules if n.fold == fold and part_of(n.row["patient_id"]) == part]
    own = [n for n in own if n.row["patient_id"] != data.SCANS[fold]]
    rng = np.random.default_rng([fold, part == "figures"])
    for number, case in enumerate(filled(plain(root, fold), own, rng, rounds, EACH)):
        yield replace(case, name=f"{case.name}-{part}-{number}")


def filled(base: Case, own: list[nodules.Nodule], rng: np.random.Generator, rounds: int, each: int) -> Iterator[Case]:
    """A scan with some of the nodules put in at a time, until the rounds or the nodules end."""
    volume = base.volume
    order = rng.permutation(len(own))
    free = places(volume)
    noise = insertion.noise_hu(volume.hu)
    already = [(_voxel(volume, t), t.diameter_mm) for t in base.truth]
    for turn in range(min(rounds, math.ceil(len(own) / each))):
        hu, taken, added = volume.hu.astype(np.float32), list(already), []
        for k in order[turn * each : (turn + 1) * each]:
            nodule = own[k]
            made = insertion.stamp(
                nodule, volume.spacing_mm, angle=rng.uniform(0, 2 * math.pi), flip=(bool(rng.random() < 0.5),) * 2
            )
            missing = math.sqrt(max(0.0, noise**2 - insertion.noise_hu(nodule.hu) ** 2))
            place = free.put(hu, insertion.with_noise(made, missing, rng), rng, taken)
            if place is None:
                continue
            taken.append((place, made.diameter_mm))
            added.append(Truth(centre_lps_mm=_point(volume, place), diameter_mm=made.diameter_mm, row=nodule.row))
        whole = replace(volume, hu=np.rint(hu).astype(np.int16))
        yield replace(base, volume=whole, truth=(*base.truth, *added))


def _voxel(volume: Volume, truth: Truth) -> tuple[int, int, int]:
    z, y, x = (int(v) for v in np.rint(volume.to_indices(truth.centre_lps_mm)))
    return z, y, x


def places(volume: Volume) -> insertion.Places:
    """Where nodules may be put into a scan."""
    found = lungs.find_lungs(volume.hu, volume.spacing_mm)
    labels = np.zeros(volume.hu.shape, np.uint8)
    rows, columns = (np.arange(n) for n in volume.hu.shape[1:])
    for z in range(len(labels)):
        grid = np.stack(np.meshgrid(np.array([z]), rows, columns, indexing="ij"), -1)
        labels[z] = found.at(grid)[0]
    return insertion.Places(labels, volume.hu.astype(np.float32), volume.spacing_mm)


def _point(volume: Volume, place: tuple[float, ...]) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in volume.to_lps(place))
    return x, y, z


def pool() -> ThreadPoolExecutor:
    """As many threads as the reader uses."""
    return ThreadPoolExecutor(2)
