"""A page says everything that the set says of its condition, in one language."""

from pathlib import Path

import pytest

from aimis.consult.knowledge import pages
from aimis.consult.model import Knowledge, Language

KNOWLEDGE = Knowledge.model_validate(
    {
        "name": "small",
        "version": "1",
        "date": "2026",
        "bands": {"likelihood": {"usual": 0.8, "rare": 0.04}, "frequency": {"common": 800}},
        "findings": {
            "cough": {
                "id": "cough",
                "group": "chest",
                "question": {"en": "Do you cough?", "zh": "您咳嗽吗？"},
                "short": {"en": "cough", "zh": "咳嗽"},
            },
            "temperature": {
                "id": "temperature",
                "kind": "number",
                "group": "chest",
                "range": [34, 43],
                "unit": "°C",
                "background": {">=38": 0.5},
                "question": {"en": "How hot?", "zh": "多少度？"},
                "short": {"en": "temperature", "zh": "体温"},
            },
        },
        "conditions": {
            "cold": {
                "id": "cold",
                "name": {"en": "Cold", "zh": "感冒"},
                "icd10": "J00",
                "area": "nose",
                "frequency": "common",
                "findings": {"temperature": {">=38": "rare"}, "cough": "usual"},
                "urgency": "self-care",
                "explain": {"en": "A virus.", "zh": "病毒感染。"},
                "self_care": {"en": "Rest.", "zh": "休息。"},
                "red_flags": {"none": "brings no danger"},
                "citations": [
                    {
                        "source": "NHS",
                        "title": "Common cold",
                        "url": "https://www.nhs.uk/conditions/common-cold/",
                        "for": ["findings"],
                    }
                ],
                "judgement": ["frequency"],
            }
        },
    }
)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["# Cold", "A virus.", "Rest.", "| cough | usual 80% |", "temperature: ≥ 38 °C | rare", "J00", "800"]),
        ("zh", ["# 感冒", "病毒感染。", "休息。", "| 咳嗽 | 通常有 80% |", "体温: ≥ 38 °C | 很少有", "J00", "800"]),
    ],
)
def test_page_holds_what_the_set_says_in_its_language(tmp_path: Path, language: Language, said: list[str]) -> None:
    assert pages.write_pages(KNOWLEDGE, tmp_path / "new", language) == 2
    page = (tmp_path / "new" / "cold.md").read_text(encoding="utf-8")
    assert [text for text in said if text not in page] == []
    assert page.index("80%") < page.index("4%")
    assert "[NHS, Common cold](https://www.nhs.uk/conditions/common-cold/) (findings)" in page


def test_index_leads_to_every_page(tmp_path: Path) -> None:
    pages.write_pages(KNOWLEDGE, tmp_path, "en")
    assert "- [Cold](cold.md)" in (tmp_path / pages.INDEX).read_text(encoding="utf-8")
