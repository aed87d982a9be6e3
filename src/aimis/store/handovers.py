"""Consultations that were handed to a clinician: the queue, and what was written to and fro."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from aimis.store import tables
from aimis.store.errors import NotThereError

if TYPE_CHECKING:
    from aimis.store.transaction import Transaction

TABLE = tables.handover
State = Literal["waiting", "answered", "closed"]
Author = Literal["clinician", "person"]
MOST_LISTED = 200


@dataclass(frozen=True, kw_only=True)
class Handover:
    """A consultation in a clinician's hands.

    urgency_rank : 0 is the most urgent
    content : as its owner writes it
    """

    consultation_id: UUID
    urgency_rank: int
    state: State
    taken_by: str | None
    asked_at: datetime
    answered_at: datetime | None
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Message:
    """Something that a clinician or the person wrote."""

    author: Author
    said_at: datetime
    text: str


def ask(tx: Transaction, consultation_id: UUID, *, urgency_rank: int, content: bytes) -> None:
    """Put a consultation into the queue, or put it there again as it is now; its place is that of the first time."""
    row = {
        "consultation_id": consultation_id,
        "urgency_rank": urgency_rank,
        "state": "waiting",
        "asked_at": tx.at,
        "sealed": tx.seal.seal(content, _about(consultation_id)),
    }
    again = {name: row[name] for name in ("urgency_rank", "state", "sealed")}
    given = insert(TABLE).values(row)
    tx.connection.execute(given.on_conflict_do_update(index_elements=["consultation_id"], set_=again))


def get(tx: Transaction, consultation_id: UUID) -> Handover:
    """One of them; NotThereError where it was not handed over."""
    found = find(tx, consultation_id)
    if found is None:
        raise NotThereError("this consultation was not handed to a clinician")
    return found


def find(tx: Transaction, consultation_id: UUID) -> Handover | None:
    """One of them; None where it was not handed over."""
    row = tx.connection.execute(sa.select(TABLE).where(TABLE.c.consultation_id == consultation_id)).one_or_none()
    return None if row is None else _handover(tx, row)


def queue(tx: Transaction, states: Sequence[State]) -> list[Handover]:
    """The most urgent first, and of these who has waited longest; the first 200."""
    asked = sa.select(TABLE).where(TABLE.c.state.in_(states))
    rows = tx.connection.execute(asked.order_by(TABLE.c.urgency_rank, TABLE.c.asked_at).limit(MOST_LISTED))
    return [_handover(tx, row) for row in rows]


def put(tx: Transaction, handover: Handover) -> None:
    """Keep it as it is now: its state, who took it, and its content."""
    changed = {
        "state": handover.state,
        "taken_by": handover.taken_by,
        "answered_at": handover.answered_at,
        "sealed": tx.seal.seal(handover.content, _about(handover.consultation_id)),
    }
    tx.connection.execute(sa.update(TABLE).where(TABLE.c.consultation_id == handover.consultation_id).values(changed))


def say(tx: Transaction, consultation_id: UUID, author: Author, text: str) -> None:
    """Keep what somebody wrote."""
    key = uuid4()
    row = {
        "id": key,
        "consultation_id": consultation_id,
        "author": author,
        "said_at": tx.at,
        "sealed": tx.seal.seal(text.encode(), _about_message(key)),
    }
    tx.connection.execute(sa.insert(tables.message).values(row))


def messages(tx: Transaction, consultation_id: UUID) -> list[Message]:
    """All that was written of a consultation, oldest first."""
    table = tables.message
    rows = tx.connection.execute(
        sa.select(table).where(table.c.consultation_id == consultation_id).order_by(table.c.said_at)
    )
    return [
        Message(author=row.author, said_at=row.said_at, text=tx.seal.open(row.sealed, _about_message(row.id)).decode())
        for row in rows
    ]


def _handover(tx: Transaction, row: sa.Row[tuple[object, ...]]) -> Handover:
    kept = dict(row._mapping)  # noqa: SLF001  SQLAlchemy's public name for it
    return Handover(content=tx.seal.open(kept.pop("sealed"), _about(kept["consultation_id"])), **kept)


def _about(consultation_id: UUID) -> str:
    return f"handover {consultation_id}"


def _about_message(key: UUID) -> str:
    return f"message {key}"
