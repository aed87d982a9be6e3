"""A case as one page of words and pictures: what HTML and PDF both set, and neither decides.

Nothing here is invented for the page: every word comes from the texts by a code of the reading, every number from the
reading itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import cv2
import numpy as np
import simplejpeg

from aimis.domain.reading import Measure, Outcome, Status
from aimis.reports import document, outline, overlay, rates
from aimis.reports.case import Case, shrunk
from aimis.reports.document import JOIN, Document, Level, Row, Verdict
from aimis.reports.texts import EYE, PICTURE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from aimis.domain.reading import Finding, Reading
    from aimis.reports.case import Eye
    from aimis.reports.texts import Texts

_JPEG_QUALITY = 88
_DRAWN_SIDE_PX = 1000  # least longest side of a photograph that is drawn on
_SHARES = {"core": f"{overlay.SHARES[0]:.0%}".rstrip("%"), "wide": f"{overlay.SHARES[1]:.0%}".rstrip("%")}
_SIDE_PX = {1: 1000, 2: 720}  # of a picture on the page, by how many eyes share it: about 250 dots an inch on A4


@dataclass(frozen=True, kw_only=True)
class Grade:
    """A grade on a numbered scale, or a site in words; `value` and `steps` are empty for the latter."""

    title: str
    value: str
    steps: tuple[str, ...]
    words: str


@dataclass(frozen=True, kw_only=True)
class Block:
    """What one reader says, or why it says nothing: then `status`, `reason` and `meaning` stand, and no rows."""

    title: str
    status: str = ""
    reason: str = ""
    meaning: str = ""
    rows: tuple[Row, ...] = ()
    grades: tuple[Grade, ...] = ()
    certainty: str = ""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture with its caption; where `jpeg` is None, the caption stands in the picture's place."""

    caption: str
    alt: str
    jpeg: bytes | None = None
    size_px: tuple[int, int] = (1, 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class EyePage:
    """All of one eye.

    pictures : the photograph and its overlay, or the photograph alone, saying why
    drawn : the overlay, the photograph itself where nothing is drawn, None without either
    drawn_words : what is drawn, or why nothing is
    """

    heading: str
    known_from: str
    file: str
    verdict: Verdict
    blocks: tuple[Block, ...]
    pictures: tuple[Picture, ...]
    quality: tuple[tuple[str, bool], ...]
    drawn: npt.NDArray[np.uint8] | None
    drawn_words: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Page(Document):
    """A whole report.

    rates : what the setting in use finds and what it marks for nothing, in sentences
    """

    eyes: tuple[EyePage, ...]
    legend: str
    one_eye: str
    rates: tuple[str, ...]


def compose(case: Case, texts: Texts) -> Page:
    """The page of a case in the language of the texts."""
    side_px = _SIDE_PX[len(case.eyes)]
    first = case.eyes[0].readings[0]
    short = [texts.laterality(eye.laterality, short=True) for eye in case.eyes]
    told = list(zip(short, (eye.readings for eye in case.eyes), strict=True))
    named = told if len(told) > 1 else [("", told[0][1])]
    advised = told if texts.subject == EYE else named
    eyes = tuple(_eye_page(eye, texts, side_px) for eye in case.eyes)
    return Page(
        language=texts.language,
        stem=case.stem,
        read_at=document.moment(first.read_at_utc),
        patient_id=first.source.patient_id or "",
        eyes=eyes,
        advice=tuple(document.advice_of(advised, texts)),
        provenance=tuple(document.provenance_of(named, texts)),
        legend=texts.label("overlay-legend", **_SHARES) if any(len(eye.pictures) > 1 for eye in eyes) else "",
        one_eye=texts.label("one-eye") if texts.subject == EYE and _is_of_one_eye(case) else "",
        rates=rates.sentences([reading for eye in case.eyes for reading in eye.readings], texts),
    )


def concerning(case: Case, texts: Texts) -> tuple[Case, Texts]:
    """The case without the refusals of readers of other things than it shows, and the words of what it shows.

    A picture that a reader of one subject knew for its own is not told again to be nothing for readers of another.
    """
    case = Case(eyes=tuple(replace(eye, readings=_concerned(eye.readings, texts)) for eye in case.eyes))
    subjects = [{texts.subject_of(r.identity.reader) for r in eye.readings} for eye in case.eyes]
    shared = set.intersection(*subjects)
    return case, texts.about(shared.pop() if len(shared) == 1 else PICTURE)


def _concerned(readings: tuple[Reading, ...], texts: Texts) -> tuple[Reading, ...]:
    known = {Status.READ, Status.NOT_ASSESSABLE}
    subjects = {texts.subject_of(r.identity.reader) for r in readings if r.outcome.status in known}
    strange = [
        r.outcome.status is Status.UNSUPPORTED and texts.subject_of(r.identity.reader) not in subjects for r in readings
    ]
    return tuple(r for r, left in zip(readings, strange, strict=True) if not (subjects and left))


def _is_of_one_eye(case: Case) -> bool:
    """Not so for a file that is no eye's photograph."""
    known = {reading.outcome.status for reading in case.eyes[0].readings} & {Status.READ, Status.NOT_ASSESSABLE}
    return len(case.eyes) == 1 and bool(known)


def _eye_page(eye: Eye, texts: Texts, side_px: int) -> EyePage:
    source = eye.source
    known_from = source.laterality_source
    words = texts.laterality_source(known_from) if known_from and source.laterality else ""
    shown = _shown(eye, texts)
    return EyePage(
        heading=texts.laterality(eye.laterality),
        known_from=texts.label("laterality-from", source=words) if words else "",
        file=document.file_name(_name(source.path), source, texts),
        verdict=_verdict(eye, texts),
        blocks=tuple(_blocks(eye, texts)),
        pictures=_pictures(eye, texts, side_px, shown),
        quality=tuple(_quality(eye, texts)),
        drawn=eye.photograph if shown is None else shown.drawn,
        drawn_words=_drawn_words(eye, texts, shown),
    )


def _name(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name


# ---- the result at one glance


def _verdict(eye: Eye, texts: Texts) -> Verdict:
    outcomes = [reading.outcome for reading in eye.readings]
    level = document.level_of(outcomes, texts)
    details = *_graded(outcomes, texts), *_present_titles(outcomes, texts), *_refusals(eye, texts)
    return Verdict(
        whose=texts.laterality(eye.laterality),
        level=level,
        words=_verdict_words(level, outcomes, texts),
        details=tuple(dict.fromkeys(details)),
    )


def _verdict_words(level: Level, outcomes: Sequence[Outcome], texts: Texts) -> str:
    if level is not Level.UNREAD:
        return texts.word("verdict", level)
    partly = any(outcome.status is Status.READ for outcome in outcomes)
    return texts.label("partly-read") if partly else texts.status(outcomes[0].status).title


def _graded(outcomes: Sequence[Outcome], texts: Texts) -> Iterator[str]:
    for outcome in outcomes:
        for grade in outcome.classifications:
            words = str(grade.value) if isinstance(grade.value, int) else texts.grade(grade)
            yield f"{texts.classification(grade.key)} {words}"


def _present_titles(outcomes: Sequence[Outcome], texts: Texts) -> Iterator[str]:
    """Most probable first; a finding that sums up others is named only where it stands alone."""
    shown = [f for outcome in outcomes for f in outcome.findings if f.pointed_out]
    specific = [f for f in shown if not texts.finding(f.name).summary]
    for finding in sorted(specific or shown, key=lambda f: (f.marked, -f.probability)):
        title = texts.finding(finding.name).title
        yield document.aside(title, texts.label("mark") if finding.marked else "", texts)
    yield from (document.reason_of(o, texts) for o in outcomes if o.reason is not None and document.is_silent(o))


def _refusals(eye: Eye, texts: Texts) -> Iterator[str]:
    """Why readers did not read; by reader where the others did."""
    partly = any(reading.outcome.status is Status.READ for reading in eye.readings)
    for reading in eye.readings:
        outcome = reading.outcome
        if outcome.status is not Status.READ and not partly:
            yield document.reason_of(outcome, texts)
        elif outcome.status is not Status.READ:
            words = texts.label(
                "sentences", first=texts.status(outcome.status).title, second=document.reason_of(outcome, texts)
            )
            yield texts.label("named", name=texts.reader(reading.identity.reader), words=words)


# ---- what each reader says


def _blocks(eye: Eye, texts: Texts) -> Iterator[Block]:
    """One a reader; readers that refuse for the same reason share one."""
    refused: dict[tuple[Status, str], list[str]] = {}
    for reading in eye.readings:
        if reading.outcome.status is not Status.READ:
            key = reading.outcome.status, document.reason_of(reading.outcome, texts)
            refused.setdefault(key, []).append(texts.reader(reading.identity.reader))
        else:
            yield _read_block(texts.reader(reading.identity.reader), reading.outcome, texts)
    for (status, reason), readers in refused.items():
        words = texts.status(status)
        yield Block(title=JOIN.join(readers), status=words.title, reason=reason, meaning=words.meaning)


def _read_block(title: str, outcome: Outcome, texts: Texts) -> Block:
    limited = document.reason_of(outcome, texts)
    return Block(
        title=title,
        reason=texts.label("named", name=texts.label("limited-by"), words=limited) if limited else "",
        rows=tuple(document.row(finding, texts) for finding in outcome.findings),
        grades=tuple(_grades(outcome, texts)),
        certainty="" if outcome.certainty is None else f"{texts.label('certainty')} {outcome.certainty:.2f}",
    )


def _grades(outcome: Outcome, texts: Texts) -> Iterator[Grade]:
    for grade in outcome.classifications:
        yield Grade(
            title=texts.classification(grade.key),
            value=str(grade.value) if isinstance(grade.value, int) else "",
            steps=tuple(map(str, texts.grades(grade.key))) if isinstance(grade.value, int) else (),
            words=texts.grade(grade),
        )


def _quality(eye: Eye, texts: Texts) -> Iterator[tuple[str, bool]]:
    """Each measure in words, and whether it is outside its limits; once, where readers share the measuring."""
    measures = {m.name: m for reading in eye.readings for m in reading.outcome.measures}
    for measure in measures.values():
        yield _measure(measure, texts)


def _measure(measure: Measure, texts: Texts) -> tuple[str, bool]:
    low, high = measure.lowest, measure.highest
    limits = [texts.label("at-least", limit=_figure(low))] if low is not None else []
    limits += [texts.label("at-most", limit=_figure(high))] if high is not None else []
    outside = (low is not None and measure.value < low) or (high is not None and measure.value > high)
    limits += [texts.label("outside-limits")] if outside else []
    return document.aside(f"{texts.measure(measure.name)} {_figure(measure.value)}", ", ".join(limits), texts), outside


def _figure(value: float) -> str:
    """Two significant digits below 1, three above."""
    return f"{value:.2g}" if abs(value) < 1 else f"{value:.3g}"


# ---- pictures


@dataclass(frozen=True, kw_only=True, eq=False)
class _Shown:
    """The finding whose evidence is drawn, the photograph with it, and where it is strongest."""

    finding: Finding
    drawn: npt.NDArray[np.uint8]
    place: str


def _shown(eye: Eye, texts: Texts) -> _Shown | None:
    """Outlines where there are some, else the evidence of the leading finding."""
    size = eye.source.size_px
    if size is None or eye.photograph is None:
        return None
    return _outlined(eye, eye.photograph, size) or _mapped(eye, eye.photograph, size, texts)


def _outlined(eye: Eye, rgb: npt.NDArray[np.uint8], size: tuple[int, int]) -> _Shown | None:
    """All regions of alarms and marks; the most probable finding stands for them, an alarm before a mark."""
    findings = [finding for reading in eye.readings for finding in reading.outcome.findings]
    lines = outline.of_shown(findings, size)
    if not lines:
        return None
    leading = max((f for f in findings if f.pointed_out and f.regions), key=lambda f: (f.present, f.probability))
    x0, y0, x1, y1 = max(leading.regions, key=lambda region: region.probability).box_px
    place = overlay.place((x0 + x1) / 2 / size[0], (y0 + y1) / 2 / size[1])
    return _Shown(finding=leading, drawn=outline.draw(_enlarged(rgb), lines, size), place=place)


def _mapped(eye: Eye, rgb: npt.NDArray[np.uint8], size: tuple[int, int], texts: Texts) -> _Shown | None:
    """Of the present findings that have a map, the leading one: specific before summary, then the most probable."""
    maps = {e.finding: e for reading in eye.readings for e in reading.outcome.evidence}
    present = [f for reading in eye.readings for f in reading.outcome.findings if f.present and f.name in maps]
    for finding in sorted(present, key=lambda f: (texts.finding(f.name).summary, -f.probability)):
        strongest = overlay.strongest(maps[finding.name], size)
        if strongest:
            drawn = overlay.draw(_enlarged(rgb), maps[finding.name], size)
            return _Shown(finding=finding, drawn=drawn, place=strongest.place)
    return None


def _enlarged(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A small photograph by a whole factor, so that the lines over it are fine."""
    factor = -(-_DRAWN_SIDE_PX // max(rgb.shape[:2]))
    return rgb if factor == 1 else np.asarray(cv2.resize(rgb, None, fx=factor, fy=factor), dtype=np.uint8)


def _pictures(eye: Eye, texts: Texts, side_px: int, shown: _Shown | None) -> tuple[Picture, ...]:
    if eye.photograph is None:
        absent = texts.label("no-photograph" if eye.source.size_px else "no-picture")
        return (Picture(caption=absent, alt=absent),)
    side, words = texts.laterality(eye.laterality), _drawn_words(eye, texts, shown)
    alt = texts.label("photograph-alt", eye=side, file=eye.source.path)
    if shown is None:
        caption = texts.label("sentences", first=texts.label("photograph"), second=words)
        return (_picture(eye.photograph, side_px, caption, alt),)
    finding, place = texts.finding(shown.finding.name).title, texts.word("place", shown.place)
    return (
        _picture(eye.photograph, side_px, texts.label("photograph"), alt),
        _picture(
            shown.drawn, side_px, words, texts.label("overlay-alt", eye=side, finding=finding, place=place, **_SHARES)
        ),
    )


def _drawn_words(eye: Eye, texts: Texts, shown: _Shown | None) -> str:
    if shown is None:
        return texts.label(_why_no_overlay(eye))
    finding, likely = texts.finding(shown.finding.name).title, document.probability(shown.finding.probability)
    return texts.label("overlay-caption", finding=finding, probability=likely)


def _picture(rgb: npt.NDArray[np.uint8], side_px: int, caption: str, alt: str) -> Picture:
    small = shrunk(rgb, side_px)
    return Picture(caption=caption, alt=alt, jpeg=jpeg(small), size_px=(small.shape[1], small.shape[0]))


def _why_no_overlay(eye: Eye) -> str:
    read = [reading.outcome for reading in eye.readings if reading.outcome.status is Status.READ]
    if not read:
        return "no-overlay-not-read"
    if not any(finding.pointed_out for outcome in read for finding in outcome.findings):
        silent = any(document.is_silent(outcome) for outcome in read)
        return "no-overlay-not-judged" if silent else "no-overlay-none-present"
    return "no-overlay-no-map" if eye.photograph is not None else "no-photograph"


def jpeg(rgb: npt.NDArray[np.uint8], quality: int = _JPEG_QUALITY) -> bytes:
    """The picture's file."""
    pixels = np.ascontiguousarray(rgb)
    return bytes(simplejpeg.encode_jpeg(pixels, quality=quality, colorspace="RGB", colorsubsampling="420"))
