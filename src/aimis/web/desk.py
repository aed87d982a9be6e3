"""What can be done with a consultation, the same on every channel: each act is one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from aimis.consult.consultation import Consultation, Person
from aimis.consult.dialogue import Start
from aimis.consult.handover.case import Case
from aimis.consult.model import Finding, Id, Language, Record, Value
from aimis.consult.ports import Facts
from aimis.domain.errors import AimisError
from aimis.store import consultations, handovers, jobs
from aimis.store.errors import NotThereError
from aimis.web.consent import consent

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimis.consult.dialogue import Dialogue
    from aimis.consult.handover.screening import Screening, Screenings
    from aimis.consult.model import Text
    from aimis.consult.outcome import Outcome
    from aimis.consult.ports import RaisedFlag
    from aimis.store.consultations import Kept
    from aimis.store.handovers import Handover, Message
    from aimis.store.transaction import Store, Transaction

LONGEST_TEXT = 2_000
LONGEST_CONTACT = 200
MOST_EXPLAINED = 8
NOTIFY_TASK = "wechat-notify"

Speaker = Literal["self", "guardian", "other"]
Told = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_TEXT)]


class RefusedError(AimisError):
    """What was sent cannot be used; the key names the sentence that says why. Nothing was changed."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Chart(Record):
    """All that is kept of a consultation.

    speaker : who answers: the person, a child's guardian, or somebody else
    screening : answers to the questions of screenings
    """

    consultation: Consultation
    speaker: Speaker = "self"
    screening: dict[Id, Value] = Field(default_factory=dict)


class Request(Record):
    """What goes to the clinician with the consultation.

    contact : how to reach the person, where it was given
    ordered : ids of screenings that the clinician ordered
    """

    contact: str = ""
    ordered: tuple[Id, ...] = ()


