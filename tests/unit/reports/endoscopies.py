"""Examinations made up for tests of reports: stills, videos, and the words of a reader of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from aimis.domain.examination import Examination, ExaminationKind, FrameRecord, Station, Track
from aimis.domain.reading import (
    Claim,
    Classification,
    Finding,
    Outcome,
    ReaderIdentity,
    Reading,
    Reason,
    Region,
    Source,
    Status,
)
from aimis.imaging.still import Still
from aimis.reports.texts import ENDOSCOPY, Texts
from tests.fakes.examiner import FINDINGS, mucosa

NEOPLASIA, BARRETT, OESOPHAGITIS = FINDINGS
SIZE = (640, 480)
LESION = ((300.0, 300.0), (380.0, 290.0), (390.0, 350.0), (310.0, 360.0))
OWN: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "reader": {"oesophagus": {"title": "Oesophagus", "subject": ENDOSCOPY}},
        "findings": {
            NEOPLASIA: {"title": "Oesophageal neoplasia", "present": "Looks like neoplasia."},
            BARRETT: {"title": "Barrett's oesophagus", "present": "Looks like Barrett's mucosa."},
            OESOPHAGITIS: {"title": "Oesophagitis", "present": "Looks like oesophagitis."},
        },
        "classifications": {"site": {"title": "Site"}},
        "grades": {"site": {"cardia-gej": {"title": "junction"}}, "stain": {"narrow-band": {"title": "narrow band"}}},
        "stations": {"antrum": {"lists": "ESGE, BSG"}},
        "advice": {"second-look": {"text": "Consider biopsies.", "citation": "A guideline 2023", "urgency": "soon"}},
    },
    "zh": {
        "reader": {"oesophagus": {"title": "食管"}},
        "findings": {NEOPLASIA: {"title": "食管肿瘤", "present": "疑似肿瘤。"}},
        "advice": {"second-look": {"text": "可考虑活检。"}},
    },
}
IDENTITY = ReaderIdentity(
    reader="oesophagus", version="1.0.0", weights_sha256="ab" * 32, engine="none", operating_point="screening"
)


def words(language: str = "en") -> Texts:
    """The core's words about endoscopy, and a reader's."""
    return Texts(language, OWN, ENDOSCOPY)


def findings(neoplasia: float, *, frame: int | None = None, outlined: bool = True) -> tuple[Finding, ...]:
    """Neoplasia of a probability, present from 0.5 and then with a region; nothing else."""
    region = Region(
        box_px=(300, 290, 390, 360), probability=neoplasia, frame=frame, outline_px=LESION if outlined else ()
    )
    present = neoplasia >= 0.5
    first = Finding(name=NEOPLASIA, probability=neoplasia, present=present, regions=(region,) if present else ())
    return first, *(Finding(name=name, probability=0.1, present=False) for name in (BARRETT, OESOPHAGITIS))


def frame(index: int, neoplasia: float = 0.1, **more: Any) -> FrameRecord:
    """A frame that was judged."""
    told = {"site": "oesophagus", "stain": "white-light", "size_px": SIZE, "name": f"stills/{index}.jpg"} | more
    return FrameRecord(index=index, status=Status.READ, findings=findings(neoplasia, frame=index), **told)


def lost(index: int, code: str = "too-dark", status: Status = Status.NOT_ASSESSABLE, **more: Any) -> FrameRecord:
    """A frame that was not."""
    told = {"name": f"stills/{index}.jpg"} | more
    return FrameRecord(index=index, status=status, reason=Reason.of(code), **told)


def stills(count: int = 8, key_frames: int = 2) -> Examination:
    """Frames with a lesion first, then without, the last two not judged and of another organ."""
    judged = [frame(n, 0.9 if n < key_frames else 0.1) for n in range(count - 2)]
    frames = (*judged, lost(count - 2), lost(count - 1, "other-organ", Status.UNSUPPORTED, site="antrum"))
    stations = tuple(Station(site=s, frames=n) for s, n in (("oesophagus", count - 2), ("antrum", 1), ("fundus", 0)))
    return Examination(
        kind=ExaminationKind.STILLS, frames=frames, key_frames=tuple(range(key_frames)), stations=stations
    )


def video(seconds: float = 100.0) -> Examination:
    """Four samples a second: dark for a tenth, mucosa, a lesion at the middle for a tenth; a tenth is missing."""
    count = round(seconds * 4)
    frames = []
    for number in range(count):
        place = number / count
        timed: dict[str, Any] = {"seconds": number / 4, "name": ""}
        if place < 0.1:
            frames.append(lost(number * 6, **timed))
        elif not 0.8 <= place < 0.9:
            frames.append(frame(number * 6, 0.9 if 0.5 <= place < 0.6 else 0.1, **timed))
    middle = round(count * 0.55) * 6
    track = Track(
        finding=NEOPLASIA,
        frames=(middle,),
        key_frame=middle,
        first_seconds=seconds * 0.5,
        last_seconds=seconds * 0.6,
        probability=0.9,
    )
    return Examination(
        kind=ExaminationKind.VIDEO, frames=tuple(frames), key_frames=(middle,), tracks=(track,), seconds=seconds
    )


def reading(told: Examination | None, neoplasia: float = 0.9, path: str = "exams/7", **more: Any) -> Reading:
    """An examination that was read."""
    advice = ("second-look",) if neoplasia >= 0.5 else ()
    outcome = Outcome(
        status=Status.READ,
        findings=tuple(replace(f, regions=()) for f in findings(neoplasia)),
        classifications=(Classification(key="site", value="cardia-gej"),),
        certainty=0.8,
        advice=advice,
        examination=told,
        **more,
    )
    return of(outcome, path)


def of(outcome: Outcome, path: str = "exams/7") -> Reading:
    """A reading of an outcome."""
    source = Source(path=path, sha256="cd" * 32)
    return Reading(
        source=source, identity=IDENTITY, outcome=outcome, seconds=0.4, read_at_utc="2026-01-31T08:05:09+00:00"
    )


def refused(status: Status = Status.UNSUPPORTED, told: Examination | None = None) -> Reading:
    """An examination that was not read."""
    return of(Outcome(status=status, reason=Reason.of("too-dark"), examination=told))


def pictures(indices: Sequence[int]) -> dict[int, Still]:
    """A generated picture for each, half the full size."""
    return {
        index: Still(rgb=np.ascontiguousarray(mucosa(lesion=True, at=index)), full_size_px=SIZE) for index in indices
    }


def barretts(judged: int = 0, found: int = 2) -> Reading:
    """Frames with marked Barrett's in which neoplasia is not judged, after some with nothing in them that judge it.

    found : frames with Barrett's
    """
    box = (100.0, 100.0, 200.0, 200.0)
    silent = Finding(name=NEOPLASIA, probability=0.8, present=False, claim=Claim.NOT_JUDGED)
    told = []
    for number in range(judged + found):
        within = number >= judged
        mark = Finding(
            name=BARRETT,
            probability=0.9 if within else 0.1,
            present=False,
            claim=Claim.MARK,
            marked=within,
            regions=(Region(box_px=box, probability=0.9, frame=number),) if within else (),
        )
        first = silent if within else replace(silent, claim=Claim.ALARM, probability=0.1)
        other = Finding(name=OESOPHAGITIS, probability=0.1, present=False, claim=Claim.MARK)
        told.append(replace(frame(number), findings=(first, mark, other)))
    whole = Examination(
        kind=ExaminationKind.STILLS, frames=tuple(told), key_frames=tuple(range(judged, judged + found))
    )
    own = (told[0] if judged else told[-1]).findings[0]
    findings_ = (own, *told[-1].findings[1:])
    reason = Reason.of("too-dark")
    return of(Outcome(status=Status.READ, findings=findings_, reason=reason, examination=whole))
