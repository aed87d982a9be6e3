"""No end below `same-day` where little was understood or danger stayed open; the named dangers in both languages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.consult import answers, assemble
from aimis.consult.consultation import Consultation, Person
from aimis.consult.dialogue import Dialogue, Question, Start
from aimis.consult.model import Finding, Kind, Language, Urgency
from aimis.consult.outcome import Caution, Outcome
from tests.evaluation import consult_safety

pytestmark = pytest.mark.integration

DIALOGUE = assemble.open_dialogue()
NON_URGENT = tuple(consult_safety.stories("non_urgent"))
ADULT = Person(age_years=45)
DANGERS: tuple[tuple[Urgency, float, str, str], ...] = (
    (Urgency.EMERGENCY, 45, "my chest feels stifling and I am sweating, no pain at all", "胸闷，出了点汗，不痛"),
    (Urgency.EMERGENCY, 61, "a bit of chest tightness and a little sweating", "有点胸闷，一点点出汗"),
    (Urgency.EMERGENCY, 52, "there is a heavy feeling in my chest and I sweat", "胸口发沉，出汗"),
    (Urgency.SAME_DAY, 45, "my chest feels tight, I am stressed and sleep badly", "胸闷，工作压力大，睡不好"),
    (Urgency.SAME_DAY, 62, "food sticks a bit when I eat", "进食哽噎"),
    (
        Urgency.EMERGENCY,
        62,
        "meat is stuck in my gullet and I cannot swallow my saliva",
        "肉卡在食管里，口水都咽不下，流口水",
    ),
    (Urgency.SAME_DAY, 25, "I have a bit of a fever and a headache", "有点发烧，头有点疼"),
    (Urgency.EMERGENCY, 6, "purple spots on the skin", "身上有紫色小点"),
    (Urgency.EMERGENCY, 30, "fever and purple spots", "发烧，皮肤有瘀点"),
    (Urgency.EMERGENCY_DEPARTMENT, 30, "tiny purple spots on my arms", "胳膊上有瘀点"),
    (Urgency.EMERGENCY, 40, "bitten by an adder", "被蛇咬了"),
    (Urgency.EMERGENCY, 40, "a snake nipped my heel, it is only a scratch", "脚后跟被蛇咬了一下，就破点皮"),
    (Urgency.EMERGENCY_DEPARTMENT, 30, "hot fat splashed on my cheek", "热油崩到脸上"),
    (Urgency.EMERGENCY_DEPARTMENT, 30, "I burnt my nose on the grill", "热汤泼到下巴了"),
    (Urgency.EMERGENCY_DEPARTMENT, 30, "I burnt my face a little", "面部有点烧伤"),
    (
        Urgency.EMERGENCY_DEPARTMENT,
        30,
        "the fire flared up in my face, eyebrows singed, it blistered",
        "火苗窜起来扑到脸上，眉毛燎没了，起了泡",
    ),
    (Urgency.EMERGENCY_DEPARTMENT, 30, "a small charred burn on my finger", "手指烧焦了一点"),
    (Urgency.EMERGENCY_DEPARTMENT, 30, "electrical burn on my hand", "手上电烧伤"),
    (Urgency.EMERGENCY_DEPARTMENT, 30, "acid burn on my arm", "硫酸烧伤了胳膊"),
    (Urgency.EMERGENCY_DEPARTMENT, 28, "I am 30 weeks pregnant and have a slight headache", "怀孕30周，头有点疼"),
    (Urgency.EMERGENCY_DEPARTMENT, 28, "31 weeks with my second baby, my head hurts a bit", "怀二胎31周，头有点疼"),
    (Urgency.EMERGENCY_DEPARTMENT, 28, "seven months pregnant and my head hurts", "怀孕七个月，头疼"),
    (Urgency.EMERGENCY_DEPARTMENT, 28, "expecting, eight months, my head is splitting", "二胎36周，头疼"),
    (Urgency.SAME_DAY, 28, "I am pregnant and have a bit of a headache", "怀孕了，有点头疼"),
    (Urgency.EMERGENCY_DEPARTMENT, 28, "32 weeks pregnant, my belly hurts a bit", "怀孕32周，肚子有点疼"),
    (Urgency.SAME_DAY, 28, "I am pregnant and my belly hurts a bit", "怀孕了，肚子有点疼"),
)
CASES = [
    pytest.param(urgency, age, language, text, id=f"{language}: {text}")
    for urgency, age, *texts in DANGERS
    for language, text in zip(("en", "zh"), texts, strict=True)
]


def no(finding: Finding) -> object:
    """The answer of who denies everything; what cannot be denied is not known."""
    if finding.kind is Kind.YES_NO:
        return False
    if finding.kind is Kind.MANY_OF:
        return [finding.none] if finding.none else []
    return "unknown"


def ended(dialogue: Dialogue, state: Consultation, *, denies: bool) -> tuple[Consultation, Outcome]:
    """At the end, after no to every question, or after "unknown"."""
    while isinstance(message := dialogue.message(state), Question):
        try:
            state = dialogue.answer(state, no(message.finding) if denies else "unknown")
        except answers.ReplyError:
            state = dialogue.answer(state, "unknown")
    return state, message


def begun(text: str, language: str, person: Person = ADULT, **more: object) -> Consultation:
    given = {"person": person, "language": language, "text": text, **more}
    return DIALOGUE.begin(Start(**given))  # type: ignore[arg-type]


@pytest.mark.parametrize(("least", "age", "language", "text"), CASES)
@pytest.mark.parametrize("denies", [True, False])
def test_named_danger_keeps_its_urgency_whatever_else_is_said(
    least: Urgency, age: float, language: Language, text: str, *, denies: bool
) -> None:
    person = Person(age_years=age, sex="F")
    assert ended(DIALOGUE, begun(text, language, person), denies=denies)[1].urgency.rank <= least.rank


@pytest.mark.parametrize(
    ("language", "more"), [("en", " My nose runs and my eyes itch."), ("zh", "。流鼻涕，眼睛痒。")]
)
@pytest.mark.parametrize("row", DANGERS)
def test_adding_a_symptom_lowers_no_named_danger(
    row: tuple[Urgency, float, str, str], language: Language, more: str
) -> None:
    least, age, en, zh = row
    person = Person(age_years=age, sex="F")
    text = (zh if language == "zh" else en) + more
    assert ended(DIALOGUE, begun(text, language, person), denies=True)[1].urgency.rank <= least.rank


@pytest.mark.parametrize(
    ("language", "text", "questions"),
    [
        ("en", "I have a fever and a headache", {"stiff-neck", "light-sensitive", "rash"}),
        ("zh", "发烧，头疼", {"stiff-neck", "light-sensitive", "rash"}),
        ("en", "I am pregnant and have a headache", {"pregnancy-headache-vision", "blood-pressure-very-high"}),
        ("zh", "怀孕了，头疼", {"pregnancy-headache-vision", "blood-pressure-very-high"}),
        ("en", "my head hurts", {"pregnant"}),
        ("zh", "肚子疼", {"pregnant"}),
        ("en", "I scalded my hand", {"burn-large", "burn-deep"}),
        ("zh", "手烫伤了", {"burn-large", "burn-deep"}),
        ("en", "my chest feels tight", {"sweating", "breathless"}),
        ("zh", "胸闷", {"sweating", "breathless"}),
    ],
)
def test_questions_about_danger_are_put_before_the_end(language: Language, text: str, questions: set[str]) -> None:
    state, _ = ended(DIALOGUE, begun(text, language, Person(age_years=30, sex="F")), denies=True)
    assert questions <= {answer.finding for answer in state.answers if answer.source == "asked"}


STORIES = st.sampled_from([(story, language) for story in NON_URGENT for language in ("en", "zh")])


@settings(max_examples=20, deadline=None)
@given(STORIES, st.integers(0, 15), st.data())
def test_no_end_below_same_day_while_danger_is_open(
    told: tuple[consult_safety.Story, Language], most: int, data: st.DataObject
) -> None:
    story, language = told
    state = begun(story.text.of(language), language, story.person, max_questions=most)
    while isinstance(message := DIALOGUE.message(state), Question):
        answer = data.draw(st.sampled_from(["unknown", no(message.finding)]))
        state = DIALOGUE.answer(state, answer)
    if state.values.get("danger-now", "unknown") == "unknown":
        assert Caution.UNANSWERED in message.cautions
    if message.cautions:
        assert message.urgency.rank <= Urgency.SAME_DAY.rank


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_unknown_ends_at_same_day_at_least(language: Language) -> None:
    for story in NON_URGENT[::10]:
        found = ended(DIALOGUE, begun(story.text.of(language), language, story.person), denies=False)[1]
        assert found.urgency.rank <= Urgency.SAME_DAY.rank, story.text.of(language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "the thingamajig went all wibbly since the wedding"),
        ("en", "no fever, no cough"),
        ("en", "forty years old, since yesterday, a bit"),
        ("en", "My nose runs. Then the greengrocer's ladder wobbled, tiles came loose and everything turned treacle."),
        ("zh", "那玩意儿从婚礼开始就歪歪扭扭"),
        ("zh", "不发烧，不咳嗽"),
        ("zh", "流鼻涕。后来隔壁铺子的招牌晃荡，瓦片松脱，天旋地暗像糖浆。"),
    ],
)
def test_text_of_which_little_was_understood_ends_at_same_day_at_least(language: Language, text: str) -> None:
    found = ended(DIALOGUE, begun(text, language), denies=True)[1]
    assert Caution.LITTLE_UNDERSTOOD in found.cautions
    assert found.urgency.rank <= Urgency.SAME_DAY.rank


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "I have a runny nose and I sneeze a lot, my eyes itch"), ("zh", "打喷嚏，流鼻涕，眼睛痒")],
)
def test_who_is_understood_and_answers_is_not_sent_to_a_doctor_for_it(language: Language, text: str) -> None:
    found = ended(DIALOGUE, begun(text, language), denies=True)[1]
    assert found.cautions == ()
    assert found.urgency.rank > Urgency.SAME_DAY.rank


@pytest.mark.parametrize(
    ("language", "text"),
    [(language, text.format(word))
     for language, text, words in (
         ("en", "my head hurts {}", ("a bit", "a little", "slightly", "kind of")),
         ("zh", "头{}疼", ("有点", "有一点", "一点点", "稍微", "微微")),
     )
     for word in words],
)  # fmt: skip
def test_a_bit_is_no_mild_severity(language: Language, text: str) -> None:
    values = begun(text, language).values
    assert values["headache"] is True
    assert "severity" not in values


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_is_listed_where_it_abstains(language: Language) -> None:
    texts = {"en": "my nose runs, my big toe hurts and my hearing is worse", "zh": "流鼻涕，大脚趾疼，耳鸣，皮肤干"}
    _, found = ended(DIALOGUE, begun(texts[language], language), denies=True)
    assert found.abstained
    assert found.explanations == ()


@pytest.mark.parametrize(
    ("language", "text", "age"),
    [
        ("en", "I want to kill myself", 30),
        ("zh", "我不想活了", 30),
        ("en", "my husband beats me", 30),
        ("zh", "我老公打我", 30),
        ("en", "I am home alone and I feel sick", 8),
        ("zh", "我一个人在家，肚子疼", 8),
    ],
)
def test_nothing_is_asked_after_suicidal_thoughts_abuse_or_a_child_alone(
    language: Language, text: str, age: float
) -> None:
    state = begun(text, language, Person(age_years=age))
    assert DIALOGUE.outcome(state).path is not None
    assert state.ended
    assert state.asking is None
