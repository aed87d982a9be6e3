"""Scans as JSON: one finding a candidate, as the interface fixes it, and records that lose nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.console import words
from aimis.domain.errors import UsageError
from aimis.domain.reading import Outcome, Reading, Reason, Source, Status
from aimis.domain.scan import Change, Growth, Nodule, Place, Scan, Series, Unjudged, UnjudgedKind
from aimis.reports import json as records
from tests.fakes.redness import identity
from tests.fakes.spotter import Spotter
from tests.fakes.volumes import BALL, volume
from tests.unit.reports import chests

INTERFACE = {"name", "centre_lps_mm", "diameter_mm", "probability", "malignancy_probability", "present"}
UID = "1.2.840.99999.1"

scans = st.builds(
    Scan,
    series=st.from_type(Series),
    nodules=st.lists(st.from_type(Nodule), max_size=2).map(tuple),
    gone=st.lists(st.from_type(Nodule), max_size=1).map(tuple),
    prior=st.none() | st.from_type(Series),
    limited=st.lists(st.builds(Reason.of, st.text(), count=st.integers()), max_size=2).map(tuple),
    lung_volumes_ml=st.none() | st.tuples(st.floats(), st.floats()),
)


def reading_of(outcome: Outcome) -> Reading:
    source = Source(path="scans/7", sha256="ab" * 32, series_instance_uid=UID, prior_sha256="cd" * 32)
    return Reading(source=source, identity=identity(), outcome=outcome, seconds=1.2, read_at_utc="2026-01-02T03:04:05")


def spotted(*balls: tuple[float, float, float, float], **changes: Any) -> Outcome:
    prior = volume() if changes.pop("compared", False) else None
    return Spotter().read_volume(volume(balls, **changes), prior)["spotter"]


def said_of(outcome: Outcome) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(records.line(records.to_interface(reading_of(outcome), words.load_words("en"))))
    return said


@settings(max_examples=25)
@given(scans)
def test_record_gives_the_same_scan_back(scan: Scan) -> None:
    reading = reading_of(Outcome(status=Status.FAILED, reason=Reason.of("x"), scan=scan))
    again = records.from_record(json.loads(records.line(records.to_record(reading))))
    assert repr(again) == repr(reading), "with numbers that are none, which equal nothing"


def test_record_of_before_there_were_scans_is_still_read() -> None:
    reading = reading_of(Outcome(status=Status.FAILED, reason=Reason.of("x")))
    entry = records.to_record(reading)
    del entry["outcome"]["scan"]
    del entry["source"]["prior_sha256"]
    assert records.from_record(entry).outcome == reading.outcome


@pytest.mark.parametrize(
    ("key", "value"), [("nodules", [{"index": 0}]), ("series", {"shape_zyx": [1, 2]}), ("unknown", 1)]
)
def test_record_of_a_scan_that_is_not_whole_is_refused(key: str, value: object) -> None:
    entry = json.loads(records.line(records.to_record(reading_of(spotted(BALL)))))
    entry["outcome"]["scan"][key] = value
    with pytest.raises(UsageError):
        records.from_record(entry)


def test_every_candidate_is_a_finding_reported_or_not() -> None:
    said = said_of(spotted(BALL, (40.0, 20.0, 10.0, 4.0)))
    reported, other = said["findings"]
    assert other.keys() == INTERFACE
    assert reported.keys() > INTERFACE
    assert reported["name"] == other["name"] == "pulmonary-nodule"
    assert reported["centre_lps_mm"] == pytest.approx(BALL[:3], abs=0.3)
    assert (reported["present"], other["present"]) == (True, False)
    assert (reported["place"]["side"], reported["density"]) == ("L", "solid")
    assert "mask" not in reported


def test_scan_without_a_candidate_has_no_findings_and_is_read() -> None:
    said = said_of(spotted())
    assert (said["status"], said["findings"], said["scan"]["gone"]) == ("read", [], [])


def test_scan_says_which_series_was_read_what_limits_it_and_no_uid() -> None:
    series = Series(
        shape_zyx=(24, 40, 40),
        spacing_zyx_mm=(2.0, 1.5, 1.5),
        series_instance_uid=UID,
        frame_of_reference_uid=UID,
        others=(("Scout", "localiser"),),
    )
    outcome = spotted(BALL, series=series)
    assert outcome.scan is not None
    both = (Reason.of("takes-no-pictures"), Reason.of("takes-no-volumes"))
    outcome = replace(outcome, reason=both[0], scan=replace(outcome.scan, limited=both))
    said = said_of(outcome)
    assert said["scan"]["others"] == [{"description": "Scout", "why": "localiser"}]
    assert said["scan"]["spacing_zyx_mm"] == [2.0, 1.5, 1.5]
    assert said["reason"] == " ".join(said["scan"]["limited"])
    assert len(set(said["scan"]["limited"])) == 2
    assert UID not in json.dumps(said)


def test_refused_scan_gives_its_own_reason_alone() -> None:
    scan = Scan(series=volume().series, limited=(Reason.of("takes-no-pictures"),))
    said = said_of(Outcome(status=Status.UNSUPPORTED, reason=Reason.of("takes-no-volumes"), scan=scan))
    assert said["reason"] == words.load_words("en").reason(Reason.of("takes-no-volumes"))
    assert said["findings"] == []


def test_growth_is_said_with_what_is_known_of_it() -> None:
    outcome = spotted((20.0, 30.0, 24.0, 11.0), compared=True)
    (finding,) = said_of(outcome)["findings"]
    assert finding["growth"].keys() == {"change", "prior_volume_mm3", "volume_ratio"}
    assert finding["growth"]["change"] == "growing"
    assert said_of(outcome)["scan"]["prior"]["date"] == "2026-03-01"
    (gone,) = said_of(spotted(compared=True))["scan"]["gone"]
    assert gone["growth"] == {"change": "gone"}
    assert Growth(change=Change.GONE).change == gone["growth"]["change"]


def test_what_was_not_judged_stands_beside_the_findings_and_survives_the_record() -> None:
    place = Unjudged(
        kind=UnjudgedKind.MASS,
        centre_lps_mm=(50.0, 10.0, -300.0),
        extent_mm=71,
        place=Place(side="L", zone="upper"),
        slice=40,
    )
    reading = chests.reading(chests.scan(unjudged=(place,)))
    (listed,) = records.to_interface(reading, chests.words())["unjudged"]
    assert list(listed)[:3] == ["kind", "centre_lps_mm", "extent_mm"]
    assert (listed["kind"], listed["centre_lps_mm"], listed["extent_mm"]) == ("mass", [50.0, 10.0, -300.0], 71)
    assert records.from_record(json.loads(json.dumps(records.to_record(reading)))) == reading
