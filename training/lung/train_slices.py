"""Train the slice network: `python -m training.lung.train_slices --fold 0`; without a fold, on all patients."""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from aimis.readers.lung.slices import ANSWERS
from training import run
from training.lung import data, nodules
from training.lung.slice_network import SIDE_PX, SliceNetwork

SEED = 7
BATCH = 128
RATE = 3e-3
SLICES_A_NODULE = 2
"""Drawn of each nodule's volume an epoch."""
MINED = 5000
"""Slices of the finder's marks drawn an epoch, where `mine` has stored some."""


def main() -> None:
    """Parse, train, predict the fold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/lung"))
    parser.add_argument("--work", type=Path, default=Path(".work/lung"))
    parser.add_argument("--run", default="slices")
    parser.add_argument("--fold", type=int)
    parser.add_argument("--epochs", type=int, default=25)
    args = parser.parse_args()
    torch.manual_seed(SEED)
    examples = Examples(args.data, args.work, args.fold)
    folder = args.work / (args.run + (f"-fold{args.fold}" if args.fold is not None else ""))
    training = Run(folder, args.epochs)
    while training.epoch < args.epochs:
        training.train_epoch(examples)
    if args.fold is not None:
        print(json.dumps(training.measure(examples, args.fold)), flush=True)


class Examples:
    """All sets in one: pictures (n, 64, 64), masks, and targets (n, 10) with -1 where nothing is known."""

    def __init__(self, root: Path, work: Path, without: int | None) -> None:
        stored = work / "slices.npz"
        if not stored.exists():
            _store(root, stored)
        with np.load(stored) as arrays:
            self.pictures, self.masks, self.targets = arrays["pictures"], arrays["masks"], arrays["targets"]
            self.fold, self.kind, self.nodule = arrays["fold"], arrays["kind"], arrays["nodule"]
            self.area = arrays["area"]
        mined = work / ("mined.npz" if without is None else f"mined-fold{without}.npz")
        if mined.exists():
            self._add(mined)
        keep = np.ones(len(self.fold), bool) if without is None else (self.fold != without) & (self.fold >= 0)
        self.kept = np.flatnonzero(keep)

    def _add(self, path: Path) -> None:
        """The finder's marks, as a fourth kind."""
        with np.load(path) as arrays:
            pictures, truth = arrays["pictures"], arrays["truth"]
        targets = np.full((len(truth), len(ANSWERS)), -1, np.float32)
        targets[:, 0] = truth
        self.pictures = np.concatenate([self.pictures, pictures])
        self.masks = np.concatenate([self.masks, np.full_like(pictures, -1, np.int8)])
        self.targets = np.concatenate([self.targets, targets])
        self.fold = np.concatenate([self.fold, np.full(len(truth), data.FOLDS)])
        self.kind = np.concatenate([self.kind, np.full(len(truth), 3)])
        self.nodule = np.concatenate([self.nodule, np.zeros(len(truth), np.int64)])
        self.area = np.concatenate([self.area, np.zeros(len(truth), np.float32)])

    def draw(self, seed: int) -> npt.NDArray[np.int64]:
        """An epoch: each crop (nodules twice), each patch, some slices of each volume; shuffled."""
        rng = np.random.default_rng(seed)
        kind, kept = self.kind[self.kept], self.kept
        candidates, patches, volumes, mined = (kept[kind == k] for k in range(4))
        true = candidates[self.targets[candidates, 0] == 1]
        weight = np.sqrt(self.area[volumes])
        count = SLICES_A_NODULE * len(np.unique(self.nodule[volumes]))
        drawn = rng.choice(volumes, count, p=weight / weight.sum())
        return rng.permutation(
            np.concatenate([candidates, true, patches, drawn, rng.choice(mined, min(MINED, len(mined)), replace=False)])
        )


