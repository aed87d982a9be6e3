"""Stands before the app: bodies of a size, addresses at a pace, and headers that keep a page to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse

from aimis.web.words import LANGUAGES, words_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from aimis.web.limits import Limiter

MOST_BYTES = 64 * 1024
REFUSALS = {429: "refused-busy", 413: "refused-large"}
UNLIMITED = ("/static/", "/healthz", "/wechat")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address holds the secret of a consultation
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """An ASGI app around another."""

    def __init__(self, app: ASGIApp, *, limiter: Limiter, https: bool, ambulance: Callable[[str], str]) -> None:
        self._app, self._limiter, self._ambulance = app, limiter, ambulance
        self._headers = {**HEADERS, **({"Strict-Transport-Security": "max-age=31536000"} if https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or let pass with the whole body read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sending = self._with_headers(scope, send)
        if not scope["path"].startswith(UNLIMITED) and not self._limiter.allows(address_of(scope)):
            await _refusal(429, self._ambulance)(scope, receive, sending)
            return
        body = await _body(receive)
        if body is None:
            await _refusal(413, self._ambulance)(scope, receive, sending)
            return
        await self._app(scope, _replayed(body, receive), sending)

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return sending


def address_of(scope: Scope) -> str:
    """Whose request it is, as far as the network tells."""
    client = scope.get("client")
    return str(client[0]) if client else "nowhere"


def _refusal(status: int, ambulance: Callable[[str], str]) -> PlainTextResponse:
    key = REFUSALS[status]
    said = "\n".join(words_of(language)(key, number=ambulance(language)) for language in LANGUAGES)
    return PlainTextResponse(f"{said}\n", status, headers={"Retry-After": "60"} if status == 429 else None)


async def _body(receive: Receive) -> bytes | None:
    """All of it; None where it is more than we take."""
    parts, length = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > MOST_BYTES:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def receiving() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving
