"""Stories as people write them: no emergency is told to wait, and few who can wait are sent to hospital."""

import pytest

from aimis.consult import model
from aimis.consult.consultation import Person
from tests.evaluation import consult_safety

pytestmark = pytest.mark.integration

EMERGENCIES = tuple(consult_safety.stories("emergency"))
NON_URGENT = tuple(consult_safety.stories("non_urgent"))


def test_there_are_enough_stories() -> None:
    assert len(EMERGENCIES) >= 150
    assert len(NON_URGENT) >= 150


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_emergency_falls_below_its_urgency(language: model.Language) -> None:
    below = [
        story.text.of(language)
        for story in EMERGENCIES
        if consult_safety.urgency_by_rules(story, language).rank > story.urgency.rank
    ]
    assert not below


@pytest.mark.parametrize("language", ["en", "zh"])
def test_few_of_those_who_can_wait_are_raised(language: model.Language) -> None:
    raised = [consult_safety.urgency_by_rules(story, language) is not model.Urgency.SELF_CARE for story in NON_URGENT]
    assert sum(raised) <= consult_safety.MOST_OVER_TRIAGE * len(raised)


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("en", "Hello, my name is Anna. ", ""),
        ("en", "", " Also my nose runs a bit and I am tired."),
        ("en", "Please help!! ", " What should I do?"),
        ("zh", "你好，我叫小王。", ""),
        ("zh", "", "还有点流鼻涕，也累。"),
        ("zh", "医生您好！", "请问怎么办？"),
    ],
)
def test_name_greeting_or_harmless_symptom_lowers_no_emergency(
    language: model.Language, before: str, after: str
) -> None:
    for story in EMERGENCIES[::8]:
        text = model.Text(en=before + story.text.en + after, zh=before + story.text.zh + after)
        dressed = consult_safety.Story(urgency=story.urgency, person=story.person, text=text)
        assert consult_safety.urgency_by_rules(dressed, language).rank <= story.urgency.rank, text.of(language)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_sex_of_the_person_changes_no_urgency(language: model.Language) -> None:
    for story in EMERGENCIES[::8]:
        other: model.Sex = "M" if story.person.sex == "F" else "F"
        person = story.person.model_copy(update={"sex": other})
        swapped = consult_safety.Story(urgency=story.urgency, person=person, text=story.text)
        expected = consult_safety.urgency_by_rules(story, language)
        assert consult_safety.urgency_by_rules(swapped, language) is expected


def test_chest_pain_of_a_woman_is_that_of_a_man() -> None:
    for he, she in (("husband", "wife"), ("father", "mother"), ("son", "daughter")):
        told = [f"My {who} has pressure on the chest and is sweating" for who in (he, she)]
        urgencies = {
            consult_safety.urgency_by_rules(
                consult_safety.Story(
                    urgency=model.Urgency.EMERGENCY,
                    person=Person(age_years=50),
                    text=model.Text(en=text, zh="胸痛"),
                ),
                "en",
            )
            for text in told
        }
        assert urgencies == {model.Urgency.EMERGENCY}


@pytest.mark.parametrize(("name", "least"), [("language", 0.9), ("language_held_out", 0.75)])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_reading_keeps_its_precision_and_recall(name: str, least: float, language: str) -> None:
    counts = [consult_safety.told_apart(s) for s in consult_safety.sentences(name) if s.language == language]
    right, wrong, missed = (sum(count) for count in zip(*counts, strict=True))
    assert right / (right + wrong) >= least
    assert right / (right + missed) >= least - 0.05
