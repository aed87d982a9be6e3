"""Each source kept out of training altogether, then read: `python -m training.fundus.leave_one_out`.

A shorter recipe than the shipped network's (256 px), so these figures are a floor for an unseen source.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch

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
        subprocess.run([sys.executable, "-m", "training.fundus.train", *options, *folders], check=True)  # noqa: S603
        network = FundusNetwork().to(memory_format=torch.channels_last)
        network.load_state_dict(torch.load(args.work / run / "last.pt", weights_only=True)["averaged"])
        unseen = [i for i, r in enumerate(rows) if r["source"] == source][:2000]
        logits = train.predict(network, cache, rows, unseen, SIDE_PX)
        found = train.validation_table(logits, rows, unseen)
        table[source] = {"photographs": len(unseen), **{k.split(":")[1]: v for k, v in found.items()}}
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
