"""Rows that this version cannot read: moved out of their tables at the start, and kept for a person to look at."""

import time
from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, Connection, Table, Text, delete, insert

from davy.adapters.storage.schema import RowId, metadata, storable_text

MAX_REASON = 300  # characters

set_aside = Table(
    "set_aside",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("noun", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)


def move_rows(connection: Connection, table: Table, unreadable: Iterable[tuple[str, str]]) -> None:
    """Move rows out of a table that has a column body.

    Args:
        connection: In a transaction that writes.
        table: The table.
        unreadable: The body of each row, and why it cannot be read.
    """
    for body, reason in unreadable:
        connection.execute(delete(table).where(table.c.body == body))
        row = {"noun": table.name, "body": body, "reason": storable_text(reason[:MAX_REASON]), "at_ns": time.time_ns()}
        connection.execute(insert(set_aside), row)
