"""Nodules of LIDC-IDRI are measured, and their density told, as radiologists and LUNA16 have it."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import nibabel
import numpy as np
import pytest

from aimis.domain.scan import Density
from aimis.readers.lung import measure

ROOT = Path(__file__).parents[3] / "shared" / "data" / "lung" / "nodules"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.integration,
    pytest.mark.skipif(not ROOT.exists(), reason="../shared/data/lung is not there"),
]
NOT_ITS_OWN_MASK = {"LIDC-IDRI-0011_R_1", "LIDC-IDRI-0012_R_1", "LIDC-IDRI-0583_R_2", "LIDC-IDRI-0775_R_1"}
Measured = tuple[float, float, int, int, Density, bool]


@cache
def measured() -> list[Measured]:
    """Ours and LUNA16's diameter in mm, ratings of texture and calcification, our density and calcium."""
    rows = list(csv.DictReader((ROOT / "nodules.csv").read_text(encoding="utf-8").splitlines()))[::6]
    return [_measured(row) for row in rows if row["stem"] not in NOT_ITS_OWN_MASK]


def _measured(row: dict[str, str]) -> Measured:
    image, outline = (
        nibabel.nifti1.Nifti1Image.from_filename(ROOT / kind / f"{row['stem']}.nii.gz") for kind in ("images", "masks")
    )
    hu, mask = (np.ascontiguousarray(np.asarray(each.dataobj).T) for each in (image, outline))
    x, y, z = (float(step) for step in np.linalg.norm(np.asarray(image.affine)[:3, :3], axis=0))
    ours = measure.size(mask > 0, hu, (z, y, x)).diameter_mm
    told = measure.density(mask > 0, hu), measure.calcified(mask > 0, hu)
    return ours, float(row["diameter_mm"]), int(row["Texture_value"]), int(row["Calcification_value"]), *told


def test_diameter_is_luna16s_without_bias() -> None:
    errors = np.array([ours - theirs for ours, theirs, *_ in measured()])
    assert len(errors) > 140
    assert np.median(np.abs(errors)) < 0.35
    assert abs(np.median(errors)) < 0.2


def test_density_agrees_with_the_texture_that_radiologists_saw() -> None:
    solid = [density is Density.SOLID for *_, texture, _, density, _ in measured() if texture == 5]
    ground_glass = [density is not Density.SOLID for *_, texture, _, density, _ in measured() if texture <= 2]
    assert np.mean(solid) > 0.9
    assert np.mean(ground_glass) > 0.8


def test_calcium_agrees_with_what_radiologists_saw() -> None:
    calcified = [calcium for *_, rating, _, calcium in measured() if rating == 3]
    without = [calcium for *_, rating, _, calcium in measured() if rating == 6]
    assert np.mean(calcified) > 0.8
    assert np.mean(without) < 0.03
