"""The split on file is the split in force."""

from __future__ import annotations

import csv
from pathlib import Path

from training.fundus import data

SPLITS = Path(__file__).parents[3] / "training" / "fundus" / "splits.csv"


def test_the_split_on_file_is_the_one_that_training_uses() -> None:
    with SPLITS.open(newline="") as handle:
        lines = list(csv.DictReader(handle))
    assert len(lines) > 3000
    assert all(data.part_of(line) == line["part"] for line in lines)


def test_every_patient_stands_once() -> None:
    with SPLITS.open(newline="") as handle:
        keys = [(line["source"], line["patient"]) for line in csv.DictReader(handle)]
    assert len(keys) == len(set(keys))
