"""From judged frames to what is said of the examination. Pure functions on records.

- Failed, where no frame could be decoded; not assessable, where none was good enough to judge.
- Unsupported, where what was seen is another organ: a colonoscopy, a gastroscopy without a frame of the oesophagus.
- Read, where oesophagus or junction was judged, whatever else the examination shows. What limits it is said:
  what was lost before judging, neoplasia that was not judged, a stain outside the training data, or much that could
  not be judged, the first of them.
- Neoplasia is pooled over the frames that judge it alone; where none does, the examination does not judge it either.
- A frame of another organ that looks suspicious says so, but not in a colonoscopy, which is refused as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aimis.domain.examination import Examination, ExaminationKind, FrameRecord, Track
from aimis.domain.reading import Claim, Classification, Finding, Outcome, Reason, Region, Status
from aimis.readers.adults import NO_ADULT
from aimis.readers.oesophagus import advice, gates, keyframes, pooling, repeats, tracks
from aimis.readers.oesophagus.judged import Conclusion, Pooling, Private, Rules, Seen, interest, seen
from aimis.readers.oesophagus.stations import COLON, NO_ORGAN, OWN, stations

if TYPE_CHECKING:
    from aimis.readers.manifest import FindingEntry
    from aimis.readers.port import JudgedFrame

__all__ = ["REASONS", "Private", "Rules", "conclude", "interest"]

COLONOSCOPY, OTHER_ORGANS, NOTHING_OF_THE_BODY = "colonoscopy", "other-organs", "nothing-of-the-body"
NO_FRAME, NONE_JUDGED = "no-frame-decoded", "no-frame-judged"
STAIN, UNJUDGED, REPEAT = "stain-outside-training", "part-not-judged", "frozen-repeat"
IN_SOME, IN_ALL = "neoplasia-not-judged-in-some", "neoplasia-not-judged"
SUSPECTS = "suspicious-in-some"
OF_FRAMES = (gates.ELSEWHERE, *gates.SUSPICIOUS.values(), gates.IN_BARRETTS, gates.AT_JUNCTION)
REASONS = (
    *(COLONOSCOPY, OTHER_ORGANS, NOTHING_OF_THE_BODY, NO_FRAME, NONE_JUDGED, STAIN, UNJUDGED, REPEAT),
    *(IN_SOME, IN_ALL, SUSPECTS, *OF_FRAMES),
)
"""Codes that only this reader's texts know."""

MOST_REGIONS = 24
_SLIPS = 0.1
"""Alarms for each frame of another organ that may be frames of it which passed the gate; more are never hushed."""
_MUCH_UNJUDGED = 0.3  # share of the frames, from which it limits the result


@dataclass(frozen=True, kw_only=True, eq=False)
class _Case:
    """All frames of the examination, and those that count: read, and no repeats."""

    kind: ExaminationKind
    frames: Sequence[Seen]
    counted: Sequence[Seen]
    pictured: Collection[int]

    @property
    def suspects(self) -> Sequence[Seen]:
        """Frames that were taken for another organ's and look suspicious."""
        return [f for f in self.frames if advice.is_suspicious(f.record) and not f.repeat]

    @property
    def shown(self) -> Sequence[Seen]:
        """Frames that are worth a look, in order."""
        return sorted((*self.counted, *self.suspects), key=lambda f: f.record.index)


def conclude(
    judged: Sequence[JudgedFrame],
    *,
    kind: ExaminationKind,
    seconds: float | None,
    pictured: Collection[int],
    limited: Reason | None,
    rules: Rules,
) -> Outcome:
    """The outcome of the examination, with its frames, tracks, key frames and stations whatever the status.

    judged : in order; `private` is a `Private` where the frame was read
    """
    frames = _marked(judged, kind)
    case = _Case(kind=kind, frames=frames, counted=[f for f in frames if f.read and not f.repeat], pictured=pictured)
    refusal = _refusal(case, rules.conclusion, limited)
    if refusal is not None and refusal[1].code == COLONOSCOPY:
        case = replace(case, frames=[_quiet(f) for f in frames])
    return _concluded(case, refusal, seconds=seconds, limited=limited, rules=rules)


