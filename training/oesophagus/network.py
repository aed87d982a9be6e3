"""The oesophagus network: MobileNetV2 trunk, one map over five classes, findings read off the map, a site.

What a frame shows as a whole is pooled from the map alone: an unseen centre's map holds where its classifier
does not (`training/oesophagus/README.md` has the measurement).
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

    def __init__(self, *, standardise: bool = False, centred: bool = False, mix_styles: bool = False) -> None:
        """Three ways against what a scope or a processor adds to all places of a frame alike.

        standardise : each channel of the frame to one mean and spread
        centred : the same for the features that the map is made of, so that it sees what differs within a frame
        mix_styles : in training, means and spreads of early features mixed between frames (Zhou et al., ICLR 2021)
        """
        super().__init__()
        self.standardise, self.centred, self.mix_styles = standardise, centred, mix_styles
        self.trunk = make_trunk()
        self.lateral = nn.ModuleList([nn.Conv2d(c, _WIDTH, 1) for c in (32, 96, 320)])
        self.smooth = nn.ModuleList([Separable(_WIDTH) for _ in range(3)])
        self.classes = nn.Conv2d(_WIDTH, len(CLASSES), 1)
        self.site = nn.Linear(1280, len(SITES))
        self.gain = nn.Parameter(torch.ones(len(FINDINGS)))
        self.bias = nn.Parameter(torch.zeros(len(FINDINGS)))
        self.drop = nn.Dropout2d(0.1)

    def features(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """At 1/8 (32 channels), 1/16 (96), 1/32 (320) and 1/32 (1280)."""
        kept = []
        for index, layer in enumerate(self.trunk):
            with torch.set_grad_enabled(torch.is_grad_enabled() and index >= FROZEN_LAYERS):
                x = layer(x)
            if index in (4, 6) and self.mix_styles and self.training:
                x = with_mixed_styles(x)
            if index in (6, 13, 17):
                kept.append(x)
        return kept[0], kept[1], kept[2], x

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of findings (batch, findings), sites (batch, sites), map (batch, classes, side / 8, side / 8)."""
        shown = (x > -0.99).any(dim=1, keepdim=True).float()
        near, middle, far, last = self.features(standardised(x, shown) if self.standardise else x)
        if self.centred:
            near, middle, far = (centred(f, shown) for f in (near, middle, far))
        up = self.smooth[2](self.lateral[2](far))
        up = self.smooth[1](self.lateral[1](middle) + enlarged(up))
        up = self.smooth[0](self.lateral[0](near) + enlarged(up))
        places = self.classes(self.drop(up)).float()
        inside = nn.functional.avg_pool2d(shown, 8)
        site = self.site(last.mean(dim=(2, 3)).float())
        return self.pooled(places, inside), site, places

    def pooled(self, places: Tensor, inside: Tensor) -> Tensor:
        """Finding logits: mean over the strongest places of log p / (1 - p), within the picture."""
        share = torch.log_softmax(places, dim=1)
        log_p = share[:, _FINDING_CLASS]
        odds = log_p - torch.log1p(-log_p.exp().clamp(max=1 - 1e-6))
        odds = torch.where(inside > 0.5, odds, torch.full_like(odds, -12.0)).flatten(2)
        strongest = odds.topk(max(1, int(POOLED_SHARE * odds.shape[2])), dim=2).values
        return self.gain * strongest.mean(dim=2) + self.bias

    def trained_parameters(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Trunk above the frozen layers, and all else."""
        trunk = [p for layer in self.trunk[FROZEN_LAYERS:] for p in layer.parameters()]
        own = {id(p) for p in self.trunk.parameters()}
        return trunk, [p for p in self.parameters() if id(p) not in own]


def enlarged(features: Tensor) -> Tensor:
    """Twice the rows and columns."""
    return nn.functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)


def standardised(x: Tensor, shown: Tensor) -> Tensor:
    """Each channel with mean 0 and spread 0.4 within the picture; black stays black."""
    count = shown.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    mean = (x * shown).sum(dim=(2, 3), keepdim=True) / count
    spread = (((x - mean) * shown).square().sum(dim=(2, 3), keepdim=True) / count).sqrt().clamp(min=0.02)
    return (0.4 * (x - mean) / spread) * shown - (1 - shown)


def centred(features: Tensor, shown: Tensor) -> Tensor:
    """Each channel with mean 0 and spread 1 within the picture."""
    weight = nn.functional.adaptive_avg_pool2d(shown, features.shape[2:])
    count = weight.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    values = features.float()
    mean = (values * weight).sum(dim=(2, 3), keepdim=True) / count
    spread = (((values - mean) * weight).square().sum(dim=(2, 3), keepdim=True) / count).sqrt()
    return (values - mean) / (spread + 0.1) * weight


def with_mixed_styles(features: Tensor) -> Tensor:
    """Half the time, mean and spread of each channel drawn towards another frame's of the batch."""
    if torch.rand(()) < 0.5:
        return features
    mean = features.mean(dim=(2, 3), keepdim=True).detach()
    spread = features.var(dim=(2, 3), keepdim=True).detach().add(1e-5).sqrt()
    order = torch.randperm(len(features))
    share = torch.distributions.Beta(0.3, 0.3).sample((len(features), 1, 1, 1)).to(features.dtype)
    plain = (features - mean) / spread
    return plain * (share * spread + (1 - share) * spread[order]) + share * mean + (1 - share) * mean[order]


def from_backbone(path: Path, **options: bool) -> OesophagusNetwork:
    """The network with an ImageNet trunk; options as of `OesophagusNetwork`."""
    network = OesophagusNetwork(**options)
    load_trunk(network.trunk, path)
    return network
