"""Reads a fundus photograph: field, gates, one pass of the network, calibrated findings and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from aimis.readers.fundus import advice, decide, gates, network, quality, rates
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
_SIDE_SURE = 0.1  # widths of the field between disc and middle, from which the eye is told


def load(
    manifest: Manifest, reader_ids: frozenset[str], operating_point: str, open_engine: OpenEngine, /
) -> FundusReader:
    """The reader for the chosen ids; see `aimis.readers.port.LoadReader`."""
    return FundusReader(manifest, reader_ids, operating_point, open_engine(manifest.weights_path))


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What one photograph gave before any reader judged it.

    probabilities : of every finding of the folder, asked for or not
    present : the same findings, decided together
    """

    output: network.Output
    probabilities: Mapping[str, float]
    present: frozenset[str]
    quality: quality.Quality
    fault: Reason | None
    box_px: Box


class FundusReader:
    """One network for both readers; holds no state but the engine, so many threads may call it."""

    def __init__(self, manifest: Manifest, reader_ids: frozenset[str], operating_point: str, engine: Engine) -> None:
        self._entries = [manifest.reader(i) for i in manifest.reader_ids if i in reader_ids]
        self._findings = [finding for entry in manifest.readers for finding in entry.findings]
        self._thresholds = {f.name: f.threshold(operating_point) for f in self._findings}
        self._rates = {entry.id: rates.stated(entry, self._findings, operating_point) for entry in self._entries}
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
        return self._decided(output, measured, _box(field, still.reduction))

    def _decided(self, output: network.Output, measured: quality.Quality, box_px: Box) -> _Seen:
        """Of all findings together, so that no two contradict each other."""
        probabilities = decide.consistent({f.name: _probability(f, output) for f in self._findings})
        return _Seen(
            output=output,
            probabilities=probabilities,
            present=decide.present(probabilities, self._thresholds),
            quality=measured,
            fault=gates.fault(measured, self._limits),
            box_px=box_px,
        )

    def _judge(self, entry: ReaderEntry, seen: _Seen) -> Outcome:
        fault = seen.fault
        if fault is not None and "cataract" in seen.present:
            # the lens is the likely cause: said aloud, and behind a veil the cataract itself can still be read
            fault = Reason.of("cataract-likely-hides-fundus")
        findings = tuple(_finding(f, seen) for f in entry.findings)
        veiled = seen.fault is not None and seen.fault.code in gates.VEILS
        hidden_by_cataract = veiled and fault != seen.fault and any(f.name == "cataract" for f in entry.findings)
        if fault is not None and not hidden_by_cataract:
            return self._refuse(fault, seen)
        certainty = self._certainty(findings, seen)
        if entry.abstention is not None and certainty < entry.abstention.threshold and not hidden_by_cataract:
            return self._refuse(Reason.of("not-certain"), seen, certainty)
        grade = self._grade(seen) if entry.id == RETINOPATHY else None
        return Outcome(
            status=Status.READ,
            reason=fault,
            findings=findings,
            classifications=() if grade is None else (Classification(key="icdr_grade", value=grade),),
            certainty=certainty,
            measures=gates.measures(seen.quality, self._limits),
            evidence=tuple(_evidence(f.name, seen) for f in findings if f.present),
            advice=advice.codes(findings, grade, retinopathy=decide.ANY in seen.present),
            laterality=_laterality(seen.output),
            rates=self._rates[entry.id],
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

    def _certainty(self, findings: Sequence[Finding], seen: _Seen) -> float:
        """0 where the least change would turn whether the reader marks the eye at all, 1 at a probability of 0 or 1."""
        own = frozenset(finding.name for finding in findings)
        return round(decide.certainty(seen.probabilities, self._thresholds, own), 6)

    def _grade(self, seen: _Seen) -> int:
        """ICDR 0-4, by the findings and the expected grade, which is the sum of P(grade >= k)."""
        expected = 0.0
        for target, step in zip(network.TARGETS, self._steps, strict=False):
            expected += step.probability(seen.output.logit(target))
        return decide.grade(seen.present, expected, self._grade_cuts)


def _finding(entry: FindingEntry, seen: _Seen) -> Finding:
    return Finding(name=entry.name, probability=seen.probabilities[entry.name], present=entry.name in seen.present)


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
