"""An examination as a report of words and pictures: what HTML and PDF both set, and neither decides.

First what deserves a second look, then how it lies in time, what could not be judged, what was not photographed, and
the fields that only the endoscopist can fill.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from aimis.domain.examination import Examination, ExaminationKind, FrameRecord
from aimis.domain.reading import Claim, Finding, Region, Status
from aimis.reports import document, outline, timeline
from aimis.reports.case import shrunk
from aimis.reports.document import JOIN, Document, Level, Row, Verdict
from aimis.reports.page import jpeg

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from aimis.domain.reading import Outcome, Reading
    from aimis.imaging.still import Still
    from aimis.reports.outline import Line
    from aimis.reports.texts import Texts
    from aimis.reports.timeline import Timeline

PARIS = ("0-Ip", "0-Is", "0-IIa", "0-IIb", "0-IIc", "0-III")
"""The types of the Paris classification of superficial lesions, Gastrointest Endosc 2003;58(6 Suppl):S3-43."""

ROWS_OF = {1: (1,), 2: (2,), 3: (3,), 4: (2, 2), 5: (2, 3), 6: (3, 3), 7: (2, 2, 3), 8: (2, 3, 3)}
"""How many key frames stand side by side, row by row, the first ones large."""

_LARGE_SIDE_PX, _SMALL_SIDE_PX = 760, 560  # about 200 dots an inch on A4
_MOST_PLACES, _MOST_REASONS, _MOST_TRACKS = 8, 8, 6


@dataclass(frozen=True, kw_only=True, eq=False)
class KeyFrame:
    """A frame to look at.

    place : its time or its name; seen : site and stain in words
    findings : title, probability as shown and line pattern of the alarms and marks in this frame
    found : the same in words, or that it was not judged; alarms : whether one of them is an alarm
    look : whether there is something to look at
    jpeg : without lines; None where the picture is not at hand; rgb : the same, shape (rows, columns, 3)
    full_size_px : what the lines' points refer to
    """

    number: int
    place: str
    seen: str
    findings: tuple[tuple[str, str, int], ...]
    found: str
    alarms: bool
    look: bool
    alt: str
    lines: tuple[Line, ...]
    full_size_px: tuple[int, int]
    jpeg: bytes | None = None
    rgb: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True, kw_only=True)
class Unjudged:
    """Frames that were not judged for one reason: how many, which share of all, and where or which."""

    status: str
    reason: str
    frames: int
    share: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A lesion followed over time, in words; key : the number of its key frame, if that is shown."""

    title: str
    span: str
    probability: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """A station: its name, how many frames show it, and whose lists ask for it."""

    name: str
    frames: int
    lists: str


@dataclass(frozen=True, kw_only=True, eq=False)
class ExaminationPage(Document):
    """A whole report.

    judged : how much was judged, in words; rows : empty where nothing was read
    key_frames_title : whether to look at them again
    patterns : of the lines in the pictures, with what they stand for
    """

    file: str
    verdict: Verdict
    judged: tuple[str, ...]
    rows: tuple[Row, ...]
    certainty: str
    limited: str
    key_frames_title: str
    key_frames: tuple[KeyFrame, ...]
    patterns: tuple[tuple[int, str], ...]
    timeline: Timeline | None
    followed: tuple[Followed, ...]
    unjudged: tuple[Unjudged, ...]
    photographed: tuple[Place, ...]
    missing: tuple[Place, ...]


