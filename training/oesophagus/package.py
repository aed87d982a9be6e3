"""Make the reader's folder from trained runs.

`python -m training.oesophagus.package export` writes the networks of all runs as ONNX (needs torch);
`python -m training.oesophagus.package calibrate` writes reader.toml from the template (needs the product alone).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aimis.readers.oesophagus.network import FINDINGS
from training import manifest
from training.fundus import calibrate
from training.oesophagus import data, figures, kept_out, simulate

READER = Path("src/aimis/readers/oesophagus")
WEIGHTS = READER / "weights" / "oesophagus.onnx"
TEMPLATE = Path("training/oesophagus/reader.template.toml")
OWN_SITE = 0.5  # a frame is read where oesophagus or junction is likelier than not
ALARMS = {"oesophageal-neoplasia": 0.035, "barretts-oesophagus": 0.1, "oesophagitis": 0.1}
"""Share of the normal frames of any one source that the balanced point may give an alarm for."""
OTHER_SITE = 0.8  # probability of no endoscopy from which a frame is refused as such
Floats = npt.NDArray[np.float64]


def main() -> None:
    """Run the step that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["export", "calibrate"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path(".work/oesophagus"))
    parser.add_argument("--run", default="main")
    args = parser.parse_args()
    if args.step == "export":
        export_runs(args.work, args.run)
    else:
        write_reader(args.data / "oesophagus")


def export_runs(work: Path, run: str) -> None:
    """Export the averaged networks of the run on all frames and of those without a fold or a source."""
    from training import export  # noqa: PLC0415  only this step needs torch
    from training.oesophagus import train  # noqa: PLC0415

    places = {work / run: WEIGHTS}
    for folder in sorted(work.glob(f"{run}-*")):
        places[folder] = kept_out.FOLDS / f"{folder.name.removeprefix(run + '-')}.onnx"
    for folder, path in places.items():
        if (folder / "last.pt").exists():
            network = train.averaged_of(folder)
            parity = export.export(network, path, kept_out.SIDE_PX, takes="frame", gives=("findings", "sites", "map"))
            print(path, f"parity {parity:.2g}")


def write_reader(root: Path) -> None:
    """Calibrate on frames kept out of training and fill in the template."""
    rows = data.read_rows(root)
    kept = kept_out.look(root, rows)
    read = (kept.own_site >= OWN_SITE) & (kept.other_site <= OTHER_SITE) & (kept.faults == "")
    values = {
        "weights": manifest.weights(WEIGHTS, ((r["source"], root / r["file"]) for r in rows)),
        "network": f"\n[network.gates]\nleast_side_px = 160\nown_site = {OWN_SITE}\nother_site = {OTHER_SITE}",
        **figures.manifest_tables(),
    }
    examinations = ""
    for place, finding in enumerate(FINDINGS):
        truth, known = _truth(rows, place)
        use = known & read
        slope, offset = calibrate.platt(kept.findings[use, place], truth[use])
        calibrated = slope * kept.findings[:, place] + offset
        points = calibrate.operating_points(calibrate.sigmoid(calibrated[use]), truth[use])
        points = _with_few_alarms(points, calibrate.sigmoid(calibrated), rows, read & known, ALARMS[finding])
        values[finding] = f"calibration = {{ slope = {slope:.4f}, offset = {offset:.4f} }}\n{manifest.points(points)}"
        examinations += _examination(kept, rows, finding, calibrated=calibrated, read=read)
    values["network"] += "\n" + examinations
    manifest.fill(TEMPLATE, READER / "reader.toml", values)


def _with_few_alarms(
    points: dict[str, float], probability: Floats, rows: list[data.Row], use: npt.NDArray[np.bool_], share: float
) -> dict[str, float]:
    """The points, the balanced one raised until few normal frames of any source alarm; then less than 0.90 is found."""
    sources = np.array([r["source"] if r["classes"] in simulate.NORMAL else "" for r in rows])
    least = [float(np.quantile(probability[(sources == s) & use], 1 - share)) for s in ("gastrovision", "nics2021")]
    balanced = max(points["balanced"], *least)
    return {**points, "balanced": balanced, "specific": max(points["specific"], balanced)}


def _truth(rows: list[data.Row], place: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Truth of a finding as the scoring program has it, and where it is known; suspicious is neither."""
    said = np.array([data.findings_of(r) for r in rows])
    return said[:, 0, place], said[:, 1, place] > 0


def _examination(
    kept: kept_out.KeptOut, rows: list[data.Row], finding: str, *, calibrated: Floats, read: npt.NDArray[np.bool_]
) -> str:
    """The pooling of a finding over stills, fitted on half of the simulated examinations and tried on the others."""
    fitted, tried = (
        simulate.simulate(kept, rows, finding, calibrated=calibrated, read=read, seed=seed) for seed in (1, 2)
    )
    slope, offset, per_log = simulate.fit(fitted)
    p = calibrate.sigmoid(slope * tried.logits + offset + per_log * np.log(tried.frames))
    points = calibrate.operating_points(p, tried.truth)
    print(json.dumps({"examination": finding, **simulate.quality_of(p, tried.truth, points["balanced"])}))
    return (
        f"\n[network.examination.stills.{finding}]\nslope = {slope:.4f}\noffset = {offset:.4f}\n"
        f"per_log_frames = {per_log:.4f}\n{manifest.points(points)}\n"
    )


if __name__ == "__main__":
    main()
