"""Accuracy of the lung reader on patients and scans never trained on: part of `make evaluate`.

Fold k's networks saw neither scan k nor a patient of block k. Whole scans are scored by the shared program on what the
reader finds with nodules of block k put into scan k; crops and malignancy on the patients of block k.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from aimis.domain.scan import Nodule
from aimis.inference.engine import Precision, open_engine
from aimis.readers.lung.read import FINDING, LungReader
from aimis.reports.json_scan import nodule_entry
from training.lung import data, figures, growth, kept_out, malignancy, nodules
from training.lung.whole_scans import Case, Truth

if TYPE_CHECKING:
    from aimis.imaging.volume import Volume

PRECISIONS: tuple[Precision, ...] = ("f32", "bf16")
SIZES = ((3, 4), (4, 6), (6, 8), (8, 12), (12, 40))
Floats = npt.NDArray[np.float64]
Found = list[tuple[Case, tuple[Nodule, ...], float]]


def main() -> None:
    """Print every figure, and keep them in results/figures.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--work", type=Path, default=Path(".work/evaluation-lung"))
    args = parser.parse_args()
    root = args.shared / "data" / "lung"
    if not (root / "nodules").exists():
        sys.exit(f"{args.shared / 'data'} is not there: evaluation needs the labelled development data")
    args.work.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"crops": crops(root), "malignancy": vote(root)}
    volumes = nodules.volumes(root)
    read = [each for fold in range(data.FOLDS) for each in read_fold(root, fold, volumes)]
    found["real scans"] = real_scans(read[:: len(read) // data.FOLDS])
    program = args.shared / "checks" / "score_lung.py"
    found["whole scans"] = {
        "lines": scored(read, args.work, program),
        "sensitivity at one false mark": _by_group(read),
        "labelled scans alone": scored([r for r in read if data.UNLABELLED not in r[0].name], args.work, program),
    }
    found["growth"] = growth.growth(root, volumes)
    found["precision"] = precision(root, volumes)
    figures.RESULTS.save({**figures.RESULTS.load(), **found})
    figures.print_all(found)


def crops(root: Path) -> dict[str, Any]:
    """Candidate against nodule on LUNA16's crops, each by the network that never saw its block."""
    all_crops = data.crops(root)
    truth, logits, block = [], [], []
    for fold in range(data.FOLDS):
        own = all_crops.fold == fold
        engine = open_engine(kept_out.FOLDS / f"slices-fold{fold}.onnx", precision="f32")
        squares = all_crops.pictures[own][:, 1:49, 1:49]
        said = [_answers(engine.run, each) for each in (squares, squares[:, :, ::-1])]
        truth.append(all_crops.truth[own])
        logits.append(np.mean(said, axis=0))
        block.append(np.full(own.sum(), fold))
    y, p, fold_of = np.concatenate(truth), np.concatenate(logits), np.concatenate(block)
    return {
        **interval(lambda i: auc(y[i], p[i]), len(y)),
        "nodules": int(y.sum()),
        "false candidates": int((1 - y).sum()),
        "by block": [round(auc(y[fold_of == k], p[fold_of == k]), 4) for k in range(data.FOLDS)],
    }


def _answers(run: Callable[..., dict[str, npt.NDArray[Any]]], squares: data.Bytes) -> Floats:
    parts = np.array_split(np.ascontiguousarray(squares), max(1, len(squares) // 200))
    return np.concatenate([run({"squares": part})["answers"][:, 0] for part in parts]).astype(np.float64)


def vote(root: Path) -> dict[str, Any]:
    """Malignancy of LIDC-IDRI's nodules, cross-fitted, beside the annotated diameter alone."""
    judged = malignancy.look(root)
    p, d, y = malignancy.cross_fitted(judged), judged.diameter_mm, judged.vote
    tables = {}
    texture = np.array([float(r["Texture_value"]) for r in judged.rows])
    groups = {"solid": texture >= 4, "subsolid": texture < 4}
    groups |= {f"{a}-{b} mm": (d >= a) & (d < b) for a, b in SIZES}
    for name, own in groups.items():
        if 0 < y[own].sum() < own.sum():
            tables[name] = {**interval(lambda i, o=own: auc(y[o][i], p[o][i]), int(own.sum())), "n": int(own.sum())}
    return {
        **interval(lambda i: auc(y[i], p[i]), len(y)),
        "diameter alone": interval(lambda i: auc(y[i], d[i]), len(y)),
        "difference": interval(lambda i: auc(y[i], p[i]) - auc(y[i], d[i]), len(y)),
        "calibration error": round(calibration_error(p, y), 4),
        "nodules": len(y),
        "by": tables,
    }


def read_fold(root: Path, fold: int, volumes: list[nodules.Nodule]) -> Iterable[tuple[Case, tuple[Nodule, ...], float]]:
    """What the reader says of the fold's scan as it is and with nodules put in, and the seconds it took."""
    reader = kept_out.reader(fold, "auto")
    for case in kept_out.cases(root, fold, "figures", volumes):
        began = time.perf_counter()
        outcome = reader.read_volume(case.volume)[reader.reader_id]
        if outcome.scan is None:
            raise RuntimeError(f"{case.name}: {outcome.reason}")
        yield case, outcome.scan.nodules, time.perf_counter() - began


def real_scans(read: Found) -> dict[str, Any]:
    """Of each scan as it is: labelled nodules found, and marks on nothing labelled, at the operating point."""
    told = {}
    for case, nodules_found, _ in read:
        present = [n for n in nodules_found if n.present]
        hits = {kept_out.hit(case, n.centre_lps_mm) for n in present} - {-1}
        false = [n for n in present if kept_out.hit(case, n.centre_lps_mm) < 0]
        told[case.name] = {
            "labelled": len(case.truth),
            "found": len(hits),
            "false marks": len(false),
            "marks": [
                [round(v) for v in n.centre_lps_mm] + [round(n.diameter_mm, 1), round(n.probability, 2)]
                for n in present
            ],
        }
    return told


def scored(read: Found, work: Path, program: Path) -> list[str]:
    """The shared program's lines."""
    truth = [{"path": case.name, "nodules": [_truth(t) for t in case.truth]} for case, _, _ in read]
    said = [
        {"path": case.name, "reader": "lung-nodule", "status": "read", "reason": None, "seconds": seconds,
         "findings": [nodule_entry(FINDING, n) for n in found]}
        for case, found, seconds in read
    ]  # fmt: skip
    for name, records in (("truth", truth), ("predictions", said)):
        (work / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    command = [sys.executable, str(program), "--truth", str(work / "truth.jsonl")]
    command += ["--predictions", str(work / "predictions.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _truth(truth: Truth) -> dict[str, Any]:
    told: dict[str, Any] = {"centre_lps_mm": list(truth.centre_lps_mm), "diameter_mm": truth.diameter_mm}
    return told if truth.row is None else {**told, "malignant": int(truth.row["Diagnosis_value"])}


def _by_group(read: Found) -> dict[str, str]:
    """Found at one false mark a scan, by size, density and place."""
    false = sorted(
        (n.probability for case, found, _ in read for n in found if kept_out.hit(case, n.centre_lps_mm) < 0),
        reverse=True,
    )
    least = false[min(len(false) - 1, len(read))]
    groups: dict[str, list[bool]] = {}
    for case, found, _ in read:
        hits = {kept_out.hit(case, n.centre_lps_mm) for n in found if n.probability > least}
        for number, truth in enumerate(case.truth):
            for name in _groups(truth, case.volume):
                groups.setdefault(name, []).append(number in hits)
    return {name: f"{sum(hits)} of {len(hits)}" for name, hits in sorted(groups.items())}


def _groups(truth: Truth, volume: Volume) -> list[str]:
    size = next((f"{a}-{b} mm" for a, b in SIZES if a <= truth.diameter_mm < b), "larger")
    texture = float(truth.row["Texture_value"]) if truth.row else 5.0
    height = float(volume.to_indices(truth.centre_lps_mm)[0]) / len(volume.hu)
    third = ("lower", "middle", "upper")[min(2, int(height * 3))] + " third of the scan"
    side = "left" if truth.centre_lps_mm[0] > 0 else "right"
    return ["all", size, "solid" if texture >= 4 else "part-solid" if texture >= 2.5 else "ground-glass", side, third]


def precision(root: Path, volumes: list[nodules.Nodule]) -> dict[str, Any]:
    """Decisions in bf16 against f32 on the first three cases of two folds: nodules reported by one alone, sizes.

    Two marks are of one nodule where one lies in the other: which middle a mark is drawn at can turn by itself.
    """
    shared, alone, apart, moved = 0, 0, [0.0], [0.0]
    for fold in (0, 1):
        readers = [kept_out.reader(fold, kind) for kind in PRECISIONS]
        for case in islice(kept_out.cases(root, fold, "figures", volumes), 3):
            both = [_present(reader, case) for reader in readers]
            pairs = [(a, b) for a in both[0] for b in both[1] if _away(a, b) < max(3.0, a.diameter_mm / 2)]
            shared += len(pairs)
            alone += len(both[0]) + len(both[1]) - 2 * len(pairs)
            apart += [abs(a.diameter_mm - b.diameter_mm) for a, b in pairs]
            moved += [_away(a, b) for a, b in pairs]
    return {
        "reported by both": shared,
        "by one alone": alone,
        "largest difference of diameter, mm": round(max(apart), 3),
        "furthest apart, mm": round(max(moved), 1),
        "holds": not alone,
    }


def _away(one: Nodule, other: Nodule) -> float:
    return math.dist(one.centre_lps_mm, other.centre_lps_mm)


def _present(reader: LungReader, case: Case) -> list[Nodule]:
    scan = reader.read_volume(case.volume)[reader.reader_id].scan
    return [n for n in scan.nodules if n.present] if scan else []


def auc(truth: npt.NDArray[np.int64], score: npt.NDArray[np.floating[Any]]) -> float:
    """Area under the ROC curve; 0.5 where only one class is there."""
    return float(roc_auc_score(truth, score)) if 0 < truth.sum() < len(truth) else 0.5


def interval(figure: Callable[[npt.NDArray[np.int64]], float], n: int, draws: int = 400) -> dict[str, float]:
    """A figure over all cases, and its 95 % interval by the bootstrap."""
    rng = np.random.default_rng(0)
    drawn = np.sort([figure(rng.integers(0, n, n)) for _ in range(draws)])
    low, high = drawn[int(0.025 * draws)], drawn[int(0.975 * draws)]
    return {"value": round(figure(np.arange(n)), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def calibration_error(p: Floats, truth: npt.NDArray[np.int64], bins: int = 10) -> float:
    """Mean distance of predicted and observed frequency over bins of equal count."""
    parts = np.array_split(np.argsort(p), bins)
    return float(sum(abs(p[k].sum() - truth[k].sum()) for k in parts) / len(p))


if __name__ == "__main__":
    main()
