"""The last two heads, on the frozen trunk: the scope gate, and the locator of the optic disc.

The gate is a logistic regression of fundus photographs against the negatives' families. The locator has no disc
labels: it learns from which eye a photograph is, which the disc's side of the picture decides.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from aimis.imaging.field import find_field, normalise_field
from training.fundus import data, loader
from training.fundus.negatives import negatives
from training.fundus.network import FundusNetwork, pooled

_SHARPNESS = 12.0  # logits of laterality for one picture width


def train_heads(
    network: FundusNetwork, rows: list[data.Row], cache: np.ndarray, shared: Path, side: int
) -> dict[str, float]:
    """Fit both heads in place on the training part; what they reach on the calibration part."""
    network.eval()
    figures = _train_locator(network, rows, cache, side)
    return figures | _train_gate(network, rows, cache, shared, side)


@torch.no_grad()
def _features(network: FundusNetwork, squares: list[np.ndarray], side: int) -> tuple[Tensor, Tensor]:
    """Pooled features, and the fine maps at half precision."""
    vectors, maps = [], []
    for start in range(0, len(squares), 32):
        batch = [
            s if s.shape[0] == side else cv2.resize(s, (side, side), interpolation=cv2.INTER_AREA)
            for s in squares[start : start + 32]
        ]
        inputs = torch.stack([loader.to_input(np.asarray(s)) for s in batch]).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            fine, coarse = network.features(inputs)
        vectors.append(pooled(fine, coarse))
        maps.append(fine.bfloat16())
    return torch.cat(vectors), torch.cat(maps)


def _chosen(rows: list[data.Row], part: str, most: int) -> list[int]:
    """Photographs of a part, evenly spread over the list, with every source in it."""
    own = [i for i, r in enumerate(rows) if data.part_of(r) == part]
    return own[:: max(1, len(own) // most)]


def _train_locator(network: FundusNetwork, rows: list[data.Row], cache: np.ndarray, side: int) -> dict[str, float]:
    known = [{**r, "laterality": r["laterality"]} for r in rows]
    sets = {}
    for part, most in (("train", 1200), ("calibration", 600)):
        chosen = [i for i in _chosen(rows, part, most) if known[i]["laterality"]]
        _, maps = _features(network, [np.asarray(cache[i]) for i in chosen], side)
        sets[part] = maps, torch.tensor([float(known[i]["laterality"] == "R") for i in chosen])
    maps, right = sets["train"]
    nn.init.zeros_(network.locator.weight)
    optimiser = torch.optim.Adam(network.locator.parameters(), lr=0.02)
    for step in range(400):
        batch = torch.arange(step * 64, step * 64 + 64) % len(maps)
        loss = nn.functional.binary_cross_entropy_with_logits(
            _SHARPNESS * _side(network, maps[batch].float()), right[batch]
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    maps, right = sets["calibration"]
    with torch.no_grad():
        side_of = _side(network, maps.float())
    sure = side_of.abs() > 0.1
    agree = ((side_of > 0) == (right > 0.5)).float()
    return {"laterality_accuracy": agree[sure].mean().item(), "laterality_sure": sure.float().mean().item()}


def _side(network: FundusNetwork, maps: Tensor) -> Tensor:
    """How far right of the middle the disc lies, in widths, -0.5..0.5."""
    disc = network.disc(maps)
    return (disc.sum(dim=1) * torch.linspace(-0.5, 0.5, disc.shape[2])).sum(dim=1)


def _train_gate(
    network: FundusNetwork, rows: list[data.Row], cache: np.ndarray, shared: Path, side: int
) -> dict[str, float]:
    """Logistic regression on standardised features, folded back into one linear layer."""
    rng = np.random.default_rng(0)
    vectors: dict[str, tuple[Tensor, Tensor, list[str]]] = {}
    for part, own in (("train", "train"), ("test", "calibration")):
        squares, families = _squares(shared, part, side)
        chosen = _chosen(rows, own, 2500)
        plain = [np.asarray(cache[i]) for i in chosen]
        if part == "train":  # half of them as another camera would show them
            plain = [data.augment(p, side, rng) if k % 2 else p for k, p in enumerate(plain)]
        features, _ = _features(network, plain + squares, side)
        truth = torch.tensor([1.0] * len(plain) + [0.0] * len(squares))
        vectors[part] = features, truth, ["fundus"] * len(plain) + families
    features, truth, _ = vectors["train"]
    mean, spread = features.mean(dim=0), features.std(dim=0) + 1e-3
    layer = _logistic((features - mean) / spread, truth)
    network.gate.weight.data = layer.weight.data / spread
    network.gate.bias.data = layer.bias.data - (layer.weight.data[0] / spread * mean).sum()
    features, truth, families = vectors["test"]
    with torch.no_grad():
        logit = network.gate(features)[:, 0]
    figures = {
        "gate_fundus_refused": (logit[truth == 1] < 0).float().mean().item(),
        "gate_negatives": float((truth == 0).sum()),
    }
    for family in sorted(set(families) - {"fundus"}):
        own = torch.tensor([f == family for f in families])
        figures[f"gate_passed_{family}"] = (logit[own] >= 0).float().mean().item()
    return figures


def _squares(shared: Path, part: str, side: int) -> tuple[list[np.ndarray], list[str]]:
    squares, families = [], []
    for family, picture in negatives(shared, part):
        field = find_field(picture)
        if field is not None:
            squares.append(normalise_field(picture, field, side))
            families.append(family)
    return squares, families


def _logistic(features: Tensor, truth: Tensor) -> nn.Linear:
    layer = nn.Linear(features.shape[1], 1)
    nn.init.zeros_(layer.weight)
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=100, line_search_fn="strong_wolfe")
    balance = torch.where(truth == 1, 0.5 / truth.mean(), 0.5 / (1 - truth.mean()))

    def closure() -> Tensor:
        optimiser.zero_grad()
        each = nn.functional.binary_cross_entropy_with_logits(layer(features)[:, 0], truth, reduction="none")
        loss = (each * balance).mean() + 3e-3 * layer.weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return layer