def _concluded(
    case: _Case,
    refusal: tuple[Status, Reason] | None,
    *,
    seconds: float | None,
    limited: Reason | None,
    rules: Rules,
) -> Outcome:
    frames = case.frames
    followed = tuple(t for f in rules.entry.findings for t in _tracks(case, f, rules.conclusion))
    examination = Examination(
        kind=case.kind,
        frames=tuple(_limited_record(f, rules.conclusion) for f in frames),
        key_frames=keyframes.choose(case.shown, followed, case.pictured),
        tracks=followed,
        stations=stations(f.record for f in frames if not f.repeat),
        seconds=seconds,
    )
    site = _site(frames)
    if refusal is not None:
        status, reason = refusal
        codes = advice.UNSUPPORTED if status is Status.UNSUPPORTED else advice.UNREAD
        codes = (advice.LOOK_HERE, *codes) if case.suspects else codes
        return Outcome(
            status=status,
            reason=reason,
            classifications=site,
            advice=codes,
            examination=replace(examination, tracks=()),
        )
    findings = tuple(_finding(case, f, rules) for f in rules.entry.findings)
    return Outcome(
        status=Status.READ,
        reason=limited or _limit(case, rules.conclusion),
        findings=findings,
        classifications=site,
        advice=_advice(case, findings),
        examination=examination,
    )


def _advice(case: _Case, findings: Sequence[Finding]) -> tuple[str, ...]:
    """What the findings call for, and first of all to look at frames that another organ's gate kept from judging."""
    codes = advice.codes(findings, partly=any(not f.judges(advice.NEOPLASIA) for f in case.counted))
    return (advice.LOOK_HERE, *codes) if case.suspects else codes


def _quiet(frame: Seen) -> Seen:
    """A frame of a colonoscopy: that it resembles neoplasia of the oesophagus means nothing."""
    if frame.record.reason is None or not advice.is_suspicious(frame.record):
        return frame
    return replace(frame, record=replace(frame.record, reason=replace(frame.record.reason, code=gates.ELSEWHERE)))


def _marked(judged: Sequence[JudgedFrame], kind: ExaminationKind) -> list[Seen]:
    """The frames; of a video those that repeat the picture before them are marked."""
    frames = [seen(one, position) for position, one in enumerate(judged)]
    if kind is not ExaminationKind.VIDEO:
        return frames
    marked, last = [], None
    for frame in frames:
        own = frame.descriptor
        marked.append(replace(frame, repeat=own is not None and last is not None and repeats.frozen(last, own)))
        last = own if own is not None else last
    return marked


def _refusal(case: _Case, conclusion: Conclusion, limited: Reason | None) -> tuple[Status, Reason] | None:
    """Status and reason where the examination is not read; of a child none is, if but one frame says so."""
    child = next((f.record.reason for f in case.frames if f.record.reason and f.record.reason.code == NO_ADULT), None)
    if child is not None:
        return Status.UNSUPPORTED, child
    sites = Counter(f.record.site for f in case.frames if f.record.site is not None and not f.repeat)
    other = sum(n for site, n in sites.items() if site not in OWN and site != NO_ORGAN)
    if sum(any(x.present for x in f.record.findings) for f in case.counted) > _SLIPS * other:
        return None
    organs = bool(case.counted) or 0 < other >= sites[NO_ORGAN]
    if organs and sites[COLON] > max(len(case.counted), other / 2):
        return Status.UNSUPPORTED, Reason.of(COLONOSCOPY)
    if case.counted:
        share = len(case.counted) / (len(case.counted) + other)
        return None if share >= conclusion.least_own_share else (Status.UNSUPPORTED, Reason.of(OTHER_ORGANS))
    return _nothing_counted([f.record for f in case.frames], limited, organs=organs)


def _nothing_counted(frames: Sequence[FrameRecord], limited: Reason | None, *, organs: bool) -> tuple[Status, Reason]:
    statuses = Counter(frame.status for frame in frames)
    looked_at = statuses[Status.UNSUPPORTED] + statuses[Status.NOT_ASSESSABLE]
    if not looked_at:
        return Status.FAILED, limited or Reason.of(NO_FRAME)
    if statuses[Status.UNSUPPORTED] > statuses[Status.NOT_ASSESSABLE]:
        refused = [frame for frame in frames if frame.status is Status.UNSUPPORTED]
        why = refused[0].reason
        if why is not None and all(frame.site is None and frame.reason == why for frame in refused):
            return Status.UNSUPPORTED, why  # what the files say, before any picture was looked at
        return Status.UNSUPPORTED, Reason.of(OTHER_ORGANS if organs else NOTHING_OF_THE_BODY)
    return Status.NOT_ASSESSABLE, Reason.of(NONE_JUDGED, frames=looked_at)


