"""What every report has, whatever it is about: who and when, how urgent, what to do, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from aimis.domain.reading import Finding, Outcome, ReaderIdentity, Source, Status
from aimis.reports.case import stem_of
from aimis.reports.texts import AdviceWords, Urgency

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aimis.domain.reading import Reading
    from aimis.reports.texts import Texts

    Told = Sequence[tuple[str, Sequence[Reading]]]

JOIN = "\N{NO-BREAK SPACE}· "
"""Between things of one kind; never begins a line."""


class Level(StrEnum):
    """What a result asks for, most urgent first; NONE is not "healthy", nor are UNREAD, NOT_JUDGED and MARK alarms."""

    URGENT = "urgent"
    SOON = "soon"
    REFER = "refer"
    PRESENT = "present"
    NOT_JUDGED = "not-judged"
    MARK = "mark"
    UNREAD = "unread"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A result at one glance: whose it is, a word or two, and what it rests on."""

    whose: str
    level: Level
    words: str
    details: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A finding in the table: probability 0..1, as shown, the decision in words, and where it was seen.

    quiet : deserves a look without being an alarm, as a mark and what was not judged
    """

    title: str
    probability: float
    shown: str
    present: bool
    decision: str
    explanation: str
    where: str = ""
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to do, for whom (empty where there is but one), by which guideline."""

    urgency: Urgency
    label: str
    whose: str
    text: str
    citation: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Document:
    """The head and the foot of a report. Pairs are a label and what it names."""

    language: str
    stem: str
    read_at: str
    patient_id: str
    advice: tuple[Advice, ...]
    provenance: tuple[tuple[str, str], ...]


def of_one(reading: Reading, texts: Texts) -> dict[str, Any]:
    """The fields of `Document` where the report is of one reading, and `file`, its name without folders."""
    source, told = reading.source, [("", [reading])]
    return {
        "language": texts.language,
        "stem": stem_of(source),
        "read_at": moment(reading.read_at_utc),
        "patient_id": source.patient_id or "",
        "advice": tuple(advice_of(told, texts)),
        "provenance": tuple(provenance_of(told, texts)),
        "file": PurePosixPath(source.path.replace("\\", "/")).name,
    }


def probability(value: float) -> str:
    """Two digits, never rounded to certainty."""
    return "< 0.01" if value < 0.005 else "> 0.99" if value >= 0.995 else f"{value:.2f}"


def row(finding: Finding, texts: Texts, where: str = "") -> Row:
    """A finding's row."""
    words = texts.finding(finding.name)
    return Row(
        title=words.title,
        probability=finding.probability,
        shown=probability(finding.probability),
        present=finding.present,
        decision=decision(finding, texts),
        explanation=words.explanation,
        where=where,
        quiet=finding.marked or finding.not_judged,
    )


def decision(finding: Finding, texts: Texts) -> str:
    """In words, as far as the kind of statement that the finding is allows one."""
    if finding.not_judged:
        return texts.label("not-judged")
    if finding.marked:
        return texts.label("mark")
    return texts.label("present" if finding.present else "not-present")


def level_of(outcomes: Sequence[Outcome], texts: Texts) -> Level:
    """As urgent as the most urgent advice; NONE only where all was read and nothing found."""
    read = [outcome for outcome in outcomes if outcome.status is Status.READ]
    asked = {texts.advice(code).urgency for outcome in read for code in outcome.advice}
    for urgency, level in ((Urgency.URGENT, Level.URGENT), (Urgency.SOON, Level.SOON), (Urgency.REFER, Level.REFER)):
        if urgency in asked:
            return level
    if any(finding.present for outcome in read for finding in outcome.findings):
        return Level.PRESENT
    if any(is_silent(outcome) for outcome in read):
        return Level.NOT_JUDGED
    if any(finding.marked for outcome in read for finding in outcome.findings):
        return Level.MARK
    return Level.NONE if len(read) == len(outcomes) else Level.UNREAD


