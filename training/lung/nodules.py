"""Nodules as the networks see them: axial slices at 0.7 mm, with the radiologists' ratings and, of volumes, masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import nibabel
import numpy as np
import numpy.typing as npt

from aimis.readers.lung import grid
from training.lung import data

PIXEL_MM = 0.7
SIDE = 64
RATINGS = ("Malignancy", "Spiculation", "Lobulation", "Texture", "Calcification", "Margin")


@dataclass(frozen=True, kw_only=True, eq=False)
class Nodule:
    """A nodule's volume as its file holds it.

    hu, mask : shape (slices, rows, columns), slice 0 lowest; spacing_mm in the same order
    """

    row: dict[str, str]
    hu: npt.NDArray[np.int16]
    mask: npt.NDArray[np.bool_]
    spacing_mm: tuple[float, float, float]
    fold: int

    @property
    def diameter_mm(self) -> float:
        """As annotated."""
        return float(self.row["diameter_mm"])


@dataclass(frozen=True, kw_only=True, eq=False)
class Slices:
    """Axial slices of nodules: pictures and masks (n, 64, 64), mask -1 where unknown; ratings (n, 6), 0 unknown.

    nodule : of which nodule a slice is; largest : whether it is the one with the largest section
    """

    pictures: data.Bytes
    masks: npt.NDArray[np.int8]
    ratings: npt.NDArray[np.float32]
    fold: npt.NDArray[np.int64]
    nodule: npt.NDArray[np.int64]
    area: npt.NDArray[np.float32]


def volumes(root: Path) -> list[Nodule]:
    """LIDC-IDRI's nodules from feet, front and right; four of the 902, whose mask is another nodule's, are left out."""
    found = []
    for row in data.rows(root / "nodules" / "nodules.csv"):
        image, mask = (nibabel.load(root / "nodules" / k / f"{row['stem']}.nii.gz") for k in ("images", "masks"))
        if image.shape != mask.shape or not np.allclose(image.affine, mask.affine, atol=0.01):
            continue
        hu, inside = (_turned(np.asarray(i.dataobj), i.affine) for i in (image, mask))
        spacing = tuple(float(s) for s in reversed(image.header.get_zooms()[:3]))
        fold = data.fold_of_series(root, row["seriesuid"])
        found.append(Nodule(row=row, hu=hu.astype(np.int16), mask=inside > 0, spacing_mm=spacing, fold=fold))
    return found


def _turned(array: npt.NDArray[np.generic], affine: npt.NDArray[np.float64]) -> npt.NDArray[np.generic]:
    """NIfTI's (x, y, z), which run right or left and so on by the signs of its affine (RAS), as (z, y, x) of LPS."""
    if not np.allclose(affine[:3, :3], np.diag(np.diag(affine[:3, :3]))):
        raise ValueError("a nodule's volume is not axial")
    flips = [np.sign(s) != wanted for s, wanted in zip(np.diag(affine)[:3], (-1, -1, 1), strict=True)]
    for axis, flip in enumerate(flips):
        array = np.flip(array, axis) if flip else array
    return np.ascontiguousarray(array.transpose(2, 1, 0))


def slices_of_volumes(nodules: list[Nodule]) -> Slices:
    """Each slice that the mask meets, centred on the whole mask's centre."""
    pictures, masks, ratings, fold, nodule, area = [], [], [], [], [], []
    for place, each in enumerate(nodules):
        middle = np.argwhere(each.mask).mean(axis=0)
        for z in np.flatnonzero(each.mask.any(axis=(1, 2))):
            hu = cut(each.hu[z].astype(np.float32), (middle[1], middle[2]), each.spacing_mm[1])
            mask = cut(each.mask[z].astype(np.float32), (middle[1], middle[2]), each.spacing_mm[1], border=0)
            pictures.append(grid.windowed(hu))
            masks.append((mask > 0.5).astype(np.int8))
            ratings.append([float(each.row[f"{name}_value"]) for name in RATINGS])
            fold.append(each.fold)
            nodule.append(place)
            area.append(float(each.mask[z].sum()) * each.spacing_mm[1] * each.spacing_mm[2])
    return Slices(
        pictures=np.array(pictures),
        masks=np.array(masks),
        ratings=np.array(ratings, np.float32),
        fold=np.array(fold),
        nodule=np.array(nodule),
        area=np.array(area, np.float32),
    )


def slices_of_patches(root: Path) -> Slices:
    """The 2,488 patches; stored values of all makers but Toshiba are 1024 above Hounsfield units."""
    table = data.rows(root / "nodule_patches_2d.csv")
    raw = data.packed(root / "nodule_patches_2d.npy.xz").astype(np.float32)
    pictures = []
    for picture, row in zip(raw, table, strict=True):
        hu = picture - (0 if "TOSHIBA" in row["manufacturer"] and picture.min() < -500 else 1024)
        pictures.append(grid.windowed(cut(hu, (35.0, 35.0), float(row["PixelSpacing"]))))
    names = [name.lower() for name in RATINGS]
    return Slices(
        pictures=np.array(pictures),
        masks=np.full((len(table), SIDE, SIDE), -1, np.int8),
        ratings=np.array([[float(r[n]) for n in names] for r in table], np.float32),
        fold=np.array([data.fold_of_series(root, r["SeriesInstanceUid"]) for r in table]),
        nodule=np.arange(len(table)),
        area=np.zeros(len(table), np.float32),
    )


def cut(
    plane: npt.NDArray[np.float32], centre: tuple[float, float], pixel_mm: float, border: float | None = None
) -> npt.NDArray[np.float32]:
    """A square of 64 pixels of 0.7 mm about a centre (row, column); beyond the plane its edge goes on."""
    step = PIXEL_MM / pixel_mm
    turn = np.array([[step, 0, centre[1] - step * (SIDE - 1) / 2], [0, step, centre[0] - step * (SIDE - 1) / 2]])
    mode = cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(plane, turn, (SIDE, SIDE), flags=flags, borderMode=mode, borderValue=border or 0))
