"""Alembic asks this file how to connect; the connection is given by `store.database`."""

from alembic import context

from aimis.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
