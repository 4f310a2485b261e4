"""The lease of a site's leader in PostgreSQL: one row with its holder, its term and its expiry by the server's clock.

A session's advisory lock would outlive a frozen holder; a row with an expiry does not. A new holder gets a new term. A decision
checks the term inside its own transaction, so that a holder that wakes up late writes nothing.
"""

import zlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import BigInteger, Column, Connection, DateTime, Table, Text, func, literal, select, text, update

from davy.adapters.storage.database import ADVISORY_LOCKS, Database
from davy.adapters.storage.schema import metadata
from davy.domain.errors import StandbyError

NOUN = "leader"
WAIT_MS = 1000  # for the decisions of the holder before, which are then on disk

leader = Table(
    "leader",
    metadata,
    Column("site", Text, primary_key=True),
    Column("term", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who leads a site.

    Attributes:
        term: Number of the present holder; grows with every other holder.
        holder: Unique id of the holder's process; empty after a release.
        name: The holder's name for people.
    """

    term: int = 0
    holder: str = ""
    name: str = ""


class LeaseStore:
    """The lease of one site, as one process sees it. Calls block and may come from any thread.

    Args:
        database: PostgreSQL.
        site: Id of the site.
        holder: Unique id of this process.
        name: Its name for people.

    Raises:
        ArchiveUnavailableError: The server fails; every method raises it.
    """

    def __init__(self, database: Database, site: str, holder: str, name: str) -> None:
        self._database, self._site, self._holder, self._name = database, site, holder, name
        self._lock = (ADVISORY_LOCKS, zlib.crc32(f"leader {site}".encode()) >> 1)

    def hold(self, duration_s: float) -> Lease:
        """Renew this process's lease, or take one that has expired; return the lease, whoever holds it.

        Args:
            duration_s: The lease expires so many seconds from now, by the server's clock.
        """
        expires_at = func.clock_timestamp() + literal(timedelta(seconds=duration_s))
        own = (leader.c.site == self._site, leader.c.holder == self._holder)
        renew = update(leader).where(*own).values(expires_at=expires_at).returning(leader.c.term)
        with self._database.unordered() as connection:
            term = connection.execute(renew).scalar_one_or_none()
        if term is not None:
            return Lease(term, self._holder, self._name)
        found, expired = self._read()
        return self._take(duration_s) if expired else found

    def release(self) -> None:
        """Give the lease up, so that another process takes it at once."""
        own = (leader.c.site == self._site, leader.c.holder == self._holder)
        with self._database.unordered() as connection:
            connection.execute(update(leader).where(*own).values(holder="", expires_at=func.clock_timestamp()))

    def check(self, connection: Connection, term: int) -> None:
        """Check inside a decision's transaction that this process still leads; no other takes over before it commits.

        Raises:
            StandbyError: Another process leads.
        """
        connection.execute(select(func.pg_advisory_xact_lock_shared(*self._lock)))
        found = connection.execute(select(leader.c.term, leader.c.name).where(leader.c.site == self._site)).first()
        if found is None or found.term != term or term == 0:
            raise StandbyError(found.name if found else "another aggregator", self._site)

    def _read(self) -> tuple[Lease, bool]:
        """The lease, and whether it may be taken."""
        with self._database.unordered() as connection:
            return self._read_within(connection)

    def _read_within(self, connection: Connection) -> tuple[Lease, bool]:
        row = connection.execute(
            select(leader, (leader.c.expires_at <= func.clock_timestamp()).label("expired")).where(leader.c.site == self._site)
        ).first()
        return (Lease(row.term, row.holder, row.name), row.expired) if row else (Lease(), True)

    def _take(self, duration_s: float) -> Lease:
        """Take an expired lease after the last decision of its holder; that of another process if it was quicker."""
        with self._database.unordered() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = {WAIT_MS}"))
            connection.execute(select(func.pg_advisory_xact_lock(*self._lock)))
            found, expired = self._read_within(connection)
            if not expired:
                return found
            taken = Lease(found.term + 1, self._holder, self._name)
            row = {"term": taken.term, "holder": taken.holder, "name": taken.name}
            row["expires_at"] = func.clock_timestamp() + literal(timedelta(seconds=duration_s))
            insert = self._database.insert(leader).values(site=self._site, **row)
            connection.execute(insert.on_conflict_do_update(index_elements=[leader.c.site], set_=row))
            return taken
