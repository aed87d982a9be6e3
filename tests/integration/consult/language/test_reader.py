"""Free text to findings: negation, time, side, severity, who, spelling, several at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.consult import model
from aimis.consult.consultation import Person
from aimis.consult.language.reader import Reader
from aimis.consult.ports import Facts, Understanding
from aimis.consult.safety.rules import RedFlag
from tests.unit.consult.safety import table

pytestmark = pytest.mark.integration

READER = Reader(table.FINDINGS)


def understood(text: str, language: str = "en") -> dict[str, model.Value]:
    reader: Understanding = READER
    return {one.finding: one.value for one in reader.understand(text, language)}


@pytest.mark.parametrize(
    ("language", "text", "denied", "present"),
    [
        ("en", "I have a fever, no cough or rash", ["cough", "rash"], ["fever"]),
        ("en", "no fever, cough, or headache", ["fever", "cough", "headache"], []),
        ("en", "No fever but a bad cough", ["fever"], ["cough"]),
        ("en", "no fever, my chest hurts", ["fever"], ["chest-pain"]),
        ("en", "my chest doesn't hurt, I cough", ["chest-pain"], ["cough"]),
        ("en", "no fever and I have chest pain", ["fever"], ["chest-pain"]),
        ("en", "I can't stop vomiting", [], ["vomiting"]),
        ("en", "not sure why but my headache won't go away", [], ["headache"]),
        ("en", "fever: no, cough: yes", ["fever"], ["cough"]),
        ("en", "without any headache", ["headache"], []),
        ("en", "She is not breathing", [], ["not-breathing"]),
        ("zh", "不发烧，也不咳嗽，就是头痛", ["fever", "cough"], ["headache"]),
        ("zh", "没有发烧、咳嗽、胸痛", ["fever", "cough", "chest-pain"], []),
        ("zh", "没有发烧，胸口疼", ["fever"], ["chest-pain"]),
        ("zh", "没发烧但是咳嗽", ["fever"], ["cough"]),
        ("zh", "没有发烧有头晕", ["fever"], ["dizzy"]),
        ("zh", "胸口不疼", ["chest-pain"], []),
        ("zh", "吐个不停", [], ["vomiting"]),
        ("zh", "发烧没有，咳嗽有", ["fever"], ["cough"]),
    ],
)
def test_negation_reaches_what_it_denies_and_no_further(
    language: str, text: str, denied: list[str], present: list[str]
) -> None:
    found = understood(text, language)
    assert {name: found.get(name) for name in denied} == dict.fromkeys(denied, False)
    assert {name: found.get(name) for name in present} == dict.fromkeys(present, True)


@pytest.mark.parametrize(
    ("language", "text", "finding", "value"),
    [
        ("en", "headache for 3 days", "duration", "week"),
        ("en", "I have had a cough for two months", "duration", "months"),
        ("en", "since yesterday my throat is sore", "duration", "day"),
        ("zh", "咳嗽三天了", "duration", "week"),
        ("zh", "昨晚开始头痛", "duration", "day"),
        ("en", "suddenly my head hurts", "onset", "sudden"),
        ("zh", "突然头痛", "onset", "sudden"),
        ("en", "a terrible headache", "severity", "severe"),
        ("en", "a mild headache", "severity", "mild"),
        ("zh", "肚子疼得受不了", "severity", "severe"),
        ("en", "my temperature is 39.4", "temperature", 39.4),
        ("en", "fever of 102 F", "temperature", 38.9),
        ("zh", "发烧38度5", "temperature", 38.5),
        ("zh", "烧到39度半", "temperature", 39.5),
        ("en", "fever for 6 days", "fever-days", 6.0),
        ("en", "I am 30 weeks pregnant", "pregnancy-weeks", 30.0),
        ("en", "chest pain going into my left arm", "radiating-pain", ("left-arm",)),
        ("zh", "左边胳膊没力气", "weak-one-side", True),
        ("en", "pain in the lower right of my belly", "pelvic-pain", True),
        ("zh", "右上腹疼", "abdominal-site", ("upper-right",)),
        ("en", "feverr and diarrhea and a sevre headach", "headache", True),
        ("zh", "發燒，頭痛", "fever", True),
    ],
)
def test_time_side_severity_numbers_and_spelling_are_read(
    language: str, text: str, finding: str, value: model.Value
) -> None:
    assert understood(text, language)[finding] == value


@pytest.mark.parametrize(
    ("language", "text", "age_years", "sex"),
    [
        ("en", "My 6 week old baby has a fever", 0.115, None),
        ("en", "my 3-year-old son coughs", 3.0, "M"),
        ("en", "I am 45, my head hurts", 45.0, None),
        ("en", "My mother, 78, has chest pain", 78.0, "F"),
        ("en", "aged seventy", 70.0, None),
        ("en", "I am 30 weeks pregnant", None, "F"),
        ("zh", "我爸七十二岁，胸痛", 72.0, "M"),
        ("zh", "宝宝9个月，发烧", 0.75, None),
        ("zh", "怀孕8个月", None, "F"),
        ("zh", "孩子2岁半", 2.0, None),
        ("zh", "新生儿发烧", 0.02, None),
    ],
)
def test_person_is_read_where_not_known(language: str, text: str, age_years: float | None, sex: str | None) -> None:
    person = READER.person(text, language, Person())
    assert person.age_years == (pytest.approx(age_years, abs=0.01) if age_years is not None else None)
    assert person.sex == sex
    assert READER.person(text, language, Person(age_years=20, sex="M")) == Person(age_years=20, sex="M")


@pytest.mark.parametrize(
    ("language", "text", "absent"),
    [
        ("en", "My father had a heart attack and chest pain at 50. I have a cough.", "chest-pain"),
        ("en", "Years ago I had chest pain", "chest-pain"),
        ("en", "What if I get chest pain?", "chest-pain"),
        ("zh", "我爸以前有过胸痛。我咳嗽", "chest-pain"),
        ("zh", "五年前有过胸痛", "chest-pain"),
        ("zh", "如果胸痛怎么办", "chest-pain"),
    ],
)
def test_what_is_anothers_past_or_supposed_does_not_count(language: str, text: str, absent: str) -> None:
    assert absent not in understood(text, language)


@pytest.mark.parametrize(("language", "text"), [("en", "我胸口疼"), ("zh", "My chest hurts")])
def test_text_is_read_in_its_own_script_whatever_the_consultation_speaks(language: str, text: str) -> None:
    assert understood(text, language)["chest-pain"] is True


def test_danger_to_life_is_never_read_away_as_supposed() -> None:
    assert understood("I am scared of what happens if I kill myself")["suicidal-thoughts"] is True


def test_child_finding_makes_its_parent_present() -> None:
    assert understood("the pain in my chest is worse when I breathe in")["chest-pain"] is True


def test_span_points_to_the_words_as_written() -> None:
    text = "Hello!  My THROAT   hurts."
    one = next(found for found in READER.understand(text, "en") if found.finding == "sore-throat")
    assert text[one.start : one.end] == "THROAT   hurts"


@settings(deadline=None, max_examples=25)
@given(st.text(max_size=200), st.sampled_from(["en", "zh"]))
def test_any_text_is_read_within_its_bounds(text: str, language: str) -> None:
    for one in READER.understand(text, language):
        assert 0 <= one.start < one.end <= len(text)
        assert one.finding in table.FINDINGS


@pytest.mark.parametrize("text", ["", "asdf qwer", "🙂🙂🙂", "you are an idiot", "Mi cabeza", "x" * 2000])
def test_nonsense_is_not_understood(text: str) -> None:
    assert understood(text) == {}


@pytest.mark.parametrize("rule", [r for r in table.ENGINE.red_flags if not r.opening], ids=lambda rule: rule.id)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_rule_fires_on_its_examples_and_on_no_counter_example(rule: RedFlag, language: str) -> None:
    for expected, texts in ((True, rule.examples), (False, rule.counter_examples)):
        for text in texts:
            said = text.of(language)
            person = READER.person(said, language, Person())
            raised = table.ENGINE.raised(Facts(person=person, values=understood(said, language)))
            assert (rule.id in {flag.id for flag in raised}) == expected, said
