"""The reader with a fold's networks, and what it sees in scans and patients that these never saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aimis.inference.engine import Precision, open_engine
from aimis.readers.lung import find, judge, lungs, slices
from aimis.readers.lung.read import FINDING, LungReader
from aimis.readers.manifest import Manifest, read_manifest
from training.lung import nodules, whole_scans

if TYPE_CHECKING:
    from training.lung.whole_scans import Case, Part

FOLDS = Path("training/lung/folds")
READER = Path("src/aimis/readers/lung")


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A candidate of a case: both logits, and the nodule that it lies in (-1 in none)."""

    case: str
    finder: float
    slices: float
    nodule: int


def reader(fold: int, precision: Precision, manifest: Manifest | None = None) -> LungReader:
    """The product's reader with the networks of a fold and the shipped manifest's decisions."""
    stated = manifest or read_manifest(READER)
    entry = stated.readers[0]
    opened = partial(open_engine, streams=2)
    slices_file = FOLDS / f"slices-fold{fold}.onnx"
    return LungReader(
        finding=entry.finding(FINDING),
        reader_id=entry.id,
        operating_point=entry.default_operating_point,
        judgement=judge.Judgement(**stated.network),
        finder=opened(FOLDS / f"finder-fold{fold}.onnx", precision=precision),
        slice_engine=opened(slices_file, precision="f32"),
        answer_engine=opened(slices_file, precision="f32", outputs=["answers"]),
    )


def cases(root: Path, fold: int, part: Part, volumes: list[nodules.Nodule]) -> Iterator[Case]:
    """The fold's scan as it is, then with nodules put in."""
    yield whole_scans.plain(root, fold)
    yield from whole_scans.cases(root, fold, part, volumes)


def marked(root: Path, fold: int, part: Part, volumes: list[nodules.Nodule], precision: Precision) -> list[Marked]:
    """Every candidate of the fold's cases."""
    finder = open_engine(FOLDS / f"finder-fold{fold}.onnx", precision=precision, streams=2)
    own = open_engine(FOLDS / f"slices-fold{fold}.onnx", precision="f32", streams=2, outputs=["answers"])
    found: list[Marked] = []
    with whole_scans.pool() as pool:
        for case in cases(root, fold, part, volumes):
            volume = case.volume
            both = lungs.find_lungs(volume.hu, volume.spacing_mm)
            candidates = find.in_volume(finder, volume, both, pool)
            logits = slices.nodule_logits(own, volume, candidates, pool)
            for candidate, logit in zip(candidates, logits, strict=True):
                nodule = hit(case, volume.to_lps(candidate.place))
                found.append(Marked(case=case.name, finder=candidate.logit, slices=float(logit), nodule=nodule))
    return found


def hit(case: Case, centre_lps_mm: object) -> int:
    """The nodule within whose radius a mark lies, by LUNA16's rule; -1 where there is none."""
    for number, truth in enumerate(case.truth):
        if float(np.linalg.norm(np.asarray(centre_lps_mm) - truth.centre_lps_mm)) <= truth.diameter_mm / 2:
            return number
    return -1
