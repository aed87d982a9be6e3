"""`aimis consult --jsonl`: one JSON object a line in, one a line out; any number of consultations one after another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from aimis.consult import loader
from aimis.consult.answers import ReplyError
from aimis.consult.consultation import MOST_CHARACTERS, Consultation, Person
from aimis.consult.dialogue import Dialogue, Question, Start
from aimis.consult.model import OLDEST, Language, Season, Sex

if TYPE_CHECKING:
    from aimis.consult.outcome import Outcome

LONGEST_LINE = 100_000
Json = dict[str, Any]


class _Start(BaseModel):
    """The line that begins; a key it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    age: Annotated[float, Field(ge=0, le=OLDEST)] | None = None
    sex: Sex | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    season: Season | None = None
    language: Language = "en"
    text: Annotated[str, Field(max_length=MOST_CHARACTERS)] = ""
    evidence: Annotated[dict[str, Any], Field(max_length=1000)] = Field(default_factory=dict)
    max_questions: Annotated[StrictInt, Field(ge=0, le=100)] = 15


def converse(dialogue: Dialogue, lines: Iterable[str]) -> Iterator[str]:
    """A line for each line; what cannot be used gets an error, and the consultation stands where it stood."""
    state: Consultation | None = None
    for line in lines:
        if not line.strip():
            continue
        try:
            state = _after(dialogue, state, _object(line))
            said = _message(dialogue, state)
        except ReplyError as error:
            said = {"error": str(error)}
        yield json.dumps(said, ensure_ascii=False)


def _object(line: str) -> Mapping[str, Any]:
    if len(line) > LONGEST_LINE:
        raise ReplyError(f"a line holds at most {LONGEST_LINE} characters")
    try:
        given = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ReplyError("the line is no JSON") from error
    if not isinstance(given, dict) or len(given) != 1 or not set(given) <= {"start", "answer"}:
        raise ReplyError('a line is {"start": {...}} or {"answer": ...}')
    return given


def _after(dialogue: Dialogue, state: Consultation | None, given: Mapping[str, Any]) -> Consultation:
    if "start" in given:
        return dialogue.begin(_start(given["start"]))
    if state is None or state.asking is None:
        raise ReplyError('nothing was asked; begin with {"start": {...}}')
    return dialogue.answer(state, given["answer"])


def _start(given: object) -> Start:
    try:
        read = _Start.model_validate(given)
        person = Person(age_years=read.age, sex=read.sex, country=read.country, season=read.season)
    except ValidationError as error:
        raise ReplyError(f"start: {loader.explained(error)}") from error
    return Start(
        person=person,
        language=read.language,
        text=read.text,
        evidence=read.evidence,
        max_questions=read.max_questions,
    )


def _message(dialogue: Dialogue, state: Consultation) -> Json:
    message = dialogue.message(state)
    if isinstance(message, Question):
        return {"ask": _ask(message, state.language)}
    return {"result": _result(message, state.language)}


def _ask(question: Question, language: str) -> Json:
    finding = question.finding
    return {
        "id": finding.id,
        "kind": finding.kind.value,
        "text": finding.question.of(language),
        "options": [{"id": option.id, "text": option.text.of(language)} for option in finding.options],
    }


def _result(found: Outcome, language: str) -> Json:
    return {
        "conditions": [
            {
                "name": one.condition.name.of(language),
                "icd10": one.condition.icd10,
                "probability": round(one.probability, 4),
            }
            for one in found.explanations
        ],
        "urgency": found.urgency.value,
        "red_flags": [flag.id for flag in found.flags],
        "questions": found.questions,
        "abstained": found.abstained,
    }
