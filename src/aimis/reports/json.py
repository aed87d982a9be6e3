"""Readings as JSON: the fixed interface of `aimis read --json`, and the lossless record kept beside the reports."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from aimis.domain.errors import UsageError
from aimis.domain.reading import (
    Classification,
    EvidenceMap,
    Laterality,
    LateralitySource,
    Measure,
    Outcome,
    Rate,
    ReaderIdentity,
    Reading,
    Reason,
    Source,
    Status,
)
from aimis.reports import json_examination, json_scan
from aimis.reports.json_parts import box_of, finding_entry, finding_of, reason_entry, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from aimis.reports.texts import Texts

RECORD_SCHEMA = 1
_OUTCOME_KEYS = ("path", "frame", "reader", "reader_version", "status", "reason", "seconds", "findings", "certainty")
_SOURCE_KEYS = ("laterality", "laterality_source", "operating_point", "weights_sha256", "input_sha256")
_FIXED_KEYS = frozenset((*_OUTCOME_KEYS, *_SOURCE_KEYS, *json_examination.INTERFACE_KEYS, "scan", "unjudged"))


def to_interface(reading: Reading, texts: Texts) -> dict[str, Any]:
    """The object that `aimis read --json` prints for a reading.

    ValueError: a classification's key is one of the interface's own
    """
    source, identity, outcome = reading.source, reading.identity, reading.outcome
    graded = {c.key: c.value for c in outcome.classifications}
    if graded.keys() & _FIXED_KEYS:
        raise ValueError(f"{identity.reader}: {sorted(graded.keys() & _FIXED_KEYS)} are keys of the interface")
    return {
        "path": source.path,
        **({} if source.frame is None else {"frame": source.frame}),
        "reader": identity.reader,
        "reader_version": identity.version,
        "status": str(outcome.status),
        "reason": " ".join(texts.reason(reason) for reason in _reasons(outcome)) or None,
        "seconds": round(float(reading.seconds), 4),
        "findings": _findings(outcome),
        **graded,
        **({} if outcome.examination is None else json_examination.to_interface(outcome.examination, texts)),
        **({} if outcome.scan is None else {"unjudged": [json_scan.unjudged_entry(u) for u in outcome.scan.unjudged]}),
        **({} if outcome.scan is None else {"scan": json_scan.to_interface(outcome.scan, texts)}),
        "laterality": None if source.laterality is None else str(source.laterality),
        "laterality_source": None if source.laterality_source is None else str(source.laterality_source),
        "certainty": outcome.certainty,
        "operating_point": identity.operating_point,
        "weights_sha256": identity.weights_sha256,
        "input_sha256": source.sha256,
    }


def _reasons(outcome: Outcome) -> tuple[Reason, ...]:
    """Of a scan that was read all that limits it, else the one there is."""
    limited = outcome.scan.limited if outcome.scan is not None and outcome.status is Status.READ else ()
    return limited or (() if outcome.reason is None else (outcome.reason,))


def _findings(outcome: Outcome) -> list[dict[str, Any]]:
    """Of a scan one a candidate, under the name of the finding that they are; else every finding once."""
    if outcome.scan is None or not outcome.findings:
        return [finding_entry(finding) for finding in outcome.findings]
    return [json_scan.nodule_entry(outcome.findings[0].name, nodule) for nodule in outcome.scan.nodules]


def line(entry: Mapping[str, Any]) -> str:
    """One object as one line without its end, in ASCII: whole in every terminal, pipe and code page."""
    return json.dumps(entry, separators=(", ", ": "), allow_nan=True)


def lines(file: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines; a last line that was cut off by an interruption is left out.

    UsageError: another line is no JSON object
    """
    with file.open(encoding="utf-8", newline="\n") as handle:
        for number, text in enumerate(handle, start=1):
            if not text.endswith("\n"):
                return
            yield _parse(text, f"{file}, line {number}")


def readings(file: Path) -> Iterator[Reading]:
    """The readings of a file of records, one a line, in its order; as `lines` and `from_record` else."""
    return map(from_record, lines(file))


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        entry = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{where} is no JSON ({error}). Remove the line, or the file to start anew") from error
    if not isinstance(entry, dict):
        raise UsageError(f"{where} holds no JSON object. Remove the line, or the file to start anew")
    return entry