def is_silent(outcome: Outcome) -> bool:
    """Whether something was not judged, in all of it or in some frames: then nothing found is no all-clear.

    A frame that was not read is one of the key frames only where it deserves a look all the same.
    """
    told = outcome.examination
    frames = told.frames if told is not None else ()
    keys = told.key_frames if told is not None else ()
    findings = (*outcome.findings, *(finding for frame in frames for finding in frame.findings))
    unread = any(frame.index in keys and frame.status is not Status.READ for frame in frames)
    return unread or any(finding.not_judged for finding in findings)


def reason_of(outcome: Outcome, texts: Texts) -> str:
    """In words; empty without one."""
    return "" if outcome.reason is None else texts.reason(outcome.reason)


def aside(words: str, beside: str, texts: Texts) -> str:
    """Words, and more in brackets where there is more."""
    return texts.label("parenthesis", words=words, aside=beside) if beside else words


def advice_of(told: Told, texts: Texts) -> Iterator[Advice]:
    """Most urgent first; the same advice for both of two once.

    told : whose, and the readings
    """
    whose_of: dict[AdviceWords, list[str]] = {}
    for whose, readings in told:
        for words in _advice_for([reading.outcome for reading in readings], texts):
            whose_of.setdefault(words, []).append(whose)
    for words, named in sorted(whose_of.items(), key=lambda item: item[0].urgency.rank):
        yield Advice(
            urgency=words.urgency,
            label=texts.word("urgency", words.urgency),
            whose=texts.label("both-eyes") if len(told) == len(named) == 2 else named[0],
            text=words.text,
            citation=words.citation,
        )


def _advice_for(outcomes: Sequence[Outcome], texts: Texts) -> Iterator[AdviceWords]:
    """Each once; what holds without findings is left out where another reader refers."""
    given = dict.fromkeys(words for outcome in outcomes for words in _advice_in(outcome, texts))
    refers = any(words.urgency in {Urgency.URGENT, Urgency.SOON, Urgency.REFER} for words in given)
    yield from (words for words in given if not (refers and words.only_without_referral))


def _advice_in(outcome: Outcome, texts: Texts) -> Iterator[AdviceWords]:
    """As the reader gives it; what a status asks for where the reader gives none."""
    yield from (texts.advice(code) for code in outcome.advice)
    if not outcome.advice and outcome.status is not Status.READ:
        action = texts.status(outcome.status).action
        yield AdviceWords(code=outcome.status, text=action, citation="", urgency=Urgency.RETAKE)


def provenance_of(told: Told, texts: Texts) -> Iterator[tuple[str, str]]:
    """Files, their hashes, readers, weights, engine, operating point and time."""
    for whose, readings in told:
        source = readings[0].source
        size = source.size_px
        pixels = [texts.label("size-value", columns=size[0], rows=size[1])] if size else []
        yield aside(texts.label("file"), whose, texts), JOIN.join([file_name(source.path, source, texts), *pixels])
        yield aside(texts.label("input-sha256"), whose, texts), source.sha256 or texts.label("not-known")
    identities = dict.fromkeys(reading.identity for _, readings in told for reading in readings)
    yield texts.label("reader"), JOIN.join(_reader(identity, texts) for identity in identities)
    for label, values in (
        ("operating-point", [texts.operating_point(i.operating_point) for i in identities]),
        ("engine", [i.engine for i in identities]),
        ("weights-sha256", [i.weights_sha256 for i in identities]),
    ):
        yield texts.label(label), JOIN.join(dict.fromkeys(values))
    yield texts.label("read-at"), JOIN.join(_when(readings[0], texts) for _, readings in told)


def file_name(name: str, source: Source, texts: Texts) -> str:
    """A name with the number of the frame where the file has several."""
    return name if source.frame is None else f"{name}, {texts.label('frame', number=source.frame + 1)}"


def _reader(identity: ReaderIdentity, texts: Texts) -> str:
    return f"{identity.reader} {texts.label('version', version=identity.version)}"


def _when(reading: Reading, texts: Texts) -> str:
    return f"{moment(reading.read_at_utc)}, {texts.label('seconds-value', seconds=f'{reading.seconds:.3f}')}"


def moment(iso: str) -> str:
    """`2026-01-31 08:05:00 UTC` for an ISO 8601 time; as it is where it is none."""
    try:
        told = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{told.astimezone(UTC) if told.tzinfo else told:%Y-%m-%d %H:%M:%S} UTC"
