"""Make the reader's manifest.

`python -m training.lung.package calibrate` calibrates on patients and scans kept out, then fills in the template;
`python -m training.lung.package fill` fills it in again, with figures measured since.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from training import manifest
from training.lung import data, figures, kept_out, malignancy, nodules

READER = Path("src/aimis/readers/lung")
WEIGHTS = READER / "weights"
TEMPLATE = Path("training/lung/reader.template.toml")
CALIBRATION = Path("training/lung/results/calibration.json")
NODULES_A_SCAN = 2.0
"""What probabilities are calibrated to; LIDC-IDRI has about as many of 3 mm or more by three readers."""
FALSE_MARKS = {"screening": 3.0, "balanced": 0.75, "specific": 0.2}
"""A scan, on calibration scans, at each operating point."""
LISTED_FROM, DRAWN_FROM, LEAST_MM = 0.002, 0.1, 3.0
Floats = npt.NDArray[np.float64]


def main() -> None:
    """Calibrate where asked, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["calibrate", "fill"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/lung"))
    args = parser.parse_args()
    if args.step == "calibrate":
        CALIBRATION.write_text(json.dumps(calibrated(args.data), indent=1) + "\n")
    fill(args.data)


def calibrated(root: Path) -> dict[str, dict[str, float]]:
    """Fusion, thresholds and malignancy model, on scans and patients that the networks never saw."""
    volumes = nodules.volumes(root)
    # where no label is known, a scan's own tumour would count as a false mark
    labelled = [fold for fold, name in enumerate(data.SCANS) if name != data.UNLABELLED]
    marks = [m for fold in labelled for m in kept_out.marked(root, fold, "calibration", volumes, "auto")]
    share, slope, offset = fused(marks)
    return {
        "fusion": {"share": share, "slope": slope, "offset": offset},
        "points": operating_points(marks, share, slope, offset),
        "malignancy": malignancy.fit(malignancy.look(root), None),
    }


def fill(root: Path) -> None:
    """Write the manifest from the calibration and the newest figures."""
    told = json.loads(CALIBRATION.read_text())
    fusion = told["fusion"]
    network = {
        "slices_share": fusion["share"], "listed_from": LISTED_FROM, "drawn_from": DRAWN_FROM, "least_mm": LEAST_MM,
    }  # fmt: skip
    lines = "".join(f"{name} = {value:.5g}\n" for name, value in network.items())
    rated = "".join(f"{name} = {value:.6g}\n" for name, value in told["malignancy"].items())
    spread = figures.RESULTS.load()["repeatability"]["spread"]
    slices = (WEIGHTS / "slices.onnx").read_bytes()
    values = {
        "bf16": figures.bf16(),
        "weights": manifest.weights(WEIGHTS / "finder.onnx", _files(root)),
        "slices": f'sha256 = "{hashlib.sha256(slices).hexdigest()}"\nbytes = {len(slices)}',
        "network": f"[network]\n{lines}repeatability = {spread}\n\n[network.malignancy]\n{rated}",
        "pulmonary-nodule": "calibration = {{ slope = {slope:.4f}, offset = {offset:.4f} }}\n".format(**fusion)
        + manifest.points(told["points"]),
        "metrics": figures.manifest_tables(),
    }
    manifest.fill(TEMPLATE, READER / "reader.toml", values)


def fused(marks: list[kept_out.Marked]) -> tuple[float, float, float]:
    """Share of the slice network's logit, slope and offset, at a prevalence of two nodules a scan."""
    design = np.array([[m.finder, m.slices] for m in marks])
    true = np.array([m.nodule >= 0 for m in marks])
    inserted = len({(m.case, m.nodule) for m in marks if m.nodule >= 0}) / len({m.case for m in marks})
    weight = np.where(true, NODULES_A_SCAN / inserted, 1.0)
    model = LogisticRegression(C=100.0, max_iter=2000).fit(design, true, sample_weight=weight)
    finder, own = (float(w) for w in model.coef_[0])
    return own / finder, finder, float(model.intercept_[0])


def operating_points(marks: list[kept_out.Marked], share: float, slope: float, offset: float) -> dict[str, float]:
    """Thresholds at which so many false marks a scan are left."""
    scans = len({m.case for m in marks})
    false = sorted(
        (1 / (1 + np.exp(-slope * (m.finder + share * m.slices) - offset)) for m in marks if m.nodule < 0), reverse=True
    )
    return {name: float(false[min(len(false) - 1, round(rate * scans))]) for name, rate in FALSE_MARKS.items()}


def _files(root: Path) -> Iterable[tuple[str, Path]]:
    for source in ("luna16_candidates", "nodule_patches_2d"):
        yield source, root / f"{source}.npy.xz"
        yield source, root / f"{source}.csv"
    yield "nodules", root / "nodules" / "nodules.csv"
    for path in sorted((root / "nodules").rglob("*.nii.gz")):
        yield "nodules", path
    for path in sorted((root / "scans").rglob("*.dcm")):
        yield "scans", path


if __name__ == "__main__":
    main()