def to_record(reading: Reading) -> dict[str, Any]:
    """The whole reading as JSON types; `from_record` gives an equal reading back."""
    source, identity = reading.source, reading.identity
    return {
        "schema": RECORD_SCHEMA,
        "source": {name: getattr(source, name) for name in Source.__slots__},
        "identity": {name: getattr(identity, name) for name in ReaderIdentity.__slots__},
        "outcome": _outcome_record(reading.outcome),
        "seconds": reading.seconds,
        "read_at_utc": reading.read_at_utc,
    }


def from_record(entry: Mapping[str, Any]) -> Reading:
    """The reading that a record holds.

    UsageError: the record is of another schema, or lacks something
    """
    if entry.get("schema") != RECORD_SCHEMA:
        raise UsageError(f"a record of schema {entry.get('schema')!r}; this version reads {RECORD_SCHEMA}. Read anew")
    try:
        return Reading(
            source=_source(entry["source"]),
            identity=ReaderIdentity(**entry["identity"]),
            outcome=_outcome(entry["outcome"]),
            seconds=entry["seconds"],
            read_at_utc=entry["read_at_utc"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"a record that is not whole ({error!r}). Remove it and read anew") from error


def _source(entry: dict[str, Any]) -> Source:
    size, side, known_from = entry["size_px"], entry["laterality"], entry["laterality_source"]
    typed = {
        "size_px": None if size is None else tuple(size),
        "laterality": None if side is None else Laterality(side),
        "laterality_source": None if known_from is None else LateralitySource(known_from),
    }
    return Source(**(entry | typed))


def _outcome_record(outcome: Outcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "reason": reason_entry(outcome.reason),
        "findings": [finding_entry(finding) for finding in outcome.findings],
        "classifications": [[c.key, c.value] for c in outcome.classifications],
        "certainty": outcome.certainty,
        "measures": [[m.name, m.value, m.lowest, m.highest] for m in outcome.measures],
        "evidence": [_evidence_record(evidence) for evidence in outcome.evidence],
        "advice": outcome.advice,
        "laterality": outcome.laterality,
        "examination": None if outcome.examination is None else json_examination.to_record(outcome.examination),
        "scan": None if outcome.scan is None else json_scan.to_record(outcome.scan),
        "rates": [[r.finding, r.value, r.low, r.high, r.n] for r in outcome.rates],
    }


def _outcome(entry: dict[str, Any]) -> Outcome:
    examination, scan = entry.get("examination"), entry.get("scan")  # records of before there were any lack them
    return Outcome(
        status=Status(entry["status"]),
        reason=reason_of(entry["reason"]),
        findings=tuple(finding_of(f) for f in entry["findings"]),
        classifications=tuple(Classification(key=key, value=value) for key, value in entry["classifications"]),
        certainty=entry["certainty"],
        measures=tuple(Measure(name=n, value=v, lowest=low, highest=high) for n, v, low, high in entry["measures"]),
        evidence=tuple(_evidence(e) for e in entry["evidence"]),
        advice=tuple(entry["advice"]),
        laterality=None if entry["laterality"] is None else Laterality(entry["laterality"]),
        examination=None if examination is None else json_examination.from_record(examination),
        scan=None if scan is None else json_scan.from_record(scan),
        rates=tuple(Rate(finding=f, value=v, low=a, high=b, n=n) for f, v, a, b, n in entry.get("rates", ())),
    )


def _evidence_record(evidence: EvidenceMap) -> dict[str, Any]:
    """The values as little-endian floats in base64: 32 bits where that loses nothing, as from a network; else 64."""
    values = np.array(evidence.values, dtype="<f8")
    with np.errstate(over="ignore", invalid="ignore"):
        single = values.astype("<f4")
    exact = single.astype("<f8").tobytes() == values.tobytes()
    return {
        "finding": evidence.finding,
        "box_px": evidence.box_px,
        "rows": len(evidence.values),
        "columns": len(evidence.values[0]) if evidence.values else 0,
        "float32" if exact else "float64": base64.b64encode((single if exact else values).tobytes()).decode("ascii"),
    }


def _evidence(entry: dict[str, Any]) -> EvidenceMap:
    kind = "float32" if "float32" in entry else "float64"
    values = np.frombuffer(base64.b64decode(entry[kind]), dtype="<f4" if kind == "float32" else "<f8")
    rows = values.astype(np.float64).reshape(entry["rows"], entry["columns"]).tolist()
    return EvidenceMap(finding=entry["finding"], values=tuple(map(tuple, rows)), box_px=box_of(entry["box_px"]))
