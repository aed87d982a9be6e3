"""Frames as tensors, drawn so that sources and findings are balanced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from aimis.readers.oesophagus import aperture
from aimis.readers.oesophagus.network import SITES
from training.fundus import negatives
from training.oesophagus import data
from training.oesophagus.augment import augment, recoloured_as

if TYPE_CHECKING:
    from training.oesophagus.train import Recipe

MAP_STEP_PX = 8
Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
OUTSIDE_SHARE = 0.05  # of what is drawn is no endoscopy at all
GENTLE = ("nics2021", "hyperkvasir")  # the one tells sites, the other oesophagitis from a z-line
_ANY = 31


def to_input(square: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Shape (3, side, side), x / 127.5 - 1."""
    return torch.from_numpy(np.ascontiguousarray(square.transpose(2, 0, 1))).float().div_(127.5).sub_(1)


def outside(shared: Path, folder: Path) -> npt.NDArray[np.uint8]:
    """Pictures that are no endoscopy, normalised as frames are, shape (pictures, side, side, 3); made once."""
    path = folder / "outside.npy"
    if not path.exists():
        fundus = [data.read_rgb(p) for p in sorted((shared / "fundus" / "images").rglob("*.webp"))[::40]]
        found = [p for family, p in negatives.negatives(shared, "train", seed=9) if family != "endoscopy"]
        squares = [aperture.normalise(p, aperture.find_aperture(p), data.CACHE_SIDE_PX) for p in fundus + found]
        np.save(path, np.stack(squares))
    return np.asarray(np.load(path, mmap_mode="r"))


def share_of(row: data.Row) -> tuple[str, float]:
    """The family of a row, and the share of draws that the family has."""
    classes, source = data.classes_of(row), row["source"]
    if source == "edd2020":
        return ("edd-neoplasia", 0.17) if classes & data.NEOPLASIA else ("edd-rest", 0.2)
    if source == "ippa":
        return ("ippa-cancer", 0.05) if classes & data.NEOPLASIA else ("ippa-rest", 0.1)
    if source == "hyperkvasir":
        return ("hk-no", 0.04) if row["oesophagus"] == "no" else ("hk", 0.16)
    if source == "nics2021":
        return ("sites", 0.2) if row["oesophagus"] == "no" else ("nics", 0.13)
    return source, 0.03 if source == "ipcl" else 0.06


class Frames(Dataset[Batch]):
    """What is drawn for one epoch: input, allowed classes at 1/8, truth and weight of findings, site."""

    def __init__(
        self,
        cache: data.Cache,
        rows: list[data.Row],
        indices: list[int],
        recipe: Recipe,
        *,
        seed: int,
        outside: npt.NDArray[np.uint8],
    ) -> None:
        self.cache, self.rows, self.recipe, self.seed, self.outside = cache, rows, recipe, seed, outside
        families = [share_of(rows[i]) for i in indices]
        count = {name: sum(f[0] == name for f in families) for name, _ in families}
        chances = np.array([share / count[name] for name, share in families])
        rng = np.random.default_rng([seed, 5])
        self.drawn = rng.choice(indices, size=recipe.draws, p=chances / chances.sum())

    def __len__(self) -> int:
        return len(self.drawn)

    def __getitem__(self, place: int) -> Batch:
        rng = np.random.default_rng([self.seed, place, 6])
        if rng.random() < OUTSIDE_SHARE:
            return self._outside(rng)
        index = int(self.drawn[place])
        frame, allowed = self.cache.frames[index], self.cache.allowed[index]
        truth, weight = data.findings_of(self.rows[index])
        strength = self.recipe.strength
        if self.rows[index]["source"] in GENTLE and rng.random() < strength.gentle:
            strength = strength.gentler
        if rng.random() < strength.borrow:
            other = self.cache.frames[int(rng.choice(self.drawn))]
            frame = recoloured_as(frame, other, rng.uniform(0.5, 1.0))
        frame, allowed = augment(frame, allowed, self.recipe.side, rng, strength)
        gone = (truth[0] and not (allowed == 4).any()) or (truth[1] and not (allowed & 2).any())
        if gone:
            weight = [0.0, 0.0, weight[2]]  # the lesion was moved out of the picture
        return (
            to_input(frame),
            at_map(allowed),
            torch.tensor(truth),
            torch.tensor(weight),
            torch.tensor(data.site_of(self.rows[index])),
        )

    def _outside(self, rng: np.random.Generator) -> Batch:
        frame = np.asarray(self.outside[rng.integers(len(self.outside))])
        frame, _ = augment(frame, np.full(frame.shape[:2], _ANY, np.uint8), self.recipe.side, rng, self.recipe.strength)
        places = self.recipe.side // MAP_STEP_PX
        none = torch.zeros(3)
        return to_input(frame), torch.zeros(places, places, dtype=torch.uint8), none, none, torch.tensor(_OTHER)


_OTHER = SITES.index("other")


def at_map(allowed: npt.NDArray[np.uint8]) -> torch.Tensor:
    """At the map's step: the middle of each place, shape (side / 8, side / 8)."""
    half = MAP_STEP_PX // 2
    return torch.from_numpy(np.ascontiguousarray(allowed[half::MAP_STEP_PX, half::MAP_STEP_PX]))
