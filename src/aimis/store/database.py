"""The database: connected, brought to the newest tables, used in transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, OperationalError

from aimis.domain.errors import UsageError
from aimis.store import embedded
from aimis.store.errors import StoreError

MIGRATIONS = Path(__file__).parent / "migrations"
NEWEST = "0001"  # of migrations/versions; Alembic, which would say so, takes a third of a start to load
MIGRATION_LOCK = 0x41494D49  # "AIMI": one program migrates at a time
POOLED, MORE = 8, 8


@contextmanager
def database(url: str | None, folder: Path) -> Iterator[sa.Engine]:
    """The database at `url`, else the embedded one in `folder`; its tables are the newest.

    StoreError: it cannot be reached; UsageError: the URL is none
    """
    if url is None:
        with embedded.serving(folder) as own, connected(own) as engine:
            yield engine
    else:
        with connected(url) as engine:
            yield engine


@contextmanager
def connected(url: str) -> Iterator[sa.Engine]:
    """An engine on a PostgreSQL database whose tables are the newest."""
    engine = sa.create_engine(_url(url), pool_size=POOLED, max_overflow=MORE, pool_pre_ping=True)
    try:
        migrate(engine)
        yield engine
    except OperationalError as error:
        raise StoreError(f"the database cannot be used: {error.orig}") from error
    finally:
        engine.dispose()


def migrate(engine: sa.Engine) -> None:
    """Bring the tables to the newest form; several programs may ask for it at once."""
    with engine.begin() as connection:
        connection.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        if not _is_newest(connection):
            _upgrade(connection)


def _is_newest(connection: sa.Connection) -> bool:
    if connection.execute(sa.text("select to_regclass('alembic_version')")).scalar_one() is None:
        return False
    return list(connection.execute(sa.text("select version_num from alembic_version")).scalars()) == [NEWEST]


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command  # noqa: PLC0415  few starts need it
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def conninfo(engine: sa.Engine) -> str:
    """The same database as psycopg itself names it, for the workers' own connections."""
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _url(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except ArgumentError as error:
        raise UsageError("AIMIS_DATABASE_URL is no URL; write postgresql://user:password@host/database") from error
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise UsageError("AIMIS_DATABASE_URL must name a PostgreSQL database")
    return parsed.set(drivername="postgresql+psycopg")
