"""A WeChat Official Account: what WeChat's server asks of ours, and the durable jobs behind it.

A message is kept and its job enqueued in one transaction; the job makes the reply and moves the consultation on in one
more. WeChat waits five seconds for an answer and repeats the message up to three times. So the request waits for the
reply as long as it may; a later reply goes out as a customer-service message. Whoever sends it says so first come.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool

from aimis.consult.channels.wechat import envelope, talk
from aimis.consult.channels.wechat.client import Client, UndeliverableError
from aimis.consult.channels.wechat.crypto import ForgedError, SafeMode, Stamp
from aimis.store import handovers, jobs, wechat
from aimis.store.transaction import Store
from aimis.web.chat import Chat, Profile

ANSWER_TASK, SEND_TASK, MENU_TASK = "wechat-answer", "wechat-send", "wechat-menu"
WAITS_S = 4.2  # WeChat gives up after five seconds
LOOKS_EVERY_S = (0.01, 0.02, 0.04, 0.08, 0.16)
SERVICE_AFTER = timedelta(seconds=20)  # after WeChat's last repetition, each of which may still be answered
TOKEN_EARLY_S = 300
NOTHING = b"success"


@dataclass(frozen=True, kw_only=True)
class Channel:
    """The account.

    waits_s : for a reply, before WeChat is told that it comes later
    service_after : when a reply that no request took away is sent as customer service
    """

    store: Store
    mode: SafeMode
    chat: Chat
    client: Client
    waits_s: float = WAITS_S
    service_after: timedelta = SERVICE_AFTER

    def opened(self, signature: str, stamp: Stamp, body: bytes) -> envelope.Message:
        """The message of a request; ForgedError where it is not WeChat's."""
        encrypted = envelope.encrypted_part(body)
        self.mode.check(signature, stamp, time.time(), encrypted)
        return envelope.parse(self.mode.open(encrypted))

    def receive(self, message: envelope.Message, body: bytes) -> bytes:
        """Keep a message, once, with the job that answers it; its mark."""
        with self.store.begin() as tx:
            mark, is_new = wechat.receive(tx, message.key, message.user, body)
            if is_new:
                jobs.defer(tx.connection, ANSWER_TASK, lock=wechat.user_mark(tx, message.user).hex(), mark=mark.hex())
            return mark

    def answer(self, mark: bytes) -> None:
        """Make the reply to a message that was kept, unless that was done; the message moves the consultation once."""
        with self.store.begin() as tx:
            incoming = wechat.incoming(tx, mark, to_change=True)
            if incoming is None or incoming.reply is not None:
                return
            message = envelope.parse(incoming.content)
            reply = self.chat.answer(tx, message, wechat.user(tx, incoming.user_mark))
            wechat.set_reply(tx, mark, reply)
            if reply:
                jobs.defer(tx.connection, SEND_TASK, after=self.service_after, mark=mark.hex())

    def taken(self, mark: bytes) -> str | None:
        """The reply for WeChat's request, which is now said to be sent; None where there is none yet or it has gone."""
        with self.store.begin() as tx:
            incoming = wechat.incoming(tx, mark, to_change=True)
            if incoming is None or incoming.sent_by not in {None, "reply"}:
                return ""
            if incoming.reply is not None:
                wechat.set_sent(tx, mark, "reply")
            return incoming.reply

    def send(self, mark: bytes) -> None:
        """Send a reply as customer service that no request took away. Killed midway it may be sent twice."""
        with self.store.begin() as tx:
            incoming = wechat.incoming(tx, mark, to_change=True)
            if incoming is None or incoming.sent_by is not None or not incoming.reply:
                return
            wechat.set_sent(tx, mark, self._sent_by(envelope.parse(incoming.content).user, incoming.reply))

    def notify(self, consultation_id: UUID) -> None:
        """Tell the person in WeChat what a clinician wrote."""
        with self.store.begin() as tx:
            user = wechat.user_of(tx, consultation_id)
            messages = handovers.messages(tx, consultation_id)
        written = [message.text for message in messages if message.author == "clinician"]
        if user is None or not user.content or not written:
            return
        profile = Profile.model_validate_json(user.content)
        words = talk.words(profile.language)
        url = f"{self.chat.public_url}/c/{self.store.seal.link(consultation_id)}/doctor"
        elsewhere = str(words["doctor-says-elsewhere"]).format(url=url)
        text = envelope.fitting(str(words["doctor-says"]).format(text=written[-1]), elsewhere)
        self._sent_by(profile.openid, text)

    def token(self, refused: str | None) -> str:
        """The access token that all workers share; another where it has expired or WeChat refuses it."""
        with self.store.begin() as tx:
            known = wechat.account(tx, self.client.app_id).token
            if known is not None and known != refused:
                return known
            fetched = self.client.fetch_token(force=refused is not None)
            expires = tx.at + timedelta(seconds=max(60, fetched.holds_s - TOKEN_EARLY_S))
            wechat.put_token(tx, self.client.app_id, fetched.value, expires)
            return fetched.value

    def set_menu(self) -> None:
        """Give WeChat our menu, unless it has it."""
        menu = talk.menu("zh", f"{self.chat.public_url}/?lang=zh")
        with self.store.begin() as tx:
            known = wechat.account(tx, self.client.app_id).menu_sha256
        if known != (now := talk.fingerprint(menu)):
            self.client.set_menu(self.token, menu)
            with self.store.begin() as tx:
                wechat.put_menu(tx, self.client.app_id, now)

    def _sent_by(self, user: str, text: str) -> wechat.SentBy:
        try:
            self.client.send(self.token, user, text)
        except UndeliverableError:
            return "given-up"
        return "service"


def routes(channel: Channel) -> APIRouter:
    """Where WeChat's server calls."""
    router = APIRouter(include_in_schema=False)

    @router.get("/wechat")
    def prove(request: Request) -> Response:
        """WeChat asks once whether the address is ours."""
        query = request.query_params
        try:
            channel.mode.check(query.get("signature", ""), _stamp(request), time.time())
        except ForgedError:
            return _forbidden()
        return PlainTextResponse(query.get("echostr", "")[:256])

    @router.post("/wechat")
    async def take(request: Request) -> Response:
        """A message: kept, answered in time or later."""
        stamp, body = _stamp(request), await request.body()
        try:
            message = channel.opened(request.query_params.get("msg_signature", ""), stamp, body)
        except ForgedError:
            return _forbidden()
        plain = channel.mode.open(envelope.encrypted_part(body))
        mark = await run_in_threadpool(channel.receive, message, plain)
        reply = await _waited(channel, mark)
        if not reply:
            return Response(NOTHING, media_type="text/plain")
        answer = envelope.reply_to(message, reply, int(time.time()))
        return Response(envelope.sealed(channel.mode, answer, stamp), media_type="application/xml")

    return router


async def _waited(channel: Channel, mark: bytes) -> str | None:
    last, looks = time.monotonic() + channel.waits_s, 0
    while True:
        reply = await run_in_threadpool(channel.taken, mark)
        if reply is not None or time.monotonic() >= last:
            return reply
        await asyncio.sleep(LOOKS_EVERY_S[min(looks, len(LOOKS_EVERY_S) - 1)])
        looks += 1


def _stamp(request: Request) -> Stamp:
    query = request.query_params
    return Stamp(timestamp=query.get("timestamp", ""), nonce=query.get("nonce", ""))


def _forbidden() -> Response:
    return PlainTextResponse("forbidden\n", 403)
