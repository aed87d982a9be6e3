"""Endoscopy frames: what each says, pixel by pixel and as a whole; folds that leave centres out; the cache."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from aimis.readers.oesophagus import aperture
from aimis.readers.oesophagus.network import CLASSES, FINDINGS, SITES

CACHE_SIDE_PX = 384
Row = dict[str, str]
Square = npt.NDArray[np.uint8]

BARRETTS = {"BE", "short-segment-barretts"}
NEOPLASIA = {"HGD", "cancer", "early-cancer", "ipcl-b1", "ipcl-b2", "ipcl-b3"}
OESOPHAGITIS = {"oesophagitis", "oesophagitis-a", "oesophagitis-b-d"}
OTHER_LESION = {"polyp"}
_COLON = ("bbps", "dyed", "impacted", "ulcerative")
_BIT = {name: 1 << place for place, name in enumerate(CLASSES)}
_ANY = sum(_BIT.values())
_BACKGROUND = _BIT["background"]
_MASKED = (  # later ones lie over earlier ones
    (BARRETTS, _BIT["barretts-oesophagus"]),
    (OESOPHAGITIS, _BIT["oesophagitis"]),
    (OTHER_LESION, _BIT["other-lesion"]),
    ({"suspicious"}, _BACKGROUND | _BIT["barretts-oesophagus"] | _BIT["oesophageal-neoplasia"]),
    (NEOPLASIA, _BIT["oesophageal-neoplasia"]),
)


def read_rows(root: Path) -> list[Row]:
    """The rows of labels.csv, in its order."""
    with (root / "labels.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def classes_of(row: Row) -> set[str]:
    """The labels of a frame."""
    return set(filter(None, row["classes"].split(";")))


def fold_of(row: Row, folds: int = 3) -> int:
    """The fold that leaves the frame out: EDD2020 by centre (AJ, INAB, the three small ones), all else by group."""
    if row["source"] == "edd2020":
        return {"AJ": 0, "INAB": 1}.get(row["centre"], 2)
    if row["source"] == "ippa":  # by day: the groups are days
        return int.from_bytes(hashlib.sha256(row["group"].encode()).digest()[:4], "big") % folds
    return int.from_bytes(hashlib.sha256(f"{row['source']}:{row['group']}".encode()).digest()[:4], "big") % folds


def half_of(row: Row) -> int:
    """0 for the half of a source's groups that an operating point may be set on, 1 for the other."""
    return hashlib.sha256(f"half:{row['source']}:{row['group']}".encode()).digest()[0] & 1


def allowed_without_mask(row: Row) -> int:
    """The classes, as bits, that a place outside every mask may belong to."""
    classes = classes_of(row)
    if row["source"] == "ipcl" or classes & {"gastric-cancer", "duodenal-ulcer"} or "ulcerative" in row["classes"]:
        return _ANY  # boxes are samples, and lesions of other organs are not outlined
    if row["source"] == "hyperkvasir":
        if classes & BARRETTS:
            return _BACKGROUND | _BIT["barretts-oesophagus"]
        if classes & OESOPHAGITIS:
            return _BACKGROUND | _BIT["oesophagitis"]
    if row["source"] == "edd2020" and not classes & (BARRETTS | OTHER_LESION):
        return _BACKGROUND | _BIT["barretts-oesophagus"]
    return _BACKGROUND


def allowed_map(root: Path, row: Row, shape: tuple[int, int]) -> Square:
    """Bits of the classes that each place may belong to, shape (rows, columns) of the file's picture."""
    allowed = np.full(shape, allowed_without_mask(row), dtype=np.uint8)
    for names, bits in _MASKED:
        for name in sorted(classes_of(row) & names):
            mask = _mask(root, row, name, shape)
            allowed[mask] = bits
    if row["source"] == "ipcl" and "ipcl-a" in classes_of(row):
        allowed[_mask(root, row, "ipcl-a", shape)] = _BACKGROUND
    return allowed