def compose(reading: Reading, pictures: Mapping[int, Still], texts: Texts) -> ExaminationPage:
    """The report of an examination in the language of the texts, which are about endoscopy.

    pictures : by frame index; key frames whose picture is missing are shown by their words
    """
    outcome = reading.outcome
    told = outcome.examination or Examination(kind=ExaminationKind.STILLS, frames=())
    frames = tuple(_key_frames(told, outcome.findings, pictures, texts))
    places = tuple(Place(name=texts.station(s.site), frames=s.frames, lists=texts.lists(s.site)) for s in told.stations)
    return ExaminationPage(
        **document.of_one(reading, texts),
        verdict=_verdict(outcome, told, texts),
        judged=tuple(_judged(told, texts)) if told.frames else (),
        rows=tuple(document.row(f, texts, _where(f, told, texts)) for f in outcome.findings),
        certainty="" if outcome.certainty is None else f"{texts.label('certainty')} {outcome.certainty:.2f}",
        limited=_limited(outcome, texts),
        key_frames_title=texts.label("look-again" if any(f.look for f in frames) else "key-frames"),
        key_frames=frames,
        patterns=tuple(_patterns(frames, outcome.findings, texts)),
        timeline=timeline.of(told, [(f.name, f.present) for f in outcome.findings], texts),
        followed=tuple(_followed(told, texts)),
        unjudged=tuple(_unjudged(told, texts)),
        photographed=tuple(place for place in places if place.frames),
        missing=tuple(place for place in places if not place.frames),
    )


# ---- the result at one glance


def _verdict(outcome: Outcome, told: Examination, texts: Texts) -> Verdict:
    level = document.level_of([outcome], texts)
    shown = sorted((f for f in outcome.findings if f.pointed_out), key=lambda f: (f.marked, -f.probability))
    details = [
        document.aside(texts.finding(f.name).present.rstrip(".。"), document.probability(f.probability), texts)
        for f in shown
    ]
    details += [document.reason_of(outcome, texts)] if document.is_silent(outcome) and outcome.reason else []
    unread = document.reason_of(outcome, texts), texts.status(outcome.status).meaning
    return Verdict(
        whose=_size(told, texts),
        level=level,
        words=texts.status(outcome.status).title if level is Level.UNREAD else texts.word("verdict", level),
        details=tuple(details) if outcome.status is Status.READ else unread,
    )


def _size(told: Examination, texts: Texts) -> str:
    if told.kind is ExaminationKind.STILLS:
        return texts.label("examination-of-stills", count=len(told.frames))
    if told.seconds is None:
        return texts.label("examination-of-frames", count=len(told.frames))
    return texts.label("examination-of-video", length=timeline.clock(told.seconds), count=len(told.frames))


def _judged(told: Examination, texts: Texts) -> Iterator[str]:
    """How many frames were judged, are of another organ, and could not be judged."""
    count = Counter(frame.status for frame in told.frames)
    lost = count[Status.NOT_ASSESSABLE] + count[Status.FAILED]
    for label, frames in (("judged", count[Status.READ]), ("elsewhere", count[Status.UNSUPPORTED]), ("unjudged", lost)):
        share = _share(frames, len(told.frames))
        yield texts.label("frames-of", what=texts.label(label), frames=frames, count=len(told.frames), share=share)


def _share(part: int, whole: int) -> str:
    """In percent, never rounded to nothing or all."""
    percent = 100 * part / max(1, whole)
    return "< 1" if 0 < percent < 1 else "> 99" if 99 < percent < 100 else f"{percent:.0f}"


def _limited(outcome: Outcome, texts: Texts) -> str:
    limits = outcome.reason is not None and outcome.status is Status.READ
    words = document.reason_of(outcome, texts)
    return texts.label("named", name=texts.label("limited-by"), words=words) if limits else ""


def _where(finding: Finding, told: Examination, texts: Texts) -> str:
    """In how many judged frames a finding is above the operating point or not judged, and in which key frames."""
    here = [(frame.index, f) for frame in told.frames for f in frame.findings if f.name == finding.name]
    seen = {index for index, f in here if f.pointed_out}
    silent = {index for index, f in here if f.not_judged}
    shown = [_counted("seen-in", seen, len(here), told, texts)] if seen or not silent else []
    if not silent:
        return JOIN.join(shown)
    if shown:
        return JOIN.join([*shown, texts.label("not-judged-in", frames=len(silent))])
    return _counted("not-judged-in", silent, len(here), told, texts)


