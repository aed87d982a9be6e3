"""A set of knowledge small enough to reckon by hand, made in memory."""

from __future__ import annotations

from typing import Any

from aimis.consult import model
from aimis.consult import net as nets
from aimis.consult.dialogue import Dialogue


def words(text: str) -> dict[str, str]:
    return {"en": text, "zh": text}


def finding(identifier: str, **more: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        "group": "all",
        "background": 0.1,
        "question": words(f"{identifier}?"),
        "short": words(identifier),
        **more,
    }


def options(*identifiers: str) -> list[dict[str, Any]]:
    return [{"id": identifier, "text": words(identifier)} for identifier in identifiers]


def condition(identifier: str, urgency: str, findings: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        "name": words(identifier),
        "icd10": "R69",
        "area": "all",
        "frequency": 100,
        "findings": findings,
        "urgency": urgency,
        "explain": words(identifier),
        "red_flags": {"none": "of a test"},
        "citations": [],
        **more,
    }


FINDINGS = (
    finding("pain"),
    finding(
        "site",
        kind="many-of",
        parent="pain",
        none="nowhere",
        background={"nowhere": 0.05, "chest": 0.3, "belly": 0.3, "head": 0.3},
        options=options("nowhere", "chest", "belly", "head"),
    ),
    finding("sweating"),
    finding("vomiting"),
    finding("fever"),
    finding(
        "temperature", kind="number", parent="fever", unit="°C", range=[34, 43], background={">=38": 0.5, ">=40": 0.05}
    ),
    finding("colour", kind="one-of", background={"pale": 0.5, "red": 0.5}, options=options("pale", "red")),
    finding("pregnant", sex="F", age=[12, 55]),
)
CONDITIONS = (
    condition(
        "infarct",
        "emergency",
        {"pain": 0.9, "site": {"chest": 0.9, "belly": 0.1, "head": 0.02}, "sweating": 0.7, "colour": {"pale": 0.9}},
        age={"0-17": 0, "18-120": 2},
    ),
    condition(
        "gastritis", "routine", {"pain": 0.9, "site": {"belly": 0.9, "chest": 0.1, "head": 0.02}, "vomiting": 0.7}
    ),
    condition("flu", "self-care", {"fever": 0.9, "temperature": {">=38": 0.9, ">=40": 0.3}, "colour": {"red": 0.8}}),
)


def knowledge(**head: Any) -> model.Knowledge:
    return model.Knowledge.model_validate(
        {
            "name": "small",
            "version": "1",
            "date": "2026-11-21",
            "bands": {},
            "findings": {given["id"]: given for given in FINDINGS},
            "conditions": {given["id"]: given for given in CONDITIONS},
            **head,
        }
    )


def dialogue(**more: Any) -> Dialogue:
    return Dialogue(nets.build_net(knowledge()), **more)
