"""What the finder marks in scans that it was trained on: `python -m training.lung.mine --fold K`; without, of all.

Nodules of patients trained on are put into the scans trained on; each mark, true or false, becomes three slices for the
slice network (`train_slices`), which thereby learns what a finder's mistakes look like. Marks just beside a nodule are
left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aimis.inference.engine import open_engine
from aimis.readers.lung import find, grid, lungs
from training.lung import data, kept_out, nodules, whole_scans
from training.lung.export_networks import WEIGHTS
from training.lung.train_finder import volumes_without

if TYPE_CHECKING:
    from aimis.imaging.volume import Volume

ROUNDS, EACH = 10, 14
SLICES_MM = (-1.5, 0.0, 1.5)
BESIDE_MM = 6.0
"""From a nodule's edge: a mark there is neither true nor false."""


def main() -> None:
    """Parse, mine, store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/lung"))
    parser.add_argument("--work", type=Path, default=Path(".work/lung"))
    parser.add_argument("--fold", type=int)
    args = parser.parse_args()
    tail = "" if args.fold is None else f"-fold{args.fold}"
    weights = (WEIGHTS if args.fold is None else kept_out.FOLDS) / f"finder{tail}.onnx"
    found = list(mined(args.data, args.fold, weights))
    pictures, truth = (np.concatenate([f[k] for f in found]) for k in range(2))
    np.savez_compressed(args.work / f"mined{tail}.npz", pictures=pictures, truth=truth)
    print(f"mined{tail}: {len(truth)} slices, {int(truth.sum())} of nodules", flush=True)


def mined(root: Path, fold: int | None, weights: Path) -> Iterator[tuple[data.Bytes, npt.NDArray[np.int64]]]:
    """Of each scan trained on, some rounds: slices (n, 64, 64) and truth (n,)."""
    engine = open_engine(weights, precision="auto", streams=2)
    own = volumes_without(root, fold)
    with whole_scans.pool() as pool:
        for scan in (k for k in range(data.FOLDS) if k != fold):
            for case in whole_scans.filled(
                whole_scans.plain(root, scan), own, np.random.default_rng(scan), ROUNDS, EACH
            ):
                volume = case.volume
                both = lungs.find_lungs(volume.hu, volume.spacing_mm)
                candidates = find.in_volume(engine, volume, both, pool)
                told = [(c, _truth(case, volume.to_lps(c.place))) for c in candidates]
                kept = [(c, t) for c, t in told if t is not None]
                yield (
                    np.concatenate([_slices(volume, c.place) for c, _ in kept]),
                    np.repeat([t for _, t in kept], len(SLICES_MM)),
                )


def _truth(case: whole_scans.Case, centre_lps_mm: npt.NDArray[np.float64]) -> int | None:
    """1 in a nodule, 0 away from all, None just beside one."""
    if kept_out.hit(case, centre_lps_mm) >= 0:
        return 1
    edges = [float(np.linalg.norm(centre_lps_mm - t.centre_lps_mm)) - t.diameter_mm / 2 for t in case.truth]
    return None if min(edges, default=np.inf) < BESIDE_MM else 0


def _slices(volume: Volume, place: tuple[float, float, float]) -> data.Bytes:
    z, y, x = place
    found = []
    for away in SLICES_MM:
        at = min(max(round(z + away / volume.spacing_mm[0]), 0), len(volume.hu) - 1)
        found.append(grid.windowed(nodules.cut(volume.hu[at].astype(np.float32), (y, x), volume.spacing_mm[1])))
    return np.stack(found)


if __name__ == "__main__":
    main()
