"""The network as the product runs it, in eight-bit integers, against the same file step by step in float32.

The file states every rounding, so that ONNX Runtime with all its optimisations off runs it in float32 throughout.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from aimis.inference.engine import open_engine
from aimis.readers.manifest import read_manifest
from aimis.readers.oesophagus import network
from training.oesophagus import data, kept_out


def print_all(cache: data.Cache, rows: list[data.Row]) -> dict[str, Any]:
    """Of all development frames: the largest difference of a logit, and the decisions that differ."""
    manifest = read_manifest(kept_out.READER)
    gates, entry = manifest.network["gates"], manifest.readers[0]
    fast = open_engine(manifest.weights_path, kind="openvino", precision="f32", streams=1)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    plain = onnxruntime.InferenceSession(manifest.weights_path, options, providers=["CPUExecutionProvider"])
    worst, differing = 0.0, 0
    for frame in cache.frames[: len(rows)]:
        square = kept_out.reduced(frame)
        got = network.run(fast, square)
        findings, sites = plain.run(["findings", "sites"], {"frame": square[None]})
        worst = max(worst, float(np.abs(got.findings - findings[0]).max()), float(np.abs(got.sites - sites[0]).max()))
        decided = (_decisions(*logits, entry, gates) for logits in ((got.findings, got.sites), (findings[0], sites[0])))
        differing += next(decided) != next(decided)
    found = {"frames": len(rows), "largest difference of a logit": round(worst, 5), "decisions that differ": differing}
    print("== eight-bit integers against float32:", found)
    return found


def _decisions(findings: npt.NDArray[Any], sites: npt.NDArray[Any], entry: Any, gates: Any) -> tuple[bool, ...]:
    """Refused as no endoscopy, read, and each finding present."""
    odds = np.exp(sites - sites.max())
    share = odds / odds.sum()
    point = entry.default_operating_point
    logits = {e: float(findings[network.FINDINGS.index(e.name)]) for e in entry.findings}
    present = [e.calibration.probability(logit) >= e.threshold(point) for e, logit in logits.items()]
    return bool(share[-1] > gates["other_site"]), bool(share[:2].sum() >= gates["own_site"] * (1 - share[-1])), *present
