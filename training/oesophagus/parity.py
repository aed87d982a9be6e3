"""The network as the product runs it, in eight-bit integers, against the same file step by step in float32.

The file states every rounding, so that ONNX Runtime with all its optimisations off runs it in float32 throughout.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime

from aimis.inference.engine import open_engine
from aimis.inference.memory import FunctionEngine
from aimis.readers.manifest import ReaderEntry, read_manifest
from aimis.readers.oesophagus import gates, network
from training.oesophagus import data, kept_out


def print_all(cache: data.Cache, rows: list[data.Row]) -> dict[str, Any]:
    """Of all development frames: the largest difference of a logit, and the decisions that differ."""
    manifest = read_manifest(kept_out.READER)
    thresholds, entry = gates.Gates(**manifest.network["gates"]), manifest.readers[0]
    fast = open_engine(manifest.weights_path, kind="openvino", precision="f32", streams=1)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(manifest.weights_path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    plain = FunctionEngine(function=lambda inputs: dict(zip(names, session.run(names, inputs), strict=True)))
    worst, differing = 0.0, 0
    for frame in cache.frames[: len(rows)]:
        got, expected = (network.run(engine, kept_out.reduced(frame)) for engine in (fast, plain))
        for one, other in ((got.findings, expected.findings), (got.sites, expected.sites)):
            worst = max(worst, float(np.abs(one - other).max()))
        differing += _decisions(got, entry, thresholds) != _decisions(expected, entry, thresholds)
    found = {"frames": len(rows), "largest difference of a logit": round(worst, 5), "decisions that differ": differing}
    print("== eight-bit integers against float32:", found)
    return found


def _decisions(output: network.Output, entry: ReaderEntry, thresholds: gates.Gates) -> tuple[object, ...]:
    """Why it is not read, and each finding present."""
    point = entry.default_operating_point
    logits = {e: float(output.findings[network.FINDINGS.index(e.name)]) for e in entry.findings}
    _, reason = gates.site(output, thresholds)
    return reason, *(e.calibration.probability(logit) >= e.threshold(point) for e, logit in logits.items())
