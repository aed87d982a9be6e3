"""One person's consultation as a value: all that is known of it, as JSON, at any moment.

Whoever holds the JSON can go on: another process, another channel, another day.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from aimis.consult.model import OLDEST, UNKNOWN, Id, Language, Record, Season, Sex, Value

MOST_CHARACTERS = 10_000
Source = Literal["given", "asked", "told"]
"""Given at the start; answered to our question; understood from what was written freely."""


class Person(Record):
    """Of whom the consultation is; None is not known.

    age_years : 0.5 is six months
    country : ISO 3166-1 alpha-2
    """

    age_years: Annotated[float, Field(ge=0, le=OLDEST)] | None = None
    sex: Sex | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    season: Season | None = None


class Answer(Record):
    """What is known of one finding.

    value : UNKNOWN where the person could not say; the question is not asked again
    text : the person's own words, where it was told
    """

    finding: Id
    value: Value
    source: Source = "asked"
    text: str | None = None


class Consultation(Record):
    """Answers in the order they came, one a finding at most; the last question; what rules have raised.

    asking : finding whose question waits for an answer; None before the first and after the last
    turn : how many questions were put; a reply may name the turn it answers, an older one changes nothing
    raised : ids of red flags that ever fired and were not taken back by a changed answer, in that order
    told : what was written freely, in order
    read : how much of each of these texts was understood, 0..1
    """

    knowledge: str
    knowledge_version: str
    language: Language = "en"
    person: Person = Person()
    max_questions: Annotated[int, Field(ge=0, le=100)] = 15
    answers: tuple[Answer, ...] = ()
    asking: Id | None = None
    turn: int = 0
    ended: bool = False
    raised: tuple[Id, ...] = ()
    told: tuple[Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)], ...] = ()
    read: tuple[Annotated[float, Field(ge=0, le=1)], ...] = ()

    @property
    def values(self) -> dict[str, Value]:
        """Finding -> what was answered, UNKNOWN among them."""
        return {answer.finding: answer.value for answer in self.answers}

    @property
    def known(self) -> dict[str, Value]:
        """Finding -> what was answered, without UNKNOWN."""
        return {finding: value for finding, value in self.values.items() if value != UNKNOWN}

    @property
    def unsaid(self) -> frozenset[str]:
        """Findings that the person could not say."""
        return frozenset(answer.finding for answer in self.answers if answer.value == UNKNOWN)

    @property
    def least_read(self) -> float:
        """How much of the text that was understood least was understood; 0 of a text kept before this was measured."""
        return 0.0 if len(self.read) < len(self.told) else min(self.read, default=1.0)

    @property
    def questions(self) -> int:
        """How many questions were answered, `unknown` counted."""
        return sum(answer.source == "asked" for answer in self.answers)

    def with_answer(self, answer: Answer) -> Self:
        """The same with this answer in the place of an earlier one to the finding, else at the end."""
        if any(earlier.finding == answer.finding for earlier in self.answers):
            answers = tuple(answer if earlier.finding == answer.finding else earlier for earlier in self.answers)
        else:
            answers = (*self.answers, answer)
        return self.model_copy(update={"answers": answers})
