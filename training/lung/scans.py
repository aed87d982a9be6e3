"""The four whole scans: as volumes of the product, and on its working grid."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom

from aimis.readers.lung import grid, lungs
from training.lung import data

MARGIN_MM = 12.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Scan:
    """A scan in its own voxels; nodules are (centre zyx in voxels, diameter in mm) of those that are labelled."""

    name: str
    hu: npt.NDArray[np.int16]
    spacing_mm: tuple[float, float, float]
    origin_lps_mm: npt.NDArray[np.float64]
    lungs: lungs.Lungs
    nodules: tuple[tuple[tuple[float, float, float], float], ...]


def load(root: Path, name: str) -> Scan:
    """A scan of `../shared/data/lung/scans`, its files sorted by place."""
    files = [pydicom.dcmread(path) for path in (root / "scans" / name).glob("*.dcm")]
    files.sort(key=lambda f: float(f.ImagePositionPatient[2]))
    hu = np.stack([f.pixel_array * float(f.RescaleSlope) + float(f.RescaleIntercept) for f in files])
    hu = np.maximum(hu, -1024).astype(np.int16)
    step = (float(files[-1].ImagePositionPatient[2]) - float(files[0].ImagePositionPatient[2])) / (len(files) - 1)
    spacing = (step, float(files[0].PixelSpacing[0]), float(files[0].PixelSpacing[1]))
    origin = np.array([float(v) for v in files[0].ImagePositionPatient])
    known = [r for r in data.rows(root / "nodules" / "nodules.csv") if r["patient_id"] == name]
    return Scan(
        name=name,
        hu=hu,
        spacing_mm=spacing,
        origin_lps_mm=origin,
        lungs=lungs.find_lungs(hu, spacing),
        nodules=tuple((_place(r, origin, spacing), float(r["diameter_mm"])) for r in known),
    )


def _place(
    row: dict[str, str], origin: npt.NDArray[np.float64], spacing: tuple[float, float, float]
) -> tuple[float, float, float]:
    z, y, x = (float(row[f"coord{k}"]) for k in "ZYX")
    return (z - origin[2]) / spacing[0], (y - origin[1]) / spacing[1], (x - origin[0]) / spacing[2]


def box_of(scan: Scan) -> grid.Box:
    """The lungs' box with a margin, in voxels."""
    found = scan.lungs.box
    if found is None:
        raise ValueError(f"{scan.name}: no lungs")
    margins = (round(MARGIN_MM / mm) for mm in scan.spacing_mm)
    z, y, x = (
        slice(max(0, s.start - m), min(n, s.stop + m)) for s, m, n in zip(found, margins, scan.hu.shape, strict=True)
    )
    return z, y, x


def on_grid(scan: Scan) -> tuple[grid.Grid, npt.NDArray[np.uint8]]:
    """The lungs' box at the working resolution, and the lungs' labels there."""
    with ThreadPoolExecutor(2) as pool:
        made = grid.make(scan.hu, scan.spacing_mm, box_of(scan), pool)
    axes = [np.arange(n) for n in made.values.shape]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    return made, scan.lungs.at(made.to_scan(places))
