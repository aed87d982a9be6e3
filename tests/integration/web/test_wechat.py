"""A WeChat account against a simulator of WeChat's server: each message once, in time or later, a forged one never."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from aimis.consult.channels.wechat.crypto import SafeMode, Stamp
from aimis.consult.dialogue import Dialogue
from aimis.settings import ServeSettings, Settings, WeChatSettings
from aimis.store import tables
from aimis.store.transaction import Store
from aimis.web import serving
from aimis.web.limits import Limiter
from aimis.web.serving import Service
from aimis.web.simulator import ACCOUNT, WeChatServer
from tests.integration.web.conftest import served

pytestmark = pytest.mark.integration

KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
APP, TOKEN = "wx5823bf96d3bd56c7", "QDG6eK"
NO_DANGER = "1"
MODE = SafeMode(app_id=APP, token=TOKEN, encoding_aes_key=KEY)


@dataclass
class World:
    """WeChat's server, ours, and the store behind it."""

    wechat: WeChatServer
    service: Service
    url: str

    def count(self, table: sa.Table) -> int:
        with self.service.store.engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()

    def post(self, params: dict[str, str], body: bytes) -> httpx.Response:
        return httpx.post(f"{self.url}/wechat", params=params, content=body, timeout=30, trust_env=False)

    def until(self, reached: Callable[[], bool]) -> None:
        last = time.monotonic() + 60
        while not reached():
            assert time.monotonic() < last, "did not get there"
            time.sleep(0.05)


def made(store: Store, dialogue: Dialogue, wechat: WeChatServer, **changes: object) -> Service:
    given = Settings(
        serve=ServeSettings(public_url="https://consult.example.org", requests_per_minute=10_000),
        wechat=WeChatSettings.model_validate(
            {"app_id": APP, "app_secret": "simulated", "token": TOKEN, "encoding_aes_key": KEY}
        ),
    )
    service = serving.make_service(given, store, dialogue)
    assert service.channel is not None
    client = replace(service.channel.client, http=httpx.Client(transport=wechat.transport()))
    quick = {"service_after": timedelta(seconds=1), **changes}
    return replace(service, channel=replace(service.channel, client=client, **quick))  # type: ignore[arg-type]


@pytest.fixture
def wechat() -> WeChatServer:
    return WeChatServer(
        mode=MODE, url="", http=httpx.Client(trust_env=False), waits_s=30
    )  # a busy machine is no defect


@pytest.fixture
def world(store: Store, dialogue: Dialogue, wechat: WeChatServer) -> Iterator[World]:
    service = made(store, dialogue, wechat, waits_s=25.0)
    with served(service.app) as url:
        wechat.url = f"{url}/wechat"
        yield World(wechat=wechat, service=service, url=url)


def begun(world: World, user: str = "o_1", complaint: str = "头疼") -> str:
    """A user who has no danger now, at the first question after that."""
    reply = ""
    for text in ("你好", "同意", "45", "1", complaint, NO_DANGER):
        reply = world.wechat.write(user, text) or ""
    return reply


def test_consultation_is_walked_from_greeting_to_result_and_handed_to_a_doctor(world: World) -> None:
    world.wechat.subscribe("o_1")
    assert "同意" in world.wechat.inboxes["o_1"][-1]
    assert world.count(tables.consultation) == 0
    reply = begun(world)
    assert world.count(tables.consultation) == 1
    questions = 0
    while "第" in reply:
        questions += 1
        reply = world.wechat.write("o_1", "2") or ""
    assert 1 <= questions <= 15
    assert "https://consult.example.org/c/" in reply
    world.wechat.press("o_1", "doctor")
    assert "已发送给医生" in (world.wechat.write("o_1", "同意") or "")
    assert world.count(tables.handover) == 1


def test_clinicians_answer_arrives_in_wechat(world: World) -> None:
    begun(world)
    world.wechat.write("o_1", "医生")
    world.wechat.write("o_1", "同意")
    with world.service.store.engine.connect() as connection:
        consultation = connection.execute(sa.select(tables.handover.c.consultation_id)).scalar_one()
    world.service.site.desk.reply(consultation, "Dr Li", "明天上午来门诊。", ())
    world.until(lambda: any("明天上午来门诊" in text for text in world.wechat.inboxes["o_1"]))
    assert world.wechat.service_messages == 1


def test_repeated_message_moves_the_consultation_once_and_is_answered_the_same(world: World) -> None:
    begun(world)
    fields = {"MsgType": "text", "Content": "2", "MsgId": "777"}
    first = world.wechat.push("o_1", fields)
    again = world.wechat.push("o_1", fields)
    assert first is not None
    assert first == again
    assert "第3题" in first


def test_repeated_event_without_an_id_is_answered_the_same(world: World) -> None:
    fields = {"MsgType": "event", "Event": "subscribe", "EventKey": ""}
    moment = int(time.time())
    assert world.wechat.push("o_2", fields, created_s=moment) == world.wechat.push("o_2", fields, created_s=moment)
    assert world.count(tables.wechat_message) == 1


