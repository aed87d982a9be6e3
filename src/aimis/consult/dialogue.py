"""The dialogue: pure functions from a consultation and what was said to the consultation after it and our message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from aimis.consult import answers, belief, differential, outcome
from aimis.consult.askable import Askable
from aimis.consult.consultation import MOST_CHARACTERS, Answer, Consultation, Person, Source
from aimis.consult.model import UNKNOWN, Finding, Language, Urgency
from aimis.consult.outcome import Caution
from aimis.consult.ports import Facts, RaisedFlag, Safety, Understanding
from aimis.consult.value import Worth

if TYPE_CHECKING:
    from aimis.consult.differential import Differential
    from aimis.consult.net import Net
    from aimis.consult.outcome import Outcome

ENOUGH_READ = 0.2
"""Of what a text tells. Chosen on stories of other authors: of 60 emergencies with every question denied, no more fell
below `same-day` at a larger share, and those who can wait were held up more often."""
DESCRIBING = frozenset({"severity", "onset", "course", "duration"})
"""Findings that describe a complaint and are none."""
VOLUNTEERED_WRONGLY, UNDERSTOOD_WRONGLY = 0.002, 0.01
"""Chance that what a person brings up is not so; the second counts our misreading in. Judgement."""
SAFETY_FIRST = 1
"""So many first questions are those that the red-flag rules want most, if they have any."""
WORTH_OF_A_FLAG = 0.5
"""What a rule's question is worth beside its nats, times the chance that it is answered with yes."""
SAME_GROUP = 1.3
"""A question of the group that was just asked about is preferred by so much."""
WORTH_ASKING = 0.005
"""In nats; a question worth less changes nothing."""
WORTH_OF_THE_LIST = 0.02
"""What moving the whole differential is worth beside nats, where that was asked for: by trial."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """What is known when a consultation begins. evidence : finding -> reply, as in answers.read_answer."""

    person: Person = field(default_factory=Person)
    language: Language = "en"
    text: str = ""
    evidence: Mapping[str, object] = field(default_factory=dict)
    max_questions: int = 15


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked next. turn : a reply that names another turn is not to this question."""

    finding: Finding
    turn: int


