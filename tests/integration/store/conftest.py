"""A store whose clock stands where a test puts it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from aimis.store import database
from aimis.store.seal import Seal
from aimis.store.transaction import Store


@dataclass
class Clock:
    """Tells the time that it is set to."""

    at: datetime = field(default_factory=lambda: datetime(2026, 1, 2, 3, 4, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.at

    def passes(self, span: timedelta) -> None:
        self.at += span


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database_url: str, clock: Clock) -> Iterator[Store]:
    with database.connected(database_url) as engine:
        yield Store(engine=engine, seal=Seal([bytes(32)]), clock=clock)
