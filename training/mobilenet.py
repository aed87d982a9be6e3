"""The trunk that our networks share: MobileNetV2 (Sandler et al., CVPR 2018), batch normalisation folded in."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn

_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


class InvertedResidual(nn.Module):
    """Expand, filter by depth, project; the batch normalisation is folded into the convolutions."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += [nn.Conv2d(inputs, hidden, 1), nn.ReLU6(inplace=True)]
        layers += [
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden),
            nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, outputs, 1),
        ]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Same size where the stride is 1, else half."""
        return x + self.layers(x) if self.residual else self.layers(x)


def make_trunk() -> nn.ModuleList:
    """Nineteen layers: the stem, seventeen inverted residuals, and the widening to 1280 channels.

    After layer 3 the features are at 1/4 of the input (24 channels), 6 at 1/8 (32), 13 at 1/16 (96), 18 at 1/32.
    """
    trunk: list[nn.Module] = [nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU6(inplace=True))]
    width = 32
    for expansion, outputs, repeats, stride in _STAGES:
        for repeat in range(repeats):
            trunk.append(InvertedResidual(width, outputs, stride if repeat == 0 else 1, expansion))
            width = outputs
    trunk.append(nn.Sequential(nn.Conv2d(width, 1280, 1), nn.ReLU6(inplace=True)))
    return nn.ModuleList(trunk)


def load_trunk(trunk: nn.ModuleList, path: Path) -> None:
    """Fill the trunk from ImageNet weights in torchvision's naming, folding the batch normalisation in."""
    stored = load_file(path)
    convolutions = [m for m in trunk.modules() if isinstance(m, nn.Conv2d)]
    names = [n.removesuffix(".weight") for n in _ordered_convolutions(stored)]
    for convolution, name in zip(convolutions, names, strict=True):
        stem, index = name.rsplit(".", 1)
        norm = f"{stem}.{int(index) + 1}"
        gain = stored[f"{norm}.weight"].float() / (stored[f"{norm}.running_var"].float() + 1e-5).sqrt()
        convolution.weight.data = stored[f"{name}.weight"].float() * gain[:, None, None, None]
        assert convolution.bias is not None
        convolution.bias.data = stored[f"{norm}.bias"].float() - stored[f"{norm}.running_mean"].float() * gain


def _ordered_convolutions(stored: dict[str, Tensor]) -> list[str]:
    """Names of the trunk's convolution weights from input to output."""
    names = [n for n, t in stored.items() if n.startswith("features") and t.ndim == 4]
    return sorted(names, key=lambda n: [int(p) for p in n.split(".") if p.isdigit()])
