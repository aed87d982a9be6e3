"""What a reader's folder says of itself: `reader.toml`, schema 1.

A folder holds one network and one or more readers (entries) that share it. Light to import: pydantic alone.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aimis.domain.errors import ReaderRefusedError, UsageError
from aimis.domain.reading import Claim, Finding
from aimis.readers import fields

if TYPE_CHECKING:
    from aimis.inference.engine import Precision

FILE_NAME = "reader.toml"
OPERATING_POINTS = ("screening", "balanced", "specific")

PointName = Literal["screening", "balanced", "specific"]
Overrides = Mapping[str, Mapping[str, float | str]]
"""A site's own decisions: reader id -> finding -> threshold 0..1, or the name of an operating point."""


class _Part(BaseModel):
    """A table of the manifest; a key it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Concept(_Part):
    """A SNOMED CT concept."""

    code: fields.Snomed
    display: fields.Words


class Calibration(_Part):
    """Platt scaling: probability = sigmoid(slope * logit + offset)."""

    slope: Annotated[fields.Number, Field(gt=0)]
    offset: fields.Number

    def probability(self, logit: float) -> float:
        """Calibrated, 0..1."""
        value = self.slope * logit + self.offset
        small = math.exp(-abs(value))  # never overflows
        return (1.0 if value >= 0 else small) / (1 + small)


class OperatingPoints(_Part):
    """Thresholds on the calibrated probability, from the most sensitive to the most specific."""

    screening: fields.Probability
    balanced: fields.Probability
    specific: fields.Probability

    @model_validator(mode="after")
    def _rise(self) -> Self:
        if not self.screening <= self.balanced <= self.specific:
            thresholds = f"{self.screening}, {self.balanced}, {self.specific}"
            raise ValueError(f"thresholds must not fall from screening to specific, but they are {thresholds}")
        return self


class FindingEntry(_Part):
    """One thing a reader looks for, how its logit becomes a probability and that a decision.

    claim : whether it alarms, or only marks a place to look at; None where the reader makes no such difference
    site_threshold : a site's own decision, a threshold 0..1 or an operating point's name; wins where set
    """

    name: fields.Kebab
    calibration: Calibration
    operating_points: OperatingPoints
    snomed: Concept | None = None
    icd10: fields.Icd10 | None = None
    claim: Literal[Claim.ALARM, Claim.MARK] | None = None
    site_threshold: fields.Probability | PointName | None = None

    def threshold(self, operating_point: str) -> float:
        """The least probability that counts as present; UsageError for a point that no manifest has."""
        if isinstance(self.site_threshold, float):
            return self.site_threshold
        name = check_operating_point(self.site_threshold or operating_point)
        return float(getattr(self.operating_points, name))

    def found(self, probability: float, *, above: bool) -> Finding:
        """The finding without regions: of a mark that is above its threshold marked, of all else present."""
        is_mark = self.claim is Claim.MARK
        return Finding(
            name=self.name,
            probability=probability,
            present=above and not is_mark,
            claim=self.claim,
            marked=above and is_mark,
        )


class Metric(_Part):
    """One measured figure, with its 95 % interval, on how many and whose photographs."""

    what: fields.Words
    value: fields.Number
    on: fields.Words
    low: fields.Number | None = None
    high: fields.Number | None = None
    n: Annotated[int, Field(strict=True, ge=1)] | None = None
    note: fields.Words | None = None

    @model_validator(mode="after")
    def _interval_holds_the_value(self) -> Self:
        low, high = (self.value if bound is None else bound for bound in (self.low, self.high))
        if not low <= self.value <= high:
            raise ValueError(f"the value {self.value} is not within {low}..{high}")
        return self


class PointRate(_Part):
    """A measured share of eyes that are marked at an operating point, 0..1, with its 95 % interval.

    finding : the share is of eyes that have it; None: of normal eyes, marked by any reader of the folder
    """

    point: PointName
    value: fields.Probability
    low: fields.Probability
    high: fields.Probability
    n: Annotated[int, Field(strict=True, ge=1)]
    on: fields.Words
    finding: fields.Kebab | None = None


class Abstention(_Part):
    """Below `threshold` of its own certainty the reader does not judge.

    coverage : share of photographs judged, risk : share of those judged wrongly, both as measured, 0..1
    """

    threshold: fields.Probability
    coverage: fields.Probability | None = None
    risk: fields.Probability | None = None


class ReaderEntry(_Part):
    """One reader, as a person chooses it and as a reading names it."""

    id: fields.Kebab
    version: fields.Version
    title: fields.Words
    intended_use: fields.Words
    inputs: Annotated[tuple[fields.Words, ...], Field(min_length=1)]
    limits: tuple[fields.Words, ...] = ()
    default_operating_point: PointName = "balanced"
    findings: Annotated[tuple[FindingEntry, ...], Field(min_length=1)]
    metrics: tuple[Metric, ...] = ()
    rates: tuple[PointRate, ...] = ()
    abstention: Abstention | None = None

    @model_validator(mode="after")
    def _findings_differ(self) -> Self:
        _check_unique("finding", [finding.name for finding in self.findings])
        _check_unique("rate", [f"{rate.finding or 'of normal eyes'} at {rate.point}" for rate in self.rates])
        return self

    def finding(self, name: str) -> FindingEntry:
        """By name; UsageError where the reader does not look for it."""
        for finding in self.findings:
            if finding.name == name:
                return finding
        names = ", ".join(f.name for f in self.findings)
        raise UsageError(f"the reader {self.id} does not look for {name!r}; it looks for {names}")

    def operating_point_label(self, operating_point: str) -> str:
        """What a reading's provenance states: the point's name, and every finding that a site decides otherwise."""
        own = [f"{f.name}={f.site_threshold}" for f in self.findings if f.site_threshold is not None]
        return "; ".join([check_operating_point(operating_point), *own])


class WeightsFile(_Part):
    """A network's file; bytes is its size."""

    file: fields.File
    sha256: fields.Sha256
    bytes: Annotated[int, Field(strict=True, ge=1)] | None = None


