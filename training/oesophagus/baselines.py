"""What plain methods reach on the same folds: `python -m training.oesophagus.baselines`.

Frozen ImageNet features, and a colour histogram, each with logistic regression on the frame's label.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.oesophagus import data, loader, measure, measure_map
from training.oesophagus.network import from_backbone

Array = npt.NDArray[np.float32]


@torch.no_grad()
def frozen_features(cache: data.Cache, backbone: Path, side: int = 288) -> Array:
    """Mean of the last features, shape (frames, 1280)."""
    network = from_backbone(backbone).eval().to(memory_format=torch.channels_last)
    out = []
    for start in range(0, len(cache.frames), 32):
        squares = [cv2.resize(f, (side, side), interpolation=cv2.INTER_AREA) for f in cache.frames[start : start + 32]]
        inputs = torch.stack([loader.to_input(s) for s in squares])
        with torch.autocast("cpu", torch.bfloat16):
            last = network.features(inputs.to(memory_format=torch.channels_last))[3]
        out.append(last.float().mean(dim=(2, 3)).numpy())
    return np.concatenate(out)


def histograms(cache: data.Cache) -> Array:
    """Of colour within the picture, 8 bins a channel, shape (frames, 512)."""
    found = []
    for frame, allowed in zip(cache.frames, cache.allowed, strict=True):
        mask = (allowed > 0).astype(np.uint8)
        counted = cv2.calcHist([frame], [0, 1, 2], mask, [8, 8, 8], [0, 256] * 3).ravel()
        found.append(np.sqrt(counted / max(1, counted.sum())))
    return np.stack(found)


def out_of_fold(features: Array, truth: npt.NDArray[np.bool_], fold: npt.NDArray[np.int_]) -> Array:
    """Log-odds of each frame by a regression that never saw its fold."""
    value = np.zeros(len(truth), np.float32)
    for left_out in np.unique(fold):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000, class_weight="balanced"))
        model.fit(features[fold != left_out], truth[fold != left_out])
        value[fold == left_out] = model.decision_function(features[fold == left_out])
    return value


def main() -> None:
    """Print the AUC of each method inside each centre."""
    shared = Path("../shared/data")
    rows = data.read_rows(shared / "oesophagus")
    cache = data.load_cache(shared / "oesophagus", Path(".work/oesophagus"))
    truth = np.array([bool(data.classes_of(r) & data.NEOPLASIA) for r in rows])
    fold = np.array([data.fold_of(r) for r in rows])
    backbone = shared / "backbones" / "mobilenet_v2_imagenet.safetensors"
    for name, features in (("frozen features", frozen_features(cache, backbone)), ("histogram", histograms(cache))):
        value = out_of_fold(features, truth, fold)
        sets = measure.sets_of(rows, list(range(len(rows))))
        print(
            json.dumps({"method": name, **{k: round(measure_map.auc(value[u], truth[u]), 3) for k, u in sets.items()}})
        )


if __name__ == "__main__":
    main()
