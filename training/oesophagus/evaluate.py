"""Accuracy of the oesophagus reader on centres, days and groups never trained on: part of `make evaluate`.

Runs `aimis read --json` as a user would, each frame with the network that never saw its fold (an own reader folder
each), and the scoring program of the shared checks on what it prints.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from aimis.readers.manifest import read_manifest
from training import scored
from training.fundus.negatives import negatives
from training.oesophagus import data, figures, inside, kept_out, parity, unjudged

SMALL = ("ACB", "NAF", "F")
Record = dict[str, Any]


def main() -> None:
    """Print every figure, and keep them in results/figures.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--work", type=Path, default=Path(".work/evaluation-oesophagus"))
    args = parser.parse_args()
    root = args.shared / "data" / "oesophagus"
    if not (root / "labels.csv").exists():
        sys.exit(f"{args.shared / 'data'} is not there: evaluation needs the labelled development data")
    args.work.mkdir(parents=True, exist_ok=True)
    rows = data.read_rows(root)
    records: list[Record] = []
    for fold in range(3):
        own = [str(root / r["file"]) for r in rows if data.fold_of(r) == fold]
        records += read(kept_out.weights_of(fold), own, args.work)
    (args.work / "kept-out.jsonl").write_text("".join(json.dumps(_decided(r)) + "\n" for r in records))
    found: dict[str, Any] = {name: score(args, only) for name, only in _views(rows).items()}
    found["inside"] = inside.print_all(root, rows, records)
    found["not judged"] = unjudged.table(root, rows, records)
    found["unseen sources"] = unseen_sources(args, root, rows)
    found["outside"] = outside(args)
    found["parity"] = parity.print_all(data.load_cache(root, Path(".work/oesophagus")), rows)
    found["metrics"] = _metrics(found)
    figures.RESULTS.save(found)
    figures.print_ideas()


def _decided(record: Record) -> Record:
    """The record as the scoring program takes it: a mark, which is never present, is scored as marked."""
    findings = [{**f, "present": f["present"] or f["marked"]} for f in record["findings"]]
    return {**record, "findings": findings}


def read(weights: Path, paths: list[str], work: Path) -> list[Record]:
    """The JSON lines of `aimis read` with these weights in place of the shipped ones."""
    folder = _folder_with(weights, work)
    environment = {**os.environ, "AIMIS_READERS_PATH": str(folder)}
    reader = read_manifest(folder).reader_ids[0]
    command = [str(Path(sys.executable).with_name("aimis")), "read", "--json", "--reader", reader, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode not in (0, 3):
        sys.exit(f"aimis read ended with {done.returncode}: {done.stderr[-500:]}")
    return [{**json.loads(line), "reader": "oesophagus"} for line in done.stdout.splitlines()]


def _folder_with(weights: Path, work: Path) -> Path:
    """A copy of the reader's folder under an id of its own."""
    name = f"oesophagus-{weights.stem}"
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept_out.READER, folder, ignore=shutil.ignore_patterns("*.onnx", "__pycache__"))
    shutil.copy(weights, folder / "weights" / "oesophagus.onnx")
    stored = weights.read_bytes()
    text = (folder / "reader.toml").read_text().replace('id = "oesophagus"', f'id = "{name}"')
    text = re.sub(r'^sha256 = "\w+"', f'sha256 = "{hashlib.sha256(stored).hexdigest()}"', text, flags=re.MULTILINE)
    text = re.sub(r"^bytes = \d+", f"bytes = {len(stored)}", text, flags=re.MULTILINE)
    (folder / "reader.toml").write_text(text)
    for words in (folder / "text").glob("*.toml"):
        words.write_text(words.read_text().replace("[reader.oesophagus]", f"[reader.{name}]"))
    card = folder / "MODEL_CARD.md"
    card.write_text(card.read_text().replace("\noesophagus ", f"\n{name} ", 1))
    return folder


