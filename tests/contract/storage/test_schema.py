from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from davy.adapters.storage.migrate import VERSION_TABLE
from davy.adapters.storage.tables import metadata


def test_the_migrations_make_the_tables_that_the_code_declares(database):
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []
