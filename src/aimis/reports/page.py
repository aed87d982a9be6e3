"""A case as one page of words and pictures: what HTML and PDF both set, and neither decides.

Nothing here is invented for the page: every word comes from the texts by a code of the reading, every number from the
reading itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import cv2
import numpy as np

from aimis.domain.reading import Finding, Measure, Outcome, ReaderIdentity, Status
from aimis.reports import overlay
from aimis.reports.case import shrunk
from aimis.reports.texts import AdviceWords, Urgency

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from aimis.reports.case import Case, Eye
    from aimis.reports.texts import Texts

JOIN = "\N{NO-BREAK SPACE}· "
"""Between things of one kind; never begins a line."""

_JPEG_QUALITY = 88
_DRAWN_SIDE_PX = 1000  # least longest side of a photograph that is drawn on
_SHARES = {"core": f"{overlay.SHARES[0]:.0%}".rstrip("%"), "wide": f"{overlay.SHARES[1]:.0%}".rstrip("%")}
_SIDE_PX = {1: 1000, 2: 720}  # of a picture on the page, by how many eyes share it: about 250 dots an inch on A4


class Level(StrEnum):
    """What an eye's result asks for, most urgent first; NONE is not "healthy", UNREAD is not NONE."""

    URGENT = "urgent"
    SOON = "soon"
    REFER = "refer"
    PRESENT = "present"
    UNREAD = "unread"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """An eye's result at one glance: a word or two, and what it rests on."""

    eye: str
    level: Level
    words: str
    details: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A finding in the table: probability 0..1, as shown, and the decision in words."""

    title: str
    probability: float
    shown: str
    present: bool
    decision: str
    explanation: str


@dataclass(frozen=True, kw_only=True)
class Grade:
    """A grade on a numbered scale, or a site in words; `steps` is empty for the latter."""

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


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to do, for which eyes, by which guideline."""

    urgency: Urgency
    label: str
    eyes: str
    text: str
    citation: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Page:
    """A whole report. Pairs are a label and what it names."""

    language: str
    stem: str
    read_at: str
    patient_id: str
    eyes: tuple[EyePage, ...]
    advice: tuple[Advice, ...]
    provenance: tuple[tuple[str, str], ...]
    legend: str
    one_eye: str


def compose(case: Case, texts: Texts) -> Page:
    """The page of a case in the language of the texts."""
    side_px = _SIDE_PX[len(case.eyes)]
    first = case.eyes[0].readings[0]
    eyes = tuple(_eye_page(eye, texts, side_px) for eye in case.eyes)
    return Page(
        language=texts.language,
        stem=case.stem,
        read_at=_moment(first.read_at_utc),
        patient_id=first.source.patient_id or "",
        eyes=eyes,
        advice=tuple(_advice(case, texts)),
        provenance=tuple(_provenance(case, texts)),
        legend=texts.label("overlay-legend", **_SHARES) if any(len(eye.pictures) > 1 for eye in eyes) else "",
        one_eye=texts.label("one-eye") if _is_of_one_eye(case) else "",
    )


def _is_of_one_eye(case: Case) -> bool:
    """Not so for a file that is no eye's photograph."""
    known = {reading.outcome.status for reading in case.eyes[0].readings} & {Status.READ, Status.NOT_ASSESSABLE}
    return len(case.eyes) == 1 and bool(known)


def probability(value: float) -> str:
    """Two digits, never rounded to certainty."""
    return "< 0.01" if value < 0.005 else "> 0.99" if value >= 0.995 else f"{value:.2f}"


def _eye_page(eye: Eye, texts: Texts, side_px: int) -> EyePage:
    source = eye.source
    known_from = source.laterality_source
    words = texts.laterality_source(known_from) if known_from and source.laterality else ""
    shown = _shown(eye, texts)
    return EyePage(
        heading=texts.laterality(eye.laterality),
        known_from=texts.label("laterality-from", source=words) if words else "",
        file=_file(PurePosixPath(eye.source.path.replace("\\", "/")).name, eye, texts),
        verdict=_verdict(eye, texts),
        blocks=tuple(_blocks(eye, texts)),
        pictures=_pictures(eye, texts, side_px, shown),
        quality=tuple(_quality(eye, texts)),
        drawn=eye.photograph if shown is None else shown.drawn,
        drawn_words=_drawn_words(eye, texts, shown),
    )


def _file(name: str, eye: Eye, texts: Texts) -> str:
    frame = eye.source.frame
    return name if frame is None else f"{name}, {texts.label('frame', number=frame + 1)}"


# ---- the result at one glance


