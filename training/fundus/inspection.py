"""What the figures do not say: where the network looks, how steady it is, what abstaining buys.

Deletion: the strongest evidence is blurred away, cell by cell, beside as many cells chosen at random; a map that
shows what the network rests on makes the logit fall faster (Petsiuk et al., BMVC 2018).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from aimis.imaging.decode import decode
from aimis.imaging.field import find_field, normalise_field
from aimis.inference.engine import Network, open_engine
from aimis.readers.fundus import network
from aimis.readers.manifest import Manifest, read_manifest
from training.fundus import data, package

DELETED = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
_PHOTOGRAPHS = 40
_sides: dict[str, str | None] = {}


def sides() -> dict[str, str | None]:
    """Which eye the disc tells, R, L or None, by file of the test part; the readers never saw the file's name."""
    return _sides


def inspect(root: Path, rows: list[data.Row]) -> dict[str, Any]:
    """All three checks on the test part."""
    manifest = read_manifest(package.READER)
    engine = open_engine(manifest.weights_path, precision="f32")
    side = int(manifest.network["input_px"])
    found: dict[str, Any] = {}
    for target, finding in (("icdr-2-or-worse", "referable-diabetic-retinopathy"), ("glaucoma", "glaucoma")):
        sick = [r for r in rows if data.truth_of(r, finding) == 1][:: max(1, len(rows) // 400)][:_PHOTOGRAPHS]
        squares = [_square(root / r["file"], side) for r in sick]
        found[f"deletion {finding}"] = _deletion(engine, squares, target)
        found[f"flip agreement {finding}"] = _flips(engine, squares, target)
    found["coverage and risk"] = _coverage_risk(manifest, root, rows)
    for name, value in found.items():
        print(f"== {name}\n{value}")
    return found


def _square(path: Path, side: int) -> npt.NDArray[np.uint8]:
    rgb = next(decode(path.read_bytes(), path.name)).rgb
    field = find_field(rgb)
    assert field is not None
    return normalise_field(rgb, field, side)


def _deletion(engine: Network, squares: list[npt.NDArray[np.uint8]], target: str) -> dict[str, list[float]]:
    """Mean logit after each share of the field is blurred away, by evidence and at random."""
    rng = np.random.default_rng(0)
    curves: dict[str, list[list[float]]] = {"by evidence": [], "at random": []}
    for square in squares:
        output = network.run(engine, square)
        evidence = output.evidence_of(target)
        lit = cv2.resize(square.max(axis=2), evidence.shape[::-1], interpolation=cv2.INTER_AREA) > 12
        ranked = np.argsort(np.where(lit, -evidence, np.inf), axis=None)[: int(lit.sum())]
        for name, order in (("by evidence", ranked), ("at random", rng.permutation(ranked))):
            curves[name].append(
                [_without(engine, square, order[: int(s * len(order))], evidence.shape, target) for s in DELETED]
            )
    return {name: np.mean(each, axis=0).round(2).tolist() for name, each in curves.items()}


def _without(
    engine: Network, square: npt.NDArray[np.uint8], cells: npt.NDArray[np.int_], shape: tuple[int, ...], target: str
) -> float:
    mask = np.zeros(shape, np.float32)
    mask.flat[cells] = 1
    side = square.shape[0]
    mask = cv2.GaussianBlur(cv2.resize(mask, (side, side), interpolation=cv2.INTER_NEAREST), (0, 0), side / 112)[
        ..., None
    ]
    ground = cv2.GaussianBlur(square, (0, 0), side / 14)
    return network.run(engine, (square * (1 - mask) + ground * mask).astype(np.uint8)).logit(target)


def _flips(engine: Network, squares: list[npt.NDArray[np.uint8]], target: str) -> dict[str, float]:
    """How steady map and logit are under mirroring: correlation by smoothing, distance of the peaks, logit's change.

    The attention is sharp, so cell by cell two maps rarely agree; what is drawn is smoothed over a cell or two.
    """
    found: dict[str, list[float]] = {}
    for square in squares:
        plain, mirrored = (network.run(engine, np.ascontiguousarray(s)) for s in (square, square[:, ::-1]))
        pair = plain.evidence_of(target), np.ascontiguousarray(mirrored.evidence_of(target)[:, ::-1])
        for cells in (0, 1, 2):
            smooth = [_smoothed(each, cells).ravel() for each in pair]
            found.setdefault(f"map correlation, {cells} cells", []).append(float(np.corrcoef(*smooth)[0, 1]))
        peaks = [np.unravel_index(np.argmax(_smoothed(each, 1)), each.shape) for each in pair]
        distance = np.hypot(*(np.subtract(*peaks)))
        found.setdefault("cells between the peaks", []).append(float(distance))
        found.setdefault("logit change", []).append(abs(plain.logit(target) - mirrored.logit(target)))
    return {name: round(float(np.median(each)), 3) for name, each in found.items()}


def _smoothed(evidence: npt.NDArray[np.float32], cells: int) -> npt.NDArray[np.float32]:
    positive = np.maximum(evidence, 0)
    return np.asarray(cv2.GaussianBlur(positive, (0, 0), cells) if cells else evidence, dtype=np.float32)


def _coverage_risk(manifest: Manifest, root: Path, rows: list[data.Row]) -> dict[str, dict[str, float]]:
    """Share of wrong decisions among the most certain photographs; fills `sides` on the way."""
    outputs = package.outputs_of(manifest.weights_path, root, rows, int(manifest.network["input_px"]))
    for row, offset in zip(rows, outputs["disc_offset"], strict=True):
        _sides[row["file"]] = None if abs(offset) < 0.1 else "R" if offset > 0 else "L"
    table = {}
    for reader, finding in (
        ("diabetic-retinopathy", "referable-diabetic-retinopathy"),
        ("fundus-disease", "abnormal-fundus"),
    ):
        entry = manifest.reader(reader).finding(finding)
        truth = np.array([-1.0 if (t := data.truth_of(r, finding)) is None else t for r in rows])
        logits = outputs["logits"][:, network.TARGETS.index(data.FINDINGS[finding])]
        p, t = np.array([entry.calibration.probability(x) for x in logits]), entry.threshold("balanced")
        certainty = np.where(p >= t, (p - t) / (1 - t), (t - p) / t)
        order = np.argsort(-certainty)
        order = order[truth[order] >= 0]
        wrong = (p[order] >= t) != truth[order]
        table[finding] = {
            f"{c:.2f}": round(float(wrong[: int(c * len(order))].mean()), 4) for c in (1, 0.97, 0.95, 0.9, 0.8, 0.5)
        }
    return table
