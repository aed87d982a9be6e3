"""The one finding model: every output (JSON, HTML, PDF, and later SR, FHIR) is made from a `Reading`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimis.domain.examination import Examination
    from aimis.domain.scan import Scan

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the full-size photograph, x to the right, y down."""


class Status(StrEnum):
    """What became of an input."""

    READ = "read"
    NOT_ASSESSABLE = "not-assessable"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"


class Laterality(StrEnum):
    """DICOM Image Laterality (0020,0062)."""

    LEFT = "L"
    RIGHT = "R"


class LateralitySource(StrEnum):
    """Where the laterality is known from."""

    DICOM = "dicom"
    FILE_NAME = "file-name"
    OPTIC_DISC = "optic-disc"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why an input was not read, or what limits a reading: a code the texts know, and its values.

    The words are found by code and language in the texts (`aimis.reports.texts`), never stored here.
    """

    code: str
    values: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, code: str, /, **values: str | float) -> Reason:
        """A reason with its values as text, sorted by name; numbers with three significant digits."""
        shown = {
            k: v if isinstance(v, str) else f"{v:.3g}" if isinstance(v, float) else str(v) for k, v in values.items()
        }
        return cls(code=code, values=tuple(sorted(shown.items())))


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """A place that a finding rests on.

    outline_px : the lesion's contour, x and y in pixels of the full-size picture, closed, at most some 64 points;
        empty where only a box is known
    frame : of an examination, the `FrameRecord.index`
    """

    box_px: Box
    probability: float
    frame: int | None = None
    outline_px: tuple[tuple[float, float], ...] = ()


class Claim(StrEnum):
    """What kind of statement a finding is, in its context, whatever its probability.

    ALARM : the reader stands by it where it is present
    MARK : a place to look at; it never alarms
    NOT_JUDGED : the reader does not judge it here, and its silence means nothing
    """

    ALARM = "alarm"
    MARK = "mark"
    NOT_JUDGED = "not-judged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing a reader looks for, present or not.

    probability : calibrated, 0..1
    present : the decision at the operating point in use; of a mark or what was not judged never true
    claim : None of a reader that makes no such difference
    marked : of a mark, whether it is at or above the operating point; of all else false
    """

    name: str
    probability: float
    present: bool
    regions: tuple[Region, ...] = ()
    claim: Claim | None = None
    marked: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"{self.name}: probability {self.probability} is not within 0..1")
        if self.present and self.claim in {Claim.MARK, Claim.NOT_JUDGED}:
            raise ValueError(f"{self.name}: a finding that is {self.claim} is never present; only an alarm is")
        if self.marked and self.claim is not Claim.MARK:
            raise ValueError(f"{self.name}: only a finding whose claim is a mark is marked")

    @property
    def pointed_out(self) -> bool:
        """Whether it is an alarm or a mark: what pictures outline."""
        return self.present or self.marked

    @property
    def not_judged(self) -> bool:
        """Whether the reader says nothing of it here."""
        return self.claim is Claim.NOT_JUDGED


@dataclass(frozen=True, kw_only=True, slots=True)
class Classification:
    """A grade or a site beside the findings; `key` is its name in the JSON interface, e.g. icdr_grade."""

    key: str
    value: int | str


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A measured property of the picture's quality, e.g. focus, with the least or most that is accepted."""

    name: str
    value: float
    lowest: float | None = None
    highest: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceMap:
    """Where a finding's logit comes from: row-major values that, with a bias, add up to it.

    values : rows of columns, same length each
    box_px : what the whole grid covers; may reach outside the photograph
    """

    finding: str
    values: tuple[tuple[float, ...], ...]
    box_px: Box


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """A measured share of eyes that are marked at the operating point in use, 0..1, with its 95 % interval.

    finding : the share is of eyes that have it; None: of normal eyes, marked with whatever finding
    n : on how many eyes it was measured
    """

    finding: str | None
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a reader says of one picture.

    findings : every finding the reader looks for when status is READ, else none
    reason : required unless status is READ; with READ, what limits the result
    certainty : 0..1, the reader's own; below its threshold the outcome is not-assessable
    advice : codes of advice in the reader's texts, most urgent first
    laterality : as far as the picture itself tells
    examination : of an examination, its frames and what was found over time
    scan : of a CT, its nodules; `findings` then holds one finding, the probability of its likeliest nodule
    rates : what the decisions are worth, as far as it was measured at the thresholds in use
    """

    status: Status
    reason: Reason | None = None
    findings: tuple[Finding, ...] = ()
    classifications: tuple[Classification, ...] = ()
    certainty: float | None = None
    measures: tuple[Measure, ...] = ()
    evidence: tuple[EvidenceMap, ...] = ()
    advice: tuple[str, ...] = ()
    laterality: Laterality | None = None
    examination: Examination | None = None
    scan: Scan | None = None
    rates: tuple[Rate, ...] = ()

    def __post_init__(self) -> None:
        if self.status is Status.READ and not self.findings:
            raise ValueError("an outcome that was read lists every finding, present or not")
        if self.status is not Status.READ and (self.reason is None or self.findings):
            raise ValueError("an outcome that was not read has a reason and no findings")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The input as found.

    path : as found; a member of a zip is archive.zip/member
    sha256 : of the file's bytes, hex; None where it could not be read
    size_px : columns, rows of the full-size picture; None where it could not be decoded
    frame : 0-based, of a multi-frame file; None for a single picture
    patient_id, *_uid : from DICOM, else None; never logged
    whose : `Identity.digest`, by which another person of the same number is told from this one
    prior_sha256 : of the earlier CT that a CT was to be compared with
    """

    path: str
    sha256: str | None = None
    size_px: tuple[int, int] | None = None
    frame: int | None = None
    laterality: Laterality | None = None
    laterality_source: LateralitySource | None = None
    patient_id: str | None = None
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    sop_instance_uid: str | None = None
    prior_sha256: str | None = None
    whose: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReaderIdentity:
    """Which reader, in which version, with which weights, engine and operating point."""

    reader: str
    version: str
    weights_sha256: str
    engine: str
    operating_point: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One reader's result for one input: the single source of every output.

    seconds : wall time of this item, decoding included
    read_at_utc : ISO 8601, second precision

    Two readings of the same input by the same identity differ in `seconds` and `read_at_utc` alone.
    """

    source: Source
    identity: ReaderIdentity
    outcome: Outcome
    seconds: float
    read_at_utc: str
