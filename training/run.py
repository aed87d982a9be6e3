"""A training run that can be stopped, and goes on from its last checkpoint."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


class Run(Generic[Network]):
    """Network, its moving average, optimiser and place; the folder's `last.pt` holds them."""

    def __init__(
        self,
        folder: Path,
        networks: Iterable[Network],
        groups: Iterable[Iterable[nn.Parameter]],
        *,
        weight_decay: float,
        memory_format: torch.memory_format = torch.channels_last,
    ) -> None:
        """`networks` are two alike; `groups` are those of the first one's parameters, each with a rate of its own."""
        self.folder, self.epoch, self.step = folder, 0, 0
        folder.mkdir(parents=True, exist_ok=True)
        self.network, self.averaged = (n.to(memory_format=memory_format) for n in networks)
        self.averaged.load_state_dict(self.network.state_dict())
        self.optimiser = torch.optim.AdamW([{"params": list(g)} for g in groups], weight_decay=weight_decay)
        if (folder / "last.pt").exists():
            stored = torch.load(folder / "last.pt", weights_only=True)
            for name in ("network", "averaged", "optimiser"):
                getattr(self, name).load_state_dict(stored[name])
            self.epoch, self.step = stored.get("epoch", 0), stored["step"]

    def store(self, **more: Any) -> None:
        """The checkpoint; a run that is killed meanwhile keeps the last one."""
        stored = {n: getattr(self, n).state_dict() for n in ("network", "averaged", "optimiser")}
        torch.save({**stored, "epoch": self.epoch, "step": self.step, **more}, self.folder / "partial.pt")
        (self.folder / "partial.pt").rename(self.folder / "last.pt")

    def set_rates(self, *peaks: float, progress: float, warm: int, least: float) -> None:
        """One a group: risen over `warm` steps, fallen along a cosine to `least` of it at progress 1."""
        factor = min(1.0, (self.step + 1) / warm) * (
            least + (1 - least) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        )
        for group, peak in zip(self.optimiser.param_groups, peaks, strict=True):
            group["lr"] = peak * factor

    def descend(self, loss: Tensor, *, longest: float, slowest: float) -> None:
        """One step; `longest` is the gradient's norm at most, `slowest` the moving average's decay at most."""
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), longest)
        self.optimiser.step()
        self.step += 1
        keep = min(slowest, (1 + self.step) / (10 + self.step))
        new = self.network.state_dict()
        with torch.no_grad():
            for name, value in self.averaged.state_dict().items():
                value.lerp_(new[name], 1 - keep) if value.is_floating_point() else value.copy_(new[name])
