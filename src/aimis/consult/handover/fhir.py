"""The hand-over as a FHIR R4 Bundle of type collection, checked against the published models.

Source: HL7 FHIR R4 (4.0.1): QuestionnaireResponse, Condition, RiskAssessment, Flag, ServiceRequest, Patient, Bundle.
The models used are those of R4B (4.3.0), in which these resources are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from fhir.resources.R4B.bundle import Bundle

from aimis.consult.model import UNKNOWN, Finding, Value

if TYPE_CHECKING:
    from aimis.consult.handover.case import Case
    from aimis.consult.handover.screening import Screening
    from aimis.consult.outcome import Explanation
    from aimis.consult.ports import RaisedFlag

Resource = dict[str, Any]

ICD_10 = "http://hl7.org/fhir/sid/icd-10"
DISEASE_ONTOLOGY = "http://purl.obolibrary.org/obo/doid.owl"
SNOMED = "http://snomed.info/sct"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
URGENCY, OPTION, RULE, SCREENING = (f"urn:aimis:{name}" for name in ("urgency", "option", "red-flag", "screening"))
GENDER = {"F": "female", "M": "male", None: "unknown"}


def bundle(case: Case, language: str) -> str:
    """The Bundle as JSON; words in one language."""
    resources = [
        _patient(case),
        _questionnaire_response(case, language),
        *(_condition(case, explanation, language) for explanation in case.explanations),
        _risk_assessment(case, language),
        *(_flag(case, flag, language) for flag in case.flags),
        *(_service_request(case, screening, language) for screening in case.screenings),
    ]
    whole = {
        "resourceType": "Bundle",
        "type": "collection",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{case.id}"},
        "timestamp": case.at.isoformat(),
        "entry": [{"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in resources],
    }
    return Bundle.model_validate(whole).model_dump_json(indent=1)


def _patient(case: Case) -> Resource:
    return {"resourceType": "Patient", "id": _id(case, "patient"), "gender": GENDER[case.consultation.person.sex]}


def _questionnaire_response(case: Case, language: str) -> Resource:
    person, items = case.consultation.person, list(_items(case, language))
    if person.age_years is not None:
        items.insert(0, {"linkId": "age", "text": "Age in years", "answer": [{"valueDecimal": person.age_years}]})
    told = [{"valueString": text} for text in case.consultation.told if text.strip()]
    if told:
        items.insert(0, {"linkId": "told", "text": "In the person's own words", "answer": told})
    return {
        "resourceType": "QuestionnaireResponse",
        "id": _id(case, "answers"),
        "questionnaire": f"urn:aimis:questionnaire:{case.consultation.knowledge}|{case.consultation.knowledge_version}",
        "status": "completed" if case.consultation.ended else "in-progress",
        "subject": _to(case, "patient"),
        "authored": case.at.isoformat(),
        "item": items or [{"linkId": "none", "text": "Nothing was answered"}],
    }


def _items(case: Case, language: str) -> Iterator[Resource]:
    for finding_id, value in case.answers.items():
        finding = case.findings.get(finding_id)
        if finding is not None:
            answers = list(_answers(finding, value, language))
            yield {"linkId": finding.id, "text": finding.question.of(language), "answer": answers}


def _answers(finding: Finding, value: Value, language: str) -> Iterator[Resource]:
    if value == UNKNOWN:
        yield {"valueCoding": {"system": ABSENT, "code": "asked-unknown"}}
    elif isinstance(value, bool):
        yield {"valueBoolean": value}
    elif isinstance(value, float | int):
        yield {"valueDecimal": value}
    else:
        texts = {option.id: option.text.of(language) for option in finding.options}
        for option in value if isinstance(value, tuple) else (value,):
            system = f"{OPTION}:{finding.id}"
            yield {"valueCoding": {"system": system, "code": option, "display": texts.get(option, option)}}


def _condition(case: Case, explanation: Explanation, language: str) -> Resource:
    return {
        "resourceType": "Condition",
        "id": _id(case, f"condition {explanation.condition.id}"),
        "verificationStatus": _coded(f"{TERMINOLOGY}/condition-ver-status", "differential"),
        "category": [_coded(f"{TERMINOLOGY}/condition-category", "encounter-diagnosis")],
        "code": _condition_code(explanation, language),
        "subject": _to(case, "patient"),
        "recordedDate": case.at.isoformat(),
        "evidence": [{"detail": [_to(case, "answers")]}],
    }


def _condition_code(explanation: Explanation, language: str) -> Resource:
    condition = explanation.condition
    coding = [{"system": ICD_10, "code": condition.icd10}]
    if condition.doid is not None:
        coding.append({"system": DISEASE_ONTOLOGY, "code": condition.doid})
    return {"coding": coding, "text": condition.name.of(language)}


def _risk_assessment(case: Case, language: str) -> Resource:
    predictions = [
        {
            "outcome": _condition_code(explanation, language),
            "probabilityDecimal": round(explanation.probability, 4),
            "rationale": f"urgency of the condition: {explanation.condition.urgency}",
        }
        for explanation in case.explanations
    ]
    notes = ["Machine-written from answers alone, without an examination. Research use only."]
    if case.abstained:
        notes.append("AIMIS abstains: no condition it knows explains the answers well.")
    return {
        "resourceType": "RiskAssessment",
        "id": _id(case, "risk"),
        "status": "preliminary",
        "code": _coded(URGENCY, str(case.urgency)),
        "method": {"text": f"AIMIS, knowledge {case.consultation.knowledge} {case.consultation.knowledge_version}"},
        "subject": _to(case, "patient"),
        "occurrenceDateTime": case.at.isoformat(),
        "basis": [_to(case, "answers")],
        "prediction": predictions or None,
        "note": [{"text": note} for note in notes],
    }


def _flag(case: Case, flag: RaisedFlag, language: str) -> Resource:
    return {
        "resourceType": "Flag",
        "id": _id(case, f"flag {flag.id}"),
        "status": "active",
        "category": [_coded(f"{TERMINOLOGY}/flag-category", "safety")],
        "code": {"coding": [{"system": RULE, "code": flag.id}], "text": flag.why.of(language)},
        "subject": _to(case, "patient"),
    }


def _service_request(case: Case, screening: Screening, language: str) -> Resource:
    ordered = screening.id in case.ordered
    coding = [{"system": SCREENING, "code": screening.id}]
    if screening.snomed is not None:
        coding.insert(0, {"system": SNOMED, "code": screening.snomed})
    sources = "; ".join(f"{c.source}: {c.title} ({c.year}) {c.url}" for c in screening.citations)
    return {
        "resourceType": "ServiceRequest",
        "id": _id(case, f"screening {screening.id}"),
        "status": "active" if ordered else "draft",
        "intent": "order" if ordered else "proposal",
        "priority": screening.priority,
        "code": {"coding": coding, "text": screening.name.of(language)},
        "subject": _to(case, "patient"),
        "authoredOn": case.at.isoformat(),
        "reasonCode": [{"text": screening.why.of(language)}],
        "supportingInfo": [_to(case, "answers")],
        "note": [{"text": sources}],
    }


def _coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def _to(case: Case, name: str) -> Resource:
    return {"reference": f"urn:uuid:{_id(case, name)}"}


def _id(case: Case, name: str) -> str:
    """The same for the same part of the same case, so that sending it again makes nothing twice."""
    return str(uuid5(UUID(str(case.id)), name))
