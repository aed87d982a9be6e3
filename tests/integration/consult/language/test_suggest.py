"""Suggestions for what was not understood: offered, never counted."""

import pytest

from aimis.consult.language.reader import Reader
from aimis.consult.language.suggest import Matcher
from aimis.consult.model import Language
from tests.unit.consult.safety import table

pytestmark = pytest.mark.integration

READER = Reader(table.FINDINGS, suggester=Matcher(table.FINDINGS))


@pytest.mark.parametrize(
    ("language", "text", "meant"),
    [
        ("en", "my grip hurts on the outer side of the elbow", "elbow-outer"),
        ("en", "cradle scales on the scalp of the baby", "baby-cradle-cap"),
        ("zh", "指甲像勺子一样反甲，老想吃冰块", "craves-ice-earth"),
    ],
)
def test_matcher_suggests_the_finding_of_like_words(language: Language, text: str, meant: str) -> None:
    assert meant in READER.suggestions(text, language)
    assert meant not in {one.finding for one in READER.understand(text, language)}


@pytest.mark.parametrize("text", ["", "qqqq zzzz", "🙂"])
def test_nothing_is_suggested_for_nonsense(text: str) -> None:
    assert READER.suggestions(text, "en") == ()


def test_nothing_is_suggested_unless_asked_for() -> None:
    assert Reader(table.FINDINGS).suggestions("my grip hurts on the outer side of the elbow", "en") == ()


def test_what_is_understood_or_unknown_to_the_knowledge_is_not_suggested() -> None:
    class Inventing:
        def suggest(self, text: str, language: Language) -> list[str]:
            return ["cough", "made-up", "fever"] if text and language == "en" else []

    assert Reader(table.FINDINGS, suggester=Inventing()).suggestions("I cough", "en") == ("fever",)
