"""The development data of the lung, and the one split by patient that every set shares.

LUNA16's crops name their scan only by a bracket of its rank among the series, so the split follows that rank: four
blocks of series, with a gap of ten ranks at each border that no fold trains or measures on. Series after the last
crop's have no rank and are dealt out by their hash.
"""

from __future__ import annotations

import csv
import hashlib
import io
import lzma
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

FOLDS = 4
BORDERS = (215, 400, 550)
"""Ranks at which a block ends; LIDC-IDRI-0003 lies in the first block and LIDC-IDRI-0001 in the second."""
GAP = 10
NO_FOLD = -1
SCANS = ("LIDC-IDRI-0003", "LIDC-IDRI-0001", "COVID-CT-MD-normal001", "CPTAC-LSCC_C3N-00247")
"""The whole scan that each fold leaves out."""
UNLABELLED = SCANS[3]
"""Whether what is marked in it is a nodule is not known; it counts as none."""
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class Crops:
    """LUNA16's candidates: pictures (n, 50, 50) in 8 bit over the window, truth 0 or 1, fold (-1 in a gap)."""

    pictures: Bytes
    truth: npt.NDArray[np.int64]
    fold: npt.NDArray[np.int64]


def rows(path: Path) -> list[dict[str, str]]:
    """A table's rows."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def packed(path: Path) -> npt.NDArray[np.generic]:
    """An array of a `.npy.xz`."""
    return np.asarray(np.load(io.BytesIO(lzma.decompress(path.read_bytes()))))


def crops(root: Path) -> Crops:
    """All crops."""
    table = rows(root / "luna16_candidates.csv")
    fold = [fold_of_ranks(int(r["series_rank_lo"]), int(r["series_rank_hi"])) for r in table]
    return Crops(
        pictures=packed(root / "luna16_candidates.npy.xz").astype(np.uint8),
        truth=np.array([int(r["label"]) for r in table]),
        fold=np.array(fold),
    )


def fold_of_ranks(low: int, high: int) -> int:
    """The block of a scan whose rank lies between the two; -1 near a border."""
    if any(low - GAP < border <= high + GAP for border in BORDERS):
        return NO_FOLD
    return bisect_left(BORDERS, low + 1)


def fold_of_series(root: Path, uid: str) -> int:
    """The same by SeriesInstanceUID."""
    uids, ranks = _anchors(root)
    place = bisect_left(uids, uid)
    if place == len(uids):
        return hashlib.sha256(uid.encode()).digest()[0] % FOLDS
    low = ranks[place] if uids[place] == uid else ranks[max(0, place - 1)]
    return fold_of_ranks(low, ranks[place])


@lru_cache
def _anchors(root: Path) -> tuple[list[str], list[int]]:
    """Series whose rank is known, in order."""
    table = rows(root / "luna16_candidates.csv")
    known = sorted({(r["seriesuid_if_unique"], int(r["series_rank_lo"])) for r in table if r["seriesuid_if_unique"]})
    return [uid for uid, _ in known], [rank for _, rank in known]
