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

from aimis.readers.oesophagus.network import FINDINGS, SITES
from training.oesophagus import data, kept_out, measure
from training.oesophagus.network import of_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.oesophagus.network import OesophagusNetwork

Bytes = npt.NDArray[np.uint8]

_REGULARISATION = 0.3  # scikit-learn's C; of a finding for frames that weigh _FRAMES together
_FRAMES = 200.0
_MAGNIFIED = "ipcl"  # its frames are close-ups, alike in all but the vessels


def fit(
    network: OesophagusNetwork, cache: data.Cache, rows: list[data.Row], indices: list[int], outside: Bytes
) -> None:
    """Set `network.whole` from the frames at `indices`, and from pictures that are no endoscopy.

    outside : shape (pictures, side, side, 3)
    """
    chosen = [i for i in indices if rows[i]["oesophagus"] != "no" and rows[i]["source"] != _MAGNIFIED]
    own = np.concatenate([_features(network, cache.frames, chosen, mirrored=way) for way in (False, True)])
    said = np.array([data.findings_of(rows[i]) for i in chosen] * 2)  # (frames, truth and is it known, findings)
    sources = np.array([rows[i]["source"] for i in chosen] * 2)
    for place in range(len(FINDINGS)):
        known = said[:, 1, place] > 0
        truth = said[known, 0, place] > 0
        _set(network, [place], own[known], truth, _FRAMES * data.balanced(truth, sources[known]))
    sited = [i for i in indices if data.site_of(rows[i]) >= 0]
    sites = [*(data.site_of(rows[i]) for i in sited), *[SITES.index("other")] * len(outside)]
    seen = _features(network, cache.frames, sited), _features(network, outside, range(len(outside)))
    _set(network, [len(FINDINGS) + site for site in sorted(set(sites))], np.concatenate(seen), np.array(sites))


def _set(
    network: OesophagusNetwork,
    places: list[int],
    features: npt.NDArray[np.float32],
    truth: npt.NDArray[np.generic],
    weight: npt.NDArray[np.float64] | None = None,
) -> None:
    """One regression into some outputs of the layer, as many as it has."""
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=_REGULARISATION, max_iter=5000)
    model.fit(scaler.transform(features), truth, sample_weight=weight)
    slopes = model.coef_ / scaler.scale_
    network.whole.weight.data[places] = torch.from_numpy(slopes).float()
    network.whole.bias.data[places] = torch.from_numpy(model.intercept_ - slopes @ scaler.mean_).float()


@torch.no_grad()
def _features(
    network: OesophagusNetwork, frames: Bytes, indices: Sequence[int], *, mirrored: bool = False
) -> npt.NDArray[np.float32]:
    """Shape (frames, WHOLE_CHANNELS)."""
    network.eval()
    parts = []
    for inputs in measure.batches(frames, indices, kept_out.SIDE_PX):
        near, middle, _, _ = network.features(inputs.flip(3) if mirrored else inputs)
        parts.append(of_whole(near, middle).numpy())
    return np.concatenate(parts)
