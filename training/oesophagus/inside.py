"""Figures that the scoring program does not give: before the gates, inside frames, and lesion by lesion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from aimis.inference.engine import Network, open_engine
from aimis.readers.oesophagus import network
from training.oesophagus import data, kept_out, measure_map

Record = dict[str, Any]


def print_all(root: Path, rows: list[data.Row], records: list[Record]) -> dict[str, Any]:
    """Print and return them."""
    kept = kept_out.look(root, rows)
    found = {
        "neoplasia before the gates": before_gates(kept, rows),
        "sites": sites(kept, rows),
        "Barrett's outlines": barretts_dice(root, rows),
        "vessels": vessels(root, rows),
        "early cancers": early(rows, records),
    }
    for name, value in found.items():
        print(f"== {name}: {value}")
    return found


def before_gates(kept: kept_out.KeptOut, rows: list[data.Row]) -> dict[str, str]:
    """AUC by the network alone, whatever the site gate says, with the interval of a bootstrap by group."""
    truth = np.array([bool(data.classes_of(r) & data.NEOPLASIA) for r in rows])
    edd = np.array([r["source"] == "edd2020" for r in rows])
    centre = np.array([r["centre"] for r in rows])
    suspicious = np.array(["suspicious" in r["classes"] for r in rows]) & ~truth
    ippa = np.array([r["source"] == "ippa" and r["oesophagus"] in ("yes", "junction") for r in rows])
    sets = {"edd2020": edd, "edd2020 without frames only suspicious": edd & ~suspicious, "ippa": ippa}
    sets |= {name: edd & (centre == name) for name in ("AJ", "INAB", "ACB")}
    value, groups = kept.findings[:, 0], np.array([r["group"] for r in rows])
    return {name: _with_interval(value[use], truth[use], groups[use]) for name, use in sets.items()}


def _with_interval(value: npt.NDArray[Any], truth: npt.NDArray[np.bool_], groups: npt.NDArray[np.str_]) -> str:
    rng = np.random.default_rng(0)
    names, place = np.unique(groups, return_inverse=True)
    values = []
    for _ in range(300):
        counts = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
        chosen = np.repeat(np.arange(len(value)), counts[place])
        values.append(measure_map.auc(value[chosen], truth[chosen]))
    low, high = np.nanquantile(values, [0.025, 0.975])
    return f"{measure_map.auc(value, truth):.3f} ({low:.3f}-{high:.3f}), {truth.sum()} of {len(truth)}"


def sites(kept: kept_out.KeptOut, rows: list[data.Row]) -> str:
    """Of nics2021 how many have the right site as the likeliest of the ten."""
    nics = np.array([r["source"] == "nics2021" for r in rows])
    truth = np.array([data.site_of(r) for r in rows])[nics]
    said = kept.sites[nics].argmax(axis=1)
    wrong = np.flatnonzero(said != truth)
    pairs: dict[tuple[str, str], int] = {}
    for i in wrong:
        pair = (network.SITES[truth[i]], network.SITES[said[i]])
        pairs[pair] = pairs.get(pair, 0) + 1
    worst = ", ".join(f"{a} as {b} {n}" for (a, b), n in sorted(pairs.items(), key=lambda x: -x[1])[:6])
    return f"top-1 {(said == truth).mean():.3f} of {len(truth)}; most often {worst}"


def barretts_dice(root: Path, rows: list[data.Row]) -> str:
    """Dice of Barrett's outlines on frames of centres kept out; neoplasia within counts as Barrett's in both."""
    engines = _engines()
    values = []
    for row in rows:
        if row["source"] == "edd2020" and "BE" in data.classes_of(row):
            odds, allowed = _barretts(engines[data.fold_of(row)], root, row)
            truth = (allowed & 6 > 0) & (allowed & 1 == 0)
            said = (odds > 0) & (allowed > 0)
            values.append(2 * (truth & said).sum() / max(1, truth.sum() + said.sum()))
    return f"mean Dice {np.mean(values):.3f}, median {np.median(values):.3f} of {len(values)} frames, centre unseen"


def _barretts(engine: Network, root: Path, row: data.Row) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]:
    frame, allowed = data.normalised(root, row)
    square = kept_out.reduced(frame)
    logits = network.run(engine, square).map[None]
    odds = measure_map.log_odds(logits, "barretts-oesophagus", "oesophageal-neoplasia")[0]
    return np.asarray(cv2.resize(odds, allowed.shape[::-1])), allowed


def vessels(root: Path, rows: list[data.Row]) -> str:
    """Boxes of type B against type A vessels by the mean odds of neoplasia within, on frames kept out."""
    engines = _engines()
    value: list[float] = []
    truth: list[bool] = []
    for row in rows:
        if row["source"] != "ipcl":
            continue
        frame, allowed = data.normalised(root, row)
        square = kept_out.reduced(frame)
        logits = network.run(engines[data.fold_of(row)], square).map[None]
        odds = cv2.resize(measure_map.log_odds(logits, "oesophageal-neoplasia")[0], allowed.shape[::-1])
        for bits, sick in ((4, True), (1, False)):
            count, labels = cv2.connectedComponents((allowed == bits).astype(np.uint8))
            means = [float(odds[labels == k].mean()) for k in range(1, count)]
            value += means
            truth += [sick] * len(means)
    return f"AUC {measure_map.auc(np.array(value), np.array(truth)):.3f}, {sum(truth)} of {len(truth)} boxes"


def early(rows: list[data.Row], records: list[Record]) -> list[str]:
    """What became of each frame labelled early cancer."""
    by_name = {Path(r["path"]).name: r for r in records}
    found = []
    for row in rows:
        if "early-cancer" in data.classes_of(row):
            name = Path(row["file"]).name
            record = by_name[name]
            said = next((f for f in record["findings"] if f["name"] == "oesophageal-neoplasia"), None)
            what = (
                record["status"]
                if said is None
                else f"{said['probability']:.2f}, present {said['present']}, {said['claim']}"
            )
            found.append(f"{name} ({row['group']}): {what}")
    return found


def _engines() -> list[Network]:
    return [open_engine(kept_out.weights_of(k), kind="openvino", precision="f32") for k in range(3)]
