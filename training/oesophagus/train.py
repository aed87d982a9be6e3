"""Train the oesophagus network: `python -m training.oesophagus.train --fold 0`; without a fold, on all frames.

A run's folder holds its checkpoint after every epoch, from which a rerun goes on, and, of a fold, what the network,
before its second view is fitted (`whole_frame`), says of the frames that it never saw (`outputs.npz`).
"""

from __future__ import annotations

import argparse
import json
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from training import eight_bits, run
from training.oesophagus import data, loader, measure
from training.oesophagus.augment import Strength
from training.oesophagus.network import OWN_SITES, OesophagusNetwork, from_backbone

SEED = 5
RECIPE = Path("training/oesophagus/recipe.toml")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """side in pixels; draws: frames an epoch; rates of trunk and heads; weights of the losses beside the map's.

    rounded_epochs : the last ones, in which convolutions see eight bits
    """

    side: int = 288
    epochs: int = 6
    rounded_epochs: int = 0
    draws: int = 1500
    batch: int = 16
    trunk_rate: float = 3e-4
    heads_rate: float = 2e-3
    finding_loss: float = 0.5
    site_loss: float = 0.3
    strength: Strength = field(default_factory=Strength)

    @classmethod
    def read(cls, path: Path, changed: Sequence[str] = ()) -> Recipe:
        """The recipe of a file, single values changed as `name=value` or `strength.name=value`."""
        table = tomllib.loads(path.read_text())
        table = {**table, "strength": {**table.get("strength", {})}}
        for change in changed:
            name, value = change.split("=")
            into = table["strength"] if name.startswith("strength.") else table
            into[name.removeprefix("strength.")] = tomllib.loads(f"x={value}")["x"]
        return cls(**{**table, "strength": Strength(**table["strength"])})


def main() -> None:
    """Parse, train, predict what was left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path(".work/oesophagus"))
    parser.add_argument("--run", default="main")
    parser.add_argument("--fold", type=int, help="leave this fold out, and predict it")
    parser.add_argument("--without", help="leave a source out altogether, and predict it")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="changes of the recipe")
    parser.add_argument("--from-run", type=Path, help="a checkpoint to begin with")
    args = parser.parse_args()
    recipe = Recipe.read(RECIPE, args.set)
    rows = data.read_rows(args.data / "oesophagus")
    cache = data.load_cache(args.data / "oesophagus", args.work)
    out = [i for i, row in enumerate(rows) if is_left_out(row, args.fold, args.without)]
    kept = sorted(set(range(len(rows))) - set(out))
    name = args.run + (
        f"-fold{args.fold}" if args.fold is not None else f"-without-{args.without}" * bool(args.without)
    )
    training = Run(args.work / name, args.data / "backbones" / "mobilenet_v2_imagenet.safetensors", recipe)
    outside = loader.outside(args.data, args.work)
    while training.epoch < recipe.epochs:
        training.train_epoch(loader.Frames(cache, rows, kept, recipe, seed=training.epoch, outside=outside))
    if out:
        found = measure.predict(training.averaged, cache, out, recipe.side)
        np.savez_compressed(training.folder / "outputs.npz", indices=out, **found)
        print(json.dumps({"run": name, **measure.short_table(found, rows, out)}), flush=True)


def is_left_out(row: data.Row, fold: int | None, source: str | None) -> bool:
    """Whether a run without this fold, or this source, never sees the frame."""
    return data.fold_of(row) == fold or row["source"] == source


class Run(run.Run[OesophagusNetwork]):
    """Of the oesophagus; a checkpoint every epoch."""

    def __init__(self, folder: Path, backbone: Path, recipe: Recipe) -> None:
        torch.manual_seed(SEED)
        networks = from_backbone(backbone), from_backbone(backbone)
        super().__init__(folder, networks, networks[0].trained_parameters(), weight_decay=0.02)
        self.recipe = recipe

    def train_epoch(self, frames: loader.Frames) -> None:
        """One pass over what was drawn; the checkpoint and a line of what the losses were."""
        recipe, began = self.recipe, time.time()
        batches = DataLoader(frames, recipe.batch, num_workers=1, drop_last=True, prefetch_factor=6)
        self.network.train()
        if self.epoch >= recipe.epochs - recipe.rounded_epochs:
            eight_bits.train_rounded(self.network)
        losses = []
        for place, batch in enumerate(batches):
            progress = (self.epoch + place / len(batches)) / recipe.epochs
            self.set_rates(recipe.trunk_rate, recipe.heads_rate, progress=progress, warm=100, least=0.02)
            losses.append(self._step(*batch))
        self.epoch += 1
        self.store()
        means = [round(float(x), 4) for x in np.mean(losses, axis=0)]
        print(json.dumps({"epoch": self.epoch, "losses": means, "seconds": round(time.time() - began)}), flush=True)

    def _step(self, inputs: Tensor, allowed: Tensor, truth: Tensor, weight: Tensor, site: Tensor) -> list[float]:
        with torch.autocast("cpu", torch.bfloat16):
            findings, sites, _, places = self.network(inputs.to(memory_format=torch.channels_last))
        parts = [
            map_loss(places, allowed),
            (nn.functional.binary_cross_entropy_with_logits(findings, truth, reduction="none") * weight).mean(),
            site_loss(sites, site),
        ]
        loss = parts[0] + self.recipe.finding_loss * parts[1] + self.recipe.site_loss * parts[2]
        self.descend(loss, longest=2.0, slowest=0.995)
        return [part.item() for part in parts]


def site_loss(logits: Tensor, site: Tensor) -> Tensor:
    """Cross entropy where the site is known; where only that it is another organ, of not being ours."""
    log_p = torch.log_softmax(logits.float(), dim=1)
    known = -log_p.gather(1, site.clamp(min=0)[:, None])[:, 0]
    another = -torch.logsumexp(log_p[:, OWN_SITES:], dim=1)
    each = torch.where(site >= 0, known, another)
    return each[site != data.UNKNOWN_SITE].sum() / len(site)


def averaged_of(folder: Path) -> OesophagusNetwork:
    """The averaged network of a run."""
    stored = torch.load(folder / "last.pt", weights_only=True)
    network = OesophagusNetwork()
    network.load_state_dict(stored["averaged"])
    return network.eval().to(memory_format=torch.channels_last)


def map_loss(places: Tensor, allowed: Tensor) -> Tensor:
    """Minus the log of what the allowed classes have together; lesions weigh as much as all the background.

    places : (batch, classes, rows, columns), logits
    allowed : (batch, rows, columns), bits of the classes that a place may belong to; 0 outside the picture
    """
    bits = (allowed[:, None].int() >> torch.arange(places.shape[1])[:, None, None]) & 1
    log_p = torch.log_softmax(places, dim=1)
    each = -torch.logsumexp(log_p.masked_fill(bits == 0, -30.0), dim=1)
    lesion = ((allowed > 1) & (allowed & 1 == 0)).float()
    plain = ((allowed & 1 == 1) & (allowed != 31)).float()
    return (each * lesion).sum() / lesion.sum().clamp(min=50) + (each * plain).sum() / plain.sum().clamp(min=50)


if __name__ == "__main__":
    main()
