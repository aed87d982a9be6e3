"""Reads a chest CT: lungs, candidates, outlines and sizes, judgement, guidelines, comparison with the earlier CT."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aimis.domain.errors import CaseError
from aimis.domain.reading import Finding, Outcome, Reason, Status
from aimis.domain.scan import Nodule, Scan, Unjudged
from aimis.readers import adults
from aimis.readers.lung import (
    compare,
    find,
    grid,
    guidelines,
    judge,
    lungs,
    measure,
    place,
    risk,
    scope,
    slices,
    unjudged,
)

if TYPE_CHECKING:
    from aimis.domain.scan import Point, Series
    from aimis.imaging.volume import Volume
    from aimis.inference.engine import Engine
    from aimis.readers.lung.find import Candidate
    from aimis.readers.manifest import FindingEntry, Manifest
    from aimis.readers.port import OpenEngine

FINDING = "pulmonary-nodule"
THREADS = 2
_NOT_ALL_JUDGED = frozenset(
    {
        *("lung-base-cut-off", "lung-apex-cut-off", "right-lung-without-air", "left-lung-without-air"),
        *("right-lung-much-smaller", "left-lung-much-smaller", "voxels-missing", "not-judged"),
    }
)
"""Limits for which part of the lungs cannot be evaluated: then a scan is not one without nodules (Lung-RADS 0)."""
_SPICULATED = 0.5
_SAME = 0.25  # of the smaller outline, shared: two marks on one lesion
_COVERED = 0.6  # of the extent of what is not judged: a nodule so large that lies in it is that place, judged
_ROOM = 6  # voxels about a nodule's mask that measuring looks at


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """A candidate with what the slice network says of it."""

    candidate: Candidate
    probability: float
    outline: slices.Outline | None = None
    answers: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Looked:
    """A scan with its nodules, before anything is concluded; `spiculated` holds indices of nodules."""

    side: compare.Side
    unjudged: tuple[Unjudged, ...]
    limited: tuple[Reason, ...]
    spiculated: frozenset[int]


def load(
    manifest: Manifest, reader_ids: frozenset[str], operating_point: str, open_engine: OpenEngine, /
) -> LungReader:
    """The reader; see `aimis.readers.port.LoadReader`."""
    entry = manifest.reader(next(iter(reader_ids)))
    also = manifest.folder / manifest.weights.also["slices"].file
    return LungReader(
        finding=entry.finding(FINDING),
        reader_id=entry.id,
        operating_point=operating_point,
        judgement=judge.Judgement(**manifest.network),
        finder=open_engine(manifest.weights_path),
        slice_engine=open_engine(also, precision="f32"),  # in bf16 beside a finder in bf16, marks turn
        answer_engine=open_engine(also, precision="f32", outputs=["answers"]),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class LungReader:
    """Two networks: one over the whole scan, one over the slices of each candidate.

    answer_engine : the second one without its outlines, which are most of its work
    """

    finding: FindingEntry
    reader_id: str
    operating_point: str
    judgement: judge.Judgement
    finder: Engine
    slice_engine: Engine
    answer_engine: Engine

    @property
    def engine(self) -> str:
        """The inference engine and precision in use."""
        return self.finder.name

    def read_volume(self, volume: Volume, prior: Volume | None = None) -> Mapping[str, Outcome]:
        """The outcome by reader id; see `aimis.readers.port.VolumeReader`.

        Raises `UnsupportedInputError` for what is no adult's chest CT or shows too little of the lungs.
        """
        adults.check(volume.series.age_years)
        with ThreadPoolExecutor(THREADS, thread_name_prefix="lung") as pool:
            now = self._look(volume, pool, self.judgement.drawn_from)
            before = None if prior is None else self._look_at_prior(prior, pool)
        return {self.reader_id: self._concluded(now, before)}

    def _look(self, volume: Volume, pool: Executor, drawn_from: float) -> _Looked:
        """Lungs and candidates, those measured that are as probable as that."""
        found = lungs.find_lungs(volume.hu, volume.spacing_mm)
        limits = scope.check(found)
        seen = self.see(volume, found, pool, drawn_from)
        nodules = tuple(self._nodule(volume, found, each, index) for index, each in enumerate(seen))
        spiculated = frozenset(k for k, s in enumerate(seen) if s.answers is not None and _is_spiculated(s.answers))
        side = compare.Side(volume=volume, lungs=found, nodules=nodules)
        places = tuple(_unjudged(volume, found, nodules))
        limited = (*map(_said, places), *volume.limited, *limits)
        return _Looked(side=side, unjudged=places, limited=limited, spiculated=spiculated)

    def _look_at_prior(self, prior: Volume, pool: Executor) -> _Looked | Reason:
        """Every candidate is measured: what was too small to be told is what a new nodule may have grown from."""
        try:
            return self._look(prior, pool, self.judgement.listed_from)
        except CaseError:
            return Reason.of("prior-not-read")

    def _concluded(self, now: _Looked, before: _Looked | Reason | None) -> Outcome:
        """Compared, with risks and guidelines."""
        side, limited = now.side, now.limited
        nodules, gone = side.nodules, tuple[Nodule, ...]()
        if isinstance(before, _Looked):
            compared = compare.compare(side, before.side, self.judgement.spread)
            nodules, gone = compared.nodules, compared.gone
            limited = (*limited, *(r for r in (compared.limited,) if r is not None))
        elif before is not None:
            limited = (*limited, before)
        nodules = _with_risks(nodules, side.volume.series, now.spiculated)
        whole = not any(reason.code in _NOT_ALL_JUDGED for reason in limited)
        told, of_scan = guidelines.managed(nodules, side.volume.series, whole_lungs=whole, spiculated=now.spiculated)
        scan = Scan(
            series=side.volume.series,
            nodules=told,
            gone=gone,
            prior=before.side.volume.series if isinstance(before, _Looked) else None,
            management=of_scan,
            lung_volumes_ml=side.lungs.volumes_ml,
            limited=limited,
            unjudged=now.unjudged,
        )
        best = max((n.probability for n in told), default=0.0)
        finding = Finding(name=FINDING, probability=best, present=any(n.present for n in told))
        return Outcome(status=Status.READ, reason=limited[0] if limited else None, findings=(finding,), scan=scan)

    def see(self, volume: Volume, found: lungs.Lungs, pool: Executor, drawn_from: float) -> list[Seen]:
        """The candidates that are listed, most probable first, none twice; raises as `find.in_volume`."""
        candidates = find.in_volume(self.finder, volume, found, pool)
        logits = slices.nodule_logits(self.answer_engine, volume, candidates, pool)
        seen = [
            Seen(candidate=c, probability=self._probability(c.logit, float(own)))
            for c, own in zip(candidates, logits, strict=True)
        ]
        listed = sorted((s for s in seen if s.probability >= self.judgement.listed_from), key=lambda s: -s.probability)
        return _apart(list(pool.map(partial(self._drawn, volume, drawn_from), listed)), volume)

    def _probability(self, finder: float, own: float) -> float:
        return round(self.finding.calibration.probability(self.judgement.logit(finder, own)), 6)

    def _drawn(self, volume: Volume, drawn_from: float, seen: Seen) -> Seen:
        if seen.probability < drawn_from:
            return seen
        outline, answers = slices.outline(self.slice_engine, volume, seen.candidate)
        return replace(seen, outline=outline, answers=answers)

    def _nodule(self, volume: Volume, found: lungs.Lungs, seen: Seen, index: int) -> Nodule:
        """A probable one that has no outline is present with the finder's diameter and place, and no size."""
        centre = _centre(seen, volume)
        x, y, z = (float(v) for v in volume.to_lps(centre))
        nodule = Nodule(
            index=index,
            centre_lps_mm=(x, y, z),
            diameter_mm=seen.candidate.diameter_mm,
            probability=seen.probability,
            present=False,
        )
        if seen.outline is None or seen.answers is None:
            voxels: npt.NDArray[np.number] = centre[None]
            nodule = _in_slices(nodule, volume, *_slices(centre[0], nodule.diameter_mm, volume))
        else:
            voxels = np.argwhere(seen.outline.mask) + seen.outline.origin_zyx
            nodule = self._measured(volume, nodule, seen.outline, seen.answers)
        probable = seen.probability >= self.finding.threshold(self.operating_point)
        if not probable or nodule.diameter_mm < self.judgement.least_mm:
            return nodule
        return replace(nodule, present=True, place=place.place(found, voxels))

    def _measured(
        self, volume: Volume, bare: Nodule, outline: slices.Outline, answers: npt.NDArray[np.float32]
    ) -> Nodule:
        box, mask = _cropped(outline, volume.hu.shape)
        hu = volume.hu[box]
        x, y, z = (float(v) for v in volume.to_lps([s.start for s in box]))
        size = measure.size(mask, hu, volume.spacing_mm, directions=volume.directions, origin_lps_mm=(x, y, z))
        used = np.flatnonzero(mask.any(axis=(1, 2)))
        largest = int(mask.sum(axis=(1, 2)).argmax())
        measured = replace(
            bare,
            diameter_mm=size.diameter_mm,
            malignancy_probability=self.judgement.malignancy_probability(answers, size),
            density=measure.density(mask, hu),
            calcified=measure.calcified(mask, hu),
            size=size,
            mask=measure.encode(mask, tuple(s.start for s in box)),
        )
        return _in_slices(measured, volume, *(box[0].start + int(k) for k in (used[0], largest, used[-1])))