class Weights(WeightsFile):
    """The network's file, what it is made of and under which terms.

    licence : an SPDX identifier, or LicenseRef-... with its text in `licence_file`
    data : name of each training set -> SHA-256 of its list of files
    also : further networks of the folder, by name, under the same terms
    bf16_parity : decisions in bf16 were measured to be those of f32; where they were not, `auto` means f32
    """

    licence: fields.Licence
    licence_file: fields.File | None = None
    training_commit: fields.Commit | None = None
    data: dict[fields.Words, fields.Sha256] = Field(default_factory=dict)
    also: dict[fields.Kebab, WeightsFile] = Field(default_factory=dict)
    bf16_parity: bool = False

    @model_validator(mode="after")
    def _own_licence_has_its_text(self) -> Self:
        if self.licence.startswith("LicenseRef-") and self.licence_file is None:
            raise ValueError(f"{self.licence} is no SPDX licence: name the file with its text as licence_file")
        return self

    @property
    def files(self) -> tuple[WeightsFile, ...]:
        """Of all networks, the first one first."""
        return (self, *self.also.values())

    @property
    def identity(self) -> str:
        """SHA-256 that tells these weights from others: the file's, or of several files' put together."""
        if not self.also:
            return self.sha256
        return hashlib.sha256("".join(file.sha256 for file in self.files).encode()).hexdigest()


