"""WeChat's XML is read as it is sent, and what WeChat would not send is refused."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from aimis.consult.channels.wechat import envelope
from aimis.consult.channels.wechat.crypto import ForgedError

HEAD = {"ToUserName": "gh_us", "FromUserName": "o_user", "CreateTime": "1700000000"}


def xml(**fields: str) -> bytes:
    root = Element("xml")
    for name, value in {**HEAD, **fields}.items():
        SubElement(root, name).text = value
    return tostring(root, encoding="unicode").encode()


def test_text_is_read_and_known_again_by_its_id() -> None:
    message = envelope.parse(xml(MsgType="text", Content=" 胸口疼 ", MsgId="7"))
    assert (message.kind, message.text, message.key, message.user) == ("text", "胸口疼", "id 7", "o_user")


def test_voice_is_read_as_what_was_recognised() -> None:
    message = envelope.parse(xml(MsgType="voice", Recognition="我头疼", MsgId="7", MediaId="m"))
    assert (message.kind, message.text) == ("voice", "我头疼")


def test_event_without_an_id_is_known_again_by_user_and_time() -> None:
    event = {"MsgType": "event", "Event": "CLICK", "EventKey": "START"}
    first, again = (envelope.parse(xml(**event)) for _ in range(2))
    later = envelope.parse(xml(**{**event, "CreateTime": "1700000001"}))
    assert (first.kind, first.text) == ("click", "START")
    assert first.key == again.key != later.key


@pytest.mark.parametrize("kind", ["image", "location", "link", "video", "nonsense"])
def test_other_messages_are_told_apart(kind: str) -> None:
    assert envelope.parse(xml(MsgType=kind, MsgId="1")).kind == "other"


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>'
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Encrypt>&a;</Encrypt></xml>'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<xml>",
        b"<xml/>",
        BOMB,
        OUTSIDE,
        b'<!DOCTYPE xml SYSTEM "http://127.0.0.1/x.dtd"><xml><Encrypt>x</Encrypt></xml>',
        b"<xml><Encrypt>" + b"x" * 70_000 + b"</Encrypt></xml>",
        b"<a>" * 9_000 + b"</a>" * 9_000,
        b"\xff\xfe\x00",
    ],
)
def test_request_that_wechat_would_not_send_is_refused(body: bytes) -> None:
    with pytest.raises(ForgedError):
        envelope.encrypted_part(body)


@pytest.mark.parametrize("missing", ["FromUserName", "ToUserName", "CreateTime", "MsgType"])
def test_message_without_what_every_message_has_is_refused(missing: str) -> None:
    with pytest.raises(ForgedError):
        envelope.parse(xml(**{"MsgType": "text", "Content": "x", missing: ""}))


@given(st.text(max_size=200))
def test_any_reply_is_xml_and_says_what_it_should(text: str) -> None:
    message = envelope.parse(xml(MsgType="text", Content="x", MsgId="1"))
    said = fromstring(envelope.reply_to(message, text.encode("utf-8", "ignore").decode(), 1)).findtext("Content")
    shown = "".join(c for c in text.encode("utf-8", "ignore").decode() if c >= " " or c in "\n\t")
    assert said == shown


@given(st.lists(st.text("疼a ", max_size=90), max_size=60).map("\n".join))
def test_long_text_is_cut_to_what_wechat_takes_and_says_where_the_rest_is(text: str) -> None:
    fitting = envelope.fitting(text, "https://example.org/c/x")
    assert len(fitting.encode()) <= envelope.TEXT_BYTES
    assert fitting == text or fitting.endswith("https://example.org/c/x")
