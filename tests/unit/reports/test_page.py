"""What a report says, before it is set as HTML or PDF."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.domain.reading import Laterality, Measure, Outcome, Reason, Status
from aimis.reports import document, page
from aimis.reports.case import Case, Eye
from aimis.reports.document import Level
from aimis.reports.page import Page
from aimis.reports.texts import LANGUAGES, Texts, Urgency
from tests.unit.reports.samples import (
    EVERYTHING,
    FUNDUS,
    NORMAL,
    REFERABLE,
    RETINOPATHY,
    SIZE,
    eye,
    outcome,
    photograph,
    refused,
    texts,
)

R, L = Laterality.RIGHT, Laterality.LEFT
UNREAD = (Status.NOT_ASSESSABLE, Status.UNSUPPORTED, Status.FAILED)


def single(outcomes: dict[str, Outcome], words: Texts | None = None, side: Laterality | None = R) -> Page:
    return page.compose(Case(eyes=(eye(outcomes, side=side),)), words or texts())


def pair(right: dict[str, Outcome], left: dict[str, Outcome]) -> Page:
    return page.compose(Case(eyes=(eye(right, "r.jpg", side=R), eye(left, "l.jpg", side=L))), texts())


@pytest.mark.parametrize(
    ("outcomes", "level"),
    [
        (EVERYTHING, Level.URGENT),
        (REFERABLE, Level.SOON),
        (NORMAL | {"fundus-disease": outcome(FUNDUS, "glaucoma", advice=("glaucoma-refer",))}, Level.REFER),
        (
            NORMAL
            | {"diabetic-retinopathy": outcome(RETINOPATHY, RETINOPATHY[0], advice=("icdr-1-rescreen",), grade=1)},
            Level.PRESENT,
        ),
        (NORMAL, Level.NONE),
    ],
)
def test_verdict_is_as_urgent_as_the_most_urgent_advice(outcomes: dict[str, Outcome], level: Level) -> None:
    verdict = single(outcomes).eyes[0].verdict
    assert verdict.level is level
    assert verdict.words == texts().word("verdict", level)


def test_present_finding_without_advice_is_said() -> None:
    assert single({"toy": outcome(("spot",), "spot")}).eyes[0].verdict.level is Level.PRESENT


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", UNREAD)
def test_unread_eye_says_status_and_reason_where_findings_would_stand(status: Status, language: str) -> None:
    words = texts(language)
    shown = single(refused(status, "too-dark"), words).eyes[0]
    (block,) = shown.blocks
    assert shown.verdict.level is Level.UNREAD
    assert shown.verdict.words == block.status == words.status(status).title
    assert block.reason == words.reason(Reason.of("too-dark"))
    assert block.meaning
    assert not block.rows
    assert len(shown.pictures) == 1, "no overlay for what was not read"


@pytest.mark.parametrize("status", UNREAD)
@pytest.mark.parametrize("reader", NORMAL)
def test_eye_that_one_reader_did_not_read_never_passes_as_without_findings(reader: str, status: Status) -> None:
    verdict = single(NORMAL | {reader: refused(status, "not-certain")[reader]}).eyes[0].verdict
    assert verdict.level is Level.UNREAD
    assert verdict.words == "Not fully read"
    assert any(texts().reader(reader) in detail for detail in verdict.details)


def test_referral_stands_although_another_reader_did_not_read() -> None:
    partly = REFERABLE | {"fundus-disease": refused(Status.NOT_ASSESSABLE, "not-certain")["fundus-disease"]}
    verdict = single(partly).eyes[0].verdict
    assert verdict.level is Level.SOON
    assert any("Not assessable" in detail for detail in verdict.details)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from([*UNREAD, "normal", "present", "refer"]), min_size=1, max_size=3))
def test_no_finding_is_said_only_where_all_was_read_and_nothing_found(kinds: list[str]) -> None:
    made = {
        "normal": outcome(FUNDUS, advice=("no-finding-rescreen",)),
        "present": outcome(FUNDUS, "cataract"),
        "refer": outcome(FUNDUS, "glaucoma", advice=("glaucoma-refer",)),
    }
    outcomes = {
        f"reader-{i}": made.get(k) or refused(Status(k), "too-dark")["fundus-disease"] for i, k in enumerate(kinds)
    }
    level = page.compose(Case(eyes=(Eye(readings=eye(outcomes).readings),)), texts()).eyes[0].verdict.level
    assert (level is Level.NONE) == (set(kinds) == {"normal"})
    assert (level is Level.REFER) == ("refer" in kinds)


def test_specific_findings_are_named_and_summaries_only_alone() -> None:
    named = single(EVERYTHING).eyes[0].verdict.details
    assert "Referable diabetic retinopathy" in named
    assert "Diabetic retinopathy, any" not in named
    assert "Abnormal fundus, any" not in named
    alone = single(NORMAL | {"fundus-disease": outcome(FUNDUS, "abnormal-fundus", advice=("abnormal-refer",))})
    assert "Abnormal fundus, any" in alone.eyes[0].verdict.details


def test_every_finding_of_every_reader_is_listed_with_probability_and_decision() -> None:
    blocks = single(REFERABLE).eyes[0].blocks
    rows = {row.title: (row.shown, row.decision) for block in blocks for row in block.rows}
    assert len(rows) == len(RETINOPATHY) + len(FUNDUS)
    assert rows["Referable diabetic retinopathy"] == ("0.90", "Above")
    assert rows["Glaucoma"] == ("0.10", "Not above")


def test_grade_stands_in_words_on_its_scale() -> None:
    (grade,) = single(REFERABLE).eyes[0].blocks[0].grades
    assert (grade.value, grade.steps) == ("3", ("0", "1", "2", "3", "4"))
    assert grade.words == "Severe non-proliferative diabetic retinopathy"


def test_what_limits_a_result_is_said_beside_it() -> None:
    dim = {"fundus-disease": outcome(FUNDUS, "cataract", reason=Reason.of("too-dark"))}
    assert single(dim).eyes[0].blocks[0].reason == "Limited by: The photograph is too dark."


@settings(deadline=None)
@given(st.floats(0, 1))
def test_probability_is_never_rounded_to_certainty(value: float) -> None:
    assert document.probability(value) not in {"0.00", "1.00"}


def test_measure_outside_its_limits_is_marked() -> None:
    quality = dict(single(NORMAL).eyes[0].quality)
    assert quality["brightness 0.5 (at least 0.1)"] is False
    assert quality["overexposed share 0.4 (at most 0.2, outside its limits)"] is True


def test_measure_without_limits_stands_alone() -> None:
    told = replace(outcome(("spot",)), measures=(Measure(name="glow", value=123.456),))
    assert single({"toy": told}).eyes[0].quality == (("glow 123", False),)


def test_advice_stands_most_urgent_first_and_once_for_both_eyes() -> None:
    advice = pair(EVERYTHING, REFERABLE | {"fundus-disease": EVERYTHING["fundus-disease"]}).advice
    assert [a.urgency.rank for a in advice] == sorted(a.urgency.rank for a in advice)
    assert advice[0].urgency is Urgency.URGENT
    assert advice[0].whose == "right eye"
    assert len({a.text for a in advice}) == len(advice)
    assert {a.whose for a in advice if "Goldmann" in a.text} == {"both eyes"}
    assert all(a.citation for a in advice)


def test_usual_interval_is_not_advised_to_an_eye_that_is_referred() -> None:
    usual = texts().advice("no-finding-rescreen").text
    assert usual not in {a.text for a in single(REFERABLE).advice}
    assert usual in {a.text for a in single(NORMAL).advice}


@pytest.mark.parametrize("status", UNREAD)
def test_unread_eye_has_something_to_do(status: Status) -> None:
    (advice,) = single(refused(status, "too-dark")).advice
    assert advice.urgency is Urgency.RETAKE
    assert advice.text == texts().status(status).action


def test_reader_s_own_advice_takes_the_place_of_what_a_status_asks_for() -> None:
    told = Outcome(status=Status.NOT_ASSESSABLE, reason=Reason.of("too-dark"), advice=("retake-photograph",))
    (advice,) = single({"fundus-disease": told}).advice
    assert advice.text == texts().advice("retake-photograph").text


def test_evidence_is_drawn_for_the_leading_present_finding_and_named() -> None:
    shown = single(REFERABLE).eyes[0]
    assert len(shown.pictures) == 2
    assert shown.pictures[1].caption == "Where the evidence lies for: Referable diabetic retinopathy (0.90)"
    assert "upper right" in shown.pictures[1].alt
    assert shown.drawn is not None
    assert (shown.drawn == 255).all(axis=2).any(), "white lines"
    assert not (photograph() == 255).all(axis=2).any()


def test_small_photograph_is_enlarged_so_that_the_lines_are_fine() -> None:
    drawn = single(REFERABLE).eyes[0].drawn
    assert drawn is not None
    assert drawn.shape[:2] == (SIZE[1] * 4, SIZE[0] * 4)


def test_nothing_is_drawn_without_a_present_finding_and_that_is_said() -> None:
    composed = single(NORMAL)
    assert len(composed.eyes[0].pictures) == 1
    assert "no evidence is drawn" in composed.eyes[0].pictures[0].caption
    assert composed.eyes[0].drawn is not None
    assert np.array_equal(composed.eyes[0].drawn, photograph())
    assert composed.legend == ""


def test_present_finding_without_a_map_is_said() -> None:
    blind = {"toy": replace(outcome(("spot",), "spot"), evidence=())}
    assert "no evidence map" in single(blind).eyes[0].pictures[0].caption


def test_picture_that_is_not_there_is_said() -> None:
    lost = page.compose(Case(eyes=(eye(refused(Status.FAILED, "truncated"), decoded=False),)), texts())
    assert lost.eyes[0].pictures[0].jpeg is None
    assert lost.eyes[0].pictures[0].caption == "No picture could be decoded"
    kept_elsewhere = replace(eye(REFERABLE), photograph=None)
    told = page.compose(Case(eyes=(kept_elsewhere,)), texts()).eyes[0]
    assert "not at hand" in told.pictures[0].caption
    assert told.drawn is None


def test_side_and_where_it_is_known_from_are_said() -> None:
    assert single(NORMAL).eyes[0].heading == "Right eye (OD)"
    assert single(NORMAL).eyes[0].known_from == "known from: file name"
    assert single(NORMAL, side=None).eyes[0].heading == "Eye, side not known"
    assert single(NORMAL, side=None).eyes[0].known_from == ""


def test_report_of_one_eye_says_that_the_other_is_not_in_it() -> None:
    assert single(NORMAL).one_eye
    assert not pair(NORMAL, NORMAL).one_eye
    assert not single(refused(Status.UNSUPPORTED, "not-a-picture")).one_eye


def test_provenance_names_file_hashes_readers_engine_point_and_time() -> None:
    provenance = dict(single(NORMAL).provenance)
    assert provenance["File"].startswith("photographs/7.jpg")
    assert len(provenance["SHA-256 of the file"]) == 64
    assert provenance["SHA-256 of the weights"] == "ab" * 32
    assert "fundus-disease version 1.0.0" in provenance["Reader"]
    assert provenance["Engine"] == "onnxruntime 1.22 f32"
    assert provenance["Operating point"] == "screening (most sensitive, most false alarms)"
    assert provenance["Read on"] == "2026-01-31 08:05:09 UTC, 0.050 s"


def test_time_of_another_zone_is_shown_in_utc() -> None:
    reading = eye(NORMAL).readings[0]
    east = replace(reading, read_at_utc="2026-01-31T16:05:09+08:00")
    assert page.compose(Case(eyes=(Eye(readings=(east,)),)), texts()).read_at == "2026-01-31 08:05:09 UTC"
    odd = replace(reading, read_at_utc="yesterday")
    assert page.compose(Case(eyes=(Eye(readings=(odd,)),)), texts()).read_at == "yesterday"


def test_patient_id_of_dicom_is_shown() -> None:
    told = eye(NORMAL, patient_id="P-17", study="1.2")
    assert page.compose(Case(eyes=(told,)), texts()).patient_id == "P-17"
