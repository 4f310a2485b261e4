import re

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from davy.adapters.storage.migrate import VERSION_TABLE
from davy.adapters.storage.tables import metadata

# of PostgreSQL alone: partitions, their blocks, and the indexes of the console's queries
PARTITIONED = re.compile(r"(event|keyframe)_p\d+|event_block|event_(edge|kind|warning|alarm|text)")
# of SQLite alone: they would span partitions, each of which has its own
EMBEDDED = {"event_name", "event_received", "keyframe_event_fkey", None}


def declared(_object, name, kind, reflected, _other):
    return not (PARTITIONED.fullmatch(name or "") if reflected else kind != "column" and name in EMBEDDED)


def test_the_migrations_make_the_tables_that_the_code_declares(database):
    options = {"version_table": VERSION_TABLE, "compare_type": True}
    if not database.embedded:
        options["include_object"] = declared
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
