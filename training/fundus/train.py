"""Train the fundus network by its recipe: `python -m training.fundus.train`.

Each epoch is checkpointed to the work folder, and a rerun goes on where it stood.
"""

from __future__ import annotations

import argparse
import json
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from training import run
from training.fundus import data, loader
from training.fundus.network import TARGETS, FundusNetwork, from_backbone

SEED = 4
RECIPE = Path("training/fundus/recipe.toml")
HEADS_RATE = 1e-3


def main() -> None:
    """Parse, train every stage, leave `last.pt` and `metrics.jsonl` in the run's folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path(".work/fundus"))
    parser.add_argument("--run", default="main")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--without", help="a source kept out of training altogether")
    parser.add_argument("--draws", type=int, default=4800, help="photographs an epoch")
    args = parser.parse_args()
    rows = data.read_rows(args.data / "fundus")
    cache = data.load_cache(args.data / "fundus", args.work)
    parts = {p: [i for i, r in enumerate(rows) if data.part_of(r) == p] for p in ("train", "calibration")}
    parts["train"] = [i for i in parts["train"] if rows[i]["source"] != args.without]
    training = Run(args.work / args.run, args.data / "backbones" / "mobilenet_v2_imagenet.safetensors")
    plan = read_recipe(args.recipe)
    while training.epoch < len(plan):
        training.train_epoch(cache, rows, parts["train"], plan=plan, draws=args.draws)
        logits = predict(training.averaged, cache, rows, parts["calibration"], plan[training.epoch].side)
        training.save(validation_table(logits, rows, parts["calibration"]))


class Epoch(NamedTuple):
    """The side of the photographs in pixels, the trunk's rate, and what a stage of the recipe says beside."""

    side: int
    rate: float
    strength: float
    batch: int
    mixup: float


def read_recipe(path: Path) -> list[Epoch]:
    """Every epoch of the recipe's stages, in order."""
    stages = tomllib.loads(path.read_text())["stage"]
    return [Epoch(**{k: v for k, v in s.items() if k != "epochs"}) for s in stages for _ in range(s["epochs"])]


class Run(run.Run[FundusNetwork]):
    """Of the fundus network."""

    def __init__(self, folder: Path, backbone: Path) -> None:
        torch.manual_seed(SEED)
        networks = from_backbone(backbone), from_backbone(backbone)
        super().__init__(folder, networks, networks[0].trained_parameters(), weight_decay=0.02)
        self.losses: list[float] = []
        self.started = time.time()

    def save(self, table: dict[str, object]) -> None:
        """An epoch more: checkpoint and one line of metrics."""
        self.epoch += 1
        self.store()
        line = {
            "epoch": self.epoch,
            "loss": round(float(np.mean(self.losses)), 4),
            "seconds": round(time.time() - self.started),
            **table,
        }
        with (self.folder / "metrics.jsonl").open("a") as handle:
            handle.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)

    def train_epoch(
        self, cache: np.ndarray, rows: list[data.Row], train: list[int], *, plan: list[Epoch], draws: int
    ) -> None:
        """One pass over `draws` photographs, drawn with the sources and diseases balanced."""
        epoch = self.epoch
        rng = np.random.default_rng([SEED, epoch])
        chances = np.array([data.sampling_weight(rows[i]) for i in train])
        drawn = rng.choice(train, size=draws, p=chances / chances.sum(), replace=draws > len(train))
        now = plan[epoch]
        photographs = loader.Photographs(cache, rows, drawn.tolist(), now.side, seed=epoch, strength=now.strength)
        batches = DataLoader(photographs, now.batch, num_workers=1, drop_last=True, prefetch_factor=6)
        self.network.train()
        self.losses, self.started = [], time.time()
        for place, batch in enumerate(batches):
            progress = (epoch + place / len(batches)) / len(plan)
            self.set_rates(now.rate, HEADS_RATE, progress=progress, warm=200, least=0.02)
            share = float(rng.beta(now.mixup, now.mixup)) if now.mixup else 1.0
            self.losses.append(self._step(*batch, share))

    def _step(self, inputs: Tensor, truth: Tensor, weight: Tensor, share: float = 1.0) -> float:
        """One step on `share` of each photograph mixed with the rest of another."""
        mixed = inputs if share == 1.0 else share * inputs + (1 - share) * inputs.roll(1, 0)
        with torch.autocast("cpu", torch.bfloat16):
            logits, *_ = self.network(mixed.to(memory_format=torch.channels_last))
        loss = share * _loss(logits, truth, weight)
        if share != 1.0:
            loss = loss + (1 - share) * _loss(logits, truth.roll(1, 0), weight.roll(1, 0))
        self.descend(loss, longest=2.0, slowest=0.998)
        return loss.item()


def _loss(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean over photographs of the weighted sum over targets."""
    each = nn.functional.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none")
    return (each * weight).sum() / len(logits)


@torch.no_grad()
def predict(
    network: FundusNetwork, cache: np.ndarray, rows: list[data.Row], indices: list[int], side: int
) -> np.ndarray:
    """Logits of shape (images, targets)."""
    network.eval()
    batches = DataLoader(loader.Photographs(cache, rows, indices, side), 32, num_workers=1)
    with torch.autocast("cpu", torch.bfloat16):
        return np.concatenate(
            [network(x.to(memory_format=torch.channels_last))[0].float().numpy() for x, _, _ in batches]
        )


def validation_table(logits: np.ndarray, rows: list[data.Row], indices: list[int]) -> dict[str, object]:
    """AUC by source and target over the photographs with a known truth."""
    table: dict[str, object] = {}
    known = np.array([data.targets_of(rows[i]) for i in indices])
    sources = np.array([rows[i]["source"] for i in indices])
    for source in ("idrid", "eyepacs", "odir5k"):
        for place, target in enumerate(TARGETS):
            use = (sources == source) & (known[:, 1, place] >= 1)
            truth = known[use, 0, place]
            if 0 < truth.sum() < len(truth):
                table[f"{source}:{target}"] = round(auc(logits[use, place], truth), 3)
    return table


def auc(value: np.ndarray, truth: np.ndarray) -> float:
    """Area under the ROC curve, ties counted half."""
    positive, negative = value[truth == 1], value[truth == 0]
    above = (positive[:, None] > negative[None, :]).mean() + 0.5 * (positive[:, None] == negative[None, :]).mean()
    return float(above)


if __name__ == "__main__":
    main()
