"""What the three networks of training/oesophagus/folds say of the frames that each never saw, as the product asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from aimis.inference.engine import open_engine
from aimis.readers.oesophagus import aperture, network, quality, repeats
from training.oesophagus import data

FOLDS = Path("training/oesophagus/folds")
READER = Path("src/aimis/readers/oesophagus")
SIDE_PX = 256
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
    faults : why a frame is not assessable, else ""
    descriptors : shape (rows, 16, 16, 3)
    """

    findings: Floats
    sites: Floats
    faults: npt.NDArray[np.str_]
    descriptors: npt.NDArray[np.uint8]

    @property
    def own_site(self) -> Floats:
        """Probability of oesophagus or junction, if it is endoscopy."""
        inside = self.sites[:, :-1]
        odds = np.exp(inside - inside.max(axis=1, keepdims=True))
        return np.asarray(odds[:, :2].sum(axis=1) / odds.sum(axis=1))

    @property
    def other_site(self) -> Floats:
        """Probability of no endoscopy at all."""
        odds = np.exp(self.sites - self.sites.max(axis=1, keepdims=True))
        return np.asarray(odds[:, -1] / odds.sum(axis=1))


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
    parts: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], str, npt.NDArray[np.uint8]]] = []
    for row in rows:
        rgb = data.read_rgb(root / row["file"])
        found = aperture.find_aperture(rgb)
        square, mask = aperture.normalise(rgb, found, SIDE_PX), aperture.shown(found, SIDE_PX)
        output = network.run(engines[by(row)], square)
        fault = quality.fault(quality.measure(square, mask), limits)
        parts.append((output.findings, output.sites, fault.code if fault else "", repeats.descriptor(square)))
    findings, sites, faults, descriptors = zip(*parts, strict=True)
    return KeptOut(
        findings=np.array(findings, dtype=float),
        sites=np.array(sites, dtype=float),
        faults=np.array(faults),
        descriptors=np.array(descriptors),
    )
