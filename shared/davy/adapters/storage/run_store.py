"""Training runs and their events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Index, Table, Text, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from davy.adapters.storage.database import Database
from davy.adapters.storage.schema import RowId, metadata
from davy.domain.errors import ConflictError, UnknownRunError

NOUN = "run"

training_run = Table(
    "training_run",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
training_event = Table(
    "training_event",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("run", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("training_event_run", "run", "id"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class RunEvent:
    """An event of a training run; ids grow and are never reused."""

    id: int
    kind: str
    body: str


Change = Callable[[str], tuple[str, Sequence[tuple[str, str]]]]
"""Maps a run's body to its new body and the (kind, body) of the events that report the change."""


class RunStore:
    """Training runs, shared by all trainers on the database. Calls block and may come from any thread.

    Args:
        keep_events: Events kept per run, the newest.

    Raises:
        ArchiveUnavailableError: The disk or the server fails; every method raises it.
    """

    def __init__(self, database: Database, keep_events: int = 20_000) -> None:
        self._database, self._keep_events = database, keep_events

    def add(self, run: str, body: str, allow: Callable[[list[str]], None]) -> None:
        """Store a new run. `allow` gets the bodies of all runs in the same transaction, and raises to reject the new one.

        Raises:
            ConflictError: A run of this id exists.
        """
        with self._database.transaction(NOUN) as connection:
            allow(_bodies(connection))
            try:
                connection.execute(insert(training_run).values(id=run, body=body))
            except IntegrityError as error:
                raise ConflictError(f"there is a training run {run} already") from error

    def change(self, run: str, change: Change) -> str:
        """Change a run and store its events, in one transaction; on disk when this returns. Returns the new body.

        Raises:
            UnknownRunError: No run has this id.
        """
        with self._database.transaction(NOUN) as connection:
            body, events = change(_body(connection, run))
            connection.execute(update(training_run).where(training_run.c.id == run).values(body=body))
            if events:
                rows = [{"run": run, "kind": kind, "body": each} for kind, each in events]
                connection.execute(insert(training_event), rows)
                self._delete_old_events(connection, run)
            return body

    def get(self, run: str) -> str:
        """A run's body.

        Raises:
            UnknownRunError: No run has this id.
        """
        with self._database.read() as connection:
            return _body(connection, run)

    def runs(self) -> list[str]:
        """The bodies of all runs, the oldest first."""
        with self._database.read() as connection:
            return _bodies(connection)

    def events(self, run: str, after: int = 0, limit: int = 500) -> list[RunEvent]:
        """A run's events with ids above after, the oldest first."""
        columns = training_event.c
        wanted = select(columns.id, columns.kind, columns.body).where(columns.run == run, columns.id > after)
        with self._database.read() as connection:
            return [RunEvent(*row) for row in connection.execute(wanted.order_by(columns.id).limit(limit))]

    def forget(self, run: str) -> None:
        """Delete a run and its events."""
        with self._database.transaction(NOUN) as connection:
            connection.execute(delete(training_event).where(training_event.c.run == run))
            connection.execute(delete(training_run).where(training_run.c.id == run))

    def _delete_old_events(self, connection: Connection, run: str) -> None:
        columns = training_event.c
        newest_old = select(columns.id).where(columns.run == run).order_by(columns.id.desc()).limit(1).offset(self._keep_events)
        connection.execute(delete(training_event).where(columns.run == run, columns.id <= newest_old.scalar_subquery()))


def _bodies(connection: Connection) -> list[str]:
    return list(connection.scalars(select(training_run.c.body).order_by(training_run.c.seq)))


def _body(connection: Connection, run: str) -> str:
    found = connection.scalars(select(training_run.c.body).where(training_run.c.id == run)).one_or_none()
    if found is None:
        raise UnknownRunError(run)
    return str(found)