def _unjudged(volume: Volume, found: lungs.Lungs, nodules: tuple[Nodule, ...]) -> Iterator[Unjudged]:
    """What is larger than a nodule, or hollow, and not measured as a nodule that is reported."""
    for region in unjudged.find(found):
        x, y, z = (float(v) for v in volume.to_lps(region.centre_zyx))
        if any(_covers(nodule, (x, y, z), region.extent_mm) for nodule in nodules):
            continue
        middle, _, _ = _slices(region.centre_zyx[0], 0.0, volume)
        yield Unjudged(
            kind=region.kind,
            centre_lps_mm=(x, y, z),
            extent_mm=round(region.extent_mm),
            place=place.place(found, region.centre_zyx, near_mm=region.extent_mm),
            slice=middle,
            instance_number=volume.instance_numbers[middle] if volume.instance_numbers else None,
            sop_instance_uid=volume.sop_instance_uids[middle] if volume.sop_instance_uids else None,
        )


def _covers(nodule: Nodule, centre_lps_mm: Point, extent_mm: float) -> bool:
    if not nodule.present or nodule.size is None:
        return False
    within = math.dist(nodule.centre_lps_mm, centre_lps_mm) <= extent_mm / 2
    return within and nodule.size.long_axis_mm >= _COVERED * extent_mm


