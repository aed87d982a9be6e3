"""The second view of a frame: regressions on what the trained trunk's finer features are like over all of it.

Trained together with the map it would learn which hospital a frame is from, for every finding comes from few. So it is
fitted when all else is done, with weights under which the source says little: the frames with a finding weigh as
much as those without, and of these, half are from the very sources that show the finding. It is fitted on the network
as it is stored, in eight bits, and on frames as the product brings them to it.
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
_LAYER = "network.whole"
Squares = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


def fit(path: Path, rows: list[data.Row], squares: Squares, outside: Squares) -> None:
    """Set the layer in a network's file.

    rows, squares : what the network was trained on, shape (frames, side, side, 3), as the network takes them
    outside : pictures that are no endoscopy, alike
    """
    model = onnx.load(path)
    own = np.array([r["oesophagus"] != "no" and r["source"] != _MAGNIFIED for r in rows])
    sited = np.array([data.site_of(r) for r in rows])
    features, beyond = _features(model, squares), _features(model, outside)
    both = np.concatenate([features[own], _features(model, squares[own][:, :, ::-1])])
    said = np.array([data.findings_of(r) for r, is_own in zip(rows, own, strict=True) if is_own] * 2)
    sources = np.array([r["source"] for r, is_own in zip(rows, own, strict=True) if is_own] * 2)
    parts = []
    for place in range(len(FINDINGS)):
        known = said[:, 1, place] > 0
        truth = said[known, 0, place] > 0
        parts.append(_regression(both[known], truth, _FRAMES * data.balanced(truth, sources[known])))
    sites = np.concatenate([sited[sited >= 0], np.full(len(outside), SITES.index("other"))])
    slopes, offsets = _regression(np.concatenate([features[sited >= 0], beyond]), sites)
    known = np.isin(range(len(SITES)), sites)  # the others are left as the first view has them
    parts.append((np.zeros((len(SITES), slopes.shape[1])), np.zeros(len(SITES))))
    parts[-1][0][known], parts[-1][1][known] = slopes, offsets
    _set(model, *(np.concatenate(part) for part in zip(*parts, strict=True)))
    path.write_bytes(model.SerializeToString(deterministic=True))


def _regression(
    features: Floats, truth: npt.NDArray[np.generic], weight: Floats | None = None
) -> tuple[Floats, Floats]:
    """Slopes, shape (outputs, features), and offsets."""
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=_REGULARISATION, max_iter=5000)
    model.fit(scaler.transform(features), truth, sample_weight=weight)
    slopes = model.coef_ / scaler.scale_
    return slopes, model.intercept_ - slopes @ scaler.mean_


def _set(model: onnx.ModelProto, weight: Floats, bias: Floats) -> None:
    for name, values in ((f"{_LAYER}.weight", weight), (f"{_LAYER}.bias", bias)):
        (stored,) = (tensor for tensor in model.graph.initializer if tensor.name == name)
        if list(stored.dims) != list(values.shape):
            raise ValueError(f"{name} has shape {list(stored.dims)}, not {values.shape}")
        stored.CopyFrom(numpy_helper.from_array(values.astype(np.float32), name))


def _features(model: onnx.ModelProto, squares: Iterable[Squares]) -> Floats:
    """What the layer takes, shape (frames, channels)."""
    (layer,) = (node for node in model.graph.node if f"{_LAYER}.weight" in node.input)
    asked = onnx.ModelProto()
    asked.CopyFrom(model)
    asked.graph.output.append(helper.make_tensor_value_info(layer.input[0], TensorProto.FLOAT, None))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "asked.onnx"
        onnx.save(asked, path)
        engine = open_engine(path, kind="openvino", precision="f32", streams=1)
        return np.array([engine.run({"frame": np.ascontiguousarray(s)[None]})[layer.input[0]][0] for s in squares])
