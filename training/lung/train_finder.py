"""Train the finder: `python -m training.lung.train_finder --fold 0`; without a fold, on all scans and patients."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from aimis.readers.lung import grid
from training import run
from training.lung import data, insertion, nodules, scans
from training.lung.finder_network import FinderNetwork, split

SEED = 11
BATCH = 6
RATE = 3e-3
PATCH = (32, 96, 96)
INSERTED = 30
"""Nodules put into a scan at a time."""
RARE, SMALL = 4.0, 1.5
"""How much oftener a nodule is drawn that is not solid; that is under 6 mm."""
PATCHES = 42
"""Cut from it before others are put in."""
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Host:
    """A scan on the working grid: HU, lungs' labels, places for nodules, its own nodules."""

    name: str
    hu: Floats
    labels: npt.NDArray[np.uint8]
    places: insertion.Places
    nodules: tuple[tuple[tuple[int, int, int], float], ...]


def main() -> None:
    """Parse and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/lung"))
    parser.add_argument("--work", type=Path, default=Path(".work/lung"))
    parser.add_argument("--run", default="finder")
    parser.add_argument("--fold", type=int)
    parser.add_argument("--steps", type=int, default=4000)
    args = parser.parse_args()
    torch.manual_seed(SEED)
    kept_scans = [name for fold, name in enumerate(data.SCANS) if fold != args.fold]
    examples = Examples([host(args.data, args.work, n) for n in kept_scans], volumes_without(args.data, args.fold))
    folder = args.work / (args.run + (f"-fold{args.fold}" if args.fold is not None else ""))
    Run(folder, args.steps).train(examples)


def volumes_without(root: Path, fold: int | None) -> list[nodules.Nodule]:
    """The nodules of patients that a fold trains on."""
    return [n for n in nodules.volumes(root) if fold is None or n.fold not in (fold, data.NO_FOLD)]


def host(root: Path, work: Path, name: str) -> Host:
    """A scan as host; kept in the work folder."""
    stored = work / f"host-{name}.npz"
    if not stored.exists():
        scan = scans.load(root, name)
        made, labels = scans.on_grid(scan)
        own = [(*np.rint(made.to_grid(place)).astype(int), mm) for place, mm in scan.nodules]
        np.savez_compressed(stored, values=made.values, labels=labels, own=np.array(own).reshape(-1, 4))
    with np.load(stored) as arrays:
        low, high = grid.WINDOW_HU
        hu = arrays["values"].astype(np.float32) * ((high - low) / 255) + low
        labels, own = arrays["labels"], arrays["own"]
    places = insertion.Places(labels, hu, grid.SPACING_MM)
    known = tuple(((int(z), int(y), int(x)), float(mm)) for z, y, x, mm in own)
    return Host(name=name, hu=hu, labels=labels, places=places, nodules=known)


class Examples(IterableDataset[tuple[Floats, Floats, Floats, Floats]]):
    """Patches without end: picture 0..1, heat, log size, weight; the last three of half the rows and columns."""

    def __init__(self, hosts: list[Host], volumes: list[nodules.Nodule]) -> None:
        self.hosts, self.volumes = hosts, volumes
        rare = np.array([RARE if float(n.row["Texture_value"]) <= 3 else 1.0 for n in volumes])
        weight = rare * np.array([SMALL if n.diameter_mm < 6 else 1.0 for n in volumes])
        self.shares = weight / weight.sum()

    def __iter__(self) -> Iterator[tuple[Floats, Floats, Floats, Floats]]:
        """Rounds of insertion into one scan after another."""
        rng = np.random.default_rng(torch.initial_seed() % 2**32)
        while True:
            for each in self.hosts:
                yield from self._round(each, rng)

    def _round(self, each: Host, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats, Floats, Floats]]:
        hu, marks = each.hu.copy(), list(each.nodules)
        for _ in range(INSERTED):
            nodule = self.volumes[rng.choice(len(self.volumes), p=self.shares)]
            size = nodule.diameter_mm
            scale = float(np.exp(rng.uniform(-0.35, 0.25))) if size > 6 else float(np.exp(rng.uniform(-0.1, 0.3)))
            if size * scale < 3.5:
                scale = 3.5 / size
            made = insertion.stamp(
                nodule, grid.SPACING_MM, scale=scale, angle=rng.uniform(0, 2 * math.pi),
                flip=(bool(rng.random() < 0.5), bool(rng.random() < 0.5)),
            )  # fmt: skip
            place = each.places.put(hu, made, rng, marks)
            if place is not None:
                marks.append((place, made.diameter_mm))
        for k in range(PATCHES):
            if k % 5 < 4 and marks:
                centre = np.array(marks[rng.integers(len(marks))][0]) + rng.integers(-12, 13, 3) * (1, 2, 2)
            else:
                centre = each.places.any_voxel(rng)
            yield patch(hu, each.labels, marks, centre, rng)


def patch(
    hu: Floats,
    labels: npt.NDArray[np.uint8],
    marks: list[tuple[tuple[int, int, int], float]],
    centre: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[Floats, Floats, Floats, Floats]:
    """One example about a centre, turned, mirrored and disturbed."""
    first = [int(np.clip(c - n // 2, 0, max(0, s - n))) for c, n, s in zip(centre, PATCH, hu.shape, strict=True)]
    box = tuple(slice(f, f + n) for f, n in zip(first, PATCH, strict=True))
    short = [(0, n - min(n, s - f)) for f, n, s in zip(first, PATCH, hu.shape, strict=True)]
    picture = np.pad((hu[box] - grid.WINDOW_HU[0]) / (grid.WINDOW_HU[1] - grid.WINDOW_HU[0]), short, mode="edge")
    near = np.pad(labels[box] > 0, short)[:, ::2, ::2]
    weight = (torch.nn.functional.max_pool3d(torch.from_numpy(near).float()[None], 3, 1, 1)[0]).numpy()
    heat, size = np.zeros(weight.shape, np.float32), np.zeros(weight.shape, np.float32)
    axes = np.meshgrid(*(np.arange(n) for n in heat.shape), indexing="ij", sparse=True)
    for place, mm in marks:
        at = np.array(place, np.float64) - first
        at[1:] = (at[1:] + 0.5) / 2 - 0.5
        if np.all(at > -8) and np.all(at < np.array(heat.shape) + 8):
            sigma = max(0.8, mm / 12)  # in voxels of 2 mm
            away = sum((a - c) ** 2 for a, c in zip(axes, at, strict=True))
            bump = np.exp(-away / (2 * sigma**2)).astype(np.float32)
            peak = tuple(np.rint(at).astype(int))
            if all(0 <= p < n for p, n in zip(peak, heat.shape, strict=True)):
                bump[peak] = 1.0
            size[bump > np.maximum(heat, 0.3)] = np.log(mm)
            np.maximum(heat, bump, out=heat)
    parts = [picture.astype(np.float32), heat, size, weight]
    turns, flips = int(rng.integers(4)), rng.random(2) < 0.5
    parts = [np.rot90(p, turns, (1, 2)) for p in parts]
    for axis, flip in ((0, flips[0]), (2, flips[1])):
        parts = [np.flip(p, axis) if flip else p for p in parts]
    parts[0] = disturbed(np.ascontiguousarray(parts[0]), rng)
    picture, heat, size, weight = (np.ascontiguousarray(p, np.float32) for p in parts)
    return picture, heat, size, weight


def disturbed(picture: Floats, rng: np.random.Generator) -> Floats:
    """Another kernel (softer or sharper), dose and calibration."""
    from scipy import ndimage  # noqa: PLC0415

    share = rng.uniform(-0.7, 0.6)
    soft = ndimage.uniform_filter(picture, (1, 3, 3)) if abs(share) > 0.15 else picture
    noise = ndimage.uniform_filter(rng.standard_normal(picture.shape, np.float32), (1, 2, 2)) * 2
    changed = picture + share * (soft - picture) + noise * float(rng.random() ** 2 * 0.05)
    return np.asarray(np.clip(changed * rng.normal(1, 0.04) + rng.normal(0, 0.015), 0, 1), np.float32)


class Run(run.Run[FinderNetwork]):
    """Of the finder; a checkpoint every hundred steps."""

    def __init__(self, folder: Path, steps: int) -> None:
        networks = FinderNetwork(), FinderNetwork()
        super().__init__(
            folder, networks, [networks[0].parameters()], weight_decay=0.02, memory_format=torch.channels_last_3d
        )
        self.steps = steps

    def train(self, examples: Examples) -> None:
        """To the last step; a line of losses with each checkpoint."""
        torch.manual_seed(SEED + self.step)
        batches = iter(DataLoader(examples, BATCH, num_workers=1, prefetch_factor=6))
        began, losses = time.time(), []
        self.network.train()
        while self.step < self.steps:
            self.set_rates(RATE, progress=self.step / self.steps, warm=50, least=0.01)
            losses.append(self._step(*next(batches)))
            if self.step % 100 == 0 or self.step == self.steps:
                self.store()
                means = [round(float(x), 4) for x in np.mean(losses, axis=0)]
                line = {"step": self.step, "losses": means, "seconds": round(time.time() - began)}
                print(json.dumps(line), flush=True)
                losses = []

    def _step(self, picture: Tensor, heat: Tensor, size: Tensor, weight: Tensor) -> list[float]:
        with torch.autocast("cpu", torch.bfloat16):
            said = self.network(split(picture))
        parts = [heat_loss(said[:, 0].float(), heat, weight), size_loss(said[:, 1].float(), heat, size)]
        self.descend(parts[0] + 0.3 * parts[1], longest=3.0, slowest=0.995)
        return [float(p.detach()) for p in parts]


def heat_loss(logits: Tensor, heat: Tensor, weight: Tensor) -> Tensor:
    """Focal loss of a centre heat map (Law and Deng, ECCV 2018), a nodule's peak against all other lung."""
    p, peak = torch.sigmoid(logits), (heat >= 1).float()
    found = peak * (1 - p) ** 2 * nn.functional.logsigmoid(logits)
    false = (1 - peak) * weight * (1 - heat) ** 4 * p**2 * nn.functional.logsigmoid(-logits)
    return -(found.sum() + false.sum()) / max(1.0, float(peak.sum()))


def size_loss(logs: Tensor, heat: Tensor, size: Tensor) -> Tensor:
    """Of the logarithm of the diameter near the peaks."""
    near = (heat > 0.5) & (size > 0)
    return (logs - size)[near].abs().mean() if near.any() else logs.sum() * 0


if __name__ == "__main__":
    main()
