"""Accuracy of the shipped fundus readers on development patients never trained on: `make evaluate`.

Runs `aimis read --json` as a user would, and the scoring program of the shared checks on what it prints.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import cv2

from training import scored
from training.fundus import data, figures, inspection, marks
from training.fundus.marks import read
from training.fundus.negatives import negatives

Record = dict[str, Any]


def main() -> None:
    """Print every figure, and keep those of the scoring program in results/figures.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--work", type=Path, default=Path(".work/evaluation"))
    parser.add_argument(
        "--all-scope", action="store_true", help="the scope gate on all fundus photographs, not the test part alone"
    )
    parser.add_argument("--before", metavar="COMMIT", help="print the marks of the readers of a commit too")
    parser.add_argument("--marks", action="store_true", help="measure the marks at each operating point alone")
    args = parser.parse_args()
    if not (args.shared / "data" / "fundus" / "labels.csv").exists():
        sys.exit(f"{args.shared / 'data'} is not there: evaluation needs the labelled development data")
    args.work.mkdir(parents=True, exist_ok=True)
    root = args.shared / "data" / "fundus"
    rows = [r for r in data.read_rows(root) if data.part_of(r) == "test"]
    if args.marks:
        figures.RESULTS.save({**figures.RESULTS.load(), "marks": marks.measure(root, rows, args.work, args.before)})
        return
    records = read([str(root / r["file"]) for r in rows], args.work / "test.jsonl")
    found: dict[str, Any] = {name: score(args, only) for name, only in _views(rows).items()}
    found["marks"] = marks.measure(root, rows, args.work, args.before)
    found["blocks"] = blocks(args, rows)
    found["scope"] = scope(args, root, records)
    found["inspection"] = inspection.inspect(root, rows)
    found["laterality"] = laterality(rows)
    figures.RESULTS.save(found)
    left_out = figures.RESULTS.folder / "leave-one-source-out.json"
    print("== leave one source out (that source unseen in training; see training/fundus/README.md)")
    print(left_out.read_text() if left_out.exists() else "not run: python -m training.fundus.leave_one_out")


def _views(rows: list[data.Row]) -> dict[str, list[data.Row]]:
    """All test rows, and those of each source."""
    return {"all": rows, **{s: [r for r in rows if r["source"] == s] for s in ("idrid", "eyepacs", "odir5k")}}


def score(args: argparse.Namespace, only: list[data.Row], *, quiet: bool = False) -> dict[str, Any]:
    """The scoring program's figures on some rows."""
    program = args.shared / "checks" / "score_fundus.py"
    text = scored.score(program, only, args.work / "labels.csv", args.work / "test.jsonl")
    sources = "+".join(sorted({r["source"] for r in only}))
    if not quiet:
        patients = {(r["source"], r["patient"]) for r in only}
        print(f"\n#### test part, {sources}: {len(only)} photographs of {len(patients)} patients\n{text}")
    found: dict[str, Any] = scored.findings(text)
    kappa = re.search(r"quadratic kappa (\S+) of (\d+)", text)
    if kappa:
        found["quadratic-kappa"] = {"kappa": float(kappa[1]), "n": int(kappa[2])}
    found["coverage"] = [line for line in text.splitlines() if line.startswith("items")]
    return found


def blocks(args: argparse.Namespace, rows: list[data.Row]) -> dict[str, dict[str, str]]:
    """AUC of each finding inside each thousand of ODIR's patient numbers, where site and camera vary less."""
    print("== ODIR by thousands of patient numbers (AUC, number of sick)")
    table: dict[str, dict[str, str]] = {}
    for block in range(5):
        own = [r for r in rows if r["source"] == "odir5k" and int(r["patient"]) // 1000 == block]
        if own:
            found = score(args, own, quiet=True)
            table[f"{block}xxx"] = {k: f"{v['auc']:.3f} ({v['sick']:.0f})" for k, v in found.items() if "auc" in v}
            print(f"{block}xxx {table[f'{block}xxx']}")
    return table


def laterality(rows: list[data.Row]) -> dict[str, float]:
    """How often the disc's side tells the eye, and how often that is right; file names are hidden from the reader."""
    sides = inspection.sides()
    known = [(r["laterality"], sides[r["file"]]) for r in rows if r["laterality"] and r["file"] in sides]
    told = [(truth, said) for truth, said in known if said is not None]
    found = {
        "told": len(told) / max(1, len(known)),
        "right": sum(t == s for t, s in told) / max(1, len(told)),
        "n": len(known),
    }
    print("== laterality by the optic disc", {k: round(v, 3) for k, v in found.items()}, "\n")
    return found


def scope(args: argparse.Namespace, root: Path, records: list[Record]) -> dict[str, Any]:
    """How much that is no fundus photograph is read, and how much that is one is called unsupported."""
    folder = args.work / "negatives"
    folder.mkdir(exist_ok=True)
    families = {}
    for number, (family, picture) in enumerate(negatives(args.shared / "data", "test")):
        path = folder / f"{number:04d}-{family}.png"
        families[str(path)] = family
        cv2.imwrite(str(path), picture[:, :, ::-1])
    scans = sorted((args.shared / "data" / "lung" / "scans").glob("*/*.dcm"))[::10]
    families |= {str(path): "ct-dicom" for path in scans}
    outside = [r for r in read(sorted(families), args.work / "negatives.jsonl") if r["reader"] == "fundus-disease"]
    print("== scope gate")
    for family in sorted(set(families.values())):
        print(f"{family}: {dict(Counter(r['status'] for r in outside if families[r['path']] == family))}")
    inside = records
    if args.all_scope:
        inside = read([str(root / r["file"]) for r in data.read_rows(root)], args.work / "all.jsonl")
    inside = [r for r in inside if r["reader"] == "fundus-disease"]
    passed = sum(r["status"] == "read" for r in outside)
    refused = sum(r["status"] == "unsupported" for r in inside)
    print(f"read {passed} of {len(outside)} that are no fundus photograph ({passed / len(outside):.4f})")
    print(f"unsupported {refused} of {len(inside)} fundus photographs ({refused / len(inside):.4f})\n")
    return {"outside": len(outside), "read": passed, "inside": len(inside), "unsupported": refused}


if __name__ == "__main__":
    main()