def _verdict(eye: Eye, texts: Texts) -> Verdict:
    outcomes = [reading.outcome for reading in eye.readings]
    level = _level(outcomes, texts)
    details = *_graded(outcomes, texts), *_present_titles(outcomes, texts), *_refusals(eye, texts)
    return Verdict(
        eye=texts.laterality(eye.laterality),
        level=level,
        words=_verdict_words(level, outcomes, texts),
        details=tuple(dict.fromkeys(details)),
    )


def _level(outcomes: Sequence[Outcome], texts: Texts) -> Level:
    read = [outcome for outcome in outcomes if outcome.status is Status.READ]
    asked = {texts.advice(code).urgency for outcome in read for code in outcome.advice}
    for urgency, level in ((Urgency.URGENT, Level.URGENT), (Urgency.SOON, Level.SOON), (Urgency.REFER, Level.REFER)):
        if urgency in asked:
            return level
    if any(finding.present for outcome in read for finding in outcome.findings):
        return Level.PRESENT
    return Level.NONE if len(read) == len(outcomes) else Level.UNREAD


def _verdict_words(level: Level, outcomes: Sequence[Outcome], texts: Texts) -> str:
    if level is not Level.UNREAD:
        return texts.word("verdict", level)
    partly = any(outcome.status is Status.READ for outcome in outcomes)
    return texts.label("partly-read") if partly else texts.status(outcomes[0].status).title


def _graded(outcomes: Sequence[Outcome], texts: Texts) -> Iterator[str]:
    for outcome in outcomes:
        for grade in outcome.classifications:
            yield f"{texts.classification(grade.key)} {grade.value}"


def _present_titles(outcomes: Sequence[Outcome], texts: Texts) -> Iterator[str]:
    """Most probable first; a finding that sums up others is named only where it stands alone."""
    present = [f for outcome in outcomes for f in outcome.findings if f.present]
    specific = [f for f in present if not texts.finding(f.name).summary]
    for finding in sorted(specific or present, key=lambda f: -f.probability):
        yield texts.finding(finding.name).title


def _refusals(eye: Eye, texts: Texts) -> Iterator[str]:
    """Why readers did not read; by reader where the others did."""
    partly = any(reading.outcome.status is Status.READ for reading in eye.readings)
    for reading in eye.readings:
        outcome = reading.outcome
        if outcome.status is not Status.READ and not partly:
            yield _reason(outcome, texts)
        elif outcome.status is not Status.READ:
            words = texts.label("sentences", first=texts.status(outcome.status).title, second=_reason(outcome, texts))
            yield texts.label("named", name=texts.reader(reading.identity.reader), words=words)


def _reason(outcome: Outcome, texts: Texts) -> str:
    return "" if outcome.reason is None else texts.reason(outcome.reason)


# ---- what each reader says


def _blocks(eye: Eye, texts: Texts) -> Iterator[Block]:
    """One a reader; readers that refuse for the same reason share one."""
    refused: dict[tuple[Status, str], list[str]] = {}
    for reading in eye.readings:
        if reading.outcome.status is not Status.READ:
            key = reading.outcome.status, _reason(reading.outcome, texts)
            refused.setdefault(key, []).append(texts.reader(reading.identity.reader))
        else:
            yield _read_block(texts.reader(reading.identity.reader), reading.outcome, texts)
    for (status, reason), readers in refused.items():
        words = texts.status(status)
        yield Block(title=JOIN.join(readers), status=words.title, reason=reason, meaning=words.meaning)


def _read_block(title: str, outcome: Outcome, texts: Texts) -> Block:
    limited = _reason(outcome, texts)
    return Block(
        title=title,
        reason=texts.label("named", name=texts.label("limited-by"), words=limited) if limited else "",
        rows=tuple(_row(finding, texts) for finding in outcome.findings),
        grades=tuple(_grades(outcome, texts)),
        certainty="" if outcome.certainty is None else f"{texts.label('certainty')} {outcome.certainty:.2f}",
    )


def _row(finding: Finding, texts: Texts) -> Row:
    words = texts.finding(finding.name)
    return Row(
        title=words.title,
        probability=finding.probability,
        shown=probability(finding.probability),
        present=finding.present,
        decision=texts.label("present" if finding.present else "not-present"),
        explanation=words.explanation,
    )


