"""Consultations: kept after every answer, found again by link or code, erased when their time is over."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import sqlalchemy as sa

from aimis.store import tables
from aimis.store.errors import NotThereError, OutdatedError

if TYPE_CHECKING:
    from aimis.store.transaction import Transaction

TABLE = tables.consultation
CODE_DIGITS = "23456789"  # the first, so that no word is taken for a code
CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that looks like another
CODE_LENGTH = 8
CODE_HOLDS = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class Consent:
    """To which text, word for word, somebody agreed."""

    version: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A consultation as it is kept.

    revision : one more with each change; who writes must have read the newest
    content : what it holds, as its owner writes it
    """

    id: UUID
    revision: int
    channel: str
    language: str
    finished: bool
    consent: Consent
    started_at: datetime
    touched_at: datetime
    content: bytes


def add(tx: Transaction, content: bytes, *, channel: str, language: str, finished: bool, consent: Consent) -> Kept:
    """Keep a new one; consent to its keeping was given at the same moment."""
    kept = Kept(
        id=uuid4(),
        revision=1,
        channel=channel,
        language=language,
        finished=finished,
        consent=consent,
        started_at=tx.at,
        touched_at=tx.at,
        content=content,
    )
    row = {
        "id": kept.id,
        "revision": kept.revision,
        "channel": channel,
        "language": language,
        "finished": finished,
        "consent_version": consent.version,
        "consent_sha256": consent.sha256,
        "started_at": tx.at,
        "touched_at": tx.at,
        "sealed": tx.seal.seal(content, _about(kept.id)),
    }
    tx.connection.execute(sa.insert(TABLE).values(row))
    return kept


def get(tx: Transaction, consultation_id: UUID, *, to_change: bool = False) -> Kept:
    """One of them; `to_change` lets nobody else change it until the transaction ends.

    NotThereError: it was erased, or never was
    """
    asked = sa.select(TABLE).where(TABLE.c.id == consultation_id)
    row = tx.connection.execute(asked.with_for_update() if to_change else asked).mappings().one_or_none()
    if row is None:
        raise NotThereError("this consultation is not there any more")
    return Kept(
        consent=Consent(version=row["consent_version"], sha256=row["consent_sha256"]),
        content=tx.seal.open(row["sealed"], _about(row["id"])),
        **{name: row[name] for name in COPIED},
    )


COPIED = ("id", "revision", "channel", "language", "finished", "started_at", "touched_at")


def put(tx: Transaction, kept: Kept, content: bytes, *, finished: bool) -> None:
    """Keep it as it is now; OutdatedError where it is not what `kept` was read as."""
    changed = {
        "revision": kept.revision + 1,
        "finished": finished,
        "touched_at": tx.at,
        "sealed": tx.seal.seal(content, _about(kept.id)),
    }
    same = (TABLE.c.id == kept.id) & (TABLE.c.revision == kept.revision)
    if tx.connection.execute(sa.update(TABLE).where(same).values(changed)).rowcount != 1:
        raise OutdatedError("the consultation went on meanwhile")


def erase(tx: Transaction, consultation_id: UUID) -> bool:
    """Remove it with its messages, codes and hand-over; False where it was not there."""
    return tx.connection.execute(sa.delete(TABLE).where(TABLE.c.id == consultation_id)).rowcount == 1


def make_code(tx: Transaction, consultation_id: UUID) -> str:
    """Eight letters to type on another channel, once, within half an hour."""
    rest = (secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH - 1))
    code = "".join([secrets.choice(CODE_DIGITS), *rest])
    row = {"mark": _code_mark(tx, code), "consultation_id": consultation_id, "expires_at": tx.at + CODE_HOLDS}
    tx.connection.execute(sa.insert(tables.resume_code).values(row))
    return code


def take_code(tx: Transaction, code: str) -> UUID | None:
    """Whose code it is; it does not hold a second time."""
    codes = tables.resume_code
    taken = sa.delete(codes).where(codes.c.mark == _code_mark(tx, code)).returning(codes)
    row = tx.connection.execute(taken).one_or_none()
    return row.consultation_id if row is not None and row.expires_at > tx.at else None


def erase_old(tx: Transaction, *, untouched: timedelta, handed_over: timedelta) -> int:
    """Erase what nobody touched for so long, and codes that do not hold any more; how many consultations."""
    with_doctor = sa.exists().where(tables.handover.c.consultation_id == TABLE.c.id)
    old = sa.or_(
        sa.and_(~with_doctor, TABLE.c.touched_at < tx.at - untouched),
        sa.and_(with_doctor, TABLE.c.touched_at < tx.at - handed_over),
    )
    tx.connection.execute(sa.delete(tables.resume_code).where(tables.resume_code.c.expires_at < tx.at))
    return tx.connection.execute(sa.delete(TABLE).where(old)).rowcount


def _code_mark(tx: Transaction, code: str) -> bytes:
    return tx.seal.mark(f"code {code.strip().upper()}")


def _about(consultation_id: UUID) -> str:
    return f"consultation {consultation_id}"
