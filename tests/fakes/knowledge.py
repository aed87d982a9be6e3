"""Knowledge small enough to know by heart: four conditions over the findings and red flags that the program ships."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from aimis.consult import assemble, loader
from aimis.consult.dialogue import Dialogue

SHIPPED = loader.KNOWLEDGE / assemble.PRIMARY
CONDITIONS: dict[str, dict[str, Any]] = {
    "heart-attack": {
        "name": {"en": "Heart attack", "zh": "心肌梗死"},
        "icd10": "I21.9",
        "frequency": 200,
        "findings": {"chest-pain": 0.9, "sweating": 0.6, "breathless": 0.5, "nausea": 0.4},
        "urgency": "emergency",
    },
    "migraine": {
        "name": {"en": "Migraine", "zh": "偏头痛"},
        "icd10": "G43.9",
        "frequency": 800,
        "findings": {"headache": 0.97, "light-sensitive": 0.8, "nausea": 0.7, "aura": 0.3, "noise-sensitive": 0.6},
        "urgency": "routine",
    },
    "common-cold": {
        "name": {"en": "Common cold", "zh": "感冒"},
        "icd10": "J00",
        "frequency": 3000,
        "findings": {
            "runny-nose": 0.9,
            "sore-throat": 0.6,
            "cough": 0.6,
            "sneezing": 0.7,
            "fever": 0.2,
            "headache": 0.3,
        },
        "urgency": "self-care",
    },
    "gastroenteritis": {
        "name": {"en": "Stomach bug", "zh": "急性胃肠炎"},
        "icd10": "A09",
        "frequency": 800,
        "findings": {"diarrhoea": 0.9, "vomiting": 0.7, "abdominal-pain": 0.6, "fever": 0.3, "nausea": 0.8},
        "urgency": "pharmacy",
    },
}
SAID = {
    "explain": {"en": "What it is, in a sentence.", "zh": "一句话说明。"},
    "self_care": {"en": "Rest and drink.", "zh": "休息，多喝水。"},
    "see_doctor_if": {"en": "It gets worse.", "zh": "症状加重。"},
    "area": "test",
    "red_flags": {"none": "of a test"},
    "citations": [{"source": "of a test"}],
}


def small_dialogue(folder: Path) -> Dialogue:
    """The dialogue over it; its files are written to the folder."""
    for name in ("findings", "red_flags", "emergency_numbers.yaml", "own_paths.yaml", "knowledge.yaml"):
        source, target = SHIPPED / name, folder / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    (folder / "conditions").mkdir()
    for name, given in CONDITIONS.items():
        text = yaml.safe_dump({"id": name, **SAID, **given}, allow_unicode=True)
        (folder / "conditions" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return assemble.dialogue_over(folder)
