"""Requests of one replica to another through PostgreSQL. A request runs at most once, whatever dies."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import BigInteger, Column, DateTime, Index, Table, Text, delete, func, insert, literal, select, update

from davy.adapters.storage.database import Database
from davy.adapters.storage.schema import metadata

NOUN = "replica_request"
LEADER = "leader"
WAITING, RUNNING, DONE = "waiting", "running", "done"
KEPT = timedelta(minutes=10)  # an answer that nobody fetched

replica_request = Table(
    "replica_request",
    metadata,
    Column("id", Text, primary_key=True),
    Column("recipient", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("term", BigInteger, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("body", Text, nullable=False),
    Index("replica_request_waiting", "state", "made_at"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request: its id, who is to answer, and its body as JSON."""

    id: str
    recipient: str
    body: str


class ReplicaRequests:
    """Requests and their answers. Calls block and may come from any thread.

    Args:
        database: PostgreSQL; for the requests to the leader one whose transactions check that this process leads.

    Raises:
        ArchiveUnavailableError: The server fails; every method raises it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, recipient: str, body: str) -> str:
        """Leave a request; return its id."""
        request_id, made_at = uuid.uuid4().hex, func.clock_timestamp()
        row = insert(replica_request).values(id=request_id, recipient=recipient, state=WAITING, term=0, body=body)
        with self._database.unordered() as connection:
            connection.execute(row.values(made_at=made_at))
        return request_id

    def fetch(self, request_id: str) -> str | None:
        """Return the answer, which is then removed; None while there is none."""
        done = (replica_request.c.id == request_id, replica_request.c.state == DONE)
        with self._database.unordered() as connection:
            return connection.execute(delete(replica_request).where(*done).returning(replica_request.c.body)).scalar()

    def withdraw(self, request_id: str) -> bool:
        """Take a request back; False if somebody carries it out."""
        waiting = (replica_request.c.id == request_id, replica_request.c.state == WAITING)
        with self._database.unordered() as connection:
            return bool(connection.execute(delete(replica_request).where(*waiting)).rowcount)

    def waiting(self) -> list[Request]:
        """Requests that nobody has begun, oldest first."""
        columns = (replica_request.c.id, replica_request.c.recipient, replica_request.c.body)
        wanted = select(*columns).where(replica_request.c.state == WAITING).order_by(replica_request.c.made_at).limit(100)
        with self._database.read() as connection:
            return [Request(*row) for row in connection.execute(wanted)]

    def begin(self, request_id: str, term: int = 0) -> bool:
        """Take a request to carry it out; False if it was withdrawn, or somebody else has it.

        Args:
            request_id: Its id.
            term: The leader's; 0 for another recipient.

        Raises:
            StandbyError: The database is the leader's, and another process leads.
        """
        waiting = (replica_request.c.id == request_id, replica_request.c.state == WAITING)
        begun = update(replica_request).where(*waiting).values(state=RUNNING, term=term)
        with self._database.transaction(NOUN) as connection:
            return bool(connection.execute(begun).rowcount)

    def finish(self, request_id: str, answer: str) -> None:
        """Leave the answer."""
        with self._database.unordered() as connection:
            own = update(replica_request).where(replica_request.c.id == request_id)
            connection.execute(own.values(state=DONE, body=answer))

    def abandon(self, term: int, answer: str) -> int:
        """Answer the requests that a leader of an earlier term has begun and not finished; return their number."""
        begun = (replica_request.c.state == RUNNING, replica_request.c.recipient == LEADER, replica_request.c.term < term)
        with self._database.unordered() as connection:
            return connection.execute(update(replica_request).where(*begun).values(state=DONE, body=answer)).rowcount

    def prune(self) -> None:
        """Delete what nobody waits for any more."""
        old = replica_request.c.made_at < func.clock_timestamp() - literal(KEPT)
        with self._database.unordered() as connection:
            connection.execute(delete(replica_request).where(old))
