"""Make the reader's folder from a trained run: weights, calibration, limits and operating points.

`python -m training.fundus.package heads --run main` trains the last heads and exports (needs torch);
`python -m training.fundus.package calibrate` writes reader.toml from the template (needs the product alone).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aimis.readers.fundus import decide
from aimis.readers.fundus.network import TARGETS
from training import manifest
from training.fundus import calibrate, data, figures, points
from training.fundus.outputs import Outputs, outputs_of

READER = Path("src/aimis/readers/fundus")
WEIGHTS = READER / "weights" / "fundus.onnx"
TEMPLATE = Path("training/fundus/reader.template.toml")
SIDE_PX = 384
ABSTAINED = 0.03  # share of the calibration photographs that a reader may call not certain


def main() -> None:
    """Run the step that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["heads", "calibrate"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path(".work/fundus"))
    parser.add_argument("--run", default="main")
    args = parser.parse_args()
    if args.step == "heads":
        export_run(args.data, args.work, args.run)
    else:
        write_reader(args.data, args.work)


def export_run(shared: Path, work: Path, run: str) -> None:
    """Train gate and locator on the run's averaged network, export it, keep the figures beside the run."""
    import torch  # noqa: PLC0415  only this step needs it

    from training import export  # noqa: PLC0415
    from training.fundus import heads  # noqa: PLC0415
    from training.fundus.network import FundusNetwork  # noqa: PLC0415

    network = FundusNetwork()
    network.load_state_dict(torch.load(work / run / "last.pt", weights_only=True)["averaged"])
    network.to(memory_format=torch.channels_last)
    rows, cache = data.read_rows(shared / "fundus"), data.load_cache(shared / "fundus", work)
    figures = heads.train_heads(network, rows, cache, shared, SIDE_PX)
    figures["parity"] = export.export(
        network, WEIGHTS, SIDE_PX, takes="photograph", gives=("logits", "evidence", "gate", "disc")
    )
    (work / run / "heads.json").write_text(json.dumps(figures, indent=1))
    print(json.dumps(figures, indent=1))


def write_reader(shared: Path, work: Path) -> None:
    """Calibrate on the calibration part and fill in the template."""
    root = shared / "fundus"
    rows = [r for r in data.read_rows(root) if data.part_of(r) == "calibration"]
    outputs = outputs_of(WEIGHTS, root, rows, SIDE_PX)
    fitted = {name: _fit(name, target, rows, outputs) for name, target in data.FINDINGS.items()}
    decided = Decided.of(rows, outputs, fitted)
    taught = ((r["source"], root / r["file"]) for r in data.read_rows(root) if data.part_of(r) == "train")
    values = {
        "weights": manifest.weights(WEIGHTS, taught),
        **_grade_values(rows, outputs, decided),
        **_abstention(decided),
        **{name: _finding(each, decided.thresholds[name]) for name, each in fitted.items()},
        **figures.manifest_tables(),
    }
    (work / "calibration.json").write_text(json.dumps({n: f.compared for n, f in fitted.items()}, indent=1))
    manifest.fill(TEMPLATE, READER / "reader.toml", values)
    print(json.dumps({n: f.compared for n, f in fitted.items()}, indent=1))


def _finding(fitted: calibrate.Calibrated, thresholds: dict[str, float]) -> str:
    slope = f"calibration = {{ slope = {fitted.slope:.4f}, offset = {fitted.offset:.4f} }}"
    return f"{slope}\n{manifest.points(thresholds)}"


