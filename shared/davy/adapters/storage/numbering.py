"""Ids that a table has given: none is used twice, not even in another database."""

from sqlalchemy import Connection, Table, text


def keep_counting(connection: Connection, table: Table, last: int) -> None:
    """Give ids above last from now on."""
    if not last:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
        connection.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :last)"), {"name": table.name, "last": last})
    else:
        (key,) = table.primary_key
        sequence = f"pg_get_serial_sequence('{table.name}', '{key.name}')"
        connection.execute(text(f"SELECT setval({sequence}, :last)"), {"last": last})


def last_given(connection: Connection, table: Table) -> int:
    """The last id that an SQLite table gave, though its row may be gone; 0 where the table remembers none."""
    counts = connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")).first()
    found = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return int(connection.execute(found, {"name": table.name}).scalar_one_or_none() or 0) if counts else 0
