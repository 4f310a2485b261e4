"""One aggregator among those of its database: alone on SQLite, or one of several on PostgreSQL."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from davy.adapters.storage.database import Database
from davy.adapters.storage.lease_store import LeaseStore
from davy.adapters.storage.opening import connect_database
from davy.adapters.storage.replica_requests import NOUN, ReplicaRequests
from davy.domain.ports import Bus
from davy.streams.lead import Lead
from davy.streams.supervisor import Component
from davy.streams.tasks import until_first_ends
from davy_aggregator.edge_tasks import EdgeTasks
from davy_aggregator.live import GRPC, MQTT, LiveFrame
from davy_aggregator.replicas.calls import LeaderCalls
from davy_aggregator.replicas.edge_relay import EdgeRelay
from davy_aggregator.replicas.following import Following
from davy_aggregator.replicas.lease import LeaseLead, StatusKeeper
from davy_aggregator.settings import AggregatorSettings


class Decider(Protocol):
    """A service whose decisions the leader makes."""

    lead: Lead

    async def refresh(self) -> None:
        """Read again what the leader decided."""
        ...

    async def take_over(self) -> None:
        """Decide from now on."""
        ...


class Replica:
    """The part of one aggregator in leading its site.

    Attributes:
        lease: By the database that replicas share; None for SQLite, which one process uses.

    Args:
        database: The database.
        site: Id of the site.
        lease: As above.
    """

    def __init__(self, database: Database, site: str, lease: LeaseLead | None) -> None:
        self._database, self._site, self.lease = database, site, lease
        self._following: Following | None = None

    def look(self) -> None:
        """Read the leader's decisions now: another replica has stored something."""
        if self._following is not None:
            self._following.look()

    def fenced(self, noun: str) -> Database:
        """Return the database for decisions about a noun: only the leader writes there."""
        return self.lease.fenced(self._database, noun) if self.lease else self._database

    def components(
        self,
        bus: Bus,
        deciders: Mapping[str, Decider],
        others: Mapping[str, Component],
        tasks: EdgeTasks,
        changed: Callable[[bool, str], None],
    ) -> dict[str, Component]:
        """Return the components of leading by the lease; none on SQLite.

        Args:
            bus: For the retained status.
            deciders: The services, by the noun of their decisions; they get this replica's lead.
            others: Further components of a replica.
            tasks: Edges that are connected here; those of other replicas get theirs through the database.
            changed: Called with whether this process leads, and with an error if nobody does.
        """
        lease = self.lease
        if lease is None:
            return {}
        for decider in deciders.values():
            decider.lead = lease
        following = self._following = Following(self._database, lease, {noun: each.refresh for noun, each in deciders.items()})
        requests = ReplicaRequests(self.fenced(NOUN))
        lease.calls = calls = LeaderCalls(requests, self._site, list(deciders.values()), following.refresh)
        relay = EdgeRelay(ReplicaRequests(self._database), tasks)
        tasks.relay = relay.ask
        status = StatusKeeper(bus, self._site)

        async def take_over() -> None:
            for decider in deciders.values():
                await decider.take_over()
            await status.publish()

        return {
            "leadership": lambda: until_first_ends(
                "leadership",
                lease=lease.run(following.refresh, take_over, changed),
                status=status.run(lease),
            ),
            "leader-requests": lambda: calls.answer(lambda: lease.term),
            "decisions": following.run,
            "edge-relay": relay.run,
            **others,
        }

    def analyses(self, live: LiveFrame) -> bool:
        """Return whether this replica analyses a frame: one whose edge pushes here, or one from the broker, as the leader."""
        if self.lease is None or live.via == GRPC:
            return True
        return live.via == MQTT and self.lease.leads


@asynccontextmanager
async def opened_replica(settings: AggregatorSettings, database: Database, site: str, name: str) -> AsyncIterator[Replica]:
    """Make this aggregator a replica of its database; raises ConfigError for a malformed URL."""
    if database.embedded:
        yield Replica(database, site, None)
        return
    own = await asyncio.to_thread(connect_database, settings.data, settings.database)
    holder = f"{name}-{uuid.uuid4().hex}"
    try:
        yield Replica(
            database, site, LeaseLead(LeaseStore(own, site, holder, f"{name} on {socket.gethostname()}"), site, holder)
        )
    finally:
        own.close()