def _counted(label: str, indices: Collection[int], count: int, told: Examination, texts: Texts) -> str:
    """How many frames, and which of them are key frames."""
    numbers = [str(number) for number, index in enumerate(told.key_frames, start=1) if index in indices]
    words = texts.label(label, frames=len(indices), count=count)
    return JOIN.join([words, texts.label("key-frame-numbers", numbers=", ".join(numbers))]) if numbers else words


# ---- key frames


def _key_frames(
    told: Examination, findings: Sequence[Finding], pictures: Mapping[int, Still], texts: Texts
) -> Iterator[KeyFrame]:
    by_index = {frame.index: frame for frame in told.frames}
    shown = [by_index[index] for index in told.key_frames if index in by_index]
    large = ROWS_OF.get(len(shown), (2,))[0]
    for number, frame in enumerate(shown, start=1):
        side = _LARGE_SIDE_PX if number <= large else _SMALL_SIDE_PX
        yield _key_frame(number, frame, _here(frame, findings), (pictures.get(frame.index), side), texts)


def _here(frame: FrameRecord, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The frame's findings in the reader's order, alarms and marks with their regions, all else without."""
    of_all = {f.name: [r for r in f.regions if r.frame == frame.index and f.pointed_out] for f in findings}
    return tuple(_with_regions(f, of_all.get(f.name, [])) for f in frame.findings)


def _with_regions(finding: Finding, more: Sequence[Region]) -> Finding:
    """Of a finding that the frame does not judge none, whatever is said of the examination."""
    if finding.not_judged:
        return replace(finding, regions=())
    regions = (*(finding.regions if finding.pointed_out else ()), *more)
    known = {region.box_px: region for region in regions}
    shown, is_mark = finding.pointed_out or bool(more), finding.claim is Claim.MARK
    return replace(finding, present=shown and not is_mark, marked=shown and is_mark, regions=tuple(known.values()))


def _key_frame(
    number: int, frame: FrameRecord, findings: Sequence[Finding], picture: tuple[Still | None, int], texts: Texts
) -> KeyFrame:
    still, side = picture
    size = still.full_size_px if still else frame.size_px or (1, 1)
    rgb = None if still is None else shrunk(still.rgb, side)
    shown = [(n, f) for n, f in enumerate(findings) if f.pointed_out]
    found = JOIN.join(_found(frame, findings, texts)) or texts.label("nothing-above")
    place = _place(frame)
    return KeyFrame(
        number=number,
        place=place,
        seen=JOIN.join(_seen(frame, findings, texts)),
        findings=tuple((texts.finding(f.name).title, document.probability(f.probability), n % 3) for n, f in shown),
        found=found,
        alarms=any(f.present for f in findings),
        look=bool(shown) or _is_silent(frame, findings),
        alt=texts.label("key-frame-alt", number=number, place=place, findings=found),
        lines=outline.of_shown(findings, size),
        full_size_px=size,
        jpeg=None if rgb is None else jpeg(rgb),
        rgb=rgb,
    )


def _found(frame: FrameRecord, findings: Sequence[Finding], texts: Texts) -> Iterator[str]:
    """Alarms and what was not judged; where there is neither, marks."""
    yield from (_named(f, texts) for f in findings if f.present)
    if _is_silent(frame, findings):
        yield texts.label("not-judged-look")
    elif not any(f.present for f in findings):
        yield from _marks(findings, texts)


def _marks(findings: Sequence[Finding], texts: Texts) -> Iterator[str]:
    titles = [texts.finding(f.name).title for f in findings if f.marked]
    if titles:
        yield texts.label("named", name=texts.label("mark"), words=", ".join(titles))


def _named(finding: Finding, texts: Texts) -> str:
    return f"{texts.finding(finding.name).title} {document.probability(finding.probability)}"


def _is_silent(frame: FrameRecord, findings: Sequence[Finding]) -> bool:
    """Whether the frame, or something in it, was not judged."""
    return frame.status is not Status.READ or any(f.not_judged for f in findings)


def _place(frame: FrameRecord) -> str:
    if frame.seconds is not None:
        return timeline.clock(frame.seconds, tenths=True)
    return PurePosixPath(frame.name.replace("\\", "/")).name or f"#{frame.index + 1}"


def _seen(frame: FrameRecord, findings: Sequence[Finding], texts: Texts) -> Iterator[str]:
    """Site, light, and the marks that stand behind something weightier."""
    if frame.site:
        yield texts.site(frame.site)
    if frame.stain:
        yield texts.stain(frame.stain)
    if any(f.present for f in findings) or _is_silent(frame, findings):
        yield from _marks(findings, texts)


def _patterns(frames: Sequence[KeyFrame], findings: Sequence[Finding], texts: Texts) -> Iterator[tuple[int, str]]:
    """Those that are drawn, in the reader's order."""
    drawn = {line.pattern for frame in frames for line in frame.lines}
    named: dict[int, list[str]] = {}
    for number, finding in enumerate(findings):
        named.setdefault(number % 3, []).append(texts.finding(finding.name).title)
    yield from ((pattern, ", ".join(titles)) for pattern, titles in named.items() if pattern in drawn)


# ---- what was followed, what was not judged


def _followed(told: Examination, texts: Texts) -> Iterator[Followed]:
    """The most probable first."""
    numbers = {index: str(number) for number, index in enumerate(told.key_frames, start=1)}
    for track in sorted(told.tracks, key=lambda t: (-t.probability, t.first_seconds))[:_MOST_TRACKS]:
        yield Followed(
            title=texts.finding(track.finding).title,
            span=_span(track.first_seconds, track.last_seconds)[1],
            probability=document.probability(track.probability),
            key=numbers.get(track.key_frame, ""),
        )


def _unjudged(told: Examination, texts: Texts) -> Iterator[Unjudged]:
    """By status and reason, the most frequent first; rare reasons beyond the eighth together."""
    groups: dict[tuple[Status, str], list[FrameRecord]] = {}
    for frame in told.frames:
        if frame.status is not Status.READ and frame.reason is not None:
            groups.setdefault((frame.status, texts.reason(frame.reason)), []).append(frame)
    ranked = sorted(groups.items(), key=lambda item: (item[0][0] is Status.UNSUPPORTED, -len(item[1])))
    for (status, reason), frames in ranked[:_MOST_REASONS]:
        yield _group(texts.status(status).title, reason, frames, told, texts)
    rest = [frame for _, frames in ranked[_MOST_REASONS:] for frame in frames]
    if rest:
        yield _group("", texts.label("other-reasons"), sorted(rest, key=lambda f: f.index), told, texts)


def _group(status: str, reason: str, frames: Sequence[FrameRecord], told: Examination, texts: Texts) -> Unjudged:
    video = told.kind is ExaminationKind.VIDEO
    places = _spans(frames, told) if video else [(0.0, _place(frame)) for frame in frames]
    kept = sorted(range(len(places)), key=lambda number: -places[number][0])[:_MOST_PLACES]
    shown = [places[number][1] for number in sorted(kept)]
    shown += [texts.label("and-more", count=len(places) - len(kept))] if len(places) > len(kept) else []
    return Unjudged(
        status=status,
        reason=reason,
        frames=len(frames),
        share=_share(len(frames), len(told.frames)),
        where=", ".join(shown),
    )


def _spans(frames: Sequence[FrameRecord], told: Examination) -> list[tuple[float, str]]:
    """Stretches of neighbouring samples: seconds and in words; the end is where the next sample would be."""
    order = {frame.index: number for number, frame in enumerate(told.frames)}
    step = timeline.usual_step([frame for frame in told.frames if frame.seconds is not None])
    runs = groupby(enumerate(frames), key=lambda pair: order[pair[1].index] - pair[0])
    stretches = [[frame for _, frame in run] for _, run in runs]
    return [_span(stretch[0].seconds or 0.0, (stretch[-1].seconds or 0.0) + step) for stretch in stretches]


def _span(start: float, end: float) -> tuple[float, str]:
    first, last = timeline.clock(start), timeline.clock(end)
    return end - start, first if first == last else f"{first}–{last}"  # noqa: RUF001  # a range
