"""The network that goes over a whole scan at the working resolution and marks nodules' centres."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

STRIDE = (1, 2, 2)
"""Voxels of the working grid for one of the heat map, which is thus 2 mm wide each way."""
CHANNELS = (16, 32, 64)


def _unit(taken: int, given: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(taken, given, 3, stride, 1, bias=False), nn.BatchNorm3d(given), nn.ReLU())


class Block(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _unit(channels, channels)
        self.second = nn.Sequential(nn.Conv3d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm3d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape."""
        return torch.relu(x + self.second(self.first(x)))


class FinderNetwork(nn.Module):
    """Takes a split grid (n, 4, z, y/2, x/2) of 0..1, sides divisible by 4; gives (n, 2, z, y/2, x/2).

    Channel 0 is the logit of a nodule's centre, channel 1 the logarithm of its diameter in mm.
    """

    def __init__(self) -> None:
        super().__init__()
        a, b, c = CHANNELS
        self.top = nn.Sequential(_unit(4, a), _unit(a, a))
        self.middle = nn.Sequential(_unit(a, b, 2), Block(b), Block(b))
        self.deep = nn.Sequential(_unit(b, c, 2), Block(c), Block(c))
        self.joined = nn.Sequential(_unit(b + c, b), Block(b))
        self.narrowed = nn.Conv3d(b, a, 1)
        self.last = _unit(a, a)
        self.head = nn.Conv3d(a, 2, 1)
        nn.init.constant_(cast("Tensor", self.head.bias), -4.0)

    def forward(self, x: Tensor) -> Tensor:
        """Heat and size."""
        top = self.top((x - 0.35) * 3)
        middle = self.middle(top)
        deep = nn.functional.interpolate(self.deep(middle), scale_factor=2.0, mode="nearest")
        joined = self.narrowed(self.joined(torch.cat([deep, middle], 1)))
        full = self.last(nn.functional.interpolate(joined, scale_factor=2.0, mode="nearest") + top)
        return cast("Tensor", self.head(full)) + torch.tensor([0.0, 6.0]).view(1, 2, 1, 1, 1)


def split(x: Tensor) -> Tensor:
    """A grid (n, z, y, x) as four channels (n, 4, z, y/2, x/2), as `aimis.readers.lung.find.split`."""
    return torch.stack([x[:, :, i::2, j::2] for i in range(2) for j in range(2)], 1)
