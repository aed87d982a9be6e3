"""Measures whether masses, consolidations and cavities are reported or named, and what is named besides.

`python -m training.lung.unjudged --more FOLDER` puts lesions of 25 to 90 mm into whole scans, one at a time, and reads
each with the shipped reader. FOLDER is what `../shared/data/lung/more/pack_lung.py` lays out. Rules were chosen on
`DEVELOPMENT` scans; lesions in `KEPT` scans chose nothing and gave the figures. The
`KEPT` scans as they are were looked at when thresholds were set: what is named in them is a development figure.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aimis.inference.engine import open_engine
from aimis.ingest.examinations import Examinations, find_inputs
from aimis.ingest.volumes import VolumeItem
from aimis.readers.lung import lungs
from aimis.readers.lung.read import LungReader, load
from aimis.readers.manifest import read_manifest
from training.lung import figures, kept_out, masses

if TYPE_CHECKING:
    from aimis.domain.scan import Scan
    from aimis.imaging.volume import Volume

KEPT = ("LIDC-IDRI-0013", "LIDC-IDRI-0028", "LCTSC-Case-008", "CMB-CRC-MSB-01068", "COVID-CT-MD-normal001")
DEVELOPMENT = (
    *("LIDC-IDRI-0001", "LIDC-IDRI-0002", "LIDC-IDRI-0003", "LIDC-IDRI-0006", "CPTAC-LSCC_C3N-00247"),
    *("COVID-CT-MD-P002", "COVID-CT-MD-cap001", "LCTSC-Case-000", "LCTSC-Case-003", "LCTSC-Case-004"),
    *("LCTSC-Case-006", "LCTSC-Case-007"),
)
SEEDS = {"development": 1, "kept": 3}  # seed 2 showed what was passed over: its lesions are development now
SIZES = ((25, 35), (35, 50), (50, 70), (70, 91))
_REPORTED = 0.5  # of a lesion's diameter that a nodule in it must measure to be its report
_NEAR_MM = 15.0


def main() -> None:
    """Print a line a lesion, then the table; figures go to results/figures.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--more", type=Path, required=True)
    parser.add_argument("--part", choices=list(SEEDS), default="kept")
    parser.add_argument("--rotate", action="store_true", help="one place a kind instead of all four")
    args = parser.parse_args()
    reader, names = shipped(), KEPT if args.part == "kept" else DEVELOPMENT
    folders = [args.shared / "data" / "lung" / "scans", args.more]
    rows, plain = [], {}
    for name in names:
        volume = scan_of(next(folder / name for folder in folders if (folder / name).is_dir()))
        plain[name] = [_named(u) for u in _read(reader, volume).unjudged]
        print(name, plain[name], flush=True)
        for row in put_and_read(reader, volume, name, SEEDS[args.part], rotate=args.rotate):
            rows.append(row)
            print(json.dumps(row), flush=True)
    told = {"lesions": counted(rows), "named where nothing was put in": plain, "scans": len(names)}
    found = figures.RESULTS.load()
    found["unjudged"] = {**found.get("unjudged", {}), args.part: told}
    figures.RESULTS.save(found)
    print("\n".join(f"{key}: {value}" for key, value in told["lesions"].items()))


def shipped() -> LungReader:
    """The reader as it is shipped."""
    manifest = read_manifest(kept_out.READER)
    entry = manifest.readers[0]
    return load(manifest, frozenset({entry.id}), entry.default_operating_point, partial(open_engine, streams=2))


def scan_of(folder: Path) -> Volume:
    """The scan in a folder."""
    found = find_inputs([str(folder)], examinations=Examinations.NONE, volumes=True)
    return next(item for item in found if isinstance(item, VolumeItem)).load()


def put_and_read(reader: LungReader, volume: Volume, name: str, seed: int, *, rotate: bool) -> Iterator[dict[str, Any]]:
    """One lesion of each kind at each place, and whether it was reported, named, or passed in silence."""
    host = masses.Host(volume, lungs.find_lungs(volume.hu, volume.spacing_mm))
    rng = np.random.default_rng([seed, *name.encode()])
    for number, kind in enumerate(masses.KINDS):
        turn = (number + sum(name.encode())) % len(masses.PLACES)
        for place in masses.PLACES[turn : turn + 1] if rotate else masses.PLACES:
            diameter = float(rng.uniform(masses.SMALLEST_MM, masses.LARGEST_MM))
            made = host.put(kind, place, diameter, rng)
            if made is not None:
                scan = _read(reader, made[0])
                yield {"scan": name, "kind": kind, "place": place, "mm": round(diameter), **judged(scan, made[1])}


def judged(scan: Scan, lesion: masses.Lesion) -> dict[str, Any]:
    """Reported: a nodule in it that measures half as much or more. Named: listed within its radius."""
    radius = max(_NEAR_MM, lesion.diameter_mm / 2)
    near = [n for n in scan.nodules if n.present and math.dist(n.centre_lps_mm, lesion.centre_lps_mm) <= radius]
    reported = any(n.size and n.size.long_axis_mm >= _REPORTED * lesion.diameter_mm for n in near)
    named = [u for u in scan.unjudged if math.dist(u.centre_lps_mm, lesion.centre_lps_mm) <= radius]
    return {"reported": reported, "marked": bool(near), "named": [_named(u) for u in named]}


def counted(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Reported or named, of all, by size, kind and place."""
    total: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for row in rows:
        size = next(f"{low}-{high - (high == SIZES[-1][1])} mm" for low, high in SIZES if low <= row["mm"] < high)
        for group in ("all", size, row["kind"], row["place"]):
            total[group] += 1
            hits[group] += bool(row["reported"] or row["named"])
    return {group: f"{hits[group]} of {total[group]}" for group in sorted(total)}


def _read(reader: LungReader, volume: Volume) -> Scan:
    scan = reader.read_volume(volume)[reader.reader_id].scan
    if scan is None:
        raise RuntimeError("a scan that was read has a record")
    return scan


def _named(place: Any) -> str:
    return f"{place.kind} {place.extent_mm} mm {place.place.side} {place.place.zone} slice {place.slice}"


if __name__ == "__main__":
    main()