class Dialogue:
    """Asks, and concludes. Holds the knowledge, never a consultation.

    whole : the model of the whole differential, where that is to be listed
    """

    def __init__(
        self,
        net: Net,
        *,
        safety: Safety | None = None,
        understanding: Understanding | None = None,
        whole: Differential | None = None,
    ) -> None:
        self.net = net
        self.safety = safety
        self.understanding = understanding
        self.whole = whole
        self.layout = differential.lay_out(whole.names, net) if whole is not None else None
        self._askable = Askable(net)
        self._worth = Worth(net, net.knowledge.wrong_answers)

    def begin(self, start: Start) -> Consultation:
        """A consultation with its first question; answers.ReplyError where the evidence cannot be used."""
        state = Consultation(
            knowledge=self.net.knowledge.name,
            knowledge_version=self.net.knowledge.version,
            language=start.language,
            person=start.person,
            max_questions=start.max_questions,
        )
        for finding_id, reply in start.evidence.items():
            state = self._with_reply(state, finding_id, reply, "given")
        if start.text.strip():
            state = self._with_text(state, start.text)
        return self._go_on(state)

    def answer(self, state: Consultation, reply: object, *, turn: int | None = None) -> Consultation:
        """After a reply to the question asked; unchanged where the reply is to an older one or all is ended.

        answers.ReplyError: neither an answer to the question nor a text in which anything was understood
        """
        if state.asking is None or turn not in {None, state.turn}:
            return state
        try:
            answered = self._with_reply(state, state.asking, reply, "asked")
        except answers.ReplyError:
            if not isinstance(reply, str):
                raise
            answered = self._with_text(state, reply)
            if answered.answers == state.answers:
                raise
        return self._go_on(answered)

    def tell(self, state: Consultation, text: str) -> Consultation:
        """After something written freely, at any time; it opens an ended consultation again."""
        return self._go_on(self._with_text(state.model_copy(update={"ended": False}), text))

    def change(self, state: Consultation, finding_id: str, reply: object) -> Consultation:
        """After an earlier answer was changed, or one was added; it opens an ended consultation again."""
        earlier = {answer.finding: answer.source for answer in state.answers}
        changed = self._with_reply(state, finding_id, reply, earlier.get(finding_id, "given"))
        return self._go_on(changed.model_copy(update={"ended": False}))

    def back(self, state: Consultation) -> Consultation:
        """The last question asked again, its answer and all that was understood after it taken back."""
        asked = [number for number, answer in enumerate(state.answers) if answer.source == "asked"]
        if not asked:
            return state
        last = state.answers[asked[-1]].finding
        kept = state.answers[: asked[-1]]
        again = {"answers": kept, "asking": last, "turn": state.turn + 1, "ended": False}
        back = state.model_copy(update=again)
        return _with_flags(back, self.flags(back))

    def stop(self, state: Consultation) -> Consultation:
        """After the person wants no more questions."""
        return state.model_copy(update={"asking": None, "ended": True})

    def message(self, state: Consultation) -> Question | Outcome:
        """What we say where the consultation stands: its question, or its end."""
        if state.asking is not None:
            return Question(finding=self.net.knowledge.findings[state.asking], turn=state.turn)
        return self.outcome(state)

    def outcome(self, state: Consultation) -> Outcome:
        """What it comes to as it stands, ended or not."""
        believed, evidence = self.believe(state), self.evidence(state)
        cautions, flags = tuple(self._cautions(state)), self.flags(state)
        found = outcome.conclude(self.net, believed, evidence, flags, questions=state.questions, cautions=cautions)
        if self.whole is None or self.layout is None:
            return found
        features = self.layout.features(self.net, state, believed)
        chances = self.whole.chances(features, self.layout.fits(features, believed.posterior))
        return outcome.with_whole_differential(found, self.net, believed, chances, self.whole.threshold)

    def flags(self, state: Consultation) -> tuple[RaisedFlag, ...]:
        """The red flags that are up."""
        return tuple(self.safety.raised(_facts(state))) if self.safety else ()

    def believe(self, state: Consultation) -> belief.Belief:
        """Of all conditions, and of what was not asked."""
        return belief.believe(self.net, self.net.prior(state.person), self.evidence(state))

    def evidence(self, state: Consultation) -> dict[int, belief.Evidence]:
        """By the finding's column, without unknowns."""
        wrong = {"given": VOLUNTEERED_WRONGLY, "told": UNDERSTOOD_WRONGLY, "asked": self.net.knowledge.wrong_answers}
        return {
            self.net.column[a.finding]: belief.Evidence(
                value=a.value, error=wrong[a.source], volunteered=a.source != "asked"
            )
            for a in state.answers
            if a.value != UNKNOWN
        }

    def _with_reply(self, state: Consultation, finding_id: str, reply: object, source: Source) -> Consultation:
        finding = self.net.knowledge.findings.get(finding_id)
        if finding is None:
            raise answers.ReplyError(f"there is no finding {finding_id!r} in the knowledge {state.knowledge}")
        read = answers.read_answer(finding, reply)
        return state.with_answer(Answer(finding=finding_id, value=read, source=source))

    def _with_text(self, state: Consultation, text: str) -> Consultation:
        """A later sentence corrects an earlier one."""
        kept = text[:MOST_CHARACTERS]
        state = state.model_copy(update={"told": (*state.told, kept)})
        if self.understanding is None:
            return state
        share = self.understanding.share_read(kept, state.language)
        state = state.model_copy(update={"read": (*state.read, share)})
        for one in self.understanding.understand(kept, state.language):
            words = kept[one.start : one.end]
            state = state.with_answer(Answer(finding=one.finding, value=one.value, source="told", text=words))
        return state.model_copy(update={"person": self.understanding.person(kept, state.language, state.person)})

    def _go_on(self, state: Consultation) -> Consultation:
        flags = self.flags(state)
        state = _with_flags(state, flags)
        ends = any(flag.path or flag.urgency is Urgency.EMERGENCY for flag in flags)
        over = state.ended or ends or state.questions >= state.max_questions
        asking = None if over else self._next_question(state)
        if asking is None:
            return state.model_copy(update={"asking": None, "ended": True})
        return state.model_copy(update={"asking": asking, "turn": state.turn + 1})

    def _next_question(self, state: Consultation) -> str | None:
        """The finding that is worth most; None where none is worth asking."""
        can_be_asked = self._askable.now(state)
        wanted = [self.net.column[f] for f in self._wanted(state) if can_be_asked[self.net.column[f]]]
        if wanted and state.questions < SAFETY_FIRST:
            return self.net.findings[wanted[0]].id
        if due := [name for name in self._due(state) if can_be_asked[self.net.column[name]]]:
            return due[0]
        believed = self.believe(state)
        worth = self._worth.values(believed, can_be_asked)
        worth[wanted] += WORTH_OF_A_FLAG * believed.expected[wanted]
        if asked := [answer.finding for answer in state.answers if answer.source == "asked"]:
            worth[self._askable.of_group(asked[-1])] *= SAME_GROUP
        if self.whole is not None and self.layout is not None:
            features = self.layout.features(self.net, state, believed)
            gains = self.whole.worth(features, self.layout.fits(features, believed.posterior))
            of_finding = self.layout.columns >= 0
            np.add.at(worth, self.layout.columns[of_finding], WORTH_OF_THE_LIST * gains[of_finding])
        worth[~can_be_asked] = 0
        best = int(np.argmax(worth))
        least = WORTH_ASKING if self.whole is None else 0.0  # the list is never known so well that more tells nothing
        return self.net.findings[best].id if worth[best] > least else None

    def _wanted(self, state: Consultation) -> tuple[str, ...]:
        found = self.safety.worth_asking(_facts(state)) if self.safety else ()
        return tuple(finding for finding in found if finding in self.net.column)

    def _cautions(self, state: Consultation) -> Iterator[Caution]:
        """Why no end below `same-day` is safe; without rules about danger we cannot tell."""
        if self.safety is None:
            return
        complaints = [answer.source for answer in state.answers if self._is_complaint(answer)]
        unread = any(state.told) and ("told" not in complaints or state.least_read < ENOUGH_READ)
        if unread or not complaints:
            yield Caution.LITTLE_UNDERSTOOD
        if self.safety.open_questions(_facts(state), state.unsaid):
            yield Caution.UNANSWERED

    def _is_complaint(self, answer: Answer) -> bool:
        """Something is there, and is no mere description such as "since yesterday"."""
        finding = self.net.knowledge.findings.get(answer.finding)
        return finding is not None and answer.finding not in DESCRIBING and finding.present(answer.value)

    def _due(self, state: Consultation) -> tuple[str, ...]:
        found = self.safety.due(_facts(state)) if self.safety else ()
        return tuple(finding for finding in found if finding in self.net.column)


def _facts(state: Consultation) -> Facts:
    return Facts(person=state.person, values=state.known)


def _with_flags(state: Consultation, flags: Iterable[RaisedFlag]) -> Consultation:
    return state.model_copy(update={"raised": tuple(flag.id for flag in flags)})
