"""What the reader keeps of one frame until the examination is concluded, and the figures that the conclusion uses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from aimis.domain.reading import Status
from aimis.readers.manifest import Calibration, OperatingPoints

if TYPE_CHECKING:
    from aimis.domain.examination import FrameRecord
    from aimis.domain.reading import Finding
    from aimis.readers.manifest import Manifest, ReaderEntry
    from aimis.readers.oesophagus.quality import Quality
    from aimis.readers.oesophagus.repeats import Descriptor
    from aimis.readers.port import JudgedFrame

_CERTAIN = 1e-6  # a frame's probability is not taken to be nearer to 0 or 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Private:
    """`JudgedFrame.private`: what the conclusion needs beside the record. descriptor : `repeats.descriptor`."""

    quality: Quality
    descriptor: Descriptor


class Pooling(BaseModel):
    """How the pooled logit of an examination becomes its probability, fitted on simulated examinations.

    probability = sigmoid(slope * logit + offset + per_log_frames * ln(distinct frames judged)): the more frames, the
    higher the highest of them by chance, so that per_log_frames is 0 or less.
    operating_points : the decisions on that probability; the finding's own where there are none
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    slope: float = Field(default=1.0, gt=0)
    offset: float = 0.0
    per_log_frames: float = Field(default=0.0, le=0)
    operating_points: OperatingPoints | None = None

    def probability(self, logit: float, frames: int) -> float:
        """Calibrated, 0..1, to six decimals."""
        offset = self.offset + self.per_log_frames * math.log(max(1, frames))
        return round(Calibration(slope=self.slope, offset=offset).probability(logit), 6)


class Conclusion(BaseModel):
    """The manifest's table `network.examination`: what was measured of whole examinations.

    stills, video : finding -> its pooling; where there is none the frames' own calibration stands
    trained_stains : those of the training data; another limits what is claimed
    least_own_share : of the frames whose organ was told, how many at least show oesophagus or junction
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stills: dict[str, Pooling] = Field(default_factory=dict)
    video: dict[str, Pooling] = Field(default_factory=dict)
    trained_stains: frozenset[str] = frozenset({"white-light", "narrow-band", "blue-light"})
    least_own_share: float = 0.04


@dataclass(frozen=True, kw_only=True)
class Rules:
    """All that decides an examination beside its frames."""

    entry: ReaderEntry
    operating_point: str
    conclusion: Conclusion

    @classmethod
    def of(cls, manifest: Manifest, operating_point: str) -> Rules:
        """Of the manifest's first reader."""
        table = manifest.network.get("examination", {})
        return cls(entry=manifest.readers[0], operating_point=operating_point, conclusion=Conclusion(**table))


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """One judged frame.

    logits : finding -> calibrated logit of this frame; empty where it was not read
    at : seconds; of a video without times, or of stills, the position
    worth : `Quality.worth`, 0..1
    repeat : shows the same picture as the frame before it
    """

    record: FrameRecord
    logits: Mapping[str, float]
    descriptor: Descriptor | None
    worth: float
    interest: float
    at: float
    repeat: bool = False

    @property
    def read(self) -> bool:
        """Whether the frame was read and has findings."""
        return bool(self.logits)

    def finding(self, name: str) -> Finding | None:
        """By name; None of a frame that was not read."""
        return next((f for f in self.record.findings if f.name == name), None)

    def judges(self, name: str) -> bool:
        """Whether the frame says anything of a finding."""
        found = self.finding(name)
        return found is not None and not found.not_judged


def seen(judged: JudgedFrame, position: int) -> Seen:
    """A frame that was judged, at its place in the examination."""
    record, private = judged.record, judged.private
    known = private if isinstance(private, Private) else None
    return Seen(
        record=record,
        logits={f.name: _logit(f.probability) for f in record.findings} if record.status is Status.READ else {},
        descriptor=None if known is None else known.descriptor,
        worth=0.0 if known is None else known.quality.worth,
        interest=judged.interest,
        at=float(position) if record.seconds is None else record.seconds,
    )


def interest(record: FrameRecord, private: Private) -> float:
    """How much a frame deserves to be shown, 0..1: by its likeliest finding and by how well it is seen."""
    return seen_well(max((f.probability for f in record.findings), default=0.0), private)


def seen_well(probability: float, private: Private) -> float:
    """A probability weighed by how well the frame is seen, 0..1."""
    return probability * (0.4 + 0.6 * private.quality.worth)


def _logit(probability: float) -> float:
    p = min(max(probability, _CERTAIN), 1 - _CERTAIN)
    return math.log(p / (1 - p))