class Opening(Record):
    """What a consultation begins with."""

    language: Language = "en"
    person: Person = Person()
    speaker: Speaker = "self"
    text: Told = ""
    given: dict[Id, Value] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class View:
    """A consultation as a channel shows it.

    link : the secret of its address
    question : the one that waits for an answer; None at the end
    request, handover, messages : of its hand-over, if there is one
    """

    kept: Kept
    link: str
    chart: Chart
    question: Finding | None
    handover: Handover | None
    request: Request
    messages: tuple[Message, ...]
    screenings: Screenings
    dialogue: Dialogue

    @cached_property
    def outcome(self) -> Outcome:
        """What it comes to as it stands; concluded where somebody looks at it, for it costs as much as all else."""
        return self.dialogue.outcome(self.consultation)

    @property
    def proposed(self) -> tuple[Screening, ...]:
        """Screenings that the answers speak for."""
        return self.screenings.proposed(self._facts)

    @property
    def screening_questions(self) -> tuple[Finding, ...]:
        """What would have to be known beside to propose a screening or not."""
        return self.screenings.questions(self._facts)

    @property
    def _facts(self) -> Facts:
        facts = Facts(person=self.consultation.person, values=self.consultation.known)
        return self.screenings.answered(facts, self.chart.screening)

    @cached_property
    def flags(self) -> tuple[RaisedFlag, ...]:
        """The red flags that are up, which cost little to look for."""
        return self.dialogue.flags(self.consultation)

    @property
    def paths(self) -> tuple[Text, ...]:
        """What is said on paths of their own, such as that of self-harm."""
        safety, person = self.dialogue.safety, self.consultation.person
        named = dict.fromkeys(flag.path for flag in self.flags if flag.path)
        return tuple(safety.own_path(path, person) for path in named) if safety is not None else ()

    @property
    def consultation(self) -> Consultation:
        """The state of the dialogue."""
        return self.chart.consultation


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where consultations are taken out, moved on and put back. Acts named `..._in` are part of a larger transaction.

    country : of people who are not asked for theirs, as ISO 3166-1 alpha-2
    """

    store: Store
    dialogue: Dialogue
    screenings: Screenings
    country: str

    @property
    def findings(self) -> Mapping[str, Finding]:
        """All that can be asked."""
        return self.dialogue.net.knowledge.findings

    def begin(self, opening: Opening, channel: str) -> View:
        """A new consultation of somebody who agreed to the consent text of that language."""
        with self.store.begin() as tx:
            return self.begin_in(tx, opening, channel)

    def begin_in(self, tx: Transaction, opening: Opening, channel: str) -> View:
        """The same."""
        started = self.dialogue.begin(
            Start(person=opening.person, language=opening.language, text=opening.text, evidence=opening.given)
        )
        chart = Chart(consultation=started, speaker=opening.speaker)
        kept = consultations.add(
            tx,
            chart.model_dump_json().encode(),
            channel=channel,
            language=opening.language,
            finished=started.ended,
            consent=consent(opening.language),
        )
        return self._view(tx, kept)

    def who(self, link: str) -> UUID:
        """Whose link it is; NotThereError where it is nobody's."""
        found = self.store.seal.unlink(link)
        if found is None:
            raise NotThereError("this link leads nowhere")
        return found

    def look(self, consultation_id: UUID) -> View:
        """As it is; NotThereError where it was erased."""
        with self.store.begin() as tx:
            return self.look_in(tx, consultation_id)

    def look_in(self, tx: Transaction, consultation_id: UUID) -> View:
        """As it is."""
        return self._view(tx, consultations.get(tx, consultation_id))

    def reopen_in(self, tx: Transaction, consultation_id: UUID, finding: str) -> View:
        """An earlier question waits again; its answer holds until another comes."""

        def reopened(state: Consultation) -> Consultation:
            return state.model_copy(update={"asking": finding, "ended": False, "turn": state.turn + 1})

        return self._move_in(tx, consultation_id, reopened)

    def answer(self, consultation_id: UUID, value: Value, turn: int) -> View:
        """After an answer; one to an older question changes nothing."""
        return self._move(consultation_id, lambda state: self.dialogue.answer(state, value, turn=turn))

    def answer_in(self, tx: Transaction, consultation_id: UUID, value: Value, turn: int) -> View:
        """The same."""
        return self._move_in(tx, consultation_id, lambda state: self.dialogue.answer(state, value, turn=turn))

    def change(self, consultation_id: UUID, changes: Mapping[str, Value]) -> View:
        """After other answers to earlier questions, or answers to questions that were not put."""

        def changed(state: Consultation) -> Consultation:
            for finding, value in changes.items():
                state = self.dialogue.change(state, finding, value)
            return state

        return self._move(consultation_id, changed)

    def tell(self, consultation_id: UUID, text: str) -> View:
        """After something written freely."""
        return self._move(consultation_id, lambda state: self.dialogue.tell(state, checked_text(text)))

    def tell_in(self, tx: Transaction, consultation_id: UUID, text: str) -> View:
        """The same."""
        return self._move_in(tx, consultation_id, lambda state: self.dialogue.tell(state, checked_text(text)))

    def answer_screening(self, consultation_id: UUID, answers: Mapping[str, Value]) -> View:
        """After answers to the questions of screenings."""
        with self.store.begin() as tx:
            kept = consultations.get(tx, consultation_id, to_change=True)
            chart = self._chart(kept)
            ours = {finding: value for finding, value in answers.items() if finding in self.screenings.own}
            return self._put(tx, kept, chart.model_copy(update={"screening": {**chart.screening, **ours}}))

    def hand_over(self, consultation_id: UUID, contact: str, text: str = "") -> View:
        """Put into the clinicians' queue, with a first message if there is one."""
        with self.store.begin() as tx:
            return self.hand_over_in(tx, consultation_id, contact, text)

    def hand_over_in(self, tx: Transaction, consultation_id: UUID, contact: str, text: str) -> View:
        """The same."""
        if len(contact) > LONGEST_CONTACT:
            raise RefusedError("refused-long")
        view = self._view(tx, consultations.get(tx, consultation_id, to_change=True))
        request = view.request.model_copy(update={"contact": contact.strip() or view.request.contact})
        content = request.model_dump_json().encode()
        handovers.ask(tx, consultation_id, urgency_rank=view.outcome.urgency.rank, content=content)
        if text.strip():
            handovers.say(tx, consultation_id, "person", checked_text(text))
        return self._view(tx, view.kept)

    def reply(self, consultation_id: UUID, clinician: str, text: str, ordered: tuple[str, ...]) -> View:
        """A clinician's answer, with the screenings ordered; whoever is in WeChat is told there too."""
        with self.store.begin() as tx:
            kept = consultations.get(tx, consultation_id, to_change=True)
            handover = handovers.get(tx, consultation_id)
            known = {rule.id for rule in self.screenings.rules}
            request = Request.model_validate_json(handover.content)
            request = request.model_copy(update={"ordered": tuple(one for one in ordered if one in known)})
            changed = replace(
                handover,
                state="answered",
                taken_by=clinician,
                answered_at=tx.at,
                content=request.model_dump_json().encode(),
            )
            handovers.put(tx, changed)
            if text.strip():
                handovers.say(tx, consultation_id, "clinician", checked_text(text))
            jobs.defer(tx.connection, NOTIFY_TASK, consultation=str(consultation_id))
            tx.record(clinician, "answered", consultation_id)
            return self._view(tx, kept)

    def close(self, consultation_id: UUID, clinician: str) -> None:
        """Take it out of the queue."""
        with self.store.begin() as tx:
            handovers.put(tx, replace(handovers.get(tx, consultation_id), state="closed", taken_by=clinician))
            tx.record(clinician, "closed", consultation_id)

    def code(self, consultation_id: UUID) -> str:
        """What to type on another channel to go on there."""
        with self.store.begin() as tx:
            return consultations.make_code(tx, consultations.get(tx, consultation_id).id)

    def export(self, consultation_id: UUID) -> str:
        """All that is kept of it, as JSON."""
        with self.store.begin() as tx:
            view = self._view(tx, consultations.get(tx, consultation_id))
            tx.record("person", "exported", consultation_id)
        return json.dumps(_everything(view), ensure_ascii=False, indent=1, default=str)

    def erase(self, consultation_id: UUID) -> None:
        """Remove it and all that hangs on it."""
        with self.store.begin() as tx:
            if consultations.erase(tx, consultation_id):
                tx.record("person", "erased", consultation_id)

    def case(self, view: View) -> Case:
        """As a doctor looks at it."""
        return Case(
            id=view.kept.id,
            at=view.kept.touched_at,
            consultation=view.consultation,
            findings={**self.findings, **self.screenings.own},
            answers={**view.consultation.values, **view.chart.screening},
            urgency=view.outcome.urgency,
            flags=view.outcome.flags,
            explanations=view.outcome.explanations[:MOST_EXPLAINED],
            abstained=view.outcome.abstained,
            screenings=view.proposed,
            ordered=view.request.ordered,
            cautions=view.outcome.cautions,
        )

    def _move(self, consultation_id: UUID, step: Callable[[Consultation], Consultation]) -> View:
        with self.store.begin() as tx:
            return self._move_in(tx, consultation_id, step)

    def _move_in(self, tx: Transaction, consultation_id: UUID, step: Callable[[Consultation], Consultation]) -> View:
        kept = consultations.get(tx, consultation_id, to_change=True)
        chart = self._chart(kept)
        return self._put(tx, kept, chart.model_copy(update={"consultation": step(chart.consultation)}))

    def _put(self, tx: Transaction, kept: Kept, chart: Chart) -> View:
        content = chart.model_dump_json().encode()
        if content != kept.content:
            consultations.put(tx, kept, content, finished=chart.consultation.ended)
            now = kept.revision + 1
            kept = replace(kept, content=content, revision=now, finished=chart.consultation.ended, touched_at=tx.at)
        return self._view(tx, kept)

    def _chart(self, kept: Kept) -> Chart:
        """What was kept, as far as the knowledge of today knows it: a newer version may have dropped a finding."""
        chart = Chart.model_validate_json(kept.content)
        state = chart.consultation
        answers = tuple(answer for answer in state.answers if answer.finding in self.findings)
        lost = state.asking is not None and state.asking not in self.findings
        if not lost and len(answers) == len(state.answers):
            return chart
        changed = {"answers": answers, **({"asking": None, "ended": True} if lost else {})}
        return chart.model_copy(update={"consultation": state.model_copy(update=changed)})

    def _view(self, tx: Transaction, kept: Kept) -> View:
        chart = self._chart(kept)
        state = chart.consultation
        handover = handovers.find(tx, kept.id)
        return View(
            kept=kept,
            link=tx.seal.link(kept.id),
            chart=chart,
            question=None if state.asking is None else self.findings[state.asking],
            handover=handover,
            request=Request() if handover is None else Request.model_validate_json(handover.content),
            messages=tuple(handovers.messages(tx, kept.id)) if handover is not None else (),
            screenings=self.screenings,
            dialogue=self.dialogue,
        )


def checked_text(text: str) -> str:
    """What somebody wrote; RefusedError where it is empty or too long."""
    text = text.strip()
    if not text:
        raise RefusedError("refused-empty")
    if len(text) > LONGEST_TEXT:
        raise RefusedError("refused-long")
    return text


def _everything(view: View) -> dict[str, Any]:
    kept = view.kept
    return {
        "id": kept.id,
        "channel": kept.channel,
        "language": kept.language,
        "started_at": kept.started_at,
        "touched_at": kept.touched_at,
        "consent": {"version": kept.consent.version, "sha256": kept.consent.sha256},
        **view.chart.model_dump(mode="json"),
        "handover": None
        if view.handover is None
        else {
            "state": view.handover.state,
            "asked_at": view.handover.asked_at,
            "answered_at": view.handover.answered_at,
            **view.request.model_dump(mode="json"),
        },
        "messages": [{"author": m.author, "said_at": m.said_at, "text": m.text} for m in view.messages],
    }
