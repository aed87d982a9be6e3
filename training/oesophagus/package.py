"""Make the reader's folder from trained runs: `python -m training.oesophagus.package export --run main`."""

from __future__ import annotations

import argparse
from pathlib import Path

READER = Path("src/aimis/readers/oesophagus")
WEIGHTS = READER / "weights" / "oesophagus.onnx"
SIDE_PX = 288


def main() -> None:
    """Run the step that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["export"])
    parser.add_argument("--work", type=Path, default=Path(".work/oesophagus"))
    parser.add_argument("--run", default="main")
    parser.add_argument("--to", type=Path, default=WEIGHTS)
    args = parser.parse_args()
    print(f"parity {export_run(args.work / args.run, args.to):.2g}")


def export_run(run: Path, path: Path) -> float:
    """Export a run's averaged network; the largest difference to torch's outputs."""
    from training import export  # noqa: PLC0415
    from training.oesophagus import train  # noqa: PLC0415

    network = train.averaged_of(run)
    return export.export(network, path, SIDE_PX, takes="frame", gives=("findings", "sites", "map"))


if __name__ == "__main__":
    main()
