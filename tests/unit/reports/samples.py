"""Readings made up for tests of reports."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

import aimis
from aimis.domain.reading import (
    Classification,
    EvidenceMap,
    Finding,
    Laterality,
    LateralitySource,
    Measure,
    Outcome,
    ReaderIdentity,
    Reading,
    Reason,
    Source,
    Status,
)
from aimis.reports.case import Eye
from aimis.reports.texts import Texts, load_texts

FUNDUS_TEXTS = {
    language: Path(aimis.__file__).parent / "readers" / "fundus" / "text" / f"{language}.toml"
    for language in ("en", "zh")
}
RETINOPATHY = ("any-diabetic-retinopathy", "referable-diabetic-retinopathy", "diabetic-macular-oedema")
FUNDUS = (
    "glaucoma",
    "age-related-macular-degeneration",
    "cataract",
    "hypertensive-retinopathy",
    "pathological-myopia",
    "other-fundus-abnormality",
    "abnormal-fundus",
)
SIZE = (320, 240)


@cache
def texts(language: str = "en") -> Texts:
    """The core's words and the fundus readers'."""
    return load_texts(language, [FUNDUS_TEXTS])


@cache
def photograph(seed: int = 0) -> npt.NDArray[np.uint8]:
    """A lit disc on black, of SIZE, with some texture; not to be written to."""
    rows, columns = np.ogrid[: SIZE[1], : SIZE[0]]
    lit = (rows - SIZE[1] / 2) ** 2 + (columns - SIZE[0] / 2) ** 2 < (SIZE[1] / 2) ** 2
    noise = np.random.default_rng(seed).integers(0, 30, (SIZE[1], SIZE[0], 3))
    picture = np.asarray(np.where(lit[..., None], np.add(noise, (170, 80, 30)), 0), dtype=np.uint8)
    picture.setflags(write=False)
    return picture


def evidence(finding: str, at: tuple[float, float] = (0.75, 0.25), side: int = 28) -> EvidenceMap:
    """One bump at a place given as shares of the photograph's width and height, on a negative ground."""
    half = (SIZE[0] - SIZE[1]) / 2
    box = (0.0, -half, float(SIZE[0]), SIZE[1] + half)
    x, y = at[0] * SIZE[0] / SIZE[0] * side, (at[1] * SIZE[1] + half) / SIZE[0] * side
    rows, columns = np.mgrid[:side, :side]
    bump = np.exp(-((columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2) / 6) - 0.05
    return EvidenceMap(finding=finding, values=tuple(map(tuple, bump.tolist())), box_px=box)


def outcome(
    names: tuple[str, ...],
    *present: str,
    advice: tuple[str, ...] = (),
    grade: int | None = None,
    reason: Reason | None = None,
) -> Outcome:
    """Read: 0.9 for what is present, 0.1 for the rest, evidence for all that is present."""
    return Outcome(
        status=Status.READ,
        reason=reason,
        findings=tuple(Finding(name=n, probability=0.9 if n in present else 0.1, present=n in present) for n in names),
        classifications=() if grade is None else (Classification(key="icdr_grade", value=grade),),
        certainty=0.87,
        measures=(Measure(name="light", value=0.5, lowest=0.1), Measure(name="burnt", value=0.4, highest=0.2)),
        evidence=tuple(evidence(n) for n in names if n in present),
        advice=advice,
    )


NORMAL = {
    "diabetic-retinopathy": outcome(RETINOPATHY, advice=("icdr-0-rescreen",), grade=0),
    "fundus-disease": outcome(FUNDUS, advice=("no-finding-rescreen",)),
}
REFERABLE = {
    "diabetic-retinopathy": outcome(RETINOPATHY, *RETINOPATHY[:2], advice=("icdr-3-refer-soon",), grade=3),
    "fundus-disease": outcome(FUNDUS, advice=("no-finding-rescreen",)),
}
EVERYTHING = {
    "diabetic-retinopathy": outcome(RETINOPATHY, *RETINOPATHY, advice=("icdr-4-refer-urgent", "dme-refer"), grade=4),
    "fundus-disease": outcome(
        FUNDUS,
        *FUNDUS,
        advice=("hypertensive-refer", "amd-refer", "myopia-refer", "glaucoma-refer", "cataract-refer", "other-refer"),
    ),
}


def refused(status: Status, code: str, **values: str | float) -> dict[str, Outcome]:
    """The same refusal from both readers."""
    told = Outcome(status=status, reason=Reason.of(code, **values))
    return {"diabetic-retinopathy": told, "fundus-disease": told}


def readings(
    outcomes: dict[str, Outcome],
    path: str = "photographs/7.jpg",
    *,
    side: Laterality | None = None,
    decoded: bool = True,
    patient_id: str | None = None,
    study: str | None = None,
    frame: int | None = None,
    whose: str | None = None,
) -> tuple[Reading, ...]:
    """One a reader."""
    source = Source(
        path=path,
        sha256=hashlib.sha256(path.encode(errors="replace")).hexdigest(),
        size_px=SIZE if decoded else None,
        frame=frame,
        laterality=side,
        laterality_source=LateralitySource.FILE_NAME if side else None,
        patient_id=patient_id,
        study_instance_uid=study,
        whose=whose,
    )
    return tuple(
        Reading(
            source=source,
            identity=ReaderIdentity(
                reader=reader,
                version="1.0.0",
                weights_sha256="ab" * 32,
                engine="onnxruntime 1.22 f32",
                operating_point="screening",
            ),
            outcome=said,
            seconds=0.05,
            read_at_utc="2026-01-31T08:05:09+00:00",
        )
        for reader, said in outcomes.items()
    )


def eye(
    outcomes: dict[str, Outcome],
    path: str = "photographs/7.jpg",
    *,
    side: Laterality | None = None,
    decoded: bool = True,
    patient_id: str | None = None,
    study: str | None = None,
    whose: str | None = None,
) -> Eye:
    """An eye with its photograph, where one was decoded."""
    made = readings(outcomes, path, side=side, decoded=decoded, patient_id=patient_id, study=study, whose=whose)
    return Eye(readings=made, photograph=photograph() if decoded else None)
