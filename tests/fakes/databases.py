"""A PostgreSQL database of its own for each test, copied from one whose tables were made once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import sqlalchemy as sa

from aimis.store import database

NUMBERS = count()
TEMPLATE = "tables_made"


def make_template(server_url: str) -> str:
    """The URL of a database with all tables, from which copies are made."""
    return _made(server_url, TEMPLATE, copied_from="template1", migrated=True)


@contextmanager
def copied(server_url: str) -> Iterator[str]:
    """The URL of a database that nobody else uses."""
    name = f"test_{next(NUMBERS)}"
    yield _made(server_url, name, copied_from=TEMPLATE)
    _run(server_url, f'drop database "{name}" with (force)')


def _made(server_url: str, name: str, *, copied_from: str, migrated: bool = False) -> str:
    _run(server_url, f'create database "{name}" template "{copied_from}"')
    url = sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
    if migrated:
        with database.connected(url):
            pass
    return url


def _run(server_url: str, statement: str) -> None:
    engine = sa.create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