def test_two_taps_at_once_are_answered_one_after_the_other(world: World) -> None:
    begun(world)
    taps = [threading.Thread(target=world.wechat.write, args=("o_1", "2")) for _ in range(2)]
    for tap in taps:
        tap.start()
    for tap in taps:
        tap.join()
    assert [text.count("第3题") + 2 * text.count("第4题") for text in sorted(world.wechat.inboxes["o_1"][-2:])] in (
        [1, 2],
        [2, 1],
    )


def test_replayed_request_changes_nothing_and_tells_nothing_in_clear(world: World) -> None:
    begun(world)
    fields = {"ToUserName": ACCOUNT, "FromUserName": "o_1", "CreateTime": "1", "MsgType": "text", "MsgId": "9"}
    body = "".join(f"<{name}>{value}</{name}>" for name, value in {**fields, "Content": "2"}.items())
    params, sealed = world.wechat.sealed(f"<xml>{body}</xml>".encode())
    first, replayed = world.post(params, sealed), world.post(params, sealed)
    assert first.status_code == replayed.status_code == 200
    assert "题" not in replayed.text
    assert world.count(tables.wechat_message) == 7
    old = str(int(time.time()) - 3600)
    late = {**params, "timestamp": old}
    assert world.post(late, sealed).status_code == 403


def test_forged_requests_are_refused_and_leave_nothing(world: World) -> None:
    params, sealed = world.wechat.sealed(b"<xml><FromUserName>o</FromUserName></xml>")
    bomb = b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>'
    plain = b"<xml><ToUserName>a</ToUserName><FromUserName>o</FromUserName><Content>x</Content></xml>"
    for given, body in (
        ({}, sealed),
        ({**params, "msg_signature": "0" * 40}, sealed),
        ({**params, "nonce": "another"}, sealed),
        (params, sealed.replace(b"</Encrypt>", b"AAAA</Encrypt>")),
        (params, sealed),
        (params, bomb),
        (params, plain),
        (params, b""),
        (params, b"{}"),
    ):
        assert world.post(given, body).status_code == 403
    assert world.count(tables.wechat_message) == 0


def test_body_that_is_too_long_is_refused(world: World) -> None:
    assert world.post({}, b"x" * 70_000).status_code == 413


def test_address_is_proved_to_wechat_and_to_nobody_else(world: World) -> None:
    now = str(int(time.time()))
    right = hashlib.sha1("".join(sorted([TOKEN, now, "n"])).encode(), usedforsecurity=False).hexdigest()
    ask = {"timestamp": now, "nonce": "n", "echostr": "314"}
    assert httpx.get(f"{world.url}/wechat", params={**ask, "signature": right}, trust_env=False).text == "314"
    assert httpx.get(f"{world.url}/wechat", params={**ask, "signature": "0"}, trust_env=False).status_code == 403


@pytest.mark.parametrize(
    "text",
    [
        "🙂🙂🙂",
        "你是傻瓜",
        "Ich habe Kopfschmerzen",
        "asdfgh",
        "<script>",
        "9" * 40,
        "疼" * 2_000,
        "疼" * 10_000,
        "'; drop table x",
    ],
)
def test_text_of_any_kind_gets_a_clear_reply_and_the_question_stays(world: World, text: str) -> None:
    begun(world)
    before = world.wechat.write("o_1", "帮助")
    assert before
    reply = world.wechat.write("o_1", text)
    assert reply
    assert len(reply.encode()) <= 2048


def test_picture_and_voice_without_words_are_answered(world: World) -> None:
    begun(world)
    assert "文字" in (world.wechat.push("o_1", {"MsgType": "image", "PicUrl": "x", "MsgId": "5"}) or "")
    assert "文字" in (world.wechat.speak("o_1", "") or "")
    assert "第" in (world.wechat.speak("o_1", "没有") or "")


def test_child_who_writes_alone_is_told_to_fetch_a_grown_up(world: World) -> None:
    for text in ("你好", "同意"):
        world.wechat.write("o_1", text)
    assert "大人" in (world.wechat.write("o_1", "10岁") or "")


def test_erasing_takes_all_of_the_user(world: World) -> None:
    begun(world)
    world.wechat.write("o_1", "删除")
    assert "已全部删除" in (world.wechat.write("o_1", "删除") or "已全部删除")
    for table in (tables.consultation, tables.wechat_user):
        assert world.count(table) == 0


def test_last_answer_can_be_changed(world: World) -> None:
    begun(world)
    world.wechat.write("o_1", "2")
    again = world.wechat.write("o_1", "返回") or ""
    assert "您之前的回答：否" in again
    world.wechat.write("o_1", "不清楚")
    with world.service.store.engine.connect() as connection:
        consultation = connection.execute(sa.select(tables.consultation.c.id)).scalar_one()
    asked = [a.value for a in world.service.site.desk.look(consultation).consultation.answers if a.source == "asked"]
    assert asked == [("none",), "unknown"]


