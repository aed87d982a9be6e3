"""The oesophagus network: MobileNetV2 trunk, one map over five classes, findings read off the map, a site.

What a frame shows is the sum of two views, both logits: the strongest places of the map, and the means over the whole
frame of features that are still fine (`whole_frame`). So is where it is (`joined`). Either view alone is worse
(`training/oesophagus/README.md`).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from aimis.readers.oesophagus.network import CLASSES, FINDINGS, SITES
from training.mobilenet import load_trunk, make_trunk

FROZEN_LAYERS = 5
_WIDTH = 64
_FINDING_CLASS = [CLASSES.index(f) for f in FINDINGS]
OWN_SITES = 2  # oesophagus and junction are the first of SITES
WHOLE_CHANNELS = 32 + 96  # of the features at 1/8 and 1/16
POOLED_SHARE = 0.03  # of the places: the strongest of a class, whose mean stands for the frame


class Separable(nn.Module):
    """A 3 x 3 convolution by depth, then one by place."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, groups=width), nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape, with what it adds."""
        return nn.functional.relu(x + self.layers(x))


class OesophagusNetwork(nn.Module):
    """RGB of shape (batch, 3, side, side), x / 127.5 - 1, to finding logits, site logits and the map's logits."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = make_trunk()
        self.lateral = nn.ModuleList([nn.Conv2d(c, _WIDTH, 1) for c in (32, 96, 320)])
        self.smooth = nn.ModuleList([Separable(_WIDTH) for _ in range(3)])
        self.classes = nn.Conv2d(_WIDTH, len(CLASSES), 1)
        self.site = nn.Linear(1280, len(SITES))
        self.gain = nn.Parameter(torch.ones(len(FINDINGS)))
        self.bias = nn.Parameter(torch.zeros(len(FINDINGS)))
        self.whole = nn.Linear(WHOLE_CHANNELS, len(FINDINGS) + len(SITES)).requires_grad_(requires_grad=False)
        self.spread = nn.Linear(WHOLE_CHANNELS, WHOLE_CHANNELS).requires_grad_(requires_grad=False)
        for fitted in (self.whole, self.spread):
            nn.init.zeros_(fitted.weight)
            nn.init.zeros_(fitted.bias)
        nn.init.ones_(self.spread.bias)  # the exporter leaves a bias of zeros out
        self.drop = nn.Dropout2d(0.1)

    def features(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """At 1/8 (32 channels), 1/16 (96), 1/32 (320) and 1/32 (1280)."""
        kept = []
        for index, layer in enumerate(self.trunk):
            with torch.set_grad_enabled(torch.is_grad_enabled() and index >= FROZEN_LAYERS):
                x = layer(x)
            if index in (6, 13, 17):
                kept.append(x)
        return kept[0], kept[1], kept[2], x

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Four parts.

        Logits of findings (batch, findings), of sites (batch, sites), the distance from endoscopy (batch,), logits of
        the map (batch, classes, side / 8, side / 8).
        """
        shown = (x > -0.99).any(dim=1, keepdim=True).float()
        near, middle, far, last = self.features(x)
        up = self.smooth[2](self.lateral[2](far))
        up = self.smooth[1](self.lateral[1](middle) + enlarged(up))
        up = self.smooth[0](self.lateral[0](near) + enlarged(up))
        places = self.classes(self.drop(up)).float()
        inside = nn.functional.avg_pool2d(shown, 8)
        site = self.site(last.mean(dim=(2, 3)).float())
        whole = of_whole(near, middle)
        findings, sites = self.whole(whole).split([len(FINDINGS), len(SITES)], dim=1)
        distance = self.spread(whole).square().sum(dim=1).sqrt()
        return self.pooled(places, inside) + findings, joined(site, sites), distance, places

    def pooled(self, places: Tensor, inside: Tensor) -> Tensor:
        """Finding logits: mean over the strongest places of log p / (1 - p), within the picture."""
        share = torch.log_softmax(places, dim=1)
        log_p = share[:, _FINDING_CLASS]
        odds = log_p - torch.log1p(-log_p.exp().clamp(max=1 - 1e-6))
        odds = torch.where(inside > 0.5, odds, torch.full_like(odds, -12.0)).flatten(2)
        strongest = odds.topk(max(1, int(POOLED_SHARE * odds.shape[2])), dim=2).values
        return self.gain * strongest.mean(dim=2) + self.bias

    def trained_parameters(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Trunk above the frozen layers, and all else but the view of the whole, which is fitted at the end."""
        trunk = [p for layer in self.trunk[FROZEN_LAYERS:] for p in layer.parameters()]
        own = {id(p) for p in self.trunk.parameters()}
        return trunk, [p for p in self.parameters() if id(p) not in own and p.requires_grad]


def enlarged(features: Tensor) -> Tensor:
    """Twice the rows and columns."""
    return nn.functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)


def of_whole(near: Tensor, middle: Tensor) -> Tensor:
    """What `whole` sees: means over the frame of the features at 1/8 and 1/16, shape (batch, WHOLE_CHANNELS)."""
    return torch.cat([near.mean(dim=(2, 3)), middle.mean(dim=(2, 3))], dim=1).float()


def joined(first: Tensor, second: Tensor) -> Tensor:
    """Site logits of two views together, but whether endoscopy shows oesophagus or junction as the first alone has it.

    The second names stations and tells what is no endoscopy, but takes two gastric cancers of 16 for the junction's.

    first : shape (batch, sites), logits, the last of them of no endoscopy
    second : the same, but the last is log-odds
    """
    shares = first[:, :-1].log_softmax(1)
    both = first[:, :-1] + second[:, :-1]
    groups = slice(OWN_SITES), slice(OWN_SITES, None)
    inside = [both[:, g].log_softmax(1) + shares[:, g].logsumexp(1, keepdim=True) for g in groups]
    other = first[:, -1:] - first[:, :-1].logsumexp(1, keepdim=True) + second[:, -1:]
    return torch.cat([*inside, other], dim=1)


def from_backbone(path: Path) -> OesophagusNetwork:
    """The network with an ImageNet trunk."""
    network = OesophagusNetwork()
    load_trunk(network.trunk, path)
    return network
