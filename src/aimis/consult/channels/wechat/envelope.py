"""WeChat's XML: what a user sent or pressed, and what we answer. Entities and document types are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException, ElementTree

from aimis.consult.channels.wechat.crypto import ForgedError, SafeMode, Stamp

MOST_BYTES = 64 * 1024
LONGEST_FIELD = 10_000
TEXT_BYTES = 2_000
"""WeChat cuts a text after 2,048 bytes."""

Kind = Literal["text", "voice", "subscribe", "unsubscribe", "click", "other"]


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message or event.

    user, account : the user's OpenID and our account's original id
    key : the same whenever WeChat sends it again: MsgId, of events FromUserName and CreateTime
    text : what was written, what speech recognition heard, or the key of the menu's button
    """

    user: str
    account: str
    created_s: int
    key: str
    kind: Kind
    text: str


def encrypted_part(body: bytes) -> str:
    """The ciphertext of a request in safe mode; ForgedError where there is none."""
    return _field(_parsed(body), "Encrypt")


def parse(plain: bytes) -> Message:
    """The message; ForgedError where it lacks what every message has."""
    root = _parsed(plain)
    created = _field(root, "CreateTime")
    if not created.isdecimal():
        raise ForgedError("a message has no time")
    user, kind = _field(root, "FromUserName"), _field(root, "MsgType")
    number = _optional(root, "MsgId")
    event = _optional(root, "Event").lower()
    return Message(
        user=user,
        account=_field(root, "ToUserName"),
        created_s=int(created[:12]),
        key=f"id {number}" if number else f"event {user} {created} {event} {_optional(root, 'EventKey')}",
        kind=_kind(kind, event),
        text=_text(root, kind)[:LONGEST_FIELD],
    )


def reply_to(message: Message, text: str, now_s: int) -> bytes:
    """The XML of a text that answers a message."""
    root = Element("xml")
    fields = {
        "ToUserName": message.user,
        "FromUserName": message.account,
        "CreateTime": str(now_s),
        "MsgType": "text",
        "Content": _printable(text),
    }
    for name, value in fields.items():
        SubElement(root, name).text = value
    return tostring(root, encoding="unicode").encode()


def sealed(mode: SafeMode, plain: bytes, stamp: Stamp) -> bytes:
    """The XML of a reply in safe mode."""
    root, encrypted = Element("xml"), mode.seal(plain)
    fields = {
        "Encrypt": encrypted,
        "MsgSignature": mode.sign(stamp, encrypted),
        "TimeStamp": stamp.timestamp,
        "Nonce": stamp.nonce,
    }
    for name, value in fields.items():
        SubElement(root, name).text = value
    return tostring(root, encoding="unicode").encode()


def fitting(text: str, ending: str = "") -> str:
    """The text, cut after a whole line where it is too long for WeChat; `ending` then says where the rest is."""
    if len(text.encode()) <= TEXT_BYTES:
        return text
    room, lines = TEXT_BYTES - len(ending.encode()) - 4, list[str]()
    for line in text.splitlines():
        room -= len(line.encode()) + 1
        if room < 0:
            break
        lines.append(line)
    return "\n".join([*lines, "…", ending])


def _kind(kind: str, event: str) -> Kind:
    if kind == "event":
        known: dict[str, Kind] = {"subscribe": "subscribe", "unsubscribe": "unsubscribe", "click": "click"}
        return known.get(event, "other")
    return "text" if kind == "text" else "voice" if kind == "voice" else "other"


def _text(root: Element, kind: str) -> str:
    named = {"text": "Content", "voice": "Recognition", "event": "EventKey"}
    return _optional(root, named[kind]) if kind in named else ""


def _parsed(body: bytes) -> Element:
    if len(body) > MOST_BYTES:
        raise ForgedError("the request is too long")
    try:
        root: Element = ElementTree.fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise ForgedError("the request is no XML that WeChat would send") from error
    return root


def _field(root: Element, name: str) -> str:
    found = _optional(root, name)
    if not found:
        raise ForgedError(f"the request has no {name}")
    return found


def _optional(root: Element, name: str) -> str:
    return (root.findtext(name) or "").strip()


def _printable(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(letter for letter in text if letter >= " " or letter in "\n\t")
