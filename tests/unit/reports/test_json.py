"""Readings as JSON: the fixed interface, and records that lose nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.domain.errors import UsageError
from aimis.domain.examination import Examination, ExaminationKind, FrameRecord, Station, Track
from aimis.domain.reading import (
    Claim,
    Classification,
    EvidenceMap,
    Finding,
    Laterality,
    LateralitySource,
    Measure,
    Outcome,
    ReaderIdentity,
    Reading,
    Reason,
    Region,
    Source,
    Status,
)
from aimis.reports import json as records
from tests.unit.reports import endoscopies
from tests.unit.reports.samples import REFERABLE, readings, refused, texts

numbers = st.floats(allow_nan=False, allow_infinity=False)
shares = st.floats(0, 1)
words = st.text(st.characters(codec=None), max_size=12)
boxes = st.tuples(numbers, numbers, numbers, numbers)
outlines = st.lists(st.tuples(numbers, numbers), max_size=3).map(tuple)
regions = st.builds(Region, box_px=boxes, probability=shares, frame=st.none() | st.integers(0, 99), outline_px=outlines)
DECISIONS: Sequence[Mapping[str, Any]] = (
    {"present": True},
    {"present": False},
    {"present": True, "claim": Claim.ALARM},
    {"present": False, "claim": Claim.ALARM},
    {"present": False, "claim": Claim.MARK, "marked": True},
    {"present": False, "claim": Claim.MARK},
    {"present": False, "claim": Claim.NOT_JUDGED},
)


@st.composite
def any_findings(draw: st.DrawFn) -> Finding:
    decided = draw(st.sampled_from(DECISIONS))
    found = draw(st.lists(regions, max_size=2).map(tuple))
    return Finding(name=draw(words), probability=draw(shares), regions=found, **decided)


findings = any_findings()
maps = (
    st.integers(0, 3)
    .flatmap(
        lambda columns: st.builds(
            EvidenceMap,
            finding=words,
            values=st.lists(
                st.lists(numbers | st.floats(width=32), min_size=columns, max_size=columns).map(tuple), max_size=3
            ).map(tuple),
            box_px=boxes,
        )
    )
    .filter(lambda found: found.values == found.values and "nan" not in repr(found))
)
reasons = st.builds(Reason, code=words, values=st.lists(st.tuples(words, words), max_size=3).map(tuple))
limits = st.none() | numbers
frame_common: dict[str, Any] = {
    "index": st.integers(0, 99_999),
    "name": words,
    "seconds": limits,
    "size_px": st.none() | st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
    "site": st.none() | words,
    "stain": st.none() | words,
}
frames = st.builds(
    FrameRecord,
    status=st.just(Status.READ),
    reason=st.none() | reasons,
    findings=st.lists(findings, max_size=2).map(tuple),
    **frame_common,
) | st.builds(FrameRecord, status=st.just(Status.FAILED), reason=reasons, **frame_common)
indices = st.lists(st.integers(0, 99), max_size=3).map(tuple)
tracks = st.builds(
    Track,
    finding=words,
    frames=indices,
    key_frame=st.integers(0, 99),
    first_seconds=numbers,
    last_seconds=numbers,
    probability=shares,
    claim=st.none() | st.sampled_from(Claim),
)
examinations = st.builds(
    Examination,
    kind=st.sampled_from(ExaminationKind),
    frames=st.lists(frames, max_size=3).map(tuple),
    key_frames=indices,
    tracks=st.lists(tracks, max_size=2).map(tuple),
    stations=st.lists(st.builds(Station, site=words, frames=st.integers(0, 9)), max_size=2).map(tuple),
    seconds=limits,
)
common: dict[str, Any] = {
    "classifications": st.lists(st.builds(Classification, key=words, value=words | st.integers(0, 9)), max_size=2).map(
        tuple
    ),
    "certainty": st.none() | shares,
    "measures": st.lists(st.builds(Measure, name=words, value=numbers, lowest=limits, highest=limits), max_size=2).map(
        tuple
    ),
    "evidence": st.lists(maps, max_size=2).map(tuple),
    "advice": st.lists(words, max_size=2).map(tuple),
    "laterality": st.none() | st.sampled_from(Laterality),
    "examination": st.none() | examinations,
}
outcomes = st.builds(
    Outcome,
    status=st.just(Status.READ),
    reason=st.none() | reasons,
    findings=st.lists(findings, min_size=1, max_size=3).map(tuple),
    **common,
) | st.builds(
    Outcome,
    status=st.sampled_from([Status.NOT_ASSESSABLE, Status.UNSUPPORTED, Status.FAILED]),
    reason=reasons,
    findings=st.just(()),
    **common,
)
perhaps = st.none() | words
sources = st.builds(
    Source,
    path=words,
    sha256=perhaps,
    size_px=st.none() | st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
    frame=st.none() | st.integers(0, 99),
    laterality=st.none() | st.sampled_from(Laterality),
    laterality_source=st.none() | st.sampled_from(LateralitySource),
    patient_id=perhaps,
    study_instance_uid=perhaps,
    series_instance_uid=perhaps,
    sop_instance_uid=perhaps,
)
identities = st.builds(
    ReaderIdentity, reader=words, version=words, weights_sha256=words, engine=words, operating_point=words
)
any_readings = st.builds(
    Reading, source=sources, identity=identities, outcome=outcomes, seconds=numbers, read_at_utc=words
)


@settings(deadline=None, max_examples=60)
@given(any_readings)
def test_record_gives_the_same_reading_back(reading: Reading) -> None:
    line = records.line(records.to_record(reading))
    again = records.from_record(json.loads(line))
    assert again == reading
    assert repr(again) == repr(reading), "types and signs that equality forgets"
    assert line.isascii()
    assert "\n" not in line


def test_interface_of_a_read_photograph_is_as_fixed() -> None:
    said = records.to_interface(readings(REFERABLE)[0], texts())
    fixed = {
        "path": "photographs/7.jpg",
        "reader": "diabetic-retinopathy",
        "reader_version": "1.0.0",
        "status": "read",
        "reason": None,
        "seconds": 0.05,
        "findings": [
            {"name": "any-diabetic-retinopathy", "probability": 0.9, "present": True},
            {"name": "referable-diabetic-retinopathy", "probability": 0.9, "present": True},
            {"name": "diabetic-macular-oedema", "probability": 0.1, "present": False},
        ],
        "icdr_grade": 3,
    }
    assert {key: said[key] for key in fixed} == fixed
    assert list(said)[: len(fixed)] == list(fixed)
    assert json.loads(records.line(said)) == said


@pytest.mark.parametrize("status", [Status.NOT_ASSESSABLE, Status.UNSUPPORTED, Status.FAILED])
def test_interface_of_an_unread_photograph_has_a_reason_and_no_findings(status: Status) -> None:
    said = records.to_interface(readings(refused(status, "too-small", pixels=9, least=99))[0], texts())
    assert said["status"] == status
    assert said["reason"] == "The picture is 9 pixels on its shorter side; at least 99 are needed."
    assert said["findings"] == []
    assert "icdr_grade" not in said


def test_interface_says_what_limits_a_result_that_was_read() -> None:
    reading = readings(REFERABLE)[0]
    limited = replace(reading, outcome=replace(reading.outcome, reason=Reason.of("too-dark")))
    assert records.to_interface(limited, texts("zh"))["reason"] == "照片过暗。"


def test_interface_names_a_frame_only_where_there_is_one() -> None:
    assert "frame" not in records.to_interface(readings(REFERABLE)[0], texts())
    assert records.to_interface(readings(REFERABLE, frame=0)[0], texts())["frame"] == 0


def test_interface_places_regions() -> None:
    reading = readings(REFERABLE)[0]
    region = Region(box_px=(1, 2, 3.5, 4), probability=0.7)
    finding = Finding(name="spot", probability=0.8, present=True, regions=(region, replace(region, frame=4)))
    said = records.to_interface(replace(reading, outcome=replace(reading.outcome, findings=(finding,))), texts())
    placed = {"box_px": [1, 2, 3.5, 4], "probability": 0.7}
    assert said["findings"][0]["regions"] == [placed, placed | {"frame": 4}]


def test_interface_outlines_regions_only_where_a_contour_is_known() -> None:
    reading = readings(REFERABLE)[0]
    region = Region(box_px=(0, 0, 2, 2), probability=0.7, frame=1, outline_px=((0, 0), (2, 0), (1, 2)))
    finding = Finding(name="spot", probability=0.8, present=True, regions=(region,))
    said = records.to_interface(replace(reading, outcome=replace(reading.outcome, findings=(finding,))), texts())
    assert said["findings"][0]["regions"][0]["outline_px"] == [[0, 0], [2, 0], [1, 2]]


def test_interface_of_an_examination_counts_its_frames_and_names_each() -> None:
    found = (Finding(name="spot", probability=0.8, present=True),)
    examination = Examination(
        kind=ExaminationKind.STILLS,
        frames=(
            FrameRecord(index=0, status=Status.READ, name="a.jpg", site="oesophagus", findings=found),
            FrameRecord(index=1, status=Status.FAILED, name="b.jpg", reason=Reason.of("too-dark")),
            FrameRecord(index=2, status=Status.UNSUPPORTED, name="c.jpg", reason=Reason.of("too-dark"), site="colon"),
        ),
        key_frames=(0,),
        stations=(Station(site="oesophagus", frames=1),),
    )
    reading = readings(REFERABLE)[0]
    said = records.to_interface(replace(reading, outcome=replace(reading.outcome, examination=examination)), texts())
    assert said["frames"] == {"judged": 1, "not_judged": 1, "unsupported": 1}
    assert (said["kind"], said["key_frames"], said["stations"]) == (
        "stills",
        [0],
        [{"site": "oesophagus", "frames": 1}],
    )
    assert [frame["name"] for frame in said["frame_records"]] == ["a.jpg", "b.jpg", "c.jpg"]
    assert said["frame_records"][0]["probabilities"] == {"spot": 0.8}
    assert said["frame_records"][1]["reason"] == texts().reason(Reason.of("too-dark"))


def test_record_of_before_there_were_examinations_is_still_read() -> None:
    reading = readings(REFERABLE)[0]
    entry = records.to_record(reading)
    del entry["outcome"]["examination"]
    assert records.from_record(entry) == reading


def test_classification_must_not_hide_a_key_of_the_interface() -> None:
    reading = readings(REFERABLE)[0]
    shadow = replace(reading.outcome, classifications=(Classification(key="status", value="read"),))
    with pytest.raises(ValueError, match="status"):
        records.to_interface(replace(reading, outcome=shadow), texts())


def test_evidence_of_a_network_takes_four_bytes_a_value() -> None:
    half = EvidenceMap(finding="x", values=((0.5, 0.25), (-1.0, 0.0)), box_px=(0, 0, 1, 1))
    reading = readings(REFERABLE)[0]
    entry = records.to_record(replace(reading, outcome=replace(reading.outcome, evidence=(half,))))
    assert len(entry["outcome"]["evidence"][0]["float32"]) == 24  # 16 bytes in base64


def test_last_line_that_was_torn_is_left_out(tmp_path: Path) -> None:
    whole = [records.line(records.to_record(reading)) for reading in readings(REFERABLE)]
    file = tmp_path / "readings.jsonl"
    file.write_text(whole[0] + "\n" + whole[1][:-20], encoding="utf-8")
    assert list(records.readings(file)) == [readings(REFERABLE)[0]]


@pytest.mark.parametrize("line", ["{", "[]", "3", ""])
def test_line_that_is_no_record_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "readings.jsonl"
    file.write_text(f"{{}}\n{line}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="line 2"):
        list(records.lines(file))


@pytest.mark.parametrize("harm", ["schema", "source", "outcome", "seconds"])
def test_record_that_lacks_something_is_refused(harm: str) -> None:
    entry = records.to_record(readings(REFERABLE)[0])
    del entry[harm]
    with pytest.raises(UsageError):
        records.from_record(entry)


def test_record_of_another_schema_is_refused() -> None:
    with pytest.raises(UsageError, match="schema 2"):
        records.from_record(records.to_record(readings(REFERABLE)[0]) | {"schema": 2})


def test_claim_stands_in_the_line_of_the_finding_of_its_frames_and_of_its_tracks() -> None:
    mark = Finding(name="spot", probability=0.8, present=False, claim=Claim.MARK, marked=True)
    silent = Finding(name="lesion", probability=0.9, present=False, claim=Claim.NOT_JUDGED)
    frame = FrameRecord(index=0, status=Status.READ, findings=(mark, silent))
    track = Track(
        finding="spot", frames=(0,), key_frame=0, first_seconds=0, last_seconds=1, probability=0.8, claim=Claim.MARK
    )
    told = Examination(kind=ExaminationKind.VIDEO, frames=(frame,), tracks=(track,))
    outcome = Outcome(status=Status.READ, findings=(mark, silent), examination=told)
    printed = records.to_interface(endoscopies.of(outcome), endoscopies.words())
    said = {f["name"]: (f["claim"], f["present"], f["marked"]) for f in printed["findings"]}
    assert said == {"spot": ("mark", False, True), "lesion": ("not-judged", False, False)}
    assert printed["frame_records"][0]["claims"] == {"spot": "mark", "lesion": "not-judged"}
    assert printed["tracks"][0]["claim"] == "mark"


def test_finding_of_a_reader_without_claims_has_none_in_its_line() -> None:
    outcome = Outcome(status=Status.READ, findings=(Finding(name="spot", probability=0.8, present=True),))
    (said,) = records.to_interface(endoscopies.of(outcome), endoscopies.words())["findings"]
    assert said.keys() == {"name", "probability", "present"}
