"""Alembic's environment: the connection is given by `davy.adapters.storage.migrate`."""

from alembic import context

from davy.adapters.storage.migrate import VERSION_TABLE
from davy.adapters.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
