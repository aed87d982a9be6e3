"""The four whole scans: as the product has them, and on its working grid."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aimis.ingest.examinations import Examinations, find_inputs
from aimis.ingest.volumes import VolumeItem
from aimis.readers.lung import find, grid, lungs
from training.lung import data

if TYPE_CHECKING:
    from aimis.imaging.volume import Volume


@dataclass(frozen=True, kw_only=True, eq=False)
class Scan:
    """A scan and its lungs; of those labelled, nodules (centre zyx in voxels, diameter in mm) and rows."""

    name: str
    volume: Volume
    lungs: lungs.Lungs
    nodules: tuple[tuple[tuple[float, float, float], float], ...]
    rows: tuple[dict[str, str], ...]


def load(root: Path, name: str) -> Scan:
    """A scan of `../shared/data/lung/scans`, read by the product."""
    (item,) = find_inputs([str(root / "scans" / name)], examinations=Examinations.NONE, volumes=True)
    if not isinstance(item, VolumeItem):
        raise ValueError(f"{name}: no CT")  # noqa: TRY004
    volume = item.load()
    known = tuple(r for r in data.rows(root / "nodules" / "nodules.csv") if r["patient_id"] == name)
    return Scan(
        name=name,
        volume=volume,
        lungs=lungs.find_lungs(volume.hu, volume.spacing_mm),
        nodules=tuple((_place(r, volume), float(r["diameter_mm"])) for r in known),
        rows=known,
    )


def _place(row: dict[str, str], volume: Volume) -> tuple[float, float, float]:
    z, y, x = (float(v) for v in volume.to_indices([float(row[f"coord{k}"]) for k in "XYZ"]))
    return z, y, x


def on_grid(scan: Scan) -> tuple[grid.Grid, npt.NDArray[np.uint8]]:
    """The lungs' box at the working resolution, and the lungs' labels there."""
    volume = scan.volume
    with ThreadPoolExecutor(2) as pool:
        made = grid.make(volume.hu, volume.spacing_mm, find.box_of(scan.lungs, volume), pool)
    axes = [np.arange(n) for n in made.values.shape]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    return made, scan.lungs.at(made.to_scan(places))
