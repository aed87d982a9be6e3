"""The second view of a frame: regressions on what the trained trunk's finer features are like over all of it.

Trained together with the map it would learn which hospital a frame is from, for every finding comes from few. So it is
fitted when all else is done, with weights under which the source says little: the frames with a finding weigh as
much as those without, and of these, half are from the very sources that show the finding. It is fitted on the network
as it is stored, in eight bits, and on frames as the product brings them to it.

So is how far a frame lies from all of those: a picture of a kind that nobody thought of is not endoscopy because it is
not text or a tomogram.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from aimis.inference.engine import open_engine
from aimis.readers.oesophagus.network import FINDINGS, SITES
from training.oesophagus import data

_REGULARISATION = 0.3  # scikit-learn's C; of a finding for frames that weigh _FRAMES together
_FRAMES = 200.0
_MAGNIFIED = "ipcl"  # its frames are close-ups, alike in all but the vessels
_LEAST_VARIANCE = 1e-6  # added to each feature's
Squares = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


def fit(path: Path, rows: list[data.Row], squares: Squares, outside: Squares) -> None:
    """Set the fitted layers in a network's file.

    rows, squares : what the network was trained on, shape (frames, side, side, 3), as the network takes them
    outside : pictures that are no endoscopy, alike
    """
    model = onnx.load(path)
    features, beyond = _features(model, squares), _features(model, outside)
    own = np.array([r["oesophagus"] != "no" and r["source"] != _MAGNIFIED for r in rows])
    both = np.concatenate([features[own], _features(model, squares[own][:, :, ::-1])])
    said = np.array([data.findings_of(row) for row in rows])[np.tile(np.flatnonzero(own), 2)]
    sources = np.array([row["source"] for row in rows])[np.tile(np.flatnonzero(own), 2)]
    parts = []
    for place in range(len(FINDINGS)):
        known = said[:, 1, place] > 0
        truth = said[known, 0, place] > 0
        parts.append(_regression(both[known], truth, _FRAMES * data.balanced(truth, sources[known])))
    parts.append(_sites(features, np.array([data.site_of(row) for row in rows]), beyond))
    _set(model, "whole", *(np.concatenate(part) for part in zip(*parts, strict=True)))
    _set(model, "spread", *_spread(features))
    path.write_bytes(model.SerializeToString(deterministic=True))


def _sites(features: Floats, sites: npt.NDArray[np.int64], beyond: Floats) -> tuple[Floats, Floats]:
    """Slopes and offsets of each site's logit, of no endoscopy's log-odds last; 0 of a site that no frame shows."""
    slopes, offsets = np.zeros((len(SITES), features.shape[1])), np.zeros(len(SITES))
    shown = np.unique(sites[sites >= 0])
    slopes[shown], offsets[shown] = _regression(features[sites >= 0], sites[sites >= 0])
    is_beyond = np.repeat([False, True], [len(features), len(beyond)])
    slopes[-1:], offsets[-1:] = _regression(np.concatenate([features, beyond]), is_beyond)
    return slopes, offsets


def _spread(features: Floats) -> tuple[Floats, Floats]:
    """Slopes and offsets after which a frame's distance from 0 is its Mahalanobis distance from the others."""
    precision = np.linalg.inv(np.cov(features.T) + _LEAST_VARIANCE * np.eye(features.shape[1]))
    slopes = np.linalg.cholesky(precision).T
    return slopes, -slopes @ features.mean(axis=0)


def _regression(
    features: Floats, truth: npt.NDArray[np.generic], weight: Floats | None = None
) -> tuple[Floats, Floats]:
    """Slopes, shape (outputs, features), and offsets."""
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=_REGULARISATION, max_iter=5000)
    model.fit(scaler.transform(features), truth, sample_weight=weight)
    slopes = model.coef_ / scaler.scale_
    return slopes, model.intercept_ - slopes @ scaler.mean_


def _set(model: onnx.ModelProto, layer: str, weight: Floats, bias: Floats) -> None:
    for name, values in ((f"network.{layer}.weight", weight), (f"network.{layer}.bias", bias)):
        (stored,) = (tensor for tensor in model.graph.initializer if tensor.name == name)
        if list(stored.dims) != list(values.shape):
            raise ValueError(f"{name} has shape {list(stored.dims)}, not {values.shape}")
        stored.CopyFrom(numpy_helper.from_array(values.astype(np.float32), name))


def _features(model: onnx.ModelProto, squares: Iterable[Squares]) -> Floats:
    """What the layer takes, shape (frames, channels)."""
    (layer,) = (node for node in model.graph.node if "network.whole.weight" in node.input)
    asked = onnx.ModelProto()
    asked.CopyFrom(model)
    asked.graph.output.append(helper.make_tensor_value_info(layer.input[0], TensorProto.FLOAT, None))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "asked.onnx"
        onnx.save(asked, path)
        engine = open_engine(path, kind="openvino", precision="f32", streams=1)
        return np.array([engine.run({"frame": np.ascontiguousarray(s)[None]})[layer.input[0]][0] for s in squares])
