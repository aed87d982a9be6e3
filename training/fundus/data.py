"""Fundus photographs: labels with their weights, the patient-wise split, the cache, augmentation."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from aimis.imaging.field import disc, find_field, normalise_field
from aimis.readers.fundus.network import TARGETS

CACHE_SIDE_PX = 448
FLAG_COLUMNS = {
    "glaucoma": "glaucoma",
    "age-related-macular-degeneration": "amd",
    "cataract": "cataract",
    "hypertensive-retinopathy": "hypertensive",
    "pathological-myopia": "pathological_myopia",
    "other-fundus-abnormality": "other",
}
FINDINGS = {  # finding -> its target and the column of truth
    "any-diabetic-retinopathy": "icdr-1-or-worse",
    "referable-diabetic-retinopathy": "icdr-2-or-worse",
    **{name: name for name in TARGETS[4:]},
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


def truth_of(row: Row, finding: str) -> float | None:
    """1, 0 or None where the source does not say; as the scoring program has it."""
    truth, weight = targets_of(row)
    place = TARGETS.index(FINDINGS[finding])
    return truth[place] if weight[place] >= 1 else None


def normal_eyes(rows: list[Row]) -> dict[str, npt.NDArray[np.bool_]]:
    """Source -> shape (rows,), its eyes labelled normal, or graded as without retinopathy where no other label is."""
    normal = [row["normal"] == "1" if row["normal"] else row["icdr_grade"] == "0" for row in rows]
    sources = np.array([row["source"] for row in rows])
    return {str(source): np.array(normal) & (sources == source) for source in dict.fromkeys(sources)}


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
            rgb = read_rgb(root / row["file"])
            field = find_field(rgb)
            if field is not None:
                cache[index] = normalise_field(rgb, field, CACHE_SIDE_PX)
        cache.flush()
        partial.rename(path)
    return np.asarray(np.load(path, mmap_mode="r"))


def read_rgb(path: Path) -> npt.NDArray[np.uint8]:
    """The picture of a file, shape (rows, columns, 3)."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise ValueError(f"{path} is no picture")
    return np.asarray(picture, dtype=np.uint8)


def augment(
    square: npt.NDArray[np.uint8], side_px: int, rng: np.random.Generator, strength: float = 1.0
) -> npt.NDArray[np.uint8]:
    """Another camera, codec, light, focus and field for the same eye; strength 0 leaves turning and mirroring alone."""
    out: npt.NDArray[Any] = _recolour(_move(square, side_px, rng, strength), rng, strength)
    if rng.random() < 0.25 * strength:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.3, 1.3) * side_px / 384)
    if rng.random() < 0.25 * strength:
        grain = rng.standard_normal((side_px // 2, side_px // 2), dtype=np.float32) * rng.uniform(1, 6)
        out = cv2.add(out, cv2.merge([cv2.resize(grain, (side_px, side_px))] * 3), dtype=cv2.CV_8U)
    codec = rng.random() / max(strength, 1e-6)
    if codec < 0.35:
        out = _recode(out, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 96))])
    elif codec < 0.47:
        out = _recode(out, ".webp", [cv2.IMWRITE_WEBP_QUALITY, int(rng.integers(20, 91))])
    return np.asarray(cv2.bitwise_and(out, out, mask=_frame(side_px, rng, strength)), dtype=np.uint8)


def _around_one(rng: np.random.Generator, low: float, high: float, strength: float) -> float:
    """A factor between low and high, drawn towards 1 by a lower strength."""
    return 1 + (rng.uniform(low, high) - 1) * strength


def _move(
    square: npt.NDArray[np.uint8], side_px: int, rng: np.random.Generator, strength: float
) -> npt.NDArray[np.uint8]:
    angle, zoom = np.radians(rng.uniform(-30, 30)), _around_one(rng, 0.88, 1.15, strength) * side_px / square.shape[0]
    stretch = np.exp(rng.uniform(-0.07, 0.07, 2) * strength)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    mirror = np.array([rng.choice([-1, 1]), rng.choice([-1, 1], p=[0.3, 0.7])])
    linear = turn * (zoom * stretch * mirror)
    middle = (square.shape[0] - 1) / 2
    offset = (side_px - 1) / 2 + rng.uniform(-0.04, 0.04, 2) * strength * side_px - linear @ [middle, middle]
    matrix = np.column_stack([linear, offset])
    return np.asarray(cv2.warpAffine(square, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR), dtype=np.uint8)


def _recolour(square: npt.NDArray[np.uint8], rng: np.random.Generator, strength: float) -> npt.NDArray[np.uint8]:
    levels = np.arange(256, dtype=np.float32) / 255
    gains = _around_one(rng, 0.75, 1.3, strength) * np.exp(rng.normal(0, 0.12, 3) * strength)
    gamma = np.exp(rng.uniform(-0.35, 0.35) * strength)
    table = np.clip(255 * gains[None, :] * levels[:, None] ** gamma, 0, 255).astype(np.uint8)
    out = cv2.LUT(square, table[None])
    if rng.random() < 0.5:
        colour = _around_one(rng, 0.6, 1.4, strength)
        out = cv2.transform(out, colour * np.eye(3) + (1 - colour) / 3)
    if rng.random() < 0.4 * strength:
        coarse = (1 + (rng.uniform(0.6, 1.35, (3, 3)) - 1) * strength).astype(np.float32)
        light = cv2.resize(coarse, out.shape[:2], interpolation=cv2.INTER_CUBIC)
        out = cv2.multiply(out, cv2.merge([light] * 3), dtype=cv2.CV_8U)
    return np.asarray(out, dtype=np.uint8)


def _frame(side_px: int, rng: np.random.Generator, strength: float) -> npt.NDArray[np.uint8]:
    """What a camera leaves of the disc: all, top and bottom cut, or a square out of the middle."""
    mask = disc(side_px)
    kind = rng.random() / max(strength, 1e-6)
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
