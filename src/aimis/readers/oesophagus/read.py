"""Reads endoscopy: aperture, gates, one pass of the network a frame, calibrated findings with their outlines."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aimis.domain.errors import CaseError, UnsupportedInputError
from aimis.domain.examination import FrameRecord
from aimis.domain.reading import Claim, Classification, Finding, Outcome, Reason, Status
from aimis.imaging.frame import Frame
from aimis.readers import adults
from aimis.readers.oesophagus import advice, aperture, conclude, gates, network, quality, regions, repeats, stain
from aimis.readers.oesophagus.judged import Private, interest, seen_well
from aimis.readers.port import JudgedFrame

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from aimis.domain.examination import ExaminationKind
    from aimis.imaging.still import Still
    from aimis.inference.engine import Engine
    from aimis.readers.manifest import FindingEntry, Manifest
    from aimis.readers.port import OpenEngine

ID = "oesophagus"
MODALITIES = frozenset({"ES", "XC", "SC", "OT", "GM"})
"""DICOM modalities (PS3.3 C.7.3.1.1.1) that may hold an endoscope's picture."""


@dataclass(frozen=True, kw_only=True)
class _Look:
    """A frame as the network takes it."""

    square: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.uint8]
    aperture: aperture.Aperture
    scale: float


def load(
    manifest: Manifest, reader_ids: frozenset[str], operating_point: str, open_engine: OpenEngine, /
) -> OesophagusReader:
    """The reader; see `aimis.readers.port.LoadReader`."""
    return OesophagusReader(manifest, reader_ids, operating_point, open_engine(manifest.weights_path))


class OesophagusReader:
    """One network; holds no state but the engine, so many threads may call it."""

    def __init__(self, manifest: Manifest, reader_ids: frozenset[str], operating_point: str, engine: Engine) -> None:
        self._entry = manifest.reader(next(iter(reader_ids)))
        self._point, self._engine = operating_point, engine
        self._side_px = int(manifest.network["input_px"])
        self._gates = gates.Gates(**manifest.network["gates"])
        self._not_judged = gates.NotJudged(**manifest.network["not_judged"])
        self._quality = quality.Limits(**manifest.network.get("quality", {}))
        self._rules = conclude.Rules.of(manifest, operating_point)

    @property
    def engine(self) -> str:
        """The inference engine and precision in use."""
        return self._engine.name

    def read(self, still: Still) -> Mapping[str, Outcome]:
        """One still by itself."""
        record = self._judged(Frame(index=0, picture=still), still).record
        findings = tuple(replace(f, regions=tuple(replace(r, frame=None) for r in f.regions)) for f in record.findings)
        site = () if record.site is None else (Classification(key="site", value=record.site),)
        outcome = Outcome(
            status=record.status,
            reason=record.reason,
            findings=findings,
            classifications=site,
            advice=advice.of_still(record),
        )
        return {self._entry.id: outcome}

    def judge(self, frame: Frame) -> JudgedFrame:
        """One frame of an examination."""
        if isinstance(frame.picture, CaseError):
            return JudgedFrame(record=_record(frame, status=frame.picture.status, reason=frame.picture.reason))
        try:
            return self._judged(frame, frame.picture)
        except CaseError as error:
            return JudgedFrame(record=_record(frame, status=error.status, reason=error.reason))

    def conclude(
        self,
        judged: Sequence[JudgedFrame],
        *,
        kind: ExaminationKind,
        seconds: float | None,
        pictured: Collection[int],
        limited: Reason | None = None,
    ) -> Mapping[str, Outcome]:
        """The examination as a whole; see `conclude`."""
        outcome = conclude.conclude(
            judged, kind=kind, seconds=seconds, pictured=pictured, limited=limited, rules=self._rules
        )
        return {self._entry.id: outcome}

    def _judged(self, frame: Frame, still: Still) -> JudgedFrame:
        look = self._look(still)
        seen = quality.measure(look.square, look.mask)
        record = replace(_record(frame, status=Status.READ), size_px=still.full_size_px)
        fault = quality.fault(seen, self._quality)
        if fault is not None:
            return JudgedFrame(record=replace(record, status=Status.NOT_ASSESSABLE, reason=fault))
        output = network.run(self._engine, look.square)
        site, reason = gates.site(output, self._gates)
        record = replace(record, site=site, stain=stain.name(stain.colours(look.square, look.mask), look.aperture))
        private = Private(quality=seen, descriptor=repeats.descriptor(look.square))
        if reason is not None:
            return self._refused(replace(record, status=Status.UNSUPPORTED, reason=reason), output, private)
        findings, reason = self._findings(output, look, frame.index)
        record = replace(record, findings=findings, reason=reason)
        return JudgedFrame(record=record, interest=interest(record, private), private=private)

    def _refused(self, record: FrameRecord, output: network.Output, private: Private) -> JudgedFrame:
        """A frame of another organ; one that looks suspicious all the same says so and keeps its picture."""
        finding = self._finding(self._entry.finding(advice.NEOPLASIA), output)
        if record.reason is None or record.reason.code != gates.ELSEWHERE or not finding.present:
            return JudgedFrame(record=record)
        record = replace(record, reason=replace(record.reason, code=gates.SUSPICIOUS[record.site in gates.OWN_SITES]))
        return JudgedFrame(record=record, interest=seen_well(finding.probability, private), private=private)

    def _findings(self, output: network.Output, look: _Look, index: int) -> tuple[tuple[Finding, ...], Reason | None]:
        """All of them, and why neoplasia is not judged where it is not."""
        found = {entry.name: self._finding(entry, output) for entry in self._entry.findings}
        neoplasia = found[advice.NEOPLASIA]
        barretts = found[advice.BARRETT].probability
        reason = self._not_judged.reason(output, barretts=barretts, suspicious=neoplasia.present)
        outlined = [finding for finding in found.values() if finding.pointed_out]
        if reason is not None:
            found[advice.NEOPLASIA] = replace(neoplasia, claim=Claim.NOT_JUDGED, present=False)
        for finding in outlined:
            where = regions.regions(output.map, finding.name, look.aperture, look.mask, scale=look.scale, frame=index)
            found[finding.name] = replace(found[finding.name], regions=where)
        return tuple(found.values()), reason

    def _look(self, still: Still) -> _Look:
        """UnsupportedInputError for what its file already says is no adult's endoscopy, or for a tiny picture."""
        if still.modality is not None and still.modality not in MODALITIES:
            raise UnsupportedInputError("wrong-modality", modality=still.modality)
        adults.check(still.age_years)
        least = min(still.full_size_px)
        if least < self._gates.least_side_px:
            raise UnsupportedInputError("too-small", pixels=least, least=self._gates.least_side_px)
        found = aperture.find_aperture(still.rgb)
        square = aperture.normalise(still.rgb, found, self._side_px)
        mask = aperture.shown(found, self._side_px)
        return _Look(square=square, mask=mask, aperture=found, scale=still.reduction)

    def _finding(self, entry: FindingEntry, output: network.Output) -> Finding:
        logit = float(output.findings[network.FINDINGS.index(entry.name)])
        probability = round(entry.calibration.probability(logit), 6)
        return entry.found(probability, above=probability >= entry.threshold(self._point))


def _record(frame: Frame, *, status: Status, reason: Reason | None = None) -> FrameRecord:
    return FrameRecord(index=frame.index, name=frame.name, seconds=frame.seconds, status=status, reason=reason)
