"""WeChat's API as far as we use it: access token, customer-service message, menu.

Source: WeChat's documentation for Official Accounts: stable_token, message/custom/send, menu/create.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aimis.domain.errors import AimisError

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 10.0
TOKEN_REFUSED = {40001, 40014, 42001}
NO_USE = {45015, 45047, 43004, 40003}
"""The user wrote too long ago, had too many messages, does not follow us, or is none: trying again is no use."""


TokenSource = Callable[[str | None], str]
"""Gives the access token; told which one was refused, it gives another."""


class WeChatError(AimisError):
    """WeChat's API could not be used; it may be worth trying again."""


class UndeliverableError(WeChatError):
    """WeChat will not deliver this message."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """An access token and for how many seconds it holds."""

    value: str
    holds_s: int


@dataclass(frozen=True, kw_only=True)
class Client:
    """Calls WeChat; the token is asked for with each call, as all workers share one."""

    api_url: str
    app_id: str
    app_secret: str
    http: httpx.Client

    def fetch_token(self, *, force: bool) -> Token:
        """A token from WeChat; `force` where the one we have is refused, which it allows 20 times a day."""
        answer = self._post(
            "/cgi-bin/stable_token",
            {
                "grant_type": "client_credential",
                "appid": self.app_id,
                "secret": self.app_secret,
                "force_refresh": force,
            },
        )
        if "access_token" not in answer:
            raise WeChatError(f"WeChat gives no access token: error {answer.get('errcode')}")
        return Token(value=str(answer["access_token"]), holds_s=int(answer.get("expires_in", 7200)))

    def send(self, token: TokenSource, user: str, text: str) -> None:
        """Send a text as customer service, which WeChat allows for 48 hours after the user wrote."""
        self._call(
            token, "/cgi-bin/message/custom/send", {"touser": user, "msgtype": "text", "text": {"content": text}}
        )

    def set_menu(self, token: TokenSource, menu: Mapping[str, Any]) -> None:
        """Replace the account's menu."""
        self._call(token, "/cgi-bin/menu/create", menu)

    def _call(self, source: TokenSource, path: str, content: Mapping[str, Any]) -> None:
        token = source(None)
        code = self._tried(path, token, content)
        if code in TOKEN_REFUSED:
            code = self._tried(path, source(token), content)
        if code in NO_USE:
            raise UndeliverableError(f"WeChat does not deliver: error {code}")
        if code:
            raise WeChatError(f"WeChat refuses {path}: error {code}")

    def _tried(self, path: str, token: str, content: Mapping[str, Any]) -> int:
        return int(self._post(path, content, access_token=token).get("errcode", 0))

    def _post(self, path: str, content: Mapping[str, Any], **query: str) -> dict[str, Any]:
        import httpx  # noqa: PLC0415  who serves without WeChat does not wait for it

        body = json.dumps(content, ensure_ascii=False).encode()  # WeChat shows \u escapes as they are
        try:
            answer = self.http.post(f"{self.api_url}{path}", params=query, content=body, timeout=TIMEOUT_S)
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise WeChatError(f"WeChat cannot be reached: {type(error).__name__}") from error
        if not isinstance(found, dict):
            raise WeChatError("WeChat answers in a form we do not know")
        return found
