"""A database in which only the site's leader writes, and what tells the others that it did."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import BigInteger, Column, Connection, Table, Text, select

from davy.adapters.storage.database import Database
from davy.adapters.storage.schema import metadata

IDLE_MS = 2000  # a leader that freezes inside a decision delays the next one by no more

revision = Table(
    "revision",
    metadata,
    Column("noun", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)


class FencedDatabase(Database):
    """A view of a PostgreSQL database whose transactions check that this process leads. Reading is free.

    Args:
        database: The database.
        check: Raises StandbyError inside a transaction unless this process leads.
        noun: What is written here; its revision grows with every transaction.
    """

    def __init__(self, database: Database, check: Callable[[Connection], None], noun: str) -> None:
        super().__init__(database.engine, database.name)
        self._check, self._noun = check, noun
        replace = self.insert(revision).values(noun=noun, number=1)
        self._grow = replace.on_conflict_do_update(index_elements=[revision.c.noun], set_={"number": revision.c.number + 1})

    @contextmanager
    def transaction(self, noun: str, idle_ms: int | None = IDLE_MS) -> Iterator[Connection]:
        """Store everything inside, or nothing, as `Database.transaction` does, if this process leads.

        Raises:
            StandbyError: Another process leads.
        """
        with super().transaction(noun, idle_ms) as connection:
            self._check(connection)
            yield connection
            connection.execute(self._grow)


def revisions(database: Database) -> dict[str, int]:
    """Return the revision of every noun."""
    with database.read() as connection:
        return {row.noun: row.number for row in connection.execute(select(revision))}