def _store(root: Path, path: Path) -> None:
    crops, patches = data.crops(root), nodules.slices_of_patches(root)
    volumes = nodules.slices_of_volumes(nodules.volumes(root))
    pictures = np.pad(crops.pictures, ((0, 0), (7, 7), (7, 7)), mode="edge")
    unknown = np.full((len(pictures), len(ANSWERS)), -1, np.float32)
    unknown[:, 0] = crops.truth
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        pictures=np.concatenate([pictures, patches.pictures, volumes.pictures]),
        masks=np.concatenate([np.full_like(pictures, -1, np.int8), patches.masks, volumes.masks]),
        targets=np.concatenate([unknown, _targets(patches.ratings), _targets(volumes.ratings)]),
        fold=np.concatenate([crops.fold, patches.fold, volumes.fold]),
        kind=np.repeat([0, 1, 2], [len(pictures), len(patches.fold), len(volumes.fold)]),
        nodule=np.concatenate([np.arange(len(pictures)), patches.nodule, volumes.nodule]),
        area=np.concatenate([np.zeros(len(pictures), np.float32), patches.area, volumes.area]),
    )


def _targets(ratings: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """0..1 for each answer but the first; a rating in the middle of its scale counts as half."""
    malignancy, spiculation, lobulation, texture, calcification, margin = ratings.T
    told = [
        np.full(len(ratings), -1.0),
        malignancy > 2,
        malignancy > 3,
        malignancy > 4,
        np.clip((spiculation - 1) / 3, 0, 1),
        np.clip((lobulation - 1) / 3, 0, 1),
        np.clip((5 - texture) / 2, 0, 1),
        np.clip((3 - texture) / 2, 0, 1),
        calcification < 6,
        np.clip((5 - margin) / 4, 0, 1),
    ]
    return np.stack(told, 1).astype(np.float32)


class Run(run.Run[SliceNetwork]):
    """Of the slice network; a checkpoint every epoch."""

    def __init__(self, folder: Path, epochs: int) -> None:
        networks = SliceNetwork(), SliceNetwork()
        super().__init__(folder, networks, [networks[0].parameters()], weight_decay=0.05)
        self.epochs = epochs

    def train_epoch(self, examples: Examples) -> None:
        """One pass; the checkpoint and a line of the losses."""
        began, order, losses = time.time(), examples.draw(self.epoch), []
        self.network.train()
        batches = [order[k : k + BATCH] for k in range(0, len(order) - BATCH + 1, BATCH)]
        for place, chosen in enumerate(batches):
            self.set_rates(RATE, progress=(self.epoch + place / len(batches)) / self.epochs, warm=200, least=0.01)
            losses.append(self._step(*batch_of(examples, chosen)))
        self.epoch += 1
        self.store()
        means = [round(float(x), 4) for x in np.mean(losses, axis=0)]
        print(json.dumps({"epoch": self.epoch, "losses": means, "seconds": round(time.time() - began)}), flush=True)

    def _step(self, pictures: Tensor, masks: Tensor, targets: Tensor) -> list[float]:
        with torch.autocast("cpu", torch.bfloat16):
            answers, outlines = self.network(pictures.to(memory_format=torch.channels_last))
        parts = [answer_loss(answers[:, :1], targets[:, :1]), answer_loss(answers[:, 1:], targets[:, 1:])]
        parts.append(outline_loss(outlines.float(), masks))
        self.descend(parts[0] + parts[1] + parts[2], longest=2.0, slowest=0.998)
        return [float(p.detach()) for p in parts]

    def measure(self, examples: Examples, fold: int) -> dict[str, float]:
        """AUC of nodule on crops and of malignancy on slices of the fold; mean Dice."""
        from sklearn.metrics import roc_auc_score  # noqa: PLC0415

        index = np.flatnonzero(examples.fold == fold)
        answers, outlines = predict(self.averaged, examples.pictures[index])
        kind, targets = examples.kind[index], examples.targets[index]
        np.savez_compressed(self.folder / "outputs.npz", index=index, answers=answers)
        masks = examples.masks[index][kind == 2][:, 8:56, 8:56]
        found = outlines[kind == 2] > 0
        dice = 2 * (found & (masks > 0)).sum((1, 2)) / np.maximum(1, found.sum((1, 2)) + (masks > 0).sum((1, 2)))
        area = examples.area[index][kind == 2]
        of = lambda k, j: round(float(roc_auc_score(targets[kind == k, j], answers[kind == k, j])), 4)  # noqa: E731
        return {
            "nodule": of(0, 0),
            "malignant patches": of(1, 2),
            "malignant slices": of(2, 2),
            "dice": round(float((dice * area).sum() / area.sum()), 4),
        }


def answer_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy over what is known."""
    known = targets >= 0
    if not known.any():
        return logits.sum() * 0
    return nn.functional.binary_cross_entropy_with_logits(logits.float()[known], targets[known])


def outline_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Cross entropy and Dice over slices with a mask."""
    known = masks.amin((1, 2)) >= 0
    if not known.any():
        return logits.sum() * 0
    x, y = logits[known], masks[known]
    p = torch.sigmoid(x)
    dice = 1 - (2 * (p * y).sum((1, 2)) + 1) / (p.sum((1, 2)) + y.sum((1, 2)) + 1)
    return nn.functional.binary_cross_entropy_with_logits(x, y) * 3 + dice.mean()


def batch_of(examples: Examples, chosen: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures (n, 1, 48, 48) and masks, turned, scaled, moved and with other noise and window."""
    pictures = torch.from_numpy(examples.pictures[chosen]).float()[:, None] / 255
    masks = torch.from_numpy(examples.masks[chosen]).float()[:, None]
    n = len(chosen)
    angle, scale = torch.rand(n) * 2 * math.pi, torch.exp((torch.rand(n) - 0.5) * 0.36)
    flip = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    move = torch.randn(n, 2) * torch.where(torch.from_numpy(examples.kind[chosen] % 3) == 0, 1.0, 2.0)[:, None]
    size = SIDE_PX / examples.pictures.shape[1]
    cos, sin = torch.cos(angle) * scale * size, torch.sin(angle) * scale * size
    turn = torch.stack([torch.stack([cos * flip, -sin, move[:, 0] / 32], 1),
                        torch.stack([sin * flip, cos, move[:, 1] / 32], 1)], 1)  # fmt: skip
    grid = nn.functional.affine_grid(turn, [n, 1, SIDE_PX, SIDE_PX], align_corners=False)
    pictures = nn.functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    masks = nn.functional.grid_sample(masks, grid, padding_mode="border", mode="nearest", align_corners=False)
    pictures = _disturbed(pictures)
    return pictures, masks[:, 0], torch.from_numpy(examples.targets[chosen])


def _disturbed(pictures: Tensor) -> Tensor:
    n = len(pictures)
    soft = nn.functional.avg_pool2d(nn.functional.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    share = torch.rand(n, 1, 1, 1) * 1.1 - 0.6  # below 0 sharpens
    pictures = pictures + share * (soft - pictures)
    noise = torch.randn_like(pictures) * (torch.rand(n, 1, 1, 1) ** 2 * 0.05)
    return torch.clamp(pictures * (1 + torch.randn(n, 1, 1, 1) * 0.05) + torch.randn(n, 1, 1, 1) * 0.02 + noise, 0, 1)


@torch.no_grad()
def predict(network: SliceNetwork, pictures: data.Bytes) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Answers, mean over the eight turns of the square, and the outlines of the picture as it is."""
    network.eval()
    answers, outlines = [], []
    for k in range(0, len(pictures), 256):
        x = torch.from_numpy(pictures[k : k + 256, 8:56, 8:56]).float()[:, None] / 255
        turned = [torch.rot90(f, r, (2, 3)) for f in (x, x.flip(3)) for r in range(4)]
        said = [network(t) for t in turned]
        answers.append(torch.stack([a for a, _ in said]).mean(0).numpy())
        outlines.append(said[0][1].numpy())
    return np.concatenate(answers), np.concatenate(outlines)


if __name__ == "__main__":
    main()
