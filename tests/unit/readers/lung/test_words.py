"""Every rule, condition and missing input has words in both languages."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

import pytest

from aimis.readers.lung import guidelines, risk
from tests.unit.readers.lung.nodules import THIN, nodule


def words(language: str) -> dict[str, Any]:
    """The reader's own texts."""
    return tomllib.loads((resources.files("aimis.readers.lung") / "text" / f"{language}.toml").read_text("utf-8"))


def rules() -> set[str]:
    """The keys of every row, twice where it differs by risk."""
    return {
        f"guideline-{g}-{row.id}{risk_of}"
        for g in guidelines.IDS
        for row in guidelines.load(g).rows
        for risk_of in (("-low-risk", "-high-risk") if row.by_risk else ("",))
    }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_row_has_words_and_its_citation(language: str) -> None:
    advice = words(language)["advice"]
    assert {key for key in advice if key.startswith("guideline-")} == rules()
    assert all(entry["text"] and entry["citation"] for entry in advice.values())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_condition_has_words(language: str) -> None:
    tables = [guidelines.load(g) for g in guidelines.IDS]
    codes = {code for g in tables for code in g.depends} | {c for g in tables for row in g.rows for c in row.applies_if}
    assert words(language)["condition"].keys() == codes | {"low-risk", "high-risk"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_missing_input_has_words(language: str) -> None:
    bare = THIN.__class__(shape_zyx=(1, 1, 1), spacing_zyx_mm=(1.0, 1.0, 1.0))
    told = [*risk.risks(nodule(9.0), bare, 1), risk.mayo(nodule(40.0, calcified=True), THIN, 2)]
    assert words(language)["input"].keys() == {code for each in told for code in each.missing}


def test_languages_have_the_same_keys_and_urgencies() -> None:
    english, chinese = words("en"), words("zh")
    assert {k: v.keys() for k, v in english.items()} == {k: v.keys() for k, v in chinese.items()}
    for code, entry in english["advice"].items():
        assert entry["urgency"] == chinese["advice"][code]["urgency"]
        assert entry["text"] != chinese["advice"][code]["text"]