def _views(rows: list[data.Row]) -> dict[str, list[data.Row]]:
    """All rows; EDD2020 whole, by centre, and without what is only suspicious; ippa's oesophagus."""
    edd = [r for r in rows if r["source"] == "edd2020"]
    sure = [r for r in edd if "suspicious" not in r["classes"] or data.classes_of(r) & data.NEOPLASIA]
    return {
        "all": rows,
        "edd2020": edd,
        "edd2020, without frames only suspicious": sure,
        "AJ": [r for r in edd if r["centre"] == "AJ"],
        "INAB": [r for r in edd if r["centre"] == "INAB"],
        "ACB, NAF and F": [r for r in edd if r["centre"] in SMALL],
        "ippa": [r for r in rows if r["source"] == "ippa"],
    }


def score(args: argparse.Namespace, only: list[data.Row]) -> dict[str, Any]:
    """The scoring program's figures on some rows."""
    root = args.shared / "data" / "oesophagus"
    labels = args.work / "data" / "labels.csv"
    labels.parent.mkdir(exist_ok=True)
    masks = labels.with_name("masks")
    if not masks.exists():
        masks.symlink_to((root / "masks").resolve())
    program = args.shared / "checks" / "score_oesophagus.py"
    text = scored.score(program, only, labels, args.work / "kept-out.jsonl")
    centres = "+".join(sorted({f"{r['source']}/{r['centre']}" for r in only}))
    print(f"\n#### kept out of training: {len(only)} frames of {centres}\n{text}")
    lines = [line for line in text.splitlines() if not scored.LINE.match(line)]
    return {**scored.findings(text), "lines": lines}


def unseen_sources(args: argparse.Namespace, root: Path, rows: list[data.Row]) -> dict[str, str]:
    """Alarms for neoplasia and frames read on normal sources by networks that never saw that source."""
    print("== normal oesophagus of a source that the network never saw")
    found = {}
    for source in ("gastrovision", "nics2021"):
        weights = kept_out.FOLDS / f"without-{source}.onnx"
        own = [r for r in rows if r["source"] == source and r["oesophagus"] in ("yes", "junction")]
        if weights.exists():
            half = {str(root / r["file"]): data.half_of(r) for r in own}
            records = read(weights, list(half), args.work)
            other, set_on = (_alarms([r for r in records if half[r["path"]] == h]) for h in (1, 0))
            found[source] = f"{other}; {set_on} in the half that the operating point was set on"
            print(source, found[source])
    return found


def _alarms(records: list[Record]) -> str:
    seen = [r for r in records if r["status"] == "read"]
    alarms = sum(f["present"] for r in seen for f in r["findings"] if f["name"] == "oesophageal-neoplasia")
    return f"{alarms} alarms of {len(seen)} read of {len(records)} frames"


def outside(args: argparse.Namespace) -> str:
    """Pictures that are no endoscopy, by the shipped network."""
    folder = args.work / "negatives"
    folder.mkdir(exist_ok=True)
    paths = []
    for number, (family, picture) in enumerate(negatives(args.shared / "data", "test")):
        if family != "endoscopy":
            paths.append(str(folder / f"{number:04d}-{family}.png"))
            cv2.imwrite(paths[-1], np.ascontiguousarray(picture[:, :, ::-1]))
    fundus = sorted((args.shared / "data" / "fundus" / "images").rglob("*.webp"))[7::200]
    records = read(kept_out.READER / "weights" / "oesophagus.onnx", paths + [str(p) for p in fundus], args.work)
    passed = [r["path"] for r in records if r["status"] == "read"]
    text = f"read {len(passed)} of {len(records)} pictures that are no endoscopy"
    print(f"== {text}", *(Path(p).name for p in passed))
    return text


def _metrics(found: dict[str, Any]) -> dict[str, Any]:
    """For the manifest: what, value, interval and on what."""
    wanted = {
        "AUC of oesophageal-neoplasia, centres of EDD2020 unseen": ("edd2020", "oesophageal-neoplasia"),
        "AUC of oesophageal-neoplasia, days of ippa unseen": ("ippa", "oesophageal-neoplasia"),
        "AUC of oesophagitis against the normal z-line": ("all", "oesophagitis"),
    }
    table = {}
    for what, (view, finding) in wanted.items():
        each = found[view].get(finding)
        if each:
            on = f"development frames kept out of training: {view}"
            table[what] = {**each, "n": round(each["sick"] + each["well"]), "on": on}
    return table


if __name__ == "__main__":
    main()
