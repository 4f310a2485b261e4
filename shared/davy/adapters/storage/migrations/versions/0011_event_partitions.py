"""In PostgreSQL, events and keyframes become partitioned, and get the indexes of the console's queries.

The present tables become the first partition as they are: no row is copied.

Revision ID: 0011
Revises: 0010
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STEP = 1_000_000_000  # ids of a partition; see event_partitions
BLOCK = 4096  # ids of a block
INDEXES = {
    "event_camera": "(camera, id)",
    "event_edge": "(edge, id)",
    "event_kind": "(kind, id)",
    "event_occurred": "(occurred_ns)",
    "event_warning": "(id) WHERE severity >= 2",
    "event_alarm": "(id) WHERE severity >= 3",
}


def upgrade() -> None:
    """Convert the tables. SQLite has no partitions."""
    if op.get_bind().dialect.name != "postgresql":
        return
    number = _answer("SELECT last_value FROM event_id_seq") // STEP
    _partition_events(number)
    _partition_keyframes(number)
    _summarise_blocks()
    _index_texts()


def _partition_events(number: int) -> None:
    _run(
        f"ALTER TABLE event RENAME TO event_p{number}",
        f"ALTER INDEX event_pkey RENAME TO event_p{number}_pkey",
        f"ALTER INDEX event_name RENAME TO event_p{number}_name",
        f"ALTER INDEX event_camera RENAME TO event_p{number}_camera",
        f"ALTER INDEX event_occurred RENAME TO event_p{number}_occurred",
        "DROP INDEX event_received",
        f"CREATE TABLE event (LIKE event_p{number} INCLUDING DEFAULTS, PRIMARY KEY (id)) PARTITION BY RANGE (id)",
        "ALTER SEQUENCE event_id_seq OWNED BY event.id",
        f"ALTER TABLE event ATTACH PARTITION event_p{number} FOR VALUES FROM (MINVALUE) TO ({(number + 1) * STEP})",
        *(f"CREATE INDEX {name} ON event {columns}" for name, columns in INDEXES.items()),
    )


def _partition_keyframes(number: int) -> None:
    _run(
        f"ALTER TABLE keyframe RENAME TO keyframe_p{number}",
        f"ALTER INDEX keyframe_pkey RENAME TO keyframe_p{number}_pkey",
        f"ALTER TABLE keyframe_p{number} RENAME CONSTRAINT keyframe_event_fkey TO keyframe_p{number}_event_fkey",
        f"CREATE TABLE keyframe (LIKE keyframe_p{number}, PRIMARY KEY (event)) PARTITION BY RANGE (event)",
        f"ALTER TABLE keyframe ATTACH PARTITION keyframe_p{number} FOR VALUES FROM (MINVALUE) TO ({(number + 1) * STEP})",
    )


def _summarise_blocks() -> None:
    """Keep the times of each block of ids, whoever inserts."""
    merged = ", ".join(
        f"{name} = {bound}(event_block.{name}, excluded.{name})"
        for name, bound in (("since_ns", "least"), ("until_ns", "greatest"))
    )
    grouped = f"SELECT id / {BLOCK}, min(occurred_ns), max(occurred_ns) FROM %s GROUP BY 1"
    _run(
        "CREATE TABLE event_block (block BIGINT PRIMARY KEY, since_ns BIGINT NOT NULL, until_ns BIGINT NOT NULL)",
        f"INSERT INTO event_block {grouped % 'event'}",
        "CREATE FUNCTION event_block_add() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN"
        f" INSERT INTO event_block {grouped % 'added'} ON CONFLICT (block) DO UPDATE SET {merged}; RETURN NULL; END $$",
        "CREATE TRIGGER event_block_add AFTER INSERT ON event REFERENCING NEW TABLE AS added"
        " FOR EACH STATEMENT EXECUTE FUNCTION event_block_add()",
    )


def _index_texts() -> None:
    """Index parts of words of messages and kinds, where the extension pg_trgm may be used."""
    where = "SELECT quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace"
    where += " WHERE extname = 'pg_trgm'"
    if _answer(where) is None and _answer(
        "SELECT has_database_privilege(current_database(), 'CREATE')"
        " AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')"
    ):
        # in public, if possible: other sites of the database use it, too
        may = "SELECT coalesce(has_schema_privilege(to_regnamespace('public'), 'CREATE'), false)"
        _run(f"CREATE EXTENSION IF NOT EXISTS pg_trgm{' SCHEMA public' if _answer(may) else ''}")
    if schema := _answer(where):
        _run(f"CREATE INDEX event_text ON event USING gin (message {schema}.gin_trgm_ops, kind {schema}.gin_trgm_ops)")


def _answer(query: str) -> Any:  # noqa: ANN401  # one value of any type
    return op.get_bind().execute(sa.text(query)).scalar_one_or_none()


def _run(*statements: str) -> None:
    for statement in statements:
        op.execute(sa.text(statement))
