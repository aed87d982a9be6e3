"""A reader of examinations that needs no network: bright red patches on pink are lesions, blue pictures the colon.

It keeps the promises of the port as the real ones do: safe to call from many threads, the same answer for the
same picture, refusals with a reason, `Outcome.examination` whatever the status. `mucosa` paints what it reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import cv2
import numpy as np
import numpy.typing as npt

from aimis.domain.errors import CaseError
from aimis.domain.examination import Examination, ExaminationKind, FrameRecord, Station, Track
from aimis.domain.reading import Classification, Finding, Outcome, Reason, Region, Status
from aimis.imaging.frame import Frame
from aimis.imaging.still import Still
from aimis.readers.port import JudgedFrame

NEOPLASIA, BARRETT, OESOPHAGITIS = FINDINGS = ("oesophageal-neoplasia", "barretts-oesophagus", "oesophagitis")
STATIONS = ("oesophagus", "cardia-gej", "antrum")
THRESHOLD = 0.5
MOST_KEY_FRAMES = 8
_MOST_REGIONS = 3
_DARK_BELOW, _WHOLE_LESION = 12.0, 0.02
PINK, RED, BLUE = (205, 130, 110), (235, 25, 25), (60, 80, 190)


def mucosa(
    columns: int = 320, rows: int = 240, *, lesion: bool = False, colon: bool = False, dark: bool = False, at: int = 0
) -> npt.NDArray[np.uint8]:
    """A round endoscope's picture on black; `at` moves what it shows a little, so that no two are alike."""
    rgb = np.zeros((rows, columns, 3), dtype=np.uint8)
    if dark:
        return rgb
    middle, reach = (columns // 2, rows // 2), int(rows * 0.46)
    cv2.circle(rgb, middle, reach, BLUE if colon else PINK, -1)
    for ring in range(4):
        cv2.circle(rgb, (middle[0] + at % 40 - 20, middle[1]), 12 + ring * reach // 6, (150, 90, 90), 2)
    if lesion:
        cv2.ellipse(rgb, (middle[0] + at % 20, middle[1] + rows // 6), (columns // 9, rows // 12), 20, 0, 360, RED, -1)
    return rgb


@dataclass(frozen=True, kw_only=True)
class Examiner:
    """Says `oesophageal-neoplasia` by the share of bright red; nothing else is ever present.

    A lesion of a video counts where two neighbouring samples show it.
    """

    ids: tuple[str, ...] = ("examiner",)
    engine: str = "none"

    def read(self, still: Still) -> Mapping[str, Outcome]:
        """One still alone, as an examination of one frame without the examination."""
        judged = self.judge(Frame(index=0, picture=still)).record
        site = () if judged.site is None else (Classification(key="site", value=judged.site),)
        findings = tuple(replace(f, regions=_without_frame(f.regions)) for f in judged.findings)
        outcome = Outcome(status=judged.status, reason=judged.reason, findings=findings, classifications=site)
        return dict.fromkeys(self.ids, outcome)

    def judge(self, frame: Frame) -> JudgedFrame:
        """By colour alone."""
        record = _record(frame)
        interest = record.findings[0].probability if record.findings else 0.0
        return JudgedFrame(record=record, interest=interest)

    def conclude(
        self,
        judged: Sequence[JudgedFrame],
        *,
        kind: ExaminationKind,
        seconds: float | None,
        pictured: Collection[int],
        limited: Reason | None = None,
    ) -> Mapping[str, Outcome]:
        """The highest probability of a frame; of a video, of a track."""
        records = tuple(one.record for one in judged)
        tracks = tuple(_tracks(records)) if kind is ExaminationKind.VIDEO else ()
        examination = Examination(
            kind=kind,
            frames=records,
            key_frames=_key_frames(records, pictured),
            tracks=tracks,
            stations=tuple(Station(site=s, frames=sum(r.site == s for r in records)) for s in STATIONS),
            seconds=seconds,
        )
        return dict.fromkeys(self.ids, _outcome(records, tracks, examination, limited))


def _record(frame: Frame) -> FrameRecord:
    placed = FrameRecord(index=frame.index, status=Status.READ, name=frame.name, seconds=frame.seconds)
    if isinstance(frame.picture, CaseError):
        return replace(placed, status=frame.picture.status, reason=frame.picture.reason)
    rgb = frame.picture.rgb
    placed = replace(placed, size_px=frame.picture.full_size_px)
    if rgb.mean() < _DARK_BELOW:
        return replace(placed, status=Status.NOT_ASSESSABLE, reason=Reason.of("too-dark"))
    red, _, blue = rgb.reshape(-1, 3).mean(axis=0)
    if blue > red:
        return replace(placed, status=Status.UNSUPPORTED, reason=Reason.of("other-organ"), site="colon")
    return replace(placed, site="oesophagus", stain="white-light", findings=_findings(frame.picture, frame.index))


def _findings(still: Still, index: int) -> tuple[Finding, ...]:
    mask = np.asarray(cv2.inRange(still.rgb, (200, 0, 0), (255, 70, 70)), dtype=np.uint8)
    share = float(np.count_nonzero(mask)) / mask.size
    probability = round(0.05 + 0.9 * min(1.0, share / _WHOLE_LESION), 6)
    regions = tuple(_regions(mask, still.reduction, probability, index))
    lesion = Finding(name=NEOPLASIA, probability=probability, present=probability >= THRESHOLD, regions=regions)
    return lesion, *(Finding(name=name, probability=0.1, present=False) for name in (BARRETT, OESOPHAGITIS))


def _regions(mask: npt.NDArray[np.uint8], reduction: float, probability: float, index: int) -> Iterator[Region]:
    contours = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    for contour in sorted(contours, key=len, reverse=True)[:_MOST_REGIONS]:
        points = cv2.approxPolyDP(contour, 1.0, closed=True).reshape(-1, 2) * reduction
        (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        outline = tuple((float(x), float(y)) for x, y in points[:64])
        yield Region(box_px=(x0, y0, x1, y1), probability=probability, frame=index, outline_px=outline)


def _without_frame(regions: Sequence[Region]) -> tuple[Region, ...]:
    return tuple(replace(region, frame=None) for region in regions)


def _probability(record: FrameRecord) -> float:
    return record.findings[0].probability if record.findings else 0.0


def _tracks(records: Sequence[FrameRecord]) -> Iterator[Track]:
    for present, group in groupby(records, key=lambda record: _probability(record) >= THRESHOLD):
        run = list(group)
        if present and len(run) > 1:
            best = max(run, key=_probability)
            yield Track(
                finding=NEOPLASIA,
                frames=tuple(record.index for record in run),
                key_frame=best.index,
                first_seconds=run[0].seconds or 0.0,
                last_seconds=run[-1].seconds or 0.0,
                probability=_probability(best),
            )


def _key_frames(records: Sequence[FrameRecord], pictured: Collection[int]) -> tuple[int, ...]:
    worth = [record for record in records if record.index in pictured and record.findings]
    return tuple(r.index for r in sorted(worth, key=_probability, reverse=True)[:MOST_KEY_FRAMES])


def _outcome(
    records: Sequence[FrameRecord], tracks: Sequence[Track], examination: Examination, limited: Reason | None
) -> Outcome:
    sites = Counter(record.site for record in records if record.site is not None)
    site = tuple(Classification(key="site", value=name) for name, _ in sites.most_common(1))
    judged = [record for record in records if record.status is Status.READ]
    if not judged:
        first = Counter((r.status, r.reason) for r in records).most_common(1)
        status, reason = first[0][0] if first else (Status.FAILED, limited or Reason.of("no-pixels"))
        return Outcome(status=status, reason=reason, classifications=site, examination=examination)
    best = max(judged, key=_probability)
    if examination.kind is ExaminationKind.VIDEO:
        probability = max((track.probability for track in tracks), default=0.05)
    else:
        probability = _probability(best)
    regions = tuple(region for record in judged for region in record.findings[0].regions)
    present = probability >= THRESHOLD
    lesion = Finding(name=NEOPLASIA, probability=probability, present=present, regions=regions if present else ())
    return Outcome(
        status=Status.READ,
        reason=limited,
        findings=(lesion, *best.findings[1:]),
        classifications=site,
        examination=examination,
    )