class Manifest(_Part):
    """One reader folder.

    entry : `module:function` inside the folder, a `aimis.readers.port.LoadReader`
    texts : language -> file; English is always there
    network : free table for the folder's own code, e.g. input_px and the order of the outputs
    folder : where reader.toml was found, absolute
    """

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    entry: fields.Entry
    weights: Weights
    texts: dict[fields.Language, fields.File]
    network: dict[str, Any] = Field(default_factory=dict)
    readers: Annotated[tuple[ReaderEntry, ...], Field(min_length=1)]
    folder: Path

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if "en" not in self.texts:
            raise ValueError('texts must name an English file: en = "text/en.toml"')
        _check_unique("reader id", [reader.id for reader in self.readers])
        return self

    @property
    def weights_path(self) -> Path:
        """Absolute."""
        return self.folder / self.weights.file

    def precision(self, asked: Precision) -> Precision:
        """What the network is opened in where `asked` is wanted."""
        return "f32" if asked == "auto" and not self.weights.bf16_parity else asked

    @property
    def card_path(self) -> Path:
        """The model card, absolute."""
        return self.folder / "MODEL_CARD.md"

    @property
    def text_paths(self) -> dict[str, Path]:
        """Language -> file, absolute."""
        return {language: self.folder / file for language, file in self.texts.items()}

    @property
    def reader_ids(self) -> tuple[str, ...]:
        """In the order of the manifest."""
        return tuple(reader.id for reader in self.readers)

    def reader(self, reader_id: str) -> ReaderEntry:
        """By id; UsageError where the folder has no such reader."""
        for reader in self.readers:
            if reader.id == reader_id:
                return reader
        raise UsageError(f"{self.folder} has no reader {reader_id!r}; it has {', '.join(self.reader_ids)}")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder, its keys and values checked; ReaderRefusedError says which does not hold."""
    file = folder.resolve() / FILE_NAME
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReaderRefusedError(f"{file} cannot be read ({error.strerror}): a reader's folder holds one") from error
    except ValueError as error:  # bad TOML, bad UTF-8
        raise ReaderRefusedError(f"{file} is no TOML: {error}. Mend it and try again") from error
    if "folder" in table:
        raise ReaderRefusedError(f"{file}: folder: the manifest must not say where it lies. Remove the key")
    try:
        return Manifest.model_validate({**table, "folder": file.parent})
    except ValidationError as error:
        raise ReaderRefusedError(f"{file}: {_explain(error)}") from error


def with_thresholds(manifest: Manifest, overrides: Overrides) -> Manifest:
    """The manifest with a site's own decisions; ids of other folders are passed over.

    UsageError: an unknown finding, a threshold outside 0..1 or an unknown operating point
    """
    readers = tuple(_decided(reader, overrides.get(reader.id, {})) for reader in manifest.readers)
    return manifest.model_copy(update={"readers": readers})


def check_operating_point(name: str) -> str:
    """The name; UsageError unless it is one of the three that each manifest has."""
    if name not in OPERATING_POINTS:
        raise UsageError(f"there is no operating point {name!r}; there are {', '.join(OPERATING_POINTS)}")
    return name


def _decided(reader: ReaderEntry, own: Mapping[str, float | str]) -> ReaderEntry:
    for name in own:
        reader.finding(name)
    changed = tuple(_decided_finding(reader.id, f, own[f.name]) if f.name in own else f for f in reader.findings)
    return reader.model_copy(update={"findings": changed})


def _decided_finding(reader_id: str, finding: FindingEntry, own: float | str) -> FindingEntry:
    try:
        return FindingEntry.model_validate({**finding.model_dump(), "site_threshold": own})
    except ValidationError as error:
        raise UsageError(
            f"threshold of {finding.name} in {reader_id}: {own!r} is neither a number from 0 to 1"
            f" nor one of {', '.join(OPERATING_POINTS)}"
        ) from error


def _check_unique(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"each {what} may stand once, but {', '.join(twice)} stands more often")


def _explain(error: ValidationError) -> str:
    """Each key that does not hold and why, as `readers.0.findings.1.name: ...`."""
    faults = ((".".join(map(str, e["loc"])), _sentence(e["type"], e["msg"])) for e in error.errors())
    return "; ".join(f"{key}: {fault}" if key else fault for key, fault in faults) + ". Mend this and try again"


def _sentence(kind: str, message: str) -> str:
    known = {"extra_forbidden": "schema 1 knows no such key; remove it or mend its spelling", "missing": "is missing"}
    return known.get(kind, message.removeprefix("Value error, "))
