"""Fundus photographs for training: labels with masks, the patient-wise split, the cache, augmentation."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from aimis.imaging.field import disc, find_field, normalise_field
from training.fundus.network import TARGETS

CACHE_SIDE_PX = 448
FLAG_COLUMNS = {
    "glaucoma": "glaucoma",
    "age-related-macular-degeneration": "amd",
    "cataract": "cataract",
    "hypertensive-retinopathy": "hypertensive",
    "pathological-myopia": "pathological_myopia",
    "other-fundus-abnormality": "other",
}
Row = dict[str, str]


def read_rows(root: Path) -> list[Row]:
    """The rows of labels.csv, in its order."""
    with (root / "labels.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def part_of(row: Row) -> str:
    """train, calibration or test (70, 10 and 20 in 100), by a hash of source and patient: never by image."""
    digest = hashlib.sha256(f"{row['source']}:{row['patient']}".encode()).digest()
    place = int.from_bytes(digest[:4], "big") % 100
    return "test" if place < 20 else "calibration" if place < 30 else "train"


def targets_of(row: Row) -> tuple[list[float], list[float]]:
    """Truth and weight of each of TARGETS; weight 0 where the source does not say."""
    truth = dict.fromkeys(TARGETS, 0.0)
    weight = dict.fromkeys(TARGETS, 0.0)

    def say(target: str, value: float, how_much: float = 1.0) -> None:
        truth[target], weight[target] = value, how_much

    grade = int(row["icdr_grade"]) if row["icdr_grade"] else 0 if row["dr"] == "0" else None
    if grade is not None:
        for step, target in enumerate(TARGETS[:4], start=1):
            say(target, float(grade >= step))
    elif row["dr"] == "1":
        say(TARGETS[0], 1.0)
    if row["dme_grade"]:
        say("diabetic-macular-oedema", float(int(row["dme_grade"]) >= 1), 2.0)
    elif grade == 0:  # no retinopathy, so no diabetic oedema; a little weight, for all positives are of one source
        say("diabetic-macular-oedema", 0.0, 0.1)
    for target, column in FLAG_COLUMNS.items():
        if row[column] and not (target == "glaucoma" and row["glaucoma_suspect"] == "1"):
            say(target, float(row[column]))
    if row["normal"]:
        say("abnormal-fundus", 1.0 - float(row["normal"]))
    return list(truth.values()), list(weight.values())


def sampling_weight(row: Row) -> float:
    """How often a row is drawn: sources and rare diseases balanced, plain normals thinned."""
    rare = any(row[c] == "1" for c in ("glaucoma", "amd", "hypertensive", "pathological_myopia", "cataract"))
    severe = row["icdr_grade"] in ("3", "4")
    if row["source"] == "idrid":
        return 2.5
    if row["source"] == "eyepacs":
        return 1.0 if row["icdr_grade"] == "0" else 2.5
    return 2.0 if rare or severe else 0.5 if row["normal"] == "1" else 1.0


def load_cache(root: Path, folder: Path) -> npt.NDArray[np.uint8]:
    """All photographs, field normalised, shape (images, side, side, 3); made once, then mapped from disk."""
    path = folder / f"fundus-{CACHE_SIDE_PX}.npy"
    if not path.exists():
        rows = read_rows(root)
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        shape = (len(rows), CACHE_SIDE_PX, CACHE_SIDE_PX, 3)
        cache = np.lib.format.open_memmap(partial, "w+", np.uint8, shape)
        for index, row in enumerate(rows):
            rgb = np.ascontiguousarray(cv2.imread(str(root / row["file"]))[:, :, ::-1])
            field = find_field(rgb)
            if field is not None:
                cache[index] = normalise_field(rgb, field, CACHE_SIDE_PX)
        cache.flush()
        partial.rename(path)
    return np.load(path, mmap_mode="r")


def augment(square: npt.NDArray[np.uint8], side_px: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Another camera, codec, light, focus and field for the same eye."""
    out = _move(square, side_px, rng)
    out = _recolour(out, rng)
    if rng.random() < 0.25:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.3, 1.3) * side_px / 384)
    if rng.random() < 0.25:
        grain = rng.standard_normal((side_px // 2, side_px // 2), dtype=np.float32) * rng.uniform(1, 6)
        out = cv2.add(out, cv2.merge([cv2.resize(grain, (side_px, side_px))] * 3), dtype=cv2.CV_8U)
    codec = rng.random()
    if codec < 0.35:
        out = _recode(out, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 96))])
    elif codec < 0.47:
        out = _recode(out, ".webp", [cv2.IMWRITE_WEBP_QUALITY, int(rng.integers(20, 91))])
    return np.asarray(cv2.bitwise_and(out, out, mask=_frame(side_px, rng)), dtype=np.uint8)


