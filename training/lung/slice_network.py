"""The network that looks at one axial slice about a candidate: nodule or not, its ratings, its outline."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from aimis.readers.lung.slices import ANSWERS

SIDE_PX = 48
"""Of 0.7 mm."""
CHANNELS = (16, 32, 64, 128)


class Block(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, taken: int, given: int, stride: int = 1) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(taken, given, 3, stride, 1, bias=False), nn.BatchNorm2d(given), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(given, given, 3, 1, 1, bias=False), nn.BatchNorm2d(given))
        self.short = (
            nn.Identity()
            if stride == 1 and taken == given
            else nn.Sequential(nn.Conv2d(taken, given, 1, stride, bias=False), nn.BatchNorm2d(given))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Of the stride's size."""
        return torch.relu(self.second(self.first(x)) + self.short(x))


class SliceNetwork(nn.Module):
    """Takes pictures (n, 1, 48, 48) of 0..1; gives answers (n, 10) and outlines (n, 48, 48), all logits."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = CHANNELS
        self.stem = nn.Sequential(nn.Conv2d(1, a, 3, 1, 1, bias=False), nn.BatchNorm2d(a), nn.ReLU())
        self.down = nn.ModuleList([Block(a, b, 2), Block(b, c, 2), nn.Sequential(Block(c, d, 2), Block(d, d))])
        self.up = nn.ModuleList([Block(d + c, c), Block(c + b, b)])
        self.coarse, self.fine = nn.Conv2d(b, 4, 3, 1, 1), nn.Conv2d(a, 1, 5, 1, 2)
        self.answers = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * d + 3 * c, len(ANSWERS)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Answers and outlines."""
        levels = [self.stem((x - 0.35) * 3)]
        for down in self.down:
            levels.append(down(levels[-1]))
        deep = y = levels[-1]
        middle = levels[2][:, :, 3:9, 3:9]
        for up, level in zip(self.up, (levels[2], levels[1]), strict=True):
            y = up(torch.cat([nn.functional.interpolate(y, scale_factor=2.0, mode="nearest"), level], 1))
        outlines = nn.functional.pixel_shuffle(self.coarse(y), 2) + self.fine(levels[0])
        seen = [deep.mean((2, 3)), deep.amax((2, 3)), middle.mean((2, 3)), middle.amax((2, 3)), levels[2].mean((2, 3))]
        return cast("Tensor", self.answers(torch.cat(seen, 1))), cast("Tensor", outlines)[:, 0]
