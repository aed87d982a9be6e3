"""Make the reader's folder from trained runs.

`python -m training.oesophagus.package export` writes the networks of all runs as ONNX (needs torch);
`python -m training.oesophagus.package calibrate` writes reader.toml from the template (needs the product alone).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aimis.readers.oesophagus.network import FINDINGS
from training import manifest
from training.fundus import calibrate
from training.oesophagus import data, figures, kept_out, simulate

WEIGHTS = kept_out.READER / "weights" / "oesophagus.onnx"
TEMPLATE = Path("training/oesophagus/reader.template.toml")
ALARMS = {"oesophageal-neoplasia": 0.05, "barretts-oesophagus": 0.1, "oesophagitis": 0.1}
"""Share of the normal frames of any one source that the balanced point may give an alarm for; of FEW also of a source
that the network never saw, measured on half of its groups."""
EXAMINATIONS = {"oesophageal-neoplasia": 0.05, "barretts-oesophagus": 0.2, "oesophagitis": 0.2}
"""The same of examinations without the finding; of FEW those of a source that the network never saw."""
FEW = ("oesophageal-neoplasia", "barretts-oesophagus")  # of oesophagitis it would take half of what is found
NORMALS = ("gastrovision", "nics2021")
GIVEN = ("findings", "sites", "distance", "map")  # the outputs
MEASURED = 200  # frames over which the reach of each feature is measured before it is stored in eight bits
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
        export_runs(args.data, args.work, args.run)
    else:
        write_reader(args.data / "oesophagus")


def export_runs(shared: Path, work: Path, run: str) -> None:
    """Export the averaged networks of the run on all frames and of those without a fold or a source, in eight bits."""
    from training import eight_bits, export  # noqa: PLC0415  only this step needs torch
    from training.oesophagus import loader, train, whole_frame  # noqa: PLC0415

    rows = data.read_rows(shared / "oesophagus")
    squares = kept_out.squares(shared / "oesophagus", rows)
    outside = np.stack([kept_out.reduced(picture) for picture in loader.outside(shared, work)])
    for folder in [work / run, *sorted(work.glob(f"{run}-*"))]:
        if not (folder / "last.pt").exists():
            continue
        tail = folder.name.removeprefix(run).removeprefix("-")
        path = kept_out.FOLDS / f"{tail}.onnx" if tail else WEIGHTS
        whole = folder / "whole.onnx"
        network = train.averaged_of(folder)
        parity = export.export(network, whole, kept_out.SIDE_PX, takes="frame", gives=GIVEN)
        fold = int(tail.removeprefix("fold")) if tail.startswith("fold") else None
        source = tail.removeprefix("without-")
        seen = [i for i, row in enumerate(rows) if not train.is_left_out(row, fold, source)]
        measured = np.random.default_rng(4).choice(seen, MEASURED, replace=False)
        eight_bits.write(whole, path, squares[measured])
        whole_frame.fit(path, [rows[i] for i in seen], squares[seen], outside)
        print(path, f"parity before rounding {parity:.2g}", flush=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Unseen:
    """Normal frames of a source, by the network that never saw it."""

    rows: list[data.Row]
    kept: kept_out.KeptOut

    @classmethod
    def look(cls, root: Path, rows: list[data.Row], source: str) -> Unseen:
        """At all that the source has of oesophagus and junction."""
        own = [r for r in rows if r["source"] == source and r["classes"] in simulate.NORMAL]
        return cls(rows=own, kept=kept_out.look(root, own, kept_out.without_source))

    def usable(self, half: int) -> npt.NDArray[np.intp]:
        """Places of the frames of one half that are read."""
        return np.flatnonzero(self.kept.read & [data.half_of(r) == half for r in self.rows])


def write_reader(root: Path) -> None:
    """Calibrate on frames kept out of training and fill in the template."""
    rows = data.read_rows(root)
    kept = kept_out.look(root, rows)
    read = kept.read
    unseen = [Unseen.look(root, rows, source) for source in NORMALS]
    values = {
        "weights": manifest.weights(WEIGHTS, ((r["source"], root / r["file"]) for r in rows)),
        "network": "\n[network.gates]\n" + "\n".join(f"{name} = {value}" for name, value in kept_out.GATES),
        **figures.manifest_tables(),
    }
    examinations, simulated = "", {}
    for place, finding in enumerate(FINDINGS):
        truth, known = _truth(rows, place)
        use = known & read
        slope, offset = calibrate.platt(kept.findings[use, place], truth[use])
        calibrated = slope * kept.findings[:, place] + offset
        points = calibrate.operating_points(calibrate.sigmoid(calibrated[use]), truth[use])
        normal = [calibrated[read & known & _is_normal(rows, s)] for s in NORMALS]
        if finding in FEW:
            normal += [slope * each.kept.findings[each.usable(0), place] + offset for each in unseen]
        points = _with_few_alarms(points, [calibrate.sigmoid(each) for each in normal], ALARMS[finding])
        values[finding] = f"calibration = {{ slope = {slope:.4f}, offset = {offset:.4f} }}\n{manifest.points(points)}"
        of_unseen = [(each, slope * each.kept.findings[:, place] + offset) for each in unseen]
        text, simulated[finding] = _examination(kept, rows, finding, calibrated=calibrated, read=read, unseen=of_unseen)
        examinations += text
    values["network"] += "\n" + examinations
    manifest.fill(TEMPLATE, kept_out.READER / "reader.toml", values)
    figures.SIMULATED.write_text(json.dumps(simulated, indent=1) + "\n")


def _with_few_alarms(points: dict[str, float], normal: Sequence[Floats], share: float) -> dict[str, float]:
    """The points, the balanced one raised until few normal frames of any set alarm; then less than 0.90 is found.

    normal : of each set the probabilities of its frames
    """
    balanced = max(points["balanced"], *(float(np.quantile(each, 1 - share)) for each in normal))
    return {**points, "balanced": balanced, "specific": max(points["specific"], balanced)}


def _is_normal(rows: list[data.Row], source: str) -> npt.NDArray[np.bool_]:
    return np.array([r["source"] == source and r["classes"] in simulate.NORMAL for r in rows])


def _truth(rows: list[data.Row], place: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Truth of a finding as the scoring program has it, and where it is known; suspicious is neither."""
    said = np.array([data.findings_of(r) for r in rows])
    return said[:, 0, place], said[:, 1, place] > 0


