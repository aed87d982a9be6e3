"""A consultation in WeChat: each message of a user and what it is answered, in the transaction that keeps both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from aimis.consult.answers import ReplyError
from aimis.consult.channels.wechat import envelope, talk
from aimis.consult.consultation import Person
from aimis.consult.handover.case import present, said
from aimis.consult.model import Language, Record, Sex
from aimis.store import consultations, wechat
from aimis.store.errors import NotThereError
from aimis.web.desk import LONGEST_TEXT, Opening, RefusedError
from aimis.web.words import words_of

if TYPE_CHECKING:
    from aimis.consult.channels.wechat.envelope import Message
    from aimis.store.transaction import Transaction
    from aimis.store.wechat import User
    from aimis.web.desk import Desk, View
    from aimis.web.limits import Limiter

Stage = Literal["consent", "age", "sex", "text", "talk", "doctor", "erase"]
MOST_LISTED, LIKELY_ENOUGH = 3, 0.05
CAN_WRITE_YEARS, ALONE_BELOW_YEARS = 6, 14


class Profile(Record):
    """What is kept of a WeChat user, sealed.

    openid : where replies go
    stage : what the next message answers
    """

    openid: str
    stage: Stage = "consent"
    language: Language = "zh"
    greeted: bool = False
    age_years: float | None = None
    sex: Sex | None = None


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One message under way: who wrote, and in which transaction."""

    tx: Transaction
    user: User
    profile: Profile

    def to(self, stage: Stage, **changes: object) -> Turn:
        """The same with the user at another stage."""
        return replace(self, profile=self.profile.model_copy(update={"stage": stage, **changes}))

    def __call__(self, key: str, **values: object) -> str:
        """A sentence in the user's language."""
        return str(talk.words(self.profile.language)[key]).format(**values)