def _move(square: npt.NDArray[np.uint8], side_px: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    angle, zoom = rng.uniform(-30, 30), rng.uniform(0.88, 1.15) * side_px / square.shape[0]
    stretch = np.exp(rng.uniform(-0.07, 0.07, 2))
    turn = np.array([[np.cos(np.radians(angle)), -np.sin(np.radians(angle))], [np.sin(np.radians(angle)), np.cos(np.radians(angle))]])
    mirror = np.array([rng.choice([-1, 1]), rng.choice([-1, 1], p=[0.3, 0.7])])
    linear = turn * (zoom * stretch * mirror)
    middle = (square.shape[0] - 1) / 2
    offset = (side_px - 1) / 2 + rng.uniform(-0.04, 0.04, 2) * side_px - linear @ [middle, middle]
    return np.asarray(cv2.warpAffine(square, np.column_stack([linear, offset]), (side_px, side_px), flags=cv2.INTER_AREA))


def _recolour(square: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    levels = np.arange(256, dtype=np.float32) / 255
    gains = rng.uniform(0.75, 1.3) * np.exp(rng.normal(0, 0.12, 3))
    gamma = np.exp(rng.uniform(-0.35, 0.35))
    table = np.clip(255 * gains[None, :] * levels[:, None] ** gamma, 0, 255).astype(np.uint8)
    out = cv2.LUT(square, table[None])
    if rng.random() < 0.5:
        colour = rng.uniform(0.6, 1.4)
        out = cv2.transform(out, colour * np.eye(3) + (1 - colour) / 3)
    if rng.random() < 0.4:
        light = cv2.resize(rng.uniform(0.6, 1.35, (3, 3)).astype(np.float32), out.shape[:2], interpolation=cv2.INTER_CUBIC)
        out = cv2.multiply(out, cv2.merge([light] * 3), dtype=cv2.CV_8U)
    return np.asarray(out, dtype=np.uint8)


def _frame(side_px: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """What a camera leaves of the disc: all, top and bottom cut, or a square out of the middle."""
    mask = disc(side_px)
    kind = rng.random()
    if kind < 0.35:
        cut = int(side_px * rng.uniform(0.02, 0.14))
        mask[:cut] = mask[side_px - cut :] = 0
    if kind < 0.15:
        cut = int(side_px * rng.uniform(0.02, 0.14))
        mask[:, :cut] = mask[:, side_px - cut :] = 0
    return mask


def _recode(rgb: npt.NDArray[np.uint8], extension: str, options: list[int]) -> npt.NDArray[np.uint8]:
    _, encoded = cv2.imencode(extension, rgb, options)
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


def to_input(square: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Shape (3, side, side), x / 127.5 - 1."""
    return torch.from_numpy(np.ascontiguousarray(square.transpose(2, 0, 1))).float().div_(127.5).sub_(1)


class Photographs(Dataset[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]):
    """Input, truth and weight of the rows at `indices`; augmented where a seed is given."""

    def __init__(
        self, cache: npt.NDArray[np.uint8], rows: list[Row], indices: list[int], side_px: int, seed: int | None = None
    ) -> None:
        self.cache, self.rows, self.indices, self.side_px, self.seed = cache, rows, indices, side_px, seed

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        index = self.indices[place]
        square = np.asarray(self.cache[index])
        if self.seed is not None:
            square = augment(square, self.side_px, np.random.default_rng([self.seed, place, index]))
        elif self.side_px != square.shape[0]:
            square = np.asarray(cv2.resize(square, (self.side_px, self.side_px), interpolation=cv2.INTER_AREA))
        truth, weight = targets_of(self.rows[index])
        return to_input(square), torch.tensor(truth), torch.tensor(weight)
