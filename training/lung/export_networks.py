"""Write the lung's networks as ONNX: `python -m training.lung.export_networks [--run NAME]` (needs torch).

Of whole runs into the reader's folder, of folds into training/lung/folds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from training import export
from training.lung import data
from training.lung.finder_network import FinderNetwork
from training.lung.slice_network import SliceNetwork

WEIGHTS = Path("src/aimis/readers/lung/weights")
FOLDS = Path("training/lung/folds")


class Finder(nn.Module):
    """With its input as the product has it: uint8 of shape (1, 4, z, y/2, x/2)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, grid: Tensor) -> Tensor:
        """The map."""
        found: Tensor = self.network(grid.float() / 255)
        return found


class Slices(nn.Module):
    """With its input as the product has it: uint8 of shape (n, 48, 48)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, squares: Tensor) -> tuple[Tensor, Tensor]:
        """Answers and outlines."""
        answers, outlines = self.network(squares[:, None].float() / 255)
        return answers, outlines


def main() -> None:
    """Parse and export what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".work/lung"))
    args = parser.parse_args()
    for fold in (None, *range(data.FOLDS)):
        tail, folder = ("", WEIGHTS) if fold is None else (f"-fold{fold}", FOLDS)
        for name, write in (("finder", finder), ("slices", slices)):
            checkpoint = args.work / f"{name}{tail}" / "last.pt"
            if checkpoint.exists():
                path = folder / f"{name}{tail}.onnx"
                print(path, f"parity {write(checkpoint, path):.2g}", flush=True)


def finder(checkpoint: Path, path: Path) -> float:
    """The averaged finder; the largest difference to torch's."""
    network = FinderNetwork()
    network.load_state_dict(torch.load(checkpoint, weights_only=True)["averaged"])
    export.halve(network)
    example = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 4, 16, 48, 40), dtype=np.uint8))
    export.write(Finder(network), example, path, takes="grid", gives=("map",), free=(2, 3, 4))
    return _parity(Finder(network), example, path)


def slices(checkpoint: Path, path: Path) -> float:
    """The averaged slice network; the largest difference to torch's."""
    network = SliceNetwork()
    network.load_state_dict(torch.load(checkpoint, weights_only=True)["averaged"])
    export.halve(network)
    example = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8))
    export.write(Slices(network), example, path, takes="squares", gives=("answers", "outlines"), free=(0,))
    return _parity(Slices(network), example, path)


def _parity(network: nn.Module, example: Tensor, path: Path) -> float:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = network.eval()(example)
    got = session.run(None, {session.get_inputs()[0].name: example.numpy()})
    pairs = zip(expected if isinstance(expected, tuple) else (expected,), got, strict=True)
    return max(float(np.abs(e.numpy() - g).max()) for e, g in pairs)


if __name__ == "__main__":
    main()
