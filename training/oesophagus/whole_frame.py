"""The second view of a frame: logistic regression on what the trained trunk's finer features are like over all of it.

Trained together with the map it would learn which hospital a frame is from, for every finding comes from few. So it is
fitted when all else is done, with weights under which the source says little: the frames with a finding weigh as
much as those without, and of these, half are from the very sources that show the finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from training.oesophagus import data, measure
from training.oesophagus.network import of_whole

if TYPE_CHECKING:
    from training.oesophagus.network import OesophagusNetwork

_REGULARISATION = 0.3  # scikit-learn's C, for frames that weigh _FRAMES together
_FRAMES = 200.0
VIEWS = 2  # of each frame: as it is, and mirrored
_MAGNIFIED = "ipcl"  # its frames are close-ups, alike in all but the vessels


def fit(network: OesophagusNetwork, cache: data.Cache, rows: list[data.Row], indices: list[int], side: int) -> None:
    """Set `network.whole` from the frames at `indices`."""
    chosen = [i for i in indices if rows[i]["oesophagus"] != "no" and rows[i]["source"] != _MAGNIFIED]
    features = _features(network, cache, chosen, side)
    said = np.array([data.findings_of(rows[i]) for i in chosen] * VIEWS)  # (frames, truth and is it known, findings)
    sources = np.array([rows[i]["source"] for i in chosen] * VIEWS)
    for place in range(said.shape[2]):
        known = said[:, 1, place] > 0
        truth = said[known, 0, place] > 0
        scaler = StandardScaler().fit(features[known])
        model = LogisticRegression(C=_REGULARISATION, max_iter=5000)
        weight = _FRAMES * data.balanced(truth, sources[known])
        model.fit(scaler.transform(features[known]), truth, sample_weight=weight)
        slopes = model.coef_[0] / scaler.scale_
        network.whole.weight.data[place] = torch.from_numpy(slopes).float()
        network.whole.bias.data[place] = float(model.intercept_[0] - slopes @ scaler.mean_)


@torch.no_grad()
def _features(network: OesophagusNetwork, cache: data.Cache, indices: list[int], side: int) -> npt.NDArray[np.float32]:
    """Shape (views * frames, WHOLE_CHANNELS), first all frames as they are."""
    network.eval()
    views: tuple[list[npt.NDArray[np.float32]], ...] = [], []
    for inputs in measure.batches(cache, indices, side):
        for view, seen in zip(views, (inputs, inputs.flip(3)), strict=True):
            near, middle, _, _ = network.features(seen)
            view.append(of_whole(near, middle).numpy())
    return np.concatenate([part for view in views for part in view])