def _mask(root: Path, row: Row, name: str, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    path = root / "masks" / row["source"] / f"{Path(row['file']).stem}_{name}.png"
    if not path.exists():
        return np.zeros(shape, dtype=bool)
    mask = read_rgb(path)[..., 0]
    if mask.shape != shape:
        mask = np.asarray(cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    return np.asarray(mask > 127)


def findings_of(row: Row) -> tuple[list[float], list[float]]:
    """Truth and weight of each of FINDINGS; weight 0 where the labels do not say."""
    classes, source = classes_of(row), row["source"]
    normal = source in ("gastrovision", "nics2021") or "normal-z-line" in classes
    say: dict[str, tuple[float, float]] = dict.fromkeys(FINDINGS, (0.0, 0.0))
    if classes & NEOPLASIA:
        say["oesophageal-neoplasia"] = (1.0, 1.0)
    elif not classes & {"suspicious", "gastric-cancer"}:
        say["oesophageal-neoplasia"] = (0.0, 1.0)
    if classes & BARRETTS:
        say["barretts-oesophagus"] = (1.0, 1.0)
    elif normal or classes & (OESOPHAGITIS | OTHER_LESION) or source in ("ippa", "ipcl"):
        say["barretts-oesophagus"] = (0.0, 1.0)
    if classes & OESOPHAGITIS:
        say["oesophagitis"] = (1.0, 1.0)
    elif normal or source in ("ippa", "ipcl"):
        say["oesophagitis"] = (0.0, 1.0)
    truth, weight = zip(*(say[f] for f in FINDINGS), strict=True)
    return list(truth), list(weight)


def balanced(truth: npt.NDArray[np.bool_], sources: npt.NDArray[np.str_]) -> npt.NDArray[np.float64]:
    """Weights under which a frame's source says little of its finding, together 1.

    Half for the frames with the finding, a quarter each for those without of the same sources and of the others; in
    each part all sources weigh the same.
    """
    showing = np.isin(sources, sources[truth])
    found = np.zeros(len(truth))
    for part, share in ((truth, 0.5), (~truth & showing, 0.25), (~truth & ~showing, 0.25)):
        names, of, count = np.unique(sources[part], return_inverse=True, return_counts=True)
        found[part] = share / len(names) / count[of] if len(names) else 0.0
    return np.asarray(found / found.sum())


UNKNOWN_SITE, ANOTHER_ORGAN = -1, -2


def site_of(row: Row) -> int:
    """The place in SITES; ANOTHER_ORGAN where only this is known, UNKNOWN_SITE where nothing is."""
    site = _site_name(row)
    if site is not None:
        return SITES.index(site)
    return ANOTHER_ORGAN if row["oesophagus"] == "no" else UNKNOWN_SITE


def _site_name(row: Row) -> str | None:
    name, source = row["classes"], row["source"]
    if name.startswith("site-"):
        return name.removeprefix("site-")
    if source == "hyperkvasir":
        return "colon" if name.startswith(_COLON) else "antrum" if name == "normal-pylorus" else "cardia-gej"
    if row["oesophagus"] == "junction":
        return "cardia-gej"
    if row["oesophagus"] == "yes":
        return "oesophagus"
    return "colon" if row["centre"] in ("NAF", "F") and "polyp" in name else None


class Cache(NamedTuple):
    """Frames of shape (rows, side, side, 3), allowed classes as bits of shape (rows, side, side); 0 outside."""

    frames: Square
    allowed: Square


def load_cache(root: Path, folder: Path) -> Cache:
    """All frames normalised, and their maps alike; made once, then mapped from disk."""
    paths = [folder / f"{name}-{CACHE_SIDE_PX}.npy" for name in ("frames", "allowed")]
    if not paths[1].exists():
        rows = read_rows(root)
        folder.mkdir(parents=True, exist_ok=True)
        pairs = [normalised(root, row) for row in rows]
        for path, part in zip(paths, zip(*pairs, strict=True), strict=True):
            np.save(path, np.stack(part))
    frames, allowed = (np.load(path) for path in paths)
    return Cache(frames, allowed)


def normalised(root: Path, row: Row) -> tuple[Square, Square]:
    """The frame as the network takes it, and its allowed classes in the same place."""
    rgb = read_rgb(root / row["file"])
    found = aperture.find_aperture(rgb)
    allowed = allowed_map(root, row, rgb.shape[:2])
    zoom, x, y = found.placement(CACHE_SIDE_PX)
    matrix = np.array([[zoom, 0, x - 0.5 + zoom / 2], [0, zoom, y - 0.5 + zoom / 2]])
    square = cv2.warpAffine(allowed, matrix, (CACHE_SIDE_PX, CACHE_SIDE_PX), flags=cv2.INTER_NEAREST)
    square[aperture.shown(found, CACHE_SIDE_PX) == 0] = 0
    return aperture.normalise(rgb, found, CACHE_SIDE_PX), np.asarray(square, dtype=np.uint8)


def read_rgb(path: Path) -> Square:
    """The picture of a file, shape (rows, columns, 3)."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise ValueError(f"{path} is no picture")
    return np.asarray(picture, dtype=np.uint8)
