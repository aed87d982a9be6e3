"""Reads a fundus photograph: field, gates, one pass of the network, calibrated findings and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimis.domain.errors import UnsupportedInputError
from aimis.domain.reading import (
    Box,
    Classification,
    EvidenceMap,
    Finding,
    Laterality,
    Outcome,
    Reason,
    Status,
)
from aimis.imaging.field import Field, find_field, normalise_field
from aimis.readers.fundus import advice, gates, network, quality
from aimis.readers.manifest import Calibration

if TYPE_CHECKING:
    from aimis.imaging.still import Still
    from aimis.inference.engine import Engine
    from aimis.readers.manifest import FindingEntry, Manifest, ReaderEntry
    from aimis.readers.port import OpenEngine

RETINOPATHY = "diabetic-retinopathy"
TARGET_OF = {
    "any-diabetic-retinopathy": "icdr-1-or-worse",
    "referable-diabetic-retinopathy": "icdr-2-or-worse",
}
"""The network's target where it is not the finding's own name."""
DECIDING = {RETINOPATHY: "referable-diabetic-retinopathy", "fundus-disease": "abnormal-fundus"}
"""The finding whose distance from its threshold is the reader's certainty."""
_SIDE_SURE = 0.1  # widths of the field between disc and middle, from which the eye is told


def load(
    manifest: Manifest, reader_ids: frozenset[str], operating_point: str, open_engine: OpenEngine, /
) -> FundusReader:
    """The reader for the chosen ids; see `aimis.readers.port.LoadReader`."""
    return FundusReader(manifest, reader_ids, operating_point, open_engine(manifest.weights_path))


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What one photograph gave before any reader judged it."""

    output: network.Output
    quality: quality.Quality
    fault: Reason | None
    box_px: Box


class FundusReader:
    """One network for both readers; holds no state but the engine, so many threads may call it."""

    def __init__(self, manifest: Manifest, reader_ids: frozenset[str], operating_point: str, engine: Engine) -> None:
        self._entries = [manifest.reader(i) for i in manifest.reader_ids if i in reader_ids]
        self._cataract = manifest.reader("fundus-disease").finding("cataract")
        self._point = operating_point
        self._engine = engine
        self._side_px = int(manifest.network["input_px"])
        self._grade_cuts = [float(cut) for cut in manifest.network["grade_cuts"]]
        self._steps = [Calibration.model_validate(step) for step in manifest.network["grade_calibration"]]
        self._limits = gates.Limits.model_validate(manifest.network["gates"])

    @property
    def engine(self) -> str:
        """Engine, version and precision."""
        return self._engine.name

    def read(self, still: Still) -> Mapping[str, Outcome]:
        """The outcome by reader id; UnsupportedInputError for what is no colour fundus photograph."""
        seen = self._see(still)
        return {entry.id: self._judge(entry, seen) for entry in self._entries}

    def _see(self, still: Still) -> _Seen:
        gates.check_kind(still, self._limits)
        field = find_field(still.rgb)
        if field is None:
            raise UnsupportedInputError("not-a-fundus-photograph")
        square = normalise_field(still.rgb, field, self._side_px)
        measured = quality.measure(square, field.visible_fraction)
        output = network.run(self._engine, square)
        gates.check_scope(measured, output.gate, self._limits)
        fault = gates.fault(measured, self._limits)
        return _Seen(output=output, quality=measured, fault=fault, box_px=_box(field, still.reduction))

    def _judge(self, entry: ReaderEntry, seen: _Seen) -> Outcome:
        fault = seen.fault
        if fault is not None and self._present(self._cataract, seen.output):
            # the lens is the likely cause: said aloud, and behind a veil the cataract itself can still be read
            fault = Reason.of("cataract-likely-hides-fundus")
        findings = tuple(self._finding(f, seen.output) for f in entry.findings)
        veiled = seen.fault is not None and seen.fault.code in gates.VEILS
        hidden_by_cataract = veiled and fault != seen.fault and any(f.name == "cataract" for f in entry.findings)
        if fault is not None and not hidden_by_cataract:
            return self._refuse(fault, seen)
        certainty = self._certainty(entry, seen.output)
        if entry.abstention is not None and certainty < entry.abstention.threshold and not hidden_by_cataract:
            return self._refuse(Reason.of("not-certain"), seen, certainty)
        grade = self._grade(seen.output) if entry.id == RETINOPATHY else None
        return Outcome(
            status=Status.READ,
            reason=fault,
            findings=findings,
            classifications=() if grade is None else (Classification(key="icdr_grade", value=grade),),
            certainty=certainty,
            measures=gates.measures(seen.quality, self._limits),
            evidence=tuple(_evidence(f.name, seen) for f in findings if f.present),
            advice=advice.codes(findings, grade),
            laterality=_laterality(seen.output),
        )

    def _refuse(self, reason: Reason, seen: _Seen, certainty: float | None = None) -> Outcome:
        return Outcome(
            status=Status.NOT_ASSESSABLE,
            reason=reason,
            certainty=certainty,
            measures=gates.measures(seen.quality, self._limits),
            advice=advice.UNREAD,
            laterality=_laterality(seen.output),
        )

    def _finding(self, entry: FindingEntry, output: network.Output) -> Finding:
        probability = _probability(entry, output)
        return Finding(name=entry.name, probability=probability, present=probability >= entry.threshold(self._point))

    def _present(self, entry: FindingEntry, output: network.Output) -> bool:
        return _probability(entry, output) >= entry.threshold(self._point)

    def _certainty(self, entry: ReaderEntry, output: network.Output) -> float:
        """0 at the deciding finding's threshold, 1 at a probability of 0 or 1."""
        deciding = entry.finding(DECIDING[entry.id])
        probability, threshold = _probability(deciding, output), deciding.threshold(self._point)
        room = 1 - threshold if probability >= threshold else threshold
        return round(abs(probability - threshold) / room, 6) if room else 1.0

    def _grade(self, output: network.Output) -> int:
        """ICDR 0-4: how many cuts the expected grade, the sum of P(grade >= k), passes."""
        expected = 0.0
        for target, step in zip(network.TARGETS, self._steps, strict=False):
            expected += step.probability(output.logit(target))
        return sum(expected >= cut for cut in self._grade_cuts)


def _probability(entry: FindingEntry, output: network.Output) -> float:
    """Calibrated, to six decimals."""
    return round(entry.calibration.probability(output.logit(TARGET_OF.get(entry.name, entry.name))), 6)


def _evidence(finding: str, seen: _Seen) -> EvidenceMap:
    grid = seen.output.evidence_of(TARGET_OF.get(finding, finding))
    values = tuple(tuple(round(v, 5) for v in row) for row in grid.astype(float).tolist())
    return EvidenceMap(finding=finding, values=values, box_px=seen.box_px)


def _box(field: Field, reduction: float) -> Box:
    """The square around the field, in pixels of the full-size photograph."""
    (x, y), radius = field.centre_px, field.radius_px
    x0, y0, x1, y1 = (round(c * reduction, 1) for c in (x - radius, y - radius, x + radius, y + radius))
    return x0, y0, x1, y1


def _laterality(output: network.Output) -> Laterality | None:
    """The optic disc lies nasally: right of the middle in a right eye. None where it is near the middle."""
    offset = output.disc_offset
    if abs(offset) < _SIDE_SURE:
        return None
    return Laterality.RIGHT if offset > 0 else Laterality.LEFT
