"""Bytes that a noun's rows hold, counted in the transaction that changes them: free to ask for, exact in every process."""

from sqlalchemy import BigInteger, Column, Connection, Table, Text, bindparam, select, update

from davy.adapters.storage.schema import metadata

space_used = Table(
    "space_used",
    metadata,
    Column("noun", Text, primary_key=True),
    Column("bytes", BigInteger, nullable=False),
)

_CHANGE = update(space_used).where(space_used.c.noun == bindparam("of")).values(bytes=space_used.c.bytes + bindparam("change"))
_USED = select(space_used.c.bytes).where(space_used.c.noun == bindparam("of"))


def change_space(connection: Connection, noun: str, change: int) -> None:
    """Add bytes that were stored, or subtract those that were deleted."""
    connection.execute(_CHANGE, {"of": noun, "change": change})


def bytes_used(connection: Connection, noun: str) -> int:
    """Bytes that the rows of a noun hold."""
    return int(connection.execute(_USED, {"of": noun}).scalar_one())