@dataclass(frozen=True, kw_only=True)
class Decided:
    """The calibration part as the reader decides it.

    probabilities, present : one an eye; the latter at the balanced point
    """

    eyes: points.Eyes
    thresholds: dict[str, dict[str, float]]
    probabilities: list[dict[str, float]]
    present: list[frozenset[str]]

    @classmethod
    def of(cls, rows: list[data.Row], outputs: Outputs, fitted: dict[str, calibrate.Calibrated]) -> Decided:
        """With the thresholds that are fitted to these eyes."""
        raw = {
            name: calibrate.sigmoid(each.slope * outputs["logits"][:, TARGETS.index(data.FINDINGS[name])] + each.offset)
            for name, each in fitted.items()
        }
        told = [decide.consistent({n: float(v[i]) for n, v in raw.items()}) for i in range(len(rows))]
        eyes = points.Eyes(
            probabilities={name: np.array([each[name] for each in told]) for name in data.FINDINGS},
            truth={name: np.array([data.truth_of(row, name) for row in rows], dtype=float) for name in data.FINDINGS},
            normal=data.normal_eyes(rows),
        )
        thresholds = points.joint_thresholds(eyes)
        balanced = {name: each["balanced"] for name, each in thresholds.items()}
        present = [decide.present(each, balanced) for each in told]
        return cls(eyes=eyes, thresholds=thresholds, probabilities=told, present=present)


def _fit(finding: str, target: str, rows: list[data.Row], outputs: Outputs) -> calibrate.Calibrated:
    truth = [data.truth_of(row, finding) for row in rows]
    known = [i for i, t in enumerate(truth) if t is not None]
    patients = [f"{rows[i]['source']}:{rows[i]['patient']}" for i in known]
    logits = outputs["logits"][known, TARGETS.index(target)]
    return calibrate.calibrate(logits, np.array([truth[i] for i in known], dtype=float), patients)


def _grade_values(rows: list[data.Row], outputs: Outputs, decided: Decided) -> dict[str, str]:
    """Calibration of the four steps and the cuts of the expected grade."""
    known = [i for i, r in enumerate(rows) if r["icdr_grade"]]
    grade = np.array([int(rows[i]["icdr_grade"]) for i in known])
    expected, steps = np.zeros(len(known)), []
    for k in range(4):
        logits = outputs["logits"][known, k]
        slope, offset = calibrate.platt(logits, (grade > k).astype(float))
        steps.append(f"{{ slope = {slope:.4f}, offset = {offset:.4f} }}")
        expected += calibrate.sigmoid(slope * logits + offset)
    said = np.array([decide.grade(decided.present[i], 0.0, ()) for i in known])
    cuts = calibrate.severe_cuts(expected, grade, said)
    print(
        "kappa on the calibration part", round(calibrate.kappa(calibrate.graded(expected, said, cuts), grade), 3), cuts
    )
    return {"grade": f"grade_calibration = [{', '.join(steps)}]\ngrade_cuts = {cuts}"}


def _abstention(decided: Decided) -> dict[str, str]:
    """The certainty under which a reader abstains, and the coverage and risk it gives at the balanced point."""
    balanced = {name: each["balanced"] for name, each in decided.thresholds.items()}
    values = {}
    for reader, own, finding in (
        ("retinopathy", frozenset(figures.RETINOPATHY), decide.REFERABLE),
        ("disease", frozenset(figures.DISEASE), decide.ABNORMAL),
    ):
        certainty = np.array([decide.certainty(each, balanced, own) for each in decided.probabilities])
        least = float(np.quantile(certainty, ABSTAINED))
        told, truth = np.array([finding in each for each in decided.present]), decided.eyes.truth[finding]
        judged = ~np.isnan(truth) & (certainty >= least)
        risk = float(np.mean(told[judged] != truth[judged]))
        for point in points.BUDGETS:
            at = {name: each[point] for name, each in decided.thresholds.items()}
            sure = [decide.certainty(each, at, own) >= least for each in decided.probabilities]
            print(f"{reader} at {point}: certain of {np.mean(sure):.3f}")
        values[f"abstention-{reader}"] = f"threshold = {least:.4f}\ncoverage = {1 - ABSTAINED}\nrisk = {risk:.4f}"
    return values


if __name__ == "__main__":
    main()
