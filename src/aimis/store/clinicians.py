"""Clinicians who may see the queue: their passwords, hashed; their logins; locks after wrong passwords."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import argon2
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from aimis.domain.errors import UsageError
from aimis.store import tables

if TYPE_CHECKING:
    from aimis.store.transaction import Transaction

SHORTEST_PASSWORD = 12  # NIST SP 800-63B asks for 8 at least, and for length over signs
LONGEST_PASSWORD = 200
LOGIN_HOLDS = timedelta(hours=8)
FAILURES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)

_hasher = argon2.PasswordHasher()


@dataclass(frozen=True, kw_only=True)
class Login:
    """A clinician who is logged in.

    guard : stands in every form, so that no other site can send one
    """

    clinician: str
    guard: str


def set_password(tx: Transaction, name: str, password: str) -> None:
    """Add a clinician or change the password; all logins end.

    UsageError: a name or password that cannot be
    """
    name = name.strip()
    if not name or len(name) > 80:
        raise UsageError("a clinician's name has 1 to 80 characters")
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise UsageError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    table = tables.clinician
    row = {"name": name, "password_hash": _hasher.hash(password), "failures": 0, "locked_until": None}
    given = insert(table).values(row)
    tx.connection.execute(given.on_conflict_do_update(index_elements=["name"], set_=row))
    tx.connection.execute(sa.delete(tables.login).where(tables.login.c.clinician == name))
    tx.record("command line", f"set the password of {name}")


def log_in(tx: Transaction, name: str, password: str) -> str | None:
    """A new login's secret; None where name or password is wrong or the account is locked, which is not told apart."""
    table, name = tables.clinician, name.replace("\0", "?")  # which the database does not take, and no name holds
    row = tx.connection.execute(sa.select(table).where(table.c.name == name).with_for_update()).one_or_none()
    right = _matches(row.password_hash if row else _hash_of_nobody(), password[:LONGEST_PASSWORD])
    if row is None or (row.locked_until is not None and row.locked_until > tx.at):
        return None
    if not right:
        _count_failure(tx, name, row.failures + 1)
        return None
    tx.connection.execute(sa.update(table).where(table.c.name == name).values(failures=0, locked_until=None))
    secret = secrets.token_urlsafe(32)
    kept = {"mark": _mark(tx, secret), "clinician": name, "expires_at": tx.at + LOGIN_HOLDS}
    tx.connection.execute(sa.insert(tables.login).values(kept))
    tx.record(name, "logged in")
    return secret


def logged_in(tx: Transaction, secret: str) -> Login | None:
    """Whose login it is, while it holds."""
    table = tables.login
    row = tx.connection.execute(sa.select(table).where(table.c.mark == _mark(tx, secret))).one_or_none()
    if row is None or row.expires_at <= tx.at:
        return None
    return Login(clinician=row.clinician, guard=tx.seal.mark(f"guard {secret}").hex())


def log_out(tx: Transaction, secret: str) -> None:
    """End a login, and with it all that have expired."""
    table = tables.login
    tx.connection.execute(sa.delete(table).where((table.c.mark == _mark(tx, secret)) | (table.c.expires_at <= tx.at)))


@cache
def _hash_of_nobody() -> str:
    """Compared with where there is no such name, to take as long."""
    return _hasher.hash(secrets.token_hex(16))


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except argon2.exceptions.VerifyMismatchError:
        return False


def _count_failure(tx: Transaction, name: str, failures: int) -> None:
    locked = failures >= FAILURES_ALLOWED
    changed = {"failures": 0 if locked else failures, "locked_until": tx.at + LOCKED_FOR if locked else None}
    tx.connection.execute(sa.update(tables.clinician).where(tables.clinician.c.name == name).values(changed))
    tx.record(name, "was refused")


def _mark(tx: Transaction, secret: str) -> bytes:
    return tx.seal.mark(f"login {secret}")
