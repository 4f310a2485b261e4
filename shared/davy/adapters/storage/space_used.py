"""Bytes that the rows of a noun (glossary) hold, counted from the id of the last count, so that writers pay nothing for it."""

from sqlalchemy import BigInteger, Column, Connection, Table, Text, select, update

from davy.adapters.storage.schema import metadata

space_used = Table(
    "space_used",
    metadata,
    Column("noun", Text, primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("counted_to", BigInteger, nullable=False),  # the id of the newest row in bytes
)


def counted_space(connection: Connection, noun: str) -> tuple[int, int]:
    """Bytes that were counted, and the id of the newest row among them."""
    found = select(space_used.c.bytes, space_used.c.counted_to).where(space_used.c.noun == noun)
    size, counted_to = connection.execute(found).one()
    return int(size), int(counted_to)


def change_space(connection: Connection, noun: str, change: int, counted_to: int | None = None) -> None:
    """Add bytes of rows up to the id counted_to, or subtract those of deleted rows."""
    values = {"bytes": space_used.c.bytes + change} | ({} if counted_to is None else {"counted_to": counted_to})
    connection.execute(update(space_used).where(space_used.c.noun == noun).values(values))
