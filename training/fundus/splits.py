"""Write the patient-wise split to splits.csv: source, patient, part, hash of the patient's photographs."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from pathlib import Path

from training.fundus import data

SPLITS = Path("training/fundus/splits.csv")


def write_splits(root: Path) -> None:
    """One line a patient, in the order of labels.csv; the hash is of the files' SHA-256, shortened."""
    files: dict[tuple[str, str, str], list[bytes]] = defaultdict(list)
    for row in data.read_rows(root):
        key = row["source"], row["patient"], data.part_of(row)
        files[key].append(hashlib.sha256((root / row["file"]).read_bytes()).digest())
    with SPLITS.open("w", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["source", "patient", "part", "sha256"])
        for key, digests in files.items():
            writer.writerow([*key, hashlib.sha256(b"".join(digests)).hexdigest()[:16]])


if __name__ == "__main__":
    write_splits(Path("../shared/data/fundus"))
