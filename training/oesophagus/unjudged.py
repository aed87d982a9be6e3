"""What not judging neoplasia within Barrett's mucosa gives and costs, by kind of frame, each frame unseen.

Before is the alarm by the probability alone; after are alarm, not judged and silent as the reader says. Beside it the
frames that the gate took for another organ's: how many are said to look suspicious.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aimis.readers.manifest import read_manifest
from aimis.readers.oesophagus.advice import NEOPLASIA
from training.oesophagus import data, kept_out

Record = dict[str, Any]
Kind = Callable[[data.Row], bool]
SUSPICIOUS = "looks suspicious"
"""In the words that `gates.SUSPICIOUS` has in English."""
_LESION = data.NEOPLASIA | {"neoplasia"}


def _is(row: data.Row, names: set[str]) -> bool:
    return bool(data.classes_of(row) & names)


def _is_sick(row: data.Row) -> bool:
    return _is(row, _LESION)


def _is_quiet_barretts(row: data.Row) -> bool:
    return _is(row, data.BARRETTS) and not _is(row, _LESION | {"suspicious"})


KINDS: Mapping[str, Kind] = {
    "Barrett's without neoplasia, EDD2020": lambda r: r["source"] == "edd2020" and _is_quiet_barretts(r),
    "the same, marked suspicious": lambda r: _is(r, data.BARRETTS) and "suspicious" in r["classes"] and not _is_sick(r),
    "Barrett's without neoplasia, HyperKvasir": lambda r: r["source"] == "hyperkvasir" and _is_quiet_barretts(r),
    "junctions without diagnosis, a scope never seen": lambda r: r["source"] == "gejunction",
    "oesophagitis": lambda r: _is(r, data.OESOPHAGITIS),
    "normal, nics2021": lambda r: r["source"] == "nics2021" and r["oesophagus"] in ("yes", "junction"),
    "normal, gastrovision": lambda r: r["source"] == "gastrovision",
    "normal z-line, HyperKvasir": lambda r: r["classes"] == "normal-z-line",
    "neoplasia, EDD2020": lambda r: r["source"] == "edd2020" and _is_sick(r),
    "squamous cancer, IPPA": lambda r: r["source"] == "ippa" and _is_sick(r),
    "early cancer, IPPA": lambda r: r["source"] == "ippa" and "early-cancer" in r["classes"],
    "squamous cancer, one video": lambda r: r["source"] == "hanoivideo",
    "squamous neoplasia magnified, IPCLs": lambda r: r["source"] == "ipcl",
}
REFUSED: Mapping[str, Kind] = {
    "neoplasia": _is_sick,
    "suspicious, EDD2020": lambda r: "suspicious" in r["classes"] and not _is_sick(r),
    "other organs, nics2021": lambda r: r["source"] == "nics2021" and r["oesophagus"] == "no",
    "other organs, IPPA (gastric cancer, ulcer, gastritis)": lambda r: (
        r["source"] == "ippa" and r["oesophagus"] == "no"
    ),
    "lower tract and stomach, HyperKvasir": lambda r: r["source"] == "hyperkvasir" and r["oesophagus"] == "no",
    "polyps, EDD2020": lambda r: r["classes"] == "polyp" and r["source"] == "edd2020",
}


def table(root: Path, rows: Sequence[data.Row], records: Sequence[Record]) -> dict[str, dict[str, int]]:
    """Of each kind: frames, read, alarms before, then alarms, not judged and silent; of refused ones those told."""
    by_path = {record["path"]: record for record in records}
    found = {}
    for name, kind in KINDS.items():
        found[name] = _of_read([by_path[str(root / r["file"])] for r in rows if kind(r)])
    for name, kind in REFUSED.items():
        found[f"refused: {name}"] = _of_refused([by_path[str(root / r["file"])] for r in rows if kind(r)])
    for name, figures in found.items():
        print(f"{name}: {figures}")
    return found


def _of_read(records: Sequence[Record]) -> dict[str, int]:
    entry = read_manifest(kept_out.READER).readers[0]
    least = entry.finding(NEOPLASIA).threshold(entry.default_operating_point)
    said = [f for r in records for f in r["findings"] if f["name"] == NEOPLASIA]
    not_judged = sum(f["claim"] == "not-judged" for f in said)
    alarms = sum(f["present"] for f in said)
    return {
        "frames": len(records),
        "read": len(said),
        "alarms before": sum(f["probability"] >= least for f in said),
        "alarms": alarms,
        "not judged": not_judged,
        "silent": len(said) - alarms - not_judged,
    }


def _of_refused(records: Sequence[Record]) -> dict[str, int]:
    refused = [r for r in records if r["status"] == "unsupported"]
    return {
        "frames": len(records),
        "refused": len(refused),
        "as colon": sum(r.get("site") == "colon" for r in refused),
        "said to look suspicious": sum(SUSPICIOUS in r["reason"] for r in refused),
        "of those as colon": sum(SUSPICIOUS in r["reason"] and r.get("site") == "colon" for r in refused),
    }


def markdown(found: Mapping[str, Mapping[str, int]]) -> str:
    """Two tables for card and README."""
    text = (
        "\n| neoplasia, each frame unseen | read | alarms by the probability alone | alarms | not judged | silent |\n"
    )
    text += "| --- | --- | --- | --- | --- | --- |\n"
    for name in KINDS:
        each = found[name]
        figures = " | ".join(str(each[k]) for k in ("read", "alarms before", "alarms", "not judged", "silent"))
        text += f"| {name} | {figures} |\n"
    text += "\n| taken for another organ | refused | said to look suspicious | of those taken for colon |\n"
    text += "| --- | --- | --- | --- |\n"
    for name in REFUSED:
        each = found[f"refused: {name}"]
        told = f"{each['of those as colon']} of {each['as colon']}"
        text += f"| {name} | {each['refused']} | {each['said to look suspicious']} | {told} |\n"
    return text + "\n"
