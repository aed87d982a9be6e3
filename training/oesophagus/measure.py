"""What a network says of frames it never saw, and how good that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import torch

from training.oesophagus import data, loader, measure_map

if TYPE_CHECKING:
    from training.oesophagus.network import OesophagusNetwork

Array = npt.NDArray[np.float32]


@torch.no_grad()
def predict(
    network: OesophagusNetwork, cache: data.Cache, indices: list[int], side: int
) -> dict[str, npt.NDArray[np.float16]]:
    """Finding and site logits, and the map's logits, of the frames at `indices`, in order."""
    network.eval()
    parts: list[list[npt.NDArray[np.float16]]] = [[], [], []]
    for inputs in batches(cache.frames, indices, side):
        with torch.autocast("cpu", torch.bfloat16):
            findings, sites, _, places = network(inputs)
        for part, value in zip(parts, (findings, sites, places), strict=True):
            part.append(value.float().numpy().astype(np.float16))
    return {k: np.concatenate(v) for k, v in zip(("findings", "sites", "map"), parts, strict=True)}


def batches(frames: npt.NDArray[np.uint8], indices: Sequence[int], side: int) -> Iterator[torch.Tensor]:
    """The frames at `indices`, in order, as the network takes them."""
    for start in range(0, len(indices), 32):
        squares = [frames[i] for i in indices[start : start + 32]]
        resized = [np.asarray(cv2.resize(s, (side, side), interpolation=cv2.INTER_AREA), np.uint8) for s in squares]
        yield torch.stack([loader.to_input(s) for s in resized]).to(memory_format=torch.channels_last)


def readings_of(odds: Array) -> dict[str, Array]:
    """Ways to read one number a frame off a map of log-odds, shape (frames, rows, columns)."""
    smooth = np.stack([cv2.GaussianBlur(m, (0, 0), 1.5) for m in odds])
    flat = np.sort(smooth.reshape(len(smooth), -1), axis=1)
    count = flat.shape[1]
    return {
        "peak": flat[:, -1],
        "top3": flat[:, -int(0.03 * count) :].mean(axis=1),
        "top10": flat[:, -int(0.10 * count) :].mean(axis=1),
        "contrast": flat[:, -int(0.03 * count) :].mean(axis=1) - 0.5 * np.median(flat, axis=1),
        "area": (1 / (1 + np.exp(-flat))).mean(axis=1),
    }


def short_table(
    found: dict[str, npt.NDArray[np.float16]], rows: list[data.Row], indices: list[int]
) -> dict[str, object]:
    """The figures that an idea is judged by, of one fold."""
    table: dict[str, object] = {}
    odds = measure_map.log_odds(found["map"], "oesophageal-neoplasia")
    ways = {"pooled": found["findings"][:, 0].astype(np.float32), **readings_of(odds)}
    truth = np.array([bool(data.classes_of(rows[i]) & data.NEOPLASIA) for i in indices])
    for name, use in sets_of(rows, indices).items():
        if use.sum() and 0 < truth[use].sum() < use.sum():
            table[name] = {k: round(measure_map.auc(v[use], truth[use]), 3) for k, v in ways.items()}
    table["hits"] = _hits(odds, rows, indices)
    sites = np.array([data.site_of(rows[i]) for i in indices])
    nics = np.array([rows[i]["source"] == "nics2021" for i in indices])
    if nics.any():
        table["site"] = round(float((found["sites"].argmax(axis=1)[nics] == sites[nics]).mean()), 3)
    own = found["sites"].argmax(axis=1) < 2
    for name in ("yes", "junction", "no"):
        use = np.array([rows[i]["oesophagus"] == name for i in indices])
        table[f"read-{name}"] = round(float(own[use].mean()), 3) if use.any() else None
    return table


def sets_of(rows: list[data.Row], indices: list[int]) -> dict[str, npt.NDArray[np.bool_]]:
    """Frames among which an AUC means something: of one centre, or of one hospital's oesophagus."""
    chosen = [rows[i] for i in indices]
    sets = {c: np.array([r["source"] == "edd2020" and r["centre"] == c for r in chosen]) for c in ("AJ", "INAB", "ACB")}
    sets["edd"] = np.array([r["source"] == "edd2020" for r in chosen])
    sets["ippa"] = np.array([r["source"] == "ippa" and r["oesophagus"] != "no" for r in chosen])
    return sets


def _hits(odds: Array, rows: list[data.Row], indices: list[int]) -> dict[str, str]:
    """Of frames with outlined neoplasia, how often the peak of the smoothed map lies within it, by source."""
    root = data.Path("../shared/data/oesophagus")
    hits: dict[str, list[bool]] = {}
    for values, i in zip(odds, indices, strict=True):
        if rows[i]["source"] == "ipcl" or not data.classes_of(rows[i]) & data.NEOPLASIA:
            continue
        _, allowed = data.normalised(root, rows[i])
        smooth = cv2.GaussianBlur(cv2.resize(values, allowed.shape[::-1]), (0, 0), 12)
        smooth[allowed == 0] = -99
        y, x = np.unravel_index(smooth.argmax(), smooth.shape)
        hits.setdefault(rows[i]["source"], []).append(bool(allowed[y, x] == 4))
    return {k: f"{sum(v)}/{len(v)}" for k, v in hits.items()}
