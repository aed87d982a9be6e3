"""Photographs as tensors."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from training.fundus import data


def to_input(square: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Shape (3, side, side), x / 127.5 - 1."""
    return torch.from_numpy(np.ascontiguousarray(square.transpose(2, 0, 1))).float().div_(127.5).sub_(1)


class Photographs(Dataset[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]):
    """Input, truth and weight of the rows at `indices`; augmented where a seed is given."""

    def __init__(
        self,
        cache: npt.NDArray[np.uint8],
        rows: list[data.Row],
        indices: list[int],
        side_px: int,
        *,
        seed: int | None = None,
        strength: float = 1.0,
    ) -> None:
        self.cache, self.rows, self.indices, self.side_px = cache, rows, indices, side_px
        self.seed, self.strength = seed, strength

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        index = self.indices[place]
        square = np.asarray(self.cache[index])
        if self.seed is not None:
            rng = np.random.default_rng([self.seed, place, index])
            square = data.augment(square, self.side_px, rng, self.strength)
        elif self.side_px != square.shape[0]:
            square = np.asarray(cv2.resize(square, (self.side_px, self.side_px), interpolation=cv2.INTER_AREA))
        truth, weight = data.targets_of(self.rows[index])
        return to_input(square), torch.tensor(truth), torch.tensor(weight)
