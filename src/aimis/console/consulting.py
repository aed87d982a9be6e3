"""`aimis consult`: a consultation at the terminal, or by lines of JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pydantic import ValidationError

from aimis import settings
from aimis.consult import answers, assemble, jsonl, loader, phrases
from aimis.consult.consultation import Consultation, Person
from aimis.consult.dialogue import Dialogue, Question, Start
from aimis.consult.model import Finding, Kind, Urgency
from aimis.domain.errors import UsageError

if TYPE_CHECKING:
    from aimis.consult.outcome import Explanation, Outcome
    from aimis.consult.phrases import Phrases

FEW = 5
"""So many explanations a person is shown."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for on the command line. state : where the consultation is kept between two runs."""

    knowledge: str
    language: str | None
    max_questions: int
    state: Path | None = None
    differential: bool = False


def run_jsonl(request: Request, lines: TextIO, out: TextIO) -> None:
    """Answer each line at once, until there are no more."""
    dialogue = assemble.open_dialogue(request.knowledge, whole=request.differential)
    for line in jsonl.converse(dialogue, lines):
        out.write(line + "\n")
        out.flush()


def run_terminal(request: Request, lines: TextIO, out: TextIO) -> None:
    """Ask until the end, and say what it comes to; the end of the input is as `stop`."""
    said = request.language or settings.load_settings().language
    talk = _Talk(
        dialogue=assemble.open_dialogue(request.knowledge),
        words=phrases.load_phrases("zh" if said == "zh" else "en"),
        request=request,
        lines=lines,
        out=out,
    )
    talk.run()


@dataclass(frozen=True, kw_only=True)
class _Talk:
    dialogue: Dialogue
    words: Phrases
    request: Request
    lines: TextIO
    out: TextIO

    def run(self) -> None:
        state = self._resumed() or self._begun()
        self._keep(state)
        while state.asking is not None:
            state = self._after_reply(state)
            self._keep(state)
        for line in self._conclusion(self.dialogue.outcome(state), state.person):
            self._say(line)
        if self.request.state is not None:
            self._say(self.words.label("saved", file=str(self.request.state)))

    def _resumed(self) -> Consultation | None:
        file = self.request.state
        if file is None or not file.exists():
            return None
        try:
            state = Consultation.model_validate_json(file.read_bytes())
        except ValidationError as error:
            raise UsageError(f"{file} holds no consultation: {loader.explained(error)}") from error
        now = self.dialogue.net.knowledge
        if (state.knowledge, state.knowledge_version) != (now.name, now.version):
            raise UsageError(
                f"{file} was begun with the knowledge {state.knowledge} {state.knowledge_version},"
                f" this is {now.name} {now.version}; begin again with another --state"
            )
        return state

    def _begun(self) -> Consultation:
        for key in ("hello", "how-to"):
            self._say(self.words.label(key))
        person = self._person()
        text = self._ask_for("text")
        start = Start(person=person, language=self.words.language, text=text, max_questions=self.request.max_questions)
        state = self.dialogue.begin(start)
        if told := self.words.told(state, self.dialogue.net.knowledge.findings):
            self._say(self.words.label("understood", what=told))
        return state

    def _person(self) -> Person:
        """Asked again until it can be; what is left empty is not known."""
        while True:
            age, sex = self._ask_for("age"), self._ask_for("sex").upper()
            try:
                return Person.model_validate({"age_years": age or None, "sex": sex or None})
            except ValidationError as error:
                self._say(self.words.label("again", what=loader.explained(error)))

    def _after_reply(self, state: Consultation) -> Consultation:
        question = self.dialogue.message(state)
        if not isinstance(question, Question):
            return state
        self._show(question)
        reply = self._read()
        if reply is None or reply.lower() == "stop":
            return self.dialogue.stop(state)
        if reply.lower() == "back":
            return self.dialogue.back(state)
        try:
            return self.dialogue.answer(state, _chosen(question.finding, reply), turn=question.turn)
        except answers.ReplyError as error:
            self._say(self.words.label("again", what=str(error)))
            return state

    def _show(self, question: Question) -> None:
        finding, language = question.finding, self.words.language
        self._say(f"\n{question.turn}. {finding.question.of(language)}")
        for number, option in enumerate(finding.options, start=1):
            self._say(f"   {number} {option.text.of(language)}")
        if finding.kind is Kind.MANY_OF:
            self._say(f"   {self.words.label('several')}")

    def _conclusion(self, found: Outcome, person: Person) -> Iterator[str]:
        language = self.words.language
        yield f"\n{self.words.urgency(found.urgency)}"
        if found.path is not None and self.dialogue.safety is not None:
            yield self.dialogue.safety.own_path(found.path, person).of(language)
        yield from (f"! {flag.say.of(language)} ({flag.why.of(language)})" for flag in found.flags)
        if found.urgency is Urgency.SAME_DAY:
            yield from (self.words.label(f"caution-{caution}") for caution in found.cautions)
        if found.abstained:
            yield self.words.label("abstained")
        elif found.explanations:
            yield self.words.label("listed")
        for one in found.explanations[:FEW]:
            yield from self._explained(one)
        yield self.words.label("questions", count=found.questions)

    def _explained(self, one: Explanation) -> Iterator[str]:
        language, condition = self.words.language, one.condition
        yield f"  {one.probability:.0%}  {condition.name.of(language)}: {condition.explain.of(language)}"
        for key, ids in (("why", one.supports), ("against", one.against)):
            if ids:
                yield f"       {self.words.label(key, what=self._shorts(ids[:FEW]))}"
        for key, text in (("now", condition.self_care), ("watch", condition.see_doctor_if)):
            if text is not None:
                yield f"       {self.words.label(key, what=text.of(language))}"

    def _shorts(self, ids: tuple[str, ...]) -> str:
        findings = self.dialogue.net.knowledge.findings
        return ", ".join(findings[finding].short.of(self.words.language) for finding in ids)

    def _ask_for(self, key: str) -> str:
        self._say(self.words.label(key))
        return self._read() or ""

    def _read(self) -> str | None:
        self.out.write("> ")
        self.out.flush()
        line = self.lines.readline()
        return line.strip() if line else None

    def _say(self, text: str) -> None:
        self.out.write(text + "\n")

    def _keep(self, state: Consultation) -> None:
        """Written aside and moved into place, so that a kill leaves the old or the new."""
        if self.request.state is not None:
            beside = self.request.state.with_suffix(".new")
            beside.write_text(state.model_dump_json(), encoding="utf-8")
            beside.replace(self.request.state)


def _chosen(finding: Finding, reply: str) -> object:
    """Option numbers as shown, else the words as they are."""
    parts = reply.replace(",", " ").split()
    if not finding.options or not parts or not all(part.isdecimal() for part in parts):
        return reply
    numbers = [int(part) for part in parts]
    if finding.kind is Kind.MANY_OF and numbers == [0]:
        return [finding.none] if finding.none else []
    ids = [finding.option_ids[number - 1] for number in numbers if 1 <= number <= len(finding.options)]
    if len(ids) < len(numbers):
        return reply
    return ids if finding.kind is Kind.MANY_OF or len(ids) != 1 else ids[0]


def consult(request: Request, *, as_jsonl: bool) -> None:
    """The command, at standard input and output."""
    run = run_jsonl if as_jsonl else run_terminal
    run(request, sys.stdin, sys.stdout)