def _grades(outcome: Outcome, texts: Texts) -> Iterator[Grade]:
    for grade in outcome.classifications:
        yield Grade(
            title=texts.classification(grade.key),
            value=str(grade.value),
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
    return _aside(f"{texts.measure(measure.name)} {_figure(measure.value)}", ", ".join(limits), texts), outside


def _aside(words: str, aside: str, texts: Texts) -> str:
    return texts.label("parenthesis", words=words, aside=aside) if aside else words


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
    """Of the present findings that have a map, the leading one: specific before summary, then the most probable."""
    size = eye.source.size_px
    if size is None or eye.photograph is None:
        return None
    maps = {e.finding: e for reading in eye.readings for e in reading.outcome.evidence}
    present = [f for reading in eye.readings for f in reading.outcome.findings if f.present and f.name in maps]
    for finding in sorted(present, key=lambda f: (texts.finding(f.name).summary, -f.probability)):
        strongest = overlay.strongest(maps[finding.name], size)
        if strongest:
            drawn = overlay.draw(_enlarged(eye.photograph), maps[finding.name], size)
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
    finding, likely = texts.finding(shown.finding.name).title, probability(shown.finding.probability)
    return texts.label("overlay-caption", finding=finding, probability=likely)


def _picture(rgb: npt.NDArray[np.uint8], side_px: int, caption: str, alt: str) -> Picture:
    small = shrunk(rgb, side_px)
    return Picture(caption=caption, alt=alt, jpeg=_jpeg(small), size_px=(small.shape[1], small.shape[0]))


def _why_no_overlay(eye: Eye) -> str:
    read = [reading.outcome for reading in eye.readings if reading.outcome.status is Status.READ]
    if not read:
        return "no-overlay-not-read"
    if not any(finding.present for outcome in read for finding in outcome.findings):
        return "no-overlay-none-present"
    return "no-overlay-no-map" if eye.photograph is not None else "no-photograph"


def _jpeg(rgb: npt.NDArray[np.uint8]) -> bytes:
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return encoded.tobytes()


# ---- advice and provenance


def _advice(case: Case, texts: Texts) -> Iterator[Advice]:
    """Most urgent first; the same advice for both eyes once."""
    eyes_of: dict[AdviceWords, list[Eye]] = {}
    for eye in case.eyes:
        for words in _advice_of(eye, texts):
            eyes_of.setdefault(words, []).append(eye)
    for words, eyes in sorted(eyes_of.items(), key=lambda item: item[0].urgency.rank):
        both = len(case.eyes) == len(eyes) == 2
        yield Advice(
            urgency=words.urgency,
            label=texts.word("urgency", words.urgency),
            eyes=texts.label("both-eyes") if both else texts.laterality(eyes[0].laterality, short=True),
            text=words.text,
            citation=words.citation,
        )


def _advice_of(eye: Eye, texts: Texts) -> Iterator[AdviceWords]:
    """Each once; what holds for an eye without findings is left out where another reader refers it."""
    given = dict.fromkeys(words for reading in eye.readings for words in _advice_in(reading.outcome, texts))
    refers = any(words.urgency in {Urgency.URGENT, Urgency.SOON, Urgency.REFER} for words in given)
    yield from (words for words in given if not (refers and words.only_without_referral))


def _advice_in(outcome: Outcome, texts: Texts) -> Iterator[AdviceWords]:
    """As the reader gives it; what a status asks for where the reader gives none."""
    yield from (texts.advice(code) for code in outcome.advice)
    if not outcome.advice and outcome.status is not Status.READ:
        action = texts.status(outcome.status).action
        yield AdviceWords(code=outcome.status, text=action, citation="", urgency=Urgency.RETAKE)


def _provenance(case: Case, texts: Texts) -> Iterator[tuple[str, str]]:
    for eye in case.eyes:
        side = texts.laterality(eye.laterality, short=True) if len(case.eyes) > 1 else ""
        size = eye.source.size_px
        pixels = [texts.label("size-value", columns=size[0], rows=size[1])] if size else []
        yield _aside(texts.label("file"), side, texts), JOIN.join([_file(eye.source.path, eye, texts), *pixels])
        yield _aside(texts.label("input-sha256"), side, texts), eye.source.sha256 or texts.label("not-known")
    identities = dict.fromkeys(reading.identity for eye in case.eyes for reading in eye.readings)
    yield texts.label("reader"), JOIN.join(_reader(identity, texts) for identity in identities)
    for label, values in (
        ("operating-point", [texts.operating_point(i.operating_point) for i in identities]),
        ("engine", [i.engine for i in identities]),
        ("weights-sha256", [i.weights_sha256 for i in identities]),
    ):
        yield texts.label(label), JOIN.join(dict.fromkeys(values))
    yield texts.label("read-at"), JOIN.join(_when(case, texts))


def _reader(identity: ReaderIdentity, texts: Texts) -> str:
    return f"{identity.reader} {texts.label('version', version=identity.version)}"


def _when(case: Case, texts: Texts) -> Iterator[str]:
    for eye in case.eyes:
        reading = eye.readings[0]
        yield f"{_moment(reading.read_at_utc)}, {texts.label('seconds-value', seconds=f'{reading.seconds:.3f}')}"


def _moment(iso: str) -> str:
    """`2026-01-31 08:05:00 UTC` for an ISO 8601 time; as it is where it is none."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y-%m-%d %H:%M:%S} UTC"
