"""Each source kept out of training altogether, then read: `python -m training.fundus.leave_one_out`.

A shorter recipe than the shipped network's (256 px), so these figures are a floor for an unseen source.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from aimis.readers.fundus.network import TARGETS
from training.fundus import data, train
from training.fundus.figures import RESULTS, SOURCES
from training.fundus.network import FundusNetwork

RECIPE = Path("training/fundus/recipe-short.toml")
DRAWS = 3000
SIDE_PX = 256
RESULT = RESULTS / "leave-one-source-out.json"


def main() -> None:
    """Train without each source, read that source's photographs, write AUC by target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path(".work/fundus"))
    args = parser.parse_args()
    rows, cache = data.read_rows(args.data / "fundus"), data.load_cache(args.data / "fundus", args.work)
    table = {}
    for source in SOURCES:
        run = f"without-{source}"
        options = ["--run", run, "--without", source, "--recipe", str(RECIPE), "--draws", str(DRAWS)]
        folders = ["--data", str(args.data), "--work", str(args.work)]
        subprocess.run([sys.executable, "-m", "training.fundus.train", *options, *folders], check=True)
        network = FundusNetwork().to(memory_format=torch.channels_last)
        network.load_state_dict(torch.load(args.work / run / "last.pt", weights_only=True)["averaged"])
        unseen = [i for i, r in enumerate(rows) if r["source"] == source]
        logits = train.predict(network, cache, rows, unseen, SIDE_PX)
        table[source] = {"photographs": len(unseen), **_with_intervals(logits, rows, unseen)}
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(table, indent=1) + "\n")


def _with_intervals(logits: np.ndarray, rows: list[data.Row], unseen: list[int]) -> dict[str, str]:
    """AUC and 95 % interval by target (standard error of Hanley and McNeil, Radiology 1982;143:29-36)."""
    known = np.array([data.targets_of(rows[i]) for i in unseen])
    table = {}
    for name, auc in train.validation_table(logits, rows, unseen).items():
        place = TARGETS.index(name.split(":")[1])
        if not any(data.targets_of(r)[1][place] >= 1 for r in rows if r["source"] != name.split(":")[0]):
            continue  # no other source labels it, so nothing was learned
        truth = known[known[:, 1, place] >= 1, 0, place]
        sick, well, area = truth.sum(), len(truth) - truth.sum(), float(str(auc))
        two_sick, two_well = area / (2 - area), 2 * area**2 / (1 + area)
        spread = (sick - 1) * (two_sick - area**2) + (well - 1) * (two_well - area**2)
        error = 1.96 * np.sqrt((area * (1 - area) + spread) / (sick * well))
        table[TARGETS[place]] = f"{area:.3f} ({area - error:.3f}-{min(1.0, area + error):.3f})"
    return table


if __name__ == "__main__":
    main()
