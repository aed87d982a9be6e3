"""The fundus network: MobileNetV2 trunk, attention pooling at two scales, one evidence map a target.

Every logit is a sum over places: logit = bias + sum of attention * value, so the map that is drawn over the
photograph is the very decomposition of the number that is reported.
MobileNetV2: Sandler et al., CVPR 2018. Attention pooling: Ilse et al., ICML 2018.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from aimis.readers.fundus.network import TARGETS
from training.mobilenet import load_trunk, make_trunk

_FINE_LAYER = 13  # the last layer at 1/16 of the input, 96 channels
FROZEN_LAYERS = 5  # stem to the first layer at 1/8: generic edges, and most of the cost of training


class AttentionPool(nn.Module):
    """Evidence of shape (batch, targets, rows, columns); its sum over places is the level's share of the logit."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = nn.Conv2d(channels, len(TARGETS), 1, bias=False)
        self.value = nn.Conv2d(channels, len(TARGETS), 1, bias=False)
        nn.init.zeros_(self.attention.weight)
        nn.init.normal_(self.value.weight, std=0.01)

    def forward(self, features: Tensor) -> Tensor:
        """Attention times value; float32."""
        attention = self.attention(features).float().flatten(2).softmax(dim=2)
        return attention.unflatten(2, features.shape[2:]) * self.value(features).float()


class FundusNetwork(nn.Module):
    """RGB of shape (batch, 3, side, side), x / 127.5 - 1, to logits, an evidence map and an embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = make_trunk()
        self.fine = AttentionPool(96)
        self.coarse = AttentionPool(1280)
        self.bias = nn.Parameter(torch.full((len(TARGETS),), -2.0))
        self.dropout = nn.Dropout2d(0.2)
        self.gate = nn.Linear(96 + 1280, 1)  # is this a fundus photograph at all; trained last, trunk frozen
        self.locator = nn.Conv2d(96, 1, 1, bias=False)  # where the optic disc is, likewise

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features at 1/16 (96 channels) and 1/32 (1280 channels) of the input."""
        fine = x
        for index, layer in enumerate(self.trunk):
            with torch.set_grad_enabled(torch.is_grad_enabled() and index >= FROZEN_LAYERS):
                x = layer(x)
            if index == _FINE_LAYER:
                fine = x
        return fine, x

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits, evidence, gate and disc.

        logits (batch, targets); evidence (batch, targets, side / 16, side / 16), whose sum over places with the
        bias is the logit; gate (batch,), a logit; disc (batch, side / 16, side / 16), which sums to 1
        """
        fine, coarse = self.features(x)
        near, far = self.fine(fine), self.coarse(self.dropout(coarse))
        logits = self.bias + near.sum(dim=(2, 3)) + far.sum(dim=(2, 3))
        spread = nn.functional.interpolate(far, scale_factor=2, mode="nearest") / 4
        gate = self.gate(pooled(fine, coarse))[:, 0]
        return logits, near + spread, gate, self.disc(fine)

    def disc(self, fine: Tensor) -> Tensor:
        """Where the optic disc is: shape (batch, side / 16, side / 16), non-negative, sum 1."""
        place = self.locator(fine).float().flatten(1).softmax(dim=1)
        return place.unflatten(1, fine.shape[2:])

    def trained_parameters(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Trunk above the frozen layers, and heads."""
        trunk = [p for layer in self.trunk[FROZEN_LAYERS:] for p in layer.parameters()]
        return trunk, [*self.fine.parameters(), *self.coarse.parameters(), self.bias]


def pooled(fine: Tensor, coarse: Tensor) -> Tensor:
    """Mean of both levels' features, shape (batch, 96 + 1280)."""
    return torch.cat([fine.mean(dim=(2, 3)), coarse.mean(dim=(2, 3))], dim=1).float()


def from_backbone(path: Path) -> FundusNetwork:
    """The network with an ImageNet trunk in torchvision's naming, batch normalisation folded in."""
    network = FundusNetwork()
    load_trunk(network.trunk, path)
    return network
