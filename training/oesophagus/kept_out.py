"""What the three networks of training/oesophagus/folds say of the frames that each never saw, as the product asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from aimis.inference.engine import open_engine
from aimis.readers.oesophagus import aperture, gates, network, quality, repeats
from training.oesophagus import data

FOLDS = Path("training/oesophagus/folds")
READER = Path("src/aimis/readers/oesophagus")
SIDE_PX = 256
GATES = gates.Gates(least_side_px=160, other_site=0.3, furthest=25.0, own_site=0.6)
"""`training/oesophagus/README.md` says why."""
Floats = npt.NDArray[np.float64]


def weights_of(fold: int) -> Path:
    """The network that never saw this fold."""
    return FOLDS / f"fold{fold}.onnx"


def reduced(square: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A frame of the cache as the network takes it, shape (256, 256, 3)."""
    return np.asarray(cv2.resize(square, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def squares(root: Path, rows: list[data.Row]) -> npt.NDArray[np.uint8]:
    """The frames as the product brings them to the network, shape (rows, 256, 256, 3)."""
    pictures = (data.read_rgb(root / row["file"]) for row in rows)
    return np.stack([aperture.normalise(rgb, aperture.find_aperture(rgb), SIDE_PX) for rgb in pictures])


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptOut:
    """Of every row of labels.csv, in its order.

    findings : shape (rows, findings), logits; sites : shape (rows, sites), logits
    read : shape (rows,), neither refused by a gate nor not assessable
    descriptors : shape (rows, 16, 16, 3)
    """

    findings: Floats
    sites: Floats
    read: npt.NDArray[np.bool_]
    descriptors: npt.NDArray[np.uint8]


def without_source(row: data.Row) -> Path:
    """The network that never saw the frame's source."""
    return FOLDS / f"without-{row['source']}.onnx"


def without_fold(row: data.Row) -> Path:
    """The network that never saw the frame's fold."""
    return weights_of(data.fold_of(row))


def look(root: Path, rows: list[data.Row], by: Callable[[data.Row], Path] = without_fold) -> KeptOut:
    """Every frame by a network that never saw it."""
    engines = {path: open_engine(path, kind="openvino", precision="f32", streams=1) for path in {by(r) for r in rows}}
    limits = quality.Limits()
    parts: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], bool, npt.NDArray[np.uint8]]] = []
    for row in rows:
        rgb = data.read_rgb(root / row["file"])
        found = aperture.find_aperture(rgb)
        square, mask = aperture.normalise(rgb, found, SIDE_PX), aperture.shown(found, SIDE_PX)
        output = network.run(engines[by(row)], square)
        fault, (_, reason) = quality.fault(quality.measure(square, mask), limits), gates.site(output, GATES)
        read = fault is None and reason is None
        parts.append((output.findings, output.sites, read, repeats.descriptor(square)))
    findings, sites, reads, descriptors = zip(*parts, strict=True)
    return KeptOut(
        findings=np.array(findings, dtype=float),
        sites=np.array(sites, dtype=float),
        read=np.array(reads),
        descriptors=np.array(descriptors),
    )
