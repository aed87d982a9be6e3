"""Screenings are offered by their rule, to the year and the pack, and never instead of looking at a symptom."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from aimis.consult import assemble, loader
from aimis.consult.consultation import Person
from aimis.consult.handover.screening import Screenings, load_screenings
from aimis.consult.model import Finding
from aimis.consult.ports import Facts

FINDINGS = loader.KNOWLEDGE / assemble.PRIMARY / "findings"
USED = ("general", "abdomen", "eye", "chest", "safety-danger", "head", "metabolic")


@cache
def screenings() -> Screenings:
    files: list[Path] = sorted(FINDINGS.glob("*.yaml"))
    given = [checked for file in files for checked in loader.read_yaml(file) or ()]
    return load_screenings({one["id"]: Finding.model_validate(one) for one in given})


def facts(age_years: float | None, **values: Any) -> Facts:
    return Facts(person=Person(age_years=age_years), values={k.replace("_", "-"): v for k, v in values.items()})


def proposed(age_years: float | None, **values: Any) -> set[str]:
    return {screening.id for screening in screenings().proposed(facts(age_years, **values))}


def test_every_rule_can_be_judged_with_the_findings_that_the_program_ships() -> None:
    assert {rule.id for rule in screenings().rules} == {"diabetic-eye-photograph", "lung-ct", "upper-endoscopy"}
    assert {rule.reader for rule in screenings().rules} == {"diabetic-retinopathy", "lung-nodule", "oesophagus"}


@pytest.mark.parametrize(
    ("age_years", "pack_years", "since", "due"),
    [
        (49.9, 30, 0, False),
        (50, 20, 0, True),
        (80.9, 20, 15, True),
        (81, 40, 0, False),
        (60, 19.9, 0, False),
        (60, 20, 16, False),
        (None, 40, 0, False),
    ],
)
def test_lung_ct_follows_uspstf_2021(age_years: float | None, pack_years: float, since: float, due: bool) -> None:
    found = proposed(age_years, smoking=True, pack_years=pack_years, years_since_smoking=since)
    assert ("lung-ct" in found) is due


@pytest.mark.parametrize(
    ("age_years", "values", "due"),
    [
        (30, {"swallow_difficult": True}, True),
        (55, {"weight_loss": True, "heartburn": True}, True),
        (54, {"weight_loss": True, "heartburn": True}, False),
        (55, {"weight_loss": True, "abdominal_site": ("upper-middle",)}, True),
        (55, {"weight_loss": True, "abdominal_site": ("navel",)}, False),
        (55, {"heartburn": True}, False),
    ],
)
def test_endoscopy_follows_ng12(age_years: float, values: dict[str, Any], due: bool) -> None:
    assert ("upper-endoscopy" in proposed(age_years, **values)) is due


@pytest.mark.parametrize(
    ("age_years", "months", "due"), [(12, 12, True), (11.9, 24, False), (40, 11, False), (40, 999, True)]
)
def test_eye_photograph_is_due_after_a_year_from_twelve_years_on(age_years: float, months: float, due: bool) -> None:
    found = proposed(age_years, diabetes_known=True, eye_photograph_months=months)
    assert ("diabetic-eye-photograph" in found) is due


def test_symptom_asks_for_an_examination_and_not_for_a_screening() -> None:
    smoker = {"smoking": True, "pack_years": 30, "years_since_smoking": 0}
    assert "lung-ct" in proposed(60, **smoker)
    assert "lung-ct" not in proposed(60, **smoker, cough_blood=True)
    assert "diabetic-eye-photograph" not in proposed(
        60, diabetes_known=True, eye_photograph_months=20, vision_loss_one=True
    )


def test_only_questions_that_can_still_decide_are_asked() -> None:
    asked = {finding.id for finding in screenings().questions(facts(60, smoking=True, diabetes_known=False))}
    assert asked == {"pack-years", "years-since-smoking"}
    assert screenings().questions(facts(40, smoking=True)) == ()
    assert screenings().questions(facts(60, smoking=True, pack_years=5.0)) == ()


def test_every_rule_has_a_citation_with_an_address() -> None:
    assert all(citation.url for rule in screenings().rules for citation in rule.citations)
