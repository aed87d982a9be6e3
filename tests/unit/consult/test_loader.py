"""A folder of YAML becomes Knowledge, or a sentence that says what to mend."""

from pathlib import Path

import pytest

from aimis.consult import loader, model

HEAD = """
version: 1.0.0
date: 2026-11-21
bands: {likelihood: {usual: 0.8, rare: 0.04}, frequency: {common: 800}}
"""
FINDINGS = """
- {id: cough, group: chest, question: {en: Do you cough?, zh: 您咳嗽吗?}, short: {en: cough, zh: 咳嗽}}
- id: sputum
  kind: one-of
  group: chest
  parent: cough
  none: no
  background: {no: 0.8, green: 0.2}
  question: {en: What comes up?, zh: 咳出什么?}
  short: {en: sputum, zh: 痰}
  options: [{id: no, text: {en: nothing, zh: 没有}}, {id: green, text: {en: green, zh: 绿痰}}]
"""
CONDITION = """
id: bronchitis
name: {en: Bronchitis, zh: 支气管炎}
icd10: J20.9
area: chest
frequency: common
age: {0-4: 2}
findings: {cough: usual, sputum: {green: usual}}
urgency: routine
explain: {en: An inflamed airway., zh: 气道发炎。}
red_flags: {none: its dangers are pneumonia's}
citations: [{source: NICE NG120, for: [findings]}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in ("findings", "conditions"):
        (tmp_path / part).mkdir()
    (tmp_path / "knowledge.yaml").write_text(HEAD)
    (tmp_path / "findings" / "chest.yaml").write_text(FINDINGS)
    (tmp_path / "conditions" / "bronchitis.yaml").write_text(CONDITION)
    return tmp_path


def test_folder_is_loaded_whole(folder: Path) -> None:
    knowledge = loader.load_knowledge(folder)
    bronchitis = knowledge.conditions["bronchitis"]
    assert bronchitis.age == {(0, 4): 2}
    assert knowledge.findings["sputum"].option_ids == ("no", "green")
    assert knowledge.bands.chance(bronchitis.findings["cough"]) == 0.8  # type: ignore[arg-type]
    assert knowledge.date == "2026-11-21"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("conditions/bronchitis.yaml", "cough: usual", "fever: usual", "no finding fever"),
        ("conditions/bronchitis.yaml", "cough: usual", "cough: mostly", "no band 'mostly'"),
        ("conditions/bronchitis.yaml", "{green: usual}", "usual", "sputum is one-of"),
        ("conditions/bronchitis.yaml", "{green: usual}", "{blue: usual}", "no option blue"),
        ("conditions/bronchitis.yaml", "id: bronchitis", "id: other", "name the file other.yaml"),
        ("conditions/bronchitis.yaml", "zh: 支气管炎", "fr: bronchite", r"name\.zh"),
        ("findings/chest.yaml", "parent: cough", "parent: throat", "no parent throat"),
        ("findings/chest.yaml", "id: sputum", "id: cough", "stands in chest.yaml already"),
        ("findings/chest.yaml", "none: no", "none: never", "no option never"),
        ("knowledge.yaml", "version: 1.0.0", "version: [", "is no YAML"),
    ],
)
def test_fault_is_named_where_something_does_not_hold(folder: Path, file: str, old: str, new: str, said: str) -> None:
    path = folder / file
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(loader.KnowledgeError, match=said):
        loader.load_knowledge(folder)


def test_urgencies_are_ordered_from_emergency_to_self_care() -> None:
    assert model.most_urgent([model.Urgency.ROUTINE, model.Urgency.SAME_DAY]) is model.Urgency.SAME_DAY
    assert model.Urgency.EMERGENCY.rank == 0