def test_web_consultation_goes_on_in_wechat_by_its_code_and_back_by_its_link(world: World) -> None:
    start = {"consent": "2026-01", "language": "en", "age_years": 30, "sex": "F", "text": "headache"}
    began = httpx.post(f"{world.url}/api/v1/consultations", json=start, trust_env=False).json()
    place = f"{world.url}/api/v1/consultations/{began['link']}"
    code = httpx.post(f"{place}/code", trust_env=False).json()["code"]
    world.wechat.subscribe("o_1")
    reply = world.wechat.write("o_1", code) or ""
    assert began["question"]["text"] in reply
    world.wechat.write("o_1", NO_DANGER)
    after = httpx.get(place, trust_env=False).json()
    assert after["question"]["turn"] == began["question"]["turn"] + 1
    assert after["answers"][began["question"]["id"]] == ["none"]
    assert "code" in (world.wechat.write("o_1", code) or "")


def test_codes_cannot_be_guessed_at_will(world: World) -> None:
    world.wechat.subscribe("o_1")
    for number in range(7):
        assert "代码无效" in (world.wechat.write("o_1", f"2222222{number + 2}") or "")


def test_flood_of_messages_is_slowed_down(store: Store, dialogue: Dialogue, wechat: WeChatServer) -> None:
    channel = made(store, dialogue, wechat).channel
    assert channel is not None
    chat = replace(channel.chat, pace=Limiter(most=3, per_s=3600))
    with served(made(store, dialogue, wechat, chat=chat, waits_s=25.0).app) as url:
        wechat.url = f"{url}/wechat"
        replies = [wechat.write("o_1", "你好") or "" for _ in range(4)]
    assert ["太快" in reply for reply in replies] == [False, False, False, True]


def test_reply_that_comes_late_goes_out_as_customer_service_and_once(
    store: Store, dialogue: Dialogue, wechat: WeChatServer
) -> None:
    service = made(store, dialogue, wechat, waits_s=0.0)
    with served(service.app) as url:
        world = World(wechat=wechat, service=service, url=url)
        wechat.url = f"{url}/wechat"
        assert wechat.write("o_1", "hello") is None
        world.until(lambda: bool(wechat.inboxes.get("o_1")))
        assert wechat.service_messages == 1
        assert wechat.tries == 1
        assert len(wechat.tokens) == 1


def test_message_kept_before_a_crash_is_answered_by_the_next_program(
    store: Store, dialogue: Dialogue, wechat: WeChatServer
) -> None:
    crashed = made(store, dialogue, wechat)
    assert crashed.channel is not None
    fields = {"ToUserName": ACCOUNT, "FromUserName": "o_1", "CreateTime": "1", "MsgType": "text", "MsgId": "9"}
    body = (
        "<xml>" + "".join(f"<{name}>{value}</{name}>" for name, value in fields.items()) + "<Content>hi</Content></xml>"
    )
    params, sealed = wechat.sealed(body.encode())
    wechat.wrote_at["o_1"] = time.time()
    stamp = Stamp(timestamp=params["timestamp"], nonce=params["nonce"])
    crashed.channel.receive(crashed.channel.opened(params["msg_signature"], stamp, sealed), body.encode())
    with served(made(store, dialogue, wechat).app) as url:
        World(wechat=wechat, service=crashed, url=url).until(lambda: bool(wechat.inboxes.get("o_1")))
    assert wechat.service_messages == 1


def test_refused_token_is_fetched_anew_and_the_message_sent(world: World) -> None:
    assert world.service.channel is not None
    world.until(lambda: world.wechat.menu is not None)
    world.wechat.wrote_at["o_1"] = time.time()
    old = world.service.channel.token(None)
    world.wechat.tokens = {"another": time.time() + 7200}  # WeChat gave one to somebody else, and ours ended
    world.service.channel.client.send(world.service.channel.token, "o_1", "hello")
    assert world.wechat.inboxes["o_1"] == ["hello"]
    assert world.service.channel.token(None) != old


def test_menu_is_set_and_its_buttons_do_what_they_say(world: World) -> None:
    world.until(lambda: world.wechat.menu is not None)
    assert world.wechat.menu is not None
    assert [button["name"] for button in world.wechat.menu["button"]] == ["开始问诊", "查看结果", "更多"]
    begun(world)
    assert "急" in (world.wechat.press("o_1", "result") or "") or world.wechat.inboxes["o_1"][-1]
    assert "多大" in (world.wechat.press("o_1", "restart") or "")


def test_user_who_leaves_is_forgotten(world: World) -> None:
    begun(world)
    world.wechat.unsubscribe("o_1")
    assert world.count(tables.consultation) == world.count(tables.wechat_user) == 0
