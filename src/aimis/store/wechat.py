"""What WeChat sent and what it was answered: each message once, whatever WeChat repeats; users known by marks alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from aimis.store import tables

if TYPE_CHECKING:
    from aimis.store.transaction import Transaction

SentBy = Literal["reply", "service", "given-up"]
MESSAGES = tables.wechat_message
USERS = tables.wechat_user
ACCOUNTS = tables.wechat_account


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A message of WeChat.

    mark : the same for every repetition
    reply : None until it is made
    sent_by : how the reply went out; None until it did
    """

    mark: bytes
    user_mark: bytes
    content: bytes
    reply: str | None
    sent_by: SentBy | None


@dataclass(frozen=True, kw_only=True)
class User:
    """Who writes to the account.

    content : as its owner writes it; empty of a new user
    """

    mark: bytes
    consultation_id: UUID | None
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Account:
    """What is known of our account at WeChat's; a token is None where there is none or it has expired."""

    token: str | None
    menu_sha256: str | None


def receive(tx: Transaction, key: str, user: str, content: bytes) -> tuple[bytes, bool]:
    """Keep a message under its key; its mark, and whether it is new."""
    mark = tx.seal.mark(f"message {key}")
    row = {
        "mark": mark,
        "user_mark": user_mark(tx, user),
        "received_at": tx.at,
        "sealed": tx.seal.seal(content, _about(mark)),
    }
    kept = insert(MESSAGES).values(row).on_conflict_do_nothing().returning(MESSAGES.c.mark)
    return mark, tx.connection.execute(kept).one_or_none() is not None


def incoming(tx: Transaction, mark: bytes, *, to_change: bool = False) -> Incoming | None:
    """A message that was received, unless it was erased meanwhile."""
    asked = sa.select(MESSAGES).where(MESSAGES.c.mark == mark)
    row = tx.connection.execute(asked.with_for_update() if to_change else asked).one_or_none()
    if row is None:
        return None
    reply = None if row.sealed_reply is None else tx.seal.open(row.sealed_reply, _about_reply(mark)).decode()
    content = tx.seal.open(row.sealed, _about(mark))
    return Incoming(mark=mark, user_mark=row.user_mark, content=content, reply=reply, sent_by=row.sent_by)


def set_reply(tx: Transaction, mark: bytes, reply: str) -> None:
    """Keep what the message is answered."""
    sealed = tx.seal.seal(reply.encode(), _about_reply(mark))
    tx.connection.execute(sa.update(MESSAGES).where(MESSAGES.c.mark == mark).values(sealed_reply=sealed))


def set_sent(tx: Transaction, mark: bytes, sent_by: SentBy) -> None:
    """Keep how the reply went out."""
    tx.connection.execute(sa.update(MESSAGES).where(MESSAGES.c.mark == mark).values(sent_by=sent_by))


def user(tx: Transaction, mark: bytes) -> User:
    """A user, locked until the transaction ends; made where there is none."""
    new = {"mark": mark, "seen_at": tx.at, "sealed": tx.seal.seal(b"", _about_user(mark))}
    tx.connection.execute(insert(USERS).values(new).on_conflict_do_nothing())
    row = tx.connection.execute(sa.select(USERS).where(USERS.c.mark == mark).with_for_update()).one()
    return _user(tx, row)


def put_user(tx: Transaction, user: User) -> None:
    """Keep a user as it is now."""
    changed = {
        "consultation_id": user.consultation_id,
        "seen_at": tx.at,
        "sealed": tx.seal.seal(user.content, _about_user(user.mark)),
    }
    tx.connection.execute(sa.update(USERS).where(USERS.c.mark == user.mark).values(changed))


def user_of(tx: Transaction, consultation_id: UUID) -> User | None:
    """Who goes on with a consultation in WeChat, if anybody; the latest of several."""
    asked = sa.select(USERS).where(USERS.c.consultation_id == consultation_id).order_by(USERS.c.seen_at.desc()).limit(1)
    row = tx.connection.execute(asked).one_or_none()
    return None if row is None else _user(tx, row)


def forget_user(tx: Transaction, mark: bytes) -> None:
    """Erase a user and all that the user wrote."""
    tx.connection.execute(sa.delete(MESSAGES).where(MESSAGES.c.user_mark == mark))
    tx.connection.execute(sa.delete(USERS).where(USERS.c.mark == mark))


def erase_old(tx: Transaction, *, messages: timedelta, users: timedelta) -> None:
    """Erase messages and users of so long ago."""
    tx.connection.execute(sa.delete(MESSAGES).where(MESSAGES.c.received_at < tx.at - messages))
    tx.connection.execute(sa.delete(USERS).where(USERS.c.seen_at < tx.at - users))


def account(tx: Transaction, app_id: str) -> Account:
    """Our account, locked until the transaction ends, so that one worker at a time fetches a token."""
    tx.connection.execute(insert(ACCOUNTS).values(app_id=app_id).on_conflict_do_nothing())
    row = tx.connection.execute(sa.select(ACCOUNTS).where(ACCOUNTS.c.app_id == app_id).with_for_update()).one()
    token = None
    if row.sealed_token is not None and row.expires_at > tx.at:
        token = tx.seal.open(row.sealed_token, _about_token(app_id)).decode()
    return Account(token=token, menu_sha256=row.menu_sha256)


def put_token(tx: Transaction, app_id: str, token: str, expires_at: datetime) -> None:
    """Keep an access token for all workers."""
    changed = {"sealed_token": tx.seal.seal(token.encode(), _about_token(app_id)), "expires_at": expires_at}
    tx.connection.execute(sa.update(ACCOUNTS).where(ACCOUNTS.c.app_id == app_id).values(changed))


def put_menu(tx: Transaction, app_id: str, sha256: str) -> None:
    """Remember which menu WeChat has."""
    tx.connection.execute(sa.update(ACCOUNTS).where(ACCOUNTS.c.app_id == app_id).values(menu_sha256=sha256))


def user_mark(tx: Transaction, openid: str) -> bytes:
    """By which a user is found again."""
    return tx.seal.mark(f"wechat user {openid}")


def _user(tx: Transaction, row: sa.Row[tuple[object, ...]]) -> User:
    kept = row._mapping  # noqa: SLF001  SQLAlchemy's public name for it
    content = tx.seal.open(kept["sealed"], _about_user(kept["mark"]))
    return User(mark=kept["mark"], consultation_id=kept["consultation_id"], content=content)


def _about(mark: bytes) -> str:
    return f"wechat message {mark.hex()}"


def _about_reply(mark: bytes) -> str:
    return f"wechat reply {mark.hex()}"


def _about_user(mark: bytes) -> str:
    return f"wechat user {mark.hex()}"


def _about_token(app_id: str) -> str:
    return f"wechat token {app_id}"