@dataclass(frozen=True, kw_only=True)
class Chat:
    """Answers messages.

    ambulance : the number to call
    public_url : of the pages, without a slash at the end
    """

    desk: Desk
    ambulance: str
    public_url: str
    keep_days: int
    pace: Limiter
    codes: Limiter

    def answer(self, tx: Transaction, message: Message, user: User) -> str:
        """The reply to a message; empty where none is due. What it changes is in `tx`."""
        profile = Profile.model_validate_json(user.content) if user.content else Profile(openid=message.user)
        turn = Turn(tx=tx, user=user, profile=profile)
        if message.kind == "unsubscribe":
            self._forget(turn)
            return ""
        if not self.pace.allows(user.mark.hex()):
            return turn("too-fast", ambulance=self.ambulance)
        after, reply = self._reply(turn, message)
        if after is not None:
            content = after.profile.model_dump_json().encode()
            wechat.put_user(tx, replace(after.user, content=content))
        return envelope.fitting(reply, self._rest(after))

    def _reply(self, turn: Turn, message: Message) -> tuple[Turn | None, str]:
        if message.kind == "other" or (message.kind != "subscribe" and not message.text):
            return turn, turn("text-only")
        command = message.text if message.kind == "click" else talk.command_of(message.text)
        if message.kind == "subscribe" or not turn.profile.greeted:
            return self._greet(turn, message, command)
        try:
            return self._told(turn, message.text, command)
        except RefusedError:
            return turn, turn("too-long")
        except NotThereError:
            return self._restart(turn)

    def _told(self, turn: Turn, text: str, command: str | None) -> tuple[Turn | None, str]:
        if command in {"english", "chinese"}:
            return self._again(turn.to(turn.profile.stage, language="en" if command == "english" else "zh"))
        code = talk.code_of(text)
        if code is not None:
            return self._resume(turn, code)
        if command is not None and turn.profile.stage != "consent":
            return self._command(turn, command)
        return self._said(turn, text, command)

    def _greet(self, turn: Turn, message: Message, command: str | None) -> tuple[Turn, str]:
        wanted = "en" if command == "english" else talk.language_of(message.text) if message.kind == "text" else "zh"
        return self._consent(turn.to("consent", greeted=True, language=wanted))

    def _consent(self, turn: Turn) -> tuple[Turn, str]:
        url = f"{self.public_url}/?lang={turn.profile.language}"
        asked = turn("consent-ask", days=self.keep_days, url=url)
        return turn, f"{turn('welcome', ambulance=self.ambulance)}\n{asked}"

    def _again(self, turn: Turn) -> tuple[Turn, str]:
        """What was asked last, in a language that was just chosen."""
        stage = turn.profile.stage
        if stage == "consent":
            return self._consent(turn)
        if stage in {"age", "sex", "text"}:
            return turn, turn(f"{stage}-ask")
        return turn, turn("help")

    def _said(self, turn: Turn, text: str, command: str | None) -> tuple[Turn, str]:
        stage = turn.profile.stage
        if stage == "consent":
            agreed = command == "agree" or talk.plain(text) == "1"
            return self._ask_age(turn) if agreed else (turn, turn("consent-first", ambulance=self.ambulance))
        if stage == "age":
            age = talk.age_of(text)
            return (turn, turn("age-again")) if age is None else self._ask_sex(turn.to("sex", age_years=age), age)
        if stage == "sex":
            known = talk.plain(text) in talk.SEXES
            chosen = turn.to("text", sex=talk.SEXES.get(talk.plain(text)))
            return (chosen, turn("text-ask")) if known else (turn, turn("sex-again"))
        if stage == "text":
            return self._begin(turn, text)
        return self._talk(turn.to("talk"), text)

    def _ask_age(self, turn: Turn) -> tuple[Turn, str]:
        return turn.to("age"), turn("age-ask")

    def _ask_sex(self, turn: Turn, age_years: float) -> tuple[Turn, str]:
        alone = words_of(turn.profile.language)("minor-alone", number=self.ambulance)
        is_child = CAN_WRITE_YEARS <= age_years < ALONE_BELOW_YEARS  # a younger one has somebody who writes
        return turn, f"{alone}\n\n{turn('sex-ask')}" if is_child else turn("sex-ask")

    def _begin(self, turn: Turn, text: str) -> tuple[Turn, str]:
        if len(text) > LONGEST_TEXT:
            raise RefusedError("refused-long")
        person = Person(age_years=turn.profile.age_years, sex=turn.profile.sex, country=self.desk.country)
        opening = Opening(language=turn.profile.language, person=person, text=text)
        view = self.desk.begin_in(turn.tx, opening, "wechat")
        at = replace(turn.to("talk"), user=replace(turn.user, consultation_id=view.kept.id))
        return at, "\n\n".join([self._understood(at, view), self._where(at, view)])

    def _talk(self, turn: Turn, text: str) -> tuple[Turn, str]:
        """An answer to the question; else something told; else the question again."""
        if turn.user.consultation_id is None:
            return self._ask_age(turn)
        before = self.desk.look_in(turn.tx, turn.user.consultation_id)
        note = talk.note_of(text)
        if note and before.handover is not None:
            self.desk.hand_over_in(turn.tx, before.kept.id, "", note)
            return turn, turn("doctor-note")
        try:
            view = self._moved(turn, before, text)
        except ReplyError:
            return turn, "\n\n".join([turn("not-understood"), self._where(turn, before)])
        told = len(view.consultation.told) > len(before.consultation.told)
        parts = [self._understood(turn, view)] if told else []
        return turn, "\n\n".join([*parts, self._where(turn, view)])

    def _moved(self, turn: Turn, before: View, text: str) -> View:
        if before.question is None:
            return self.desk.tell_in(turn.tx, before.kept.id, text)
        reply = talk.reply_of(before.question, text)
        return self.desk.answer_in(turn.tx, before.kept.id, reply, before.consultation.turn)

    def _command(self, turn: Turn, command: str) -> tuple[Turn | None, str]:
        always = {"help": self._help, "restart": self._restart, "erase": self._erase}
        if command in always:
            return always[command](turn)
        if turn.user.consultation_id is None:
            return turn, turn("nothing-yet")
        view = self.desk.look_in(turn.tx, turn.user.consultation_id)
        of_a_consultation = {"back": self._back, "doctor": self._doctor, "agree": self._agree, "web": self._web}
        return of_a_consultation.get(command, self._show)(turn, view)

    def _help(self, turn: Turn) -> tuple[Turn, str]:
        return turn, turn("help")

    def _restart(self, turn: Turn) -> tuple[Turn, str]:
        return self._ask_age(replace(turn, user=replace(turn.user, consultation_id=None)))

    def _show(self, turn: Turn, view: View) -> tuple[Turn, str]:
        return turn.to("talk"), self._result(turn, view)

    def _web(self, turn: Turn, view: View) -> tuple[Turn, str]:
        return turn.to("talk"), turn("link", url=self._url(view))

    def _doctor(self, turn: Turn, view: View) -> tuple[Turn, str]:  # noqa: ARG002  one of a table
        return turn.to("doctor"), turn("doctor-ask")

    def _agree(self, turn: Turn, view: View) -> tuple[Turn, str]:
        """To a doctor's reading it, where that was asked; else the question again."""
        at = turn.to("talk")
        if turn.profile.stage != "doctor":
            return at, self._where(at, view)
        self.desk.hand_over_in(turn.tx, view.kept.id, "", "")
        return at, turn("doctor-sent", ambulance=self.ambulance)

    def _back(self, turn: Turn, view: View) -> tuple[Turn, str]:
        """The last question again; its answer holds until another comes."""
        turn = turn.to("talk")
        asked = [one for one in view.consultation.answers if one.source == "asked"]
        if not asked:
            return turn, self._where(turn, view)
        finding = self.desk.findings[asked[-1].finding]
        was = turn("change-last", value=said(finding, asked[-1].value, turn.profile.language))
        again = self.desk.reopen_in(turn.tx, view.kept.id, finding.id)
        return turn, f"{was}\n\n{self._where(turn, again)}"

    def _erase(self, turn: Turn) -> tuple[Turn | None, str]:
        if turn.profile.stage != "erase":
            return turn.to("erase"), turn("erase-ask")
        self._forget(turn)
        return None, turn("erased")

    def _forget(self, turn: Turn) -> None:
        if turn.user.consultation_id is not None and consultations.erase(turn.tx, turn.user.consultation_id):
            turn.tx.record("person", "erased", turn.user.consultation_id)
        wechat.forget_user(turn.tx, turn.user.mark)

    def _resume(self, turn: Turn, code: str) -> tuple[Turn, str]:
        """Go on with a consultation of another channel, to which consent was given there."""
        allowed = self.codes.allows(turn.user.mark.hex())
        found = consultations.take_code(turn.tx, code) if allowed else None
        if found is None:
            return turn, turn("code-wrong")
        view = self.desk.look_in(turn.tx, found)
        at = replace(turn.to("talk", language=view.kept.language), user=replace(turn.user, consultation_id=found))
        return at, "\n\n".join([at("resumed"), self._where(at, view)])

    def _understood(self, turn: Turn, view: View) -> str:
        language = turn.profile.language
        told = [one for one in view.consultation.answers if one.source == "told"]
        parts = [self._part(one.finding, one.value, language) for one in told if one.finding in self.desk.findings]
        return turn("understood", what="; ".join(parts)) if parts else turn("understood-nothing")

    def _part(self, name: str, value: object, language: str) -> str:
        finding = self.desk.findings[name]
        if isinstance(value, bool) and not value:
            return f"{finding.short.of(language)} ({said(finding, value, language)})"
        return present(finding, value, language)  # type: ignore[arg-type]  # a Value, of which bool is one

    def _where(self, turn: Turn, view: View) -> str:
        """The question that waits, after what must be said first; or the result."""
        if view.question is None:
            return self._result(turn, view)
        question = talk.question_text(
            view.question, view.consultation.questions + 1, view.consultation.max_questions, turn.profile.language
        )
        return "\n\n".join([*self._warning(turn, view), question])

    def _warning(self, turn: Turn, view: View) -> list[str]:
        language, pages = turn.profile.language, words_of(turn.profile.language)
        paths = [path.of(language) for path in view.paths]
        if not view.outcome.flags or view.outcome.urgency.rank > 1:
            return paths
        urgent = f"{turn('so-far')} {pages(f'urgency-{view.outcome.urgency}')}"
        return [f"{urgent}\n{view.outcome.flags[0].say.of(language)}", *paths]

    def _result(self, turn: Turn, view: View) -> str:
        language, pages = turn.profile.language, words_of(turn.profile.language)
        urgency = f"urgency-{view.outcome.urgency}"
        likely = [one for one in view.outcome.explanations if one.probability >= LIKELY_ENOUGH][:MOST_LISTED]
        names = ", ".join(one.condition.name.of(language) for one in likely)
        what = turn("abstained") if view.outcome.abstained else turn("may-be", conditions=names) if names else ""
        lines = [
            pages(urgency),
            pages(f"{urgency}-more", number=self.ambulance),
            *(flag.say.of(language) for flag in view.outcome.flags[:1]),
            *(path.of(language) for path in view.paths),
            what,
            *(pages(f"caution-{caution}") for caution in view.outcome.cautions if view.outcome.urgency == "same-day"),
            turn("more", url=self._url(view)),
            turn("after"),
        ]
        return "\n".join(line for line in lines if line)

    def _url(self, view: View) -> str:
        return f"{self.public_url}/c/{view.link}"

    def _rest(self, turn: Turn | None) -> str:
        known = turn is not None and turn.user.consultation_id is not None
        link = turn.tx.seal.link(turn.user.consultation_id) if known and turn and turn.user.consultation_id else ""
        return f"{self.public_url}/c/{link}" if link else self.public_url
