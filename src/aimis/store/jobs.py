"""Durable jobs: deferred in the transaction that stores what they are about, worked on by any host of the database."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import procrastinate

if TYPE_CHECKING:
    import sqlalchemy as sa

_deferring = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())  # never opened: it uses our connections


def defer(
    connection: sa.Connection, task: str, *, after: timedelta = timedelta(), lock: str | None = None, **arguments: str
) -> None:
    """Put a job in the queue with what `connection` is about to commit; neither is there without the other.

    lock : jobs of one lock run one after the other, in the order they were deferred
    """
    _deferring.configure_task(
        task,
        schedule_in={"seconds": after.total_seconds()} if after else None,
        lock=lock,
        connection=connection.connection.driver_connection,
    ).defer(**arguments)


def working_app(conninfo: str) -> procrastinate.App:
    """An app to register tasks with and to run a worker of."""
    return procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=conninfo, min_size=1, max_size=4))


async def retry_stalled(app: procrastinate.App) -> None:
    """Jobs whose worker was killed go back to the queue. Every task can be done twice without harm."""
    for job in await app.job_manager.get_stalled_jobs():
        await app.job_manager.retry_job(job)
