"""The shipped readers on real photographs, CT slices and endoscopy frames; skipped without ../shared/data."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest

from aimis.domain.errors import CaseError, UnsupportedInputError
from aimis.domain.reading import Finding, Outcome, Status
from aimis.imaging.decode import decode
from aimis.inference.engine import open_engine
from aimis.readers import fundus
from aimis.readers.manifest import read_manifest
from aimis.readers.port import StillReader
from aimis.readers.registry import load_reader
from training.fundus import data

SHARED = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not SHARED.exists(), reason="../shared/data, the labelled development data, is not there"),
]


@cache
def reader() -> StillReader:
    manifest = read_manifest(Path(fundus.__file__).parent)
    return load_reader(manifest, manifest.reader_ids, "balanced", open_engine)


def read(path: Path) -> dict[str, Outcome]:
    return dict(reader().read(next(decode(path.read_bytes(), path.name))))


def held_out(source: str, grade: str, many: int = 12) -> list[Path]:
    rows = data.read_rows(SHARED / "fundus")
    chosen = [r for r in rows if r["source"] == source and r["icdr_grade"] == grade and data.part_of(r) == "test"]
    return [SHARED / "fundus" / row["file"] for row in chosen[:many]]


def referable(outcomes: dict[str, Outcome]) -> list[Finding]:
    return [f for f in outcomes["diabetic-retinopathy"].findings if f.name == "referable-diabetic-retinopathy"]


def test_severe_retinopathy_of_patients_never_trained_on_is_referred_or_not_judged() -> None:
    outcomes = [read(path) for path in held_out("idrid", "3")]
    missed = [o for o in outcomes if any(not f.present for f in referable(o))]
    assert len(outcomes) > 5
    assert len(missed) <= len(outcomes) // 10


def test_hardly_any_fundus_photograph_is_called_unsupported() -> None:
    paths = held_out("odir5k", "0", 30) + held_out("eyepacs", "0", 20)
    refused = 0
    for path in paths:
        try:
            read(path)
        except UnsupportedInputError:
            refused += 1
    assert refused <= len(paths) // 20


def test_hardly_any_endoscopy_frame_is_read() -> None:
    with (SHARED / "oesophagus" / "labels.csv").open(newline="") as handle:
        files = [SHARED / "oesophagus" / row["file"] for row in csv.DictReader(handle)][::20]
    passed = 0
    for path in files:
        try:
            passed += any(outcome.status is Status.READ for outcome in read(path).values())
        except UnsupportedInputError:
            continue
    assert passed <= len(files) // 50


def test_ct_slices_are_unsupported() -> None:
    for path in sorted((SHARED / "lung" / "scans").glob("*/*.dcm"))[::60]:
        with pytest.raises(CaseError) as caught:
            read(path)
        assert caught.value.status is Status.UNSUPPORTED