def _said(place_of: Unjudged) -> Reason:
    """The sentence that names it."""
    side = {"L": "left", "R": "right"}.get(place_of.place.side or "")
    where = f"{side}-{place_of.place.zone}" if side and place_of.place.zone else "lungs"
    number = place_of.slice + 1 if place_of.instance_number is None else place_of.instance_number
    return Reason.of("not-judged", millimetres=place_of.extent_mm, where=where, slice=number)


def _slices(z: float, diameter_mm: float, volume: Volume) -> tuple[int, int, int]:
    """First, middle and last slice that a ball meets."""
    reach = diameter_mm / 2 / volume.spacing_mm[0]
    first, middle, last = (min(max(round(z + off), 0), len(volume.hu) - 1) for off in (-reach, 0.0, reach))
    return first, middle, last


def _in_slices(nodule: Nodule, volume: Volume, first: int, largest: int, last: int) -> Nodule:
    chosen = (first, largest, last)
    return replace(
        nodule,
        slices=chosen,
        instance_numbers=tuple(volume.instance_numbers[k] for k in chosen) if volume.instance_numbers else (),
        sop_instance_uids=tuple(volume.sop_instance_uids[k] for k in chosen) if volume.sop_instance_uids else (),
    )


def _is_spiculated(answers: npt.NDArray[np.float32]) -> bool:
    return judge.probability(answers, "spiculated") >= _SPICULATED


def _with_risks(nodules: tuple[Nodule, ...], series: Series, spiculated: frozenset[int]) -> tuple[Nodule, ...]:
    count = sum(n.present for n in nodules)
    return tuple(
        replace(n, risks=risk.risks(n, series, count, spiculated=n.index in spiculated)) if n.present else n
        for n in nodules
    )


def _centre(seen: Seen, volume: Volume) -> npt.NDArray[np.float64]:
    """The outline's middle, unless it ran away from where the candidate was found; in voxels of the scan."""
    place = np.asarray(seen.candidate.place)
    if seen.outline is None:
        return place
    middle = np.argwhere(seen.outline.mask).mean(axis=0) + seen.outline.origin_zyx
    away = float(np.linalg.norm((middle - place) * volume.spacing_mm))
    return middle if away <= max(2.0, seen.candidate.diameter_mm / 2) else place


def _apart(seen: list[Seen], volume: Volume) -> list[Seen]:
    """Without candidates that are part of a more probable one."""
    kept: list[Seen] = []
    for each in seen:
        if not any(_holds(other, each, volume) for other in kept):
            kept.append(each)
    return kept


def _holds(other: Seen, each: Seen, volume: Volume) -> bool:
    """Its place lies in the other's outline (or radius, where there is none), or the outlines share much of either."""
    place = np.asarray(each.candidate.place)
    if other.outline is not None:
        if each.outline is not None and slices.shared(other.outline, each.outline) >= _SAME:
            return True
        inside = np.rint(place - other.outline.origin_zyx).astype(int)
        if np.all(inside >= 0) and np.all(inside < other.outline.mask.shape):
            return bool(other.outline.mask[tuple(inside)])
    away = (place - other.candidate.place) * volume.spacing_mm
    return float(np.linalg.norm(away)) < other.candidate.diameter_mm / 2


def _cropped(outline: slices.Outline, shape: tuple[int, ...]) -> tuple[grid.Box, npt.NDArray[np.bool_]]:
    """The outline's box in the scan with a little room, and its mask there."""
    used = np.argwhere(outline.mask)
    low = used.min(axis=0) + outline.origin_zyx - _ROOM
    high = used.max(axis=0) + outline.origin_zyx + _ROOM + 1
    z, y, x = (slice(max(0, int(a)), min(n, int(b))) for a, b, n in zip(low, high, shape, strict=True))
    mask = np.zeros([s.stop - s.start for s in (z, y, x)], np.bool_)
    places = used + outline.origin_zyx - (z.start, y.start, x.start)
    mask[tuple(places.T)] = True
    return (z, y, x), mask
