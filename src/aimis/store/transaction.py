"""The store: a database, the seal of what it keeps, and a clock, from which transactions are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from aimis.store import tables

if TYPE_CHECKING:
    from uuid import UUID

    from aimis.store.seal import Seal


def now_utc() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """What is read and written together or not at all; `at` is its moment."""

    connection: sa.Connection
    seal: Seal
    at: datetime

    def record(self, who: str, did: str, consultation_id: UUID | None = None) -> None:
        """Write down who did what to which consultation, and nothing of what stands in it."""
        row = {"at": self.at, "who": who, "did": did, "consultation_id": consultation_id}
        self.connection.execute(sa.insert(tables.access).values(row))


@dataclass(frozen=True, kw_only=True)
class Store:
    """Where transactions come from."""

    engine: sa.Engine
    seal: Seal
    clock: Callable[[], datetime] = now_utc

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Committed at the end of the block, undone by an error in it."""
        with self.engine.begin() as connection:
            yield Transaction(connection=connection, seal=self.seal, at=self.clock())