def _examination(
    kept: kept_out.KeptOut,
    rows: list[data.Row],
    finding: str,
    *,
    calibrated: Floats,
    read: npt.NDArray[np.bool_],
    unseen: list[tuple[Unseen, Floats]],
) -> tuple[str, dict[str, Any]]:
    """The pooling of a finding over stills, fitted on half of the simulated examinations and tried on the others.

    Its table of the manifest, and how good it is.
    """
    fitted, tried = (
        simulate.simulate(kept, rows, finding, calibrated=calibrated, read=read, seed=seed) for seed in (1, 2)
    )
    slope, offset, per_log = simulate.fit(fitted)

    def probability(logits: Floats, frames: Floats) -> Floats:
        return calibrate.sigmoid(slope * logits + offset + per_log * np.log(frames))

    p = probability(tried.logits, tried.frames)
    points = calibrate.operating_points(p, tried.truth)
    well = [
        [probability(*simulate.of_well_people(each.kept, logits, each.usable(half), seed=half)) for half in (0, 1)]
        for each, logits in unseen
    ]
    normal = [halves[0] for halves in well] if finding in FEW else [p[tried.truth == 0]]
    points = _with_few_alarms(points, normal, EXAMINATIONS[finding])
    alarms = {
        each.rows[0]["source"]: round(float((w[1] >= points["balanced"]).mean()), 3)
        for (each, _), w in zip(unseen, well, strict=True)
    }
    found = {**simulate.quality_of(p, tried.truth, points["balanced"]), "alarms, source unseen": alarms}
    print(json.dumps({"examination": finding, **found}))
    text = (
        f"\n[network.examination.stills.{finding}]\nslope = {slope:.4f}\noffset = {offset:.4f}\n"
        f"per_log_frames = {per_log:.4f}\n{manifest.points(points)}\n"
    )
    return text, found


if __name__ == "__main__":
    main()
