"""Leadership by the lease in PostgreSQL. See davy.adapters.storage.lease_store."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from davy.adapters.storage.database import Database
from davy.adapters.storage.fenced import FencedDatabase
from davy.adapters.storage.lease_store import Lease, LeaseStore
from davy.domain.errors import ArchiveUnavailableError, BrokerUnavailableError, StandbyError
from davy.domain.ports import Bus, Message
from davy.domain.topics import OFFLINE, ONLINE, EdgeTopics
from davy.streams.lead import Lead
from davy.streams.tasks import end
from davy.telemetry import get_logger
from davy_aggregator.archive import REPORTER
from davy_aggregator.replicas.calls import LeaderCalls

log = get_logger(__name__)

HOLD_S = 1.2  # a leader that is killed or frozen is followed within 2 s
LOOK_EVERY_S = 0.2
UNREACHED_S = 3.0


class LeaseLead(Lead):
    """Leads while this process holds the site's lease, by a clock that runs on while the process is frozen.

    Attributes:
        calls: Asks the leader; set once, after the services are made.

    Args:
        store: The lease, over a connection of its own.
        site: Id of the site.
        holder: This process's id in the lease.
    """

    calls: LeaderCalls

    def __init__(self, store: LeaseStore, site: str, holder: str) -> None:
        self._store, self._site, self._holder = store, site, holder
        self._lease, self._until_s = Lease(), 0.0
        self._reached_s = time.monotonic()
        self._ready_term = 0  # this process has read what the holders before decided

    @property
    def term(self) -> int:
        """The term of this process's lease; 0 without it."""
        return self._ready_term if self.leads else 0

    @property
    def leads(self) -> bool:
        """Whether this process holds the lease and has read what the holders before decided."""
        return self._held and self._ready_term == self._lease.term

    @property
    def can_ask(self) -> bool:
        """A standby asks through the database."""
        return True

    def check(self) -> None:
        """Check whether this aggregator may decide.

        Raises:
            StandbyError: it does not hold the lease.
        """
        if not self.leads:
            raise StandbyError(self.leader, self._site)

    @property
    def stands_by(self) -> bool:
        """Whether another replica holds the lease."""
        return self._lease.holder not in ("", self._holder)

    @property
    def leader(self) -> str:
        """Name of the leader, for people."""
        return self._lease.name if self._lease.holder and not self._held else "no aggregator at the moment"

    async def ask(self, operation: str, arguments: str) -> str:
        """Have the leader decide; see `Lead.ask`."""
        return await self.calls.ask(operation, arguments)

    def fenced(self, database: Database, noun: str) -> Database:
        """Return a view of a database whose transactions check that this process still leads; they raise StandbyError."""
        return FencedDatabase(database, lambda connection: self._store.check(connection, self._ready_term), noun)

    @property
    def _held(self) -> bool:
        return self._lease.holder == self._holder and time.monotonic() < self._until_s

    async def run(
        self,
        prepare: Callable[[], Awaitable[None]],
        take_over: Callable[[], Awaitable[None]],
        changed: Callable[[bool, str], None],
    ) -> None:
        """Hold or seek the lease until cancelled, then release it.

        Args:
            prepare: Awaited before this process decides anything: reads what the holder before decided.
            take_over: Awaited after it: publishes that.
            changed: Called with whether this process leads, and with an error if nobody does.
        """
        taking: asyncio.Task[None] | None = None
        thread = ThreadPoolExecutor(1, thread_name_prefix="lease")
        try:
            while True:
                await self._look(thread)
                if self._held and self._ready_term != self._lease.term and (taking is None or taking.done()):
                    taking = asyncio.create_task(self._take_over(self._lease.term, prepare, take_over), name="leader.take_over")
                changed(self.leads, self._error)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            if taking is not None:
                await end(taking)
            if self._held:
                self._until_s = 0.0
                with suppress(ArchiveUnavailableError):
                    await asyncio.shield(asyncio.get_running_loop().run_in_executor(thread, self._store.release))
            thread.shutdown(wait=False)

    @property
    def _error(self) -> str:
        """Why nobody decides; a standby with a leader is no error."""
        away = time.monotonic() - self._reached_s > UNREACHED_S
        return "the database, which holds the lease, is not reachable: nobody decides" if away else ""

    async def _look(self, thread: ThreadPoolExecutor) -> None:
        asked_s = time.monotonic()
        try:
            lease = await asyncio.get_running_loop().run_in_executor(thread, self._store.hold, HOLD_S)
        except ArchiveUnavailableError as error:
            log.warning("leadership.lease_unread", error=str(error))
            return
        self._reached_s = time.monotonic()
        if lease.holder != self._lease.holder:
            log.warning("leadership.changed", leader=lease.name, term=lease.term, own=lease.holder == self._holder)
        self._lease = lease
        if lease.holder == self._holder:
            self._until_s = asked_s + HOLD_S

    async def _take_over(
        self, term: int, prepare: Callable[[], Awaitable[None]], take_over: Callable[[], Awaitable[None]]
    ) -> None:
        try:
            await prepare()
            self._ready_term = term
            log.warning("leadership.taken", term=term)
            await take_over()
        except (ArchiveUnavailableError, StandbyError) as error:  # the next look tries again
            log.warning("leadership.not_taken", term=term, error=str(error))


class StatusKeeper:
    """Keeps the retained status of the aggregator online while this process leads: the last will of a replica says offline."""

    def __init__(self, bus: Bus, site: str) -> None:
        self._bus, self._topic = bus, EdgeTopics(site, REPORTER).status

    async def run(self, lead: Lead) -> None:
        """Correct the status until cancelled."""
        async for message in self._bus.subscribe([self._topic], qos=1):
            if message.payload == OFFLINE and lead.leads:
                await self.publish()

    async def publish(self) -> None:
        """Publish that the aggregator is online; the next connect does so where there is no broker."""
        with suppress(BrokerUnavailableError):
            await self._bus.publish(Message(self._topic, ONLINE, qos=1, retain=True))
