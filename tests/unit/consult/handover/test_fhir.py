"""The hand-over: what was said stands in it, in words and in FHIR that the published models accept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from aimis.consult.consultation import Answer, Consultation, Person
from aimis.consult.handover import case, fhir, sbar
from aimis.consult.handover.case import Case
from aimis.consult.handover.screening import Screening
from aimis.consult.model import Citation, Condition, Finding, Option, Text, Urgency
from aimis.consult.outcome import Explanation
from aimis.consult.ports import RaisedFlag


def both(text: str) -> Text:
    return Text(en=text, zh=f"{text}（中）")


FINDINGS = {
    finding.id: finding
    for finding in (
        Finding(id="cough", group="chest", question=both("Do you cough?"), short=both("cough")),
        Finding(id="smoking", group="before", question=both("Do you smoke?"), short=both("smoker")),
        Finding(
            id="where",
            kind="many-of",
            group="chest",
            background={"left": 0.1, "right": 0.1},
            question=both("Where?"),
            short=both("side"),
            options=(Option(id="left", text=both("left")), Option(id="right", text=both("right"))),
        ),
        Finding(
            id="temperature",
            kind="number",
            group="general",
            background={">=38": 0.1},
            question=both("How hot?"),
            short=both("temperature"),
            unit="°C",
            range=(34, 43),
        ),
        Finding(id="rash", group="skin", question=both("A rash?"), short=both("rash")),
        Finding(id="fits", group="head", question=both("A fit?"), short=both("fit")),
    )
}
VALUES = {
    "cough": True,
    "where": ("left", "right"),
    "temperature": 38.5,
    "smoking": True,
    "rash": False,
    "fits": "unknown",
}
CITED = (Citation(source="USPSTF", title="Lung", year=2021, url="https://example.org/x"),)
CONDITION = Condition.model_validate(
    {
        "id": "pneumonia",
        "name": {"en": "Pneumonia", "zh": "肺炎"},
        "icd10": "J18.9",
        "doid": "DOID:552",
        "area": "chest",
        "frequency": 100,
        "findings": {},
        "urgency": "same-day",
        "explain": {"en": "x", "zh": "x"},
        "red_flags": {"none": "a test"},
        "citations": [{"source": "x"}],
    }
)
SCREENING = Screening(
    id="lung-ct",
    reader="lung-nodule",
    name=both("CT"),
    after="",
    when="",
    unless="",
    priority="routine",
    why=both("Smokes."),
    citations=CITED,
)


def made(**changes: Any) -> Case:
    state = Consultation(
        knowledge="primary",
        knowledge_version="1",
        person=Person(age_years=60, sex="M"),
        told=("I cough and I am hot",),
        answers=tuple(Answer(finding=name, value=value) for name, value in VALUES.items()),
        ended=True,
    )
    given: dict[str, Any] = {
        "id": UUID(int=7),
        "at": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        "consultation": state,
        "findings": FINDINGS,
        "answers": state.values,
        "urgency": Urgency.SAME_DAY,
        "flags": (RaisedFlag(id="sepsis", urgency=Urgency.EMERGENCY, say=both("Call."), why=both("May be sepsis.")),),
        "explanations": (Explanation(condition=CONDITION, probability=0.62),),
        "abstained": False,
        "screenings": (SCREENING,),
    }
    return Case(**{**given, **changes})


def resources(shown: Case) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in json.loads(fhir.bundle(shown, "en"))["entry"]:
        found.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    return found


def test_bundle_holds_each_resource_that_a_record_needs() -> None:
    assert set(resources(made())) == {
        "Patient",
        "QuestionnaireResponse",
        "Condition",
        "RiskAssessment",
        "Flag",
        "ServiceRequest",
    }


def test_every_answer_stands_in_the_questionnaire_response_as_it_was_given() -> None:
    (response,) = resources(made())["QuestionnaireResponse"]
    answers = {item["linkId"]: item["answer"] for item in response["item"]}
    assert answers["told"] == [{"valueString": "I cough and I am hot"}]
    assert answers["cough"] == [{"valueBoolean": True}]
    assert [coded["valueCoding"]["code"] for coded in answers["where"]] == ["left", "right"]
    assert answers["temperature"] == [{"valueDecimal": 38.5}]
    assert answers["fits"][0]["valueCoding"]["code"] == "asked-unknown"
    assert response["status"] == "completed"


def test_differential_is_a_condition_that_is_not_confirmed_and_its_probability_a_risk() -> None:
    found = resources(made())
    (condition,), (risk,) = found["Condition"], found["RiskAssessment"]
    assert condition["verificationStatus"]["coding"][0]["code"] == "differential"
    assert [coding["code"] for coding in condition["code"]["coding"]] == ["J18.9", "DOID:552"]
    assert risk["prediction"][0]["probabilityDecimal"] == pytest.approx(0.62)


def test_screening_is_a_proposal_until_a_clinician_orders_it() -> None:
    (proposal,) = resources(made())["ServiceRequest"]
    (order,) = resources(made(ordered=("lung-ct",)))["ServiceRequest"]
    assert (proposal["intent"], proposal["status"]) == ("proposal", "draft")
    assert (order["intent"], order["status"]) == ("order", "active")
    assert "USPSTF" in proposal["note"][0]["text"]


def test_same_case_gives_the_same_bundle_and_every_reference_leads_somewhere() -> None:
    text = fhir.bundle(made(), "en")
    assert text == fhir.bundle(made(), "en")
    entries = json.loads(text)["entry"]
    urls = {entry["fullUrl"] for entry in entries}
    references = {e["resource"]["subject"]["reference"] for e in entries if "subject" in e["resource"]}
    assert references <= urls


def test_patient_has_nothing_that_tells_who_it_is() -> None:
    (patient,) = resources(made())["Patient"]
    assert set(patient) == {"resourceType", "id", "gender"}


def test_empty_consultation_is_handed_over_too() -> None:
    nothing = Consultation(knowledge="primary", knowledge_version="1")
    shown = made(consultation=nothing, answers={}, flags=(), explanations=(), screenings=())
    assert "QuestionnaireResponse" in resources(shown)
    assert "no condition" not in " ".join(sbar.write(shown, "en").assessment)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_sbar_says_what_is_there_what_is_denied_and_what_is_not_known(language: str) -> None:
    story = sbar.write(made(), language)
    situation, assessment = "\n".join(story.situation), "\n".join(story.assessment)
    assert "I cough and I am hot" in situation
    assert "May be sepsis." in situation
    assert "smoker" in story.background[0]
    present, denied, unknown = assessment.splitlines()[:3]
    assert "cough" in present
    assert "38.5 °C" in present
    assert "rash" in denied
    assert "fit" in unknown
    assert CONDITION.name.of(language) in assessment
    assert len(story.asked) == len(VALUES)
    assert "USPSTF 2021" in "\n".join(story.recommendation)


def test_abstaining_is_said_before_the_list() -> None:
    assert any("abstains" in line for line in sbar.write(made(abstained=True), "en").assessment)


def test_both_languages_have_the_same_words() -> None:
    assert case.load_words("en").keys() == case.load_words("zh").keys()
