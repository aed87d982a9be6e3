"""WeChat's server, as far as an Official Account meets it: to try and test the account without WeChat.

It sends what its users write, signed and encrypted as safe mode does; it waits five seconds for a reply and repeats the
message up to three times; it hands out access tokens that expire, and takes customer-service messages and menus.
"""

from __future__ import annotations

import itertools
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import httpx
from defusedxml.ElementTree import fromstring

from aimis.consult.channels.wechat.crypto import SafeMode, Stamp

ACCOUNT = "gh_simulated"
TRIES, WAITS_S = 3, 5.0
SERVICE_HOLDS_S = 48 * 3600
INVALID_TOKEN, EXPIRED_TOKEN, TOO_LATE, UNKNOWN_USER = 40001, 42001, 45015, 40003


@dataclass(kw_only=True)
class WeChatServer:
    """One server with one Official Account.

    url : of the account's server, with /wechat
    inboxes : user -> texts that arrived, by either way
    """

    mode: SafeMode
    url: str
    http: httpx.Client
    app_id: str = "wx5823bf96d3bd56c7"
    app_secret: str = "simulated"  # noqa: S105  opens nothing
    clock: Callable[[], float] = time.time
    waits_s: float = WAITS_S
    inboxes: dict[str, list[str]] = field(default_factory=dict)
    menu: dict[str, Any] | None = None
    tokens: dict[str, float] = field(default_factory=dict)
    wrote_at: dict[str, float] = field(default_factory=dict)
    service_messages: int = 0
    tries: int = 0
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(23000000))

    def write(self, user: str, text: str) -> str | None:
        """A user writes; the reply that came in time, None where none did."""
        return self.push(user, {"MsgType": "text", "Content": text, "MsgId": str(next(self._ids))})

    def speak(self, user: str, recognised: str) -> str | None:
        """A user speaks, and WeChat writes down what it recognises."""
        fields = {"MsgType": "voice", "Recognition": recognised, "MediaId": "m", "MsgId": str(next(self._ids))}
        return self.push(user, fields)

    def press(self, user: str, key: str) -> str | None:
        """A user presses a button of the menu."""
        return self.push(user, {"MsgType": "event", "Event": "CLICK", "EventKey": key})

    def subscribe(self, user: str) -> str | None:
        """A user follows the account."""
        return self.push(user, {"MsgType": "event", "Event": "subscribe", "EventKey": ""})

    def unsubscribe(self, user: str) -> str | None:
        """A user leaves."""
        return self.push(user, {"MsgType": "event", "Event": "unsubscribe", "EventKey": ""})

    def push(self, user: str, fields: dict[str, str], *, created_s: int | None = None) -> str | None:
        """Send a message, up to three times, each time until five seconds are over."""
        self.wrote_at[user] = self.clock()
        plain = _xml(
            {"ToUserName": ACCOUNT, "FromUserName": user, "CreateTime": str(created_s or self.now_s), **fields}
        )
        for _ in range(TRIES):
            self.tries += 1
            params, body = self.sealed(plain)
            try:
                answer = self.http.post(self.url, params=params, content=body, timeout=self.waits_s)
            except httpx.TransportError:
                continue
            return self._arrived(user, answer)
        return None

    def sealed(self, plain: bytes) -> tuple[dict[str, str], bytes]:
        """A request in safe mode: what stands in its address, and its body."""
        stamp = Stamp(timestamp=str(self.now_s), nonce=secrets.token_hex(5))
        encrypted = self.mode.seal(plain)
        params = {
            "timestamp": stamp.timestamp,
            "nonce": stamp.nonce,
            "encrypt_type": "aes",
            "msg_signature": self.mode.sign(stamp, encrypted),
        }
        return params, _xml({"ToUserName": ACCOUNT, "Encrypt": encrypted})

    @property
    def now_s(self) -> int:
        """Its clock."""
        return int(self.clock())

    def transport(self) -> httpx.MockTransport:
        """Its API, to be given to the account's HTTP client."""
        return httpx.MockTransport(self.api)

    def api(self, request: httpx.Request) -> httpx.Response:
        """What WeChat's API answers."""
        content = json.loads(request.content)
        if request.url.path == "/cgi-bin/stable_token":
            return httpx.Response(200, json=self._token(content))
        token = request.url.params.get("access_token", "")
        if token not in self.tokens:
            return _error(INVALID_TOKEN)
        if self.tokens[token] <= self.clock():
            return _error(EXPIRED_TOKEN)
        if request.url.path == "/cgi-bin/menu/create":
            self.menu = content
            return _error(0)
        return _error(self._service(content))

    def _token(self, content: dict[str, Any]) -> dict[str, Any]:
        if (content["appid"], content["secret"]) != (self.app_id, self.app_secret):
            return {"errcode": 40125, "errmsg": "invalid appsecret"}
        living = [token for token, ends in self.tokens.items() if ends > self.clock()]
        if not living or content.get("force_refresh"):
            self.tokens = {secrets.token_hex(16): self.clock() + 7200}
            living = list(self.tokens)
        return {"access_token": living[-1], "expires_in": int(self.tokens[living[-1]] - self.clock())}

    def _service(self, content: dict[str, Any]) -> int:
        user = content["touser"]
        if user not in self.wrote_at:
            return UNKNOWN_USER
        if self.clock() - self.wrote_at[user] > SERVICE_HOLDS_S:
            return TOO_LATE
        self.service_messages += 1
        self.inboxes.setdefault(user, []).append(content["text"]["content"])
        return 0

    def _arrived(self, user: str, answer: httpx.Response) -> str | None:
        """The text of an encrypted reply, after all checks that WeChat makes; None of `success`."""
        answer.raise_for_status()
        if answer.content in {b"success", b""}:
            return None
        root = fromstring(answer.content, forbid_dtd=True)
        stamp = Stamp(timestamp=root.findtext("TimeStamp") or "", nonce=root.findtext("Nonce") or "")
        encrypted = root.findtext("Encrypt") or ""
        self.mode.check(root.findtext("MsgSignature") or "", stamp, self.clock(), encrypted)
        text = fromstring(self.mode.open(encrypted), forbid_dtd=True).findtext("Content") or ""
        self.inboxes.setdefault(user, []).append(text)
        return text


def _xml(fields: dict[str, str]) -> bytes:
    root = Element("xml")
    for name, value in fields.items():
        SubElement(root, name).text = value
    return tostring(root, encoding="unicode").encode()


def _error(code: int) -> httpx.Response:
    return httpx.Response(200, json={"errcode": code, "errmsg": "ok" if code == 0 else "refused"})