def _limit(case: _Case, conclusion: Conclusion) -> Reason | None:
    """What limits an examination that was read: refused frames that look suspicious, neoplasia not judged, a stain."""
    if case.suspects:
        return Reason.of(SUSPECTS, frames=len(case.suspects))
    silent = sum(not f.judges(advice.NEOPLASIA) for f in case.counted)
    if silent:
        every = silent == len(case.counted)
        return Reason.of(IN_ALL) if every else Reason.of(IN_SOME, frames=silent, judged=len(case.counted))
    stains = Counter(f.record.stain for f in case.counted if _untrained(f.record, conclusion))
    if stains.total() * 2 > len(case.counted):
        return Reason.of(STAIN, stain=str(stains.most_common(1)[0][0]))
    lost = sum(f.record.status in {Status.FAILED, Status.NOT_ASSESSABLE} for f in case.frames)
    share = lost / len(case.frames)
    return Reason.of(UNJUDGED, percent=str(round(100 * share))) if share >= _MUCH_UNJUDGED else None


def _untrained(record: FrameRecord, conclusion: Conclusion) -> bool:
    return record.stain is not None and record.stain not in conclusion.trained_stains


def _limited_record(frame: Seen, conclusion: Conclusion) -> FrameRecord:
    """The record, saying what limits it: it repeats the frame before, or its stain was never trained on."""
    record = frame.record
    if record.status is not Status.READ or record.reason is not None:
        return record
    if frame.repeat:
        return replace(record, reason=Reason.of(REPEAT))
    return (
        replace(record, reason=Reason.of(STAIN, stain=str(record.stain))) if _untrained(record, conclusion) else record
    )


def _site(frames: Sequence[Seen]) -> tuple[Classification, ...]:
    """The site that most frames show; of equals the first in the alphabet, so that order does not matter."""
    sites = Counter(f.record.site for f in frames if f.record.site is not None and not f.repeat)
    most = min(sites, key=lambda site: (-sites[site], str(site)), default=None)
    return () if most is None else (Classification(key="site", value=most),)


def _pooling(case: _Case, finding: FindingEntry, conclusion: Conclusion) -> Pooling:
    """The examination's own where it was fitted, else the frame's calibration."""
    fitted = conclusion.video if case.kind is ExaminationKind.VIDEO else conclusion.stills
    return fitted.get(finding.name, Pooling())


def _finding(case: _Case, finding: FindingEntry, rules: Rules) -> Finding:
    """Of the frames that judge it; where none does, not judged, with the probability of all as it would be.

    An alarm needs a frame that alarms; where none does, the examination is no likelier than its likeliest frame: few
    frames, as those that Barrett's leaves, would be taken for more than each of them is.
    """
    judging = [f for f in case.counted if f.judges(finding.name)]
    counted = judging or case.counted
    said = [x for f in counted for x in f.record.findings if x.name == finding.name]
    probability, threshold = _pooled(case, finding, counted, rules)
    above = probability >= threshold
    if finding.claim is Claim.ALARM and judging and not any(x.present for x in said):
        above, probability = False, min(probability, max(x.probability for x in said))
    found = replace(finding.found(probability, above=above), regions=_regions(counted, finding.name))
    return found if judging else replace(found, claim=Claim.NOT_JUDGED, present=False, marked=False)


def _pooled(case: _Case, finding: FindingEntry, counted: Sequence[Seen], rules: Rules) -> tuple[float, float]:
    """The probability of the frames that count, and the least at which the finding is above."""
    logits = [f.logits[finding.name] for f in counted]
    if case.kind is ExaminationKind.VIDEO:
        logit, frames = pooling.of_video([f.at for f in counted], logits)
    else:
        logit, frames = pooling.of_stills(logits, [f.descriptor for f in counted])
    pooled = _pooling(case, finding, rules.conclusion)
    return pooled.probability(logit, frames), _threshold(finding, pooled, rules.operating_point)


def _threshold(finding: FindingEntry, pooled: Pooling, operating_point: str) -> float:
    """A site's own decision, else the examination's, else the frame's."""
    if pooled.operating_points is None:
        return finding.threshold(operating_point)
    return finding.model_copy(update={"operating_points": pooled.operating_points}).threshold(operating_point)


def _tracks(case: _Case, finding: FindingEntry, conclusion: Conclusion) -> tuple[Track, ...]:
    if case.kind is not ExaminationKind.VIDEO:
        return ()
    pooled, frames = _pooling(case, finding, conclusion), len(case.counted)
    return tracks.follow(case.counted, finding.name, case.pictured, lambda logit: pooled.probability(logit, frames))


def _regions(counted: Sequence[Seen], name: str) -> tuple[Region, ...]:
    """The strongest regions of all frames, the strongest first."""
    found = (r for f in counted for x in f.record.findings if x.name == name for r in x.regions)
    ordered = sorted(found, key=lambda r: (-r.probability, r.frame or 0, r.box_px))
    return tuple(ordered[:MOST_REGIONS])
