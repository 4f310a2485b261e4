"""Publishes the desired state of every edge, retained, until the edge reports it. Runs in the cloud, once for each payload.

A decision is on disk before it is published. An edge that reports a higher epoch than it is sent, or another state of the same
epoch, would take the decision for a replay: the decision is then made again with an epoch above that. So it is with the next
epoch of an edge that refuses the step to the decision's epoch as too large.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar

from davy.domain.errors import ArchiveUnavailableError, BrokerUnavailableError, InvalidInputError
from davy.domain.ports import Bus, Message
from davy.domain.topics import EdgeTopics, Topic, Twin, all_edges
from davy.streams.guard import Guard
from davy.streams.lead import Lead
from davy.streams.tasks import until_first_ends, wait_for_event
from davy.telemetry import get_logger
from davy.twin.protocol import MAX_EPOCH_STEP, WARNING, Desired, Reported, epoch_in

log = get_logger(__name__)

MAX_EDGES = 1024
MAX_EVENT = 500  # characters
RETRY_S = 1.0
STANDBY_S = 0.2
REMIND_S = 30.0

D = TypeVar("D", bound=Desired)
R = TypeVar("R", bound=Reported)
D_co = TypeVar("D_co", bound=Desired, covariant=True)

ReportEvent = Callable[..., Awaitable[object]]
"""Stores an event: kind, message, severity and the keyword figures; raises ArchiveUnavailableError."""


class Decisions(Protocol[D_co]):
    """The decisions of a payload, as its store keeps them. kind: the name of a stored decision, in events."""

    kind: str

    @property
    def desired(self) -> Mapping[str, D_co]:
        """The newest decision for each device."""
        ...

    def reload(self) -> list[str]:
        """Read the store; return the reasons of unreadable decisions, which are set aside."""
        ...

    async def renumber(self, edge: str, epoch: int) -> None:
        """Store the newest decision for a device again, with another epoch, which may be lower."""
        ...


async def _ignore(edge: str, before: Reported | None) -> None:
    """Follow no report."""


class Publisher(Generic[D, R]):
    """One payload of one site's devices: edges, and the enhancer pool. Used on the event loop.

    `reported` holds the newest report of each device.

    Args:
        name: Of topics, tasks and log entries.
        reported_type: Reads a report.
        decisions: The desired states.
        site: Id of the site.
        online: Whether a device is online.
        report_event: Stores an event.
        count_refused: Counts a message that is refused.
        on_reported: Follows a report of a device that differs from the one before.
    """

    def __init__(
        self,
        name: str,
        reported_type: type[R],
        decisions: Decisions[D],
        site: str,
        online: Callable[[str], bool],
        report_event: ReportEvent,
        count_refused: Callable[[Exception], None],
        on_reported: Callable[[str, R | None], Awaitable[None]] = _ignore,
    ) -> None:
        self._name, self._reported_type, self._decisions, self._site_id = name, reported_type, decisions, site
        self.online, self._report_event, self._count_refused = online, report_event, count_refused
        self._on_reported = on_reported
        self.reported: dict[str, R] = {}
        self.lead = Lead()
        self._deciding = asyncio.Lock()
        self._pending: dict[str, None] = {}
        self._to_publish = asyncio.Event()
        self._set_aside = decisions.reload()
        self.republish_all()

    def epoch_of(self, edge: str) -> int:
        """The highest epoch that an edge reported."""
        return self.reported[edge].epoch if edge in self.reported else 0

    @asynccontextmanager
    async def decision(self) -> AsyncIterator[None]:
        """Decide alone, as long as the block lasts.

        Raises:
            StandbyError: another process decides for the site.
        """
        self.lead.check()
        async with self._deciding:
            yield

    def publish(self, *edges: str) -> None:
        """Publish the desired state of edges."""
        self._pending |= dict.fromkeys(edges)
        self._to_publish.set()

    def republish_all(self) -> None:
        """Publish every desired state again: a broker may have lost what was retained."""
        self.publish(*self._decisions.desired)

    async def refresh(self) -> None:
        """Read what the leader stored; raises ArchiveUnavailableError."""
        async with self._deciding:
            self._set_aside += await asyncio.to_thread(self._decisions.reload)

    async def take_over(self) -> None:
        """Decide from now on: read what the leader before stored, and publish it."""
        await self.refresh()
        self.republish_all()
        for edge in list(self.reported):
            await self._settle(edge)

    async def run(self, bus: Bus) -> None:
        """Listen and publish until cancelled."""
        while self._set_aside:
            message = f"an unreadable stored {self._decisions.kind} was set aside: {self._set_aside[-1]}"
            await self.record_event(f"{self._decisions.kind}-set-aside", message, WARNING)
            self._set_aside.pop()
        await until_first_ends(self._name, listen=self._listen(bus), publish=self._publish_loop(bus))

    async def record_event(self, kind: str, message: str, severity: int, figures: dict[str, float] | None = None) -> None:
        """Store an event; log it if the archive is unavailable."""
        try:
            await self._report_event(kind, message[:MAX_EVENT], severity, figures=figures)
        except ArchiveUnavailableError as error:
            log.error("event.lost", kind=kind, message=message, error=str(error))

    async def _listen(self, bus: Bus) -> None:
        guard = Guard(self._name, self._count_refused)  # of a decision that was not stored, too: the next report asks again
        leaves = {Twin.REPORTED.leaf(self._name): self._on_message, Twin.DESIRED.leaf(self._name): self._on_desired}
        topics = [all_edges(leaf, self._site_id) for leaf in leaves]
        async for message in bus.subscribe(topics, qos=1, depth=2048):
            with guard.message(topic=message.topic):
                await leaves[Topic.parse(message.topic).leaf](message)

    async def _on_desired(self, message: Message) -> None:
        """Replace an older decision that a former leader, or a broker's backup, has published late."""
        edge = Topic.parse(message.topic).edge
        desired = self._decisions.desired.get(edge)
        if self.lead.leads and desired is not None and epoch_in(message.payload) < desired.epoch:
            log.warning(f"{self._name}.late", edge=edge, epoch=desired.epoch)
            self.publish(edge)

    async def _on_message(self, message: Message) -> None:
        edge = Topic.parse(message.topic).edge
        if edge not in self.reported and len(self.reported) >= MAX_EDGES:
            raise InvalidInputError(f"{message.topic}: {MAX_EDGES} edges are known already")
        before, report = self.reported.get(edge), self._reported_type.parse(message.payload)
        if report.epoch > (most := self.highest_epoch() + 2 * MAX_EPOCH_STEP):
            raise InvalidInputError(f"{message.topic}: epoch {report.epoch} is implausible; at most {most} is expected")
        self.reported[edge] = report
        if before is None or report.model_copy(update={"at_ns": before.at_ns}) != before:
            await self._on_reported(edge, before)
        await self._settle(edge)

    async def _settle(self, edge: str) -> None:
        """Decide again what an edge would take for a replay."""
        if not self.lead.leads or not self._conflicts(edge):
            return
        async with self._deciding:
            if self._conflicts(edge):
                reported = self.reported[edge].epoch
                log.warning(f"{self._name}.renumbered", edge=edge, reported=reported)
                await self._decisions.renumber(edge, reported + 1)
                self.publish(edge)

    def highest_epoch(self) -> int:
        """Return the highest epoch that was decided."""
        return max((desired.epoch for desired in self._decisions.desired.values()), default=0)

    def _conflicts(self, edge: str) -> bool:
        desired, report = self._decisions.desired.get(edge), self.reported[edge]
        if desired is None:
            return False
        if report.epoch < desired.epoch:
            return report.refused_epoch == desired.epoch > report.epoch + MAX_EPOCH_STEP
        return report.epoch > desired.epoch or report.target != desired.target

    async def _publish_loop(self, bus: Bus) -> None:
        """Publish decisions, and now and then again those that devices online have not reported."""
        while True:
            if not await wait_for_event(self._to_publish, REMIND_S) and self.lead.leads:
                self.publish(*filter(self._is_overdue, self._decisions.desired))
            self._to_publish.clear()
            while self._pending:
                if not self.lead.leads:
                    await asyncio.sleep(STANDBY_S)
                    continue
                edge = next(iter(self._pending))
                desired = self._decisions.desired.get(edge)
                if desired is not None and not await self._published(bus, edge, desired):
                    await asyncio.sleep(RETRY_S)
                elif self._decisions.desired.get(edge) == desired:
                    self._pending.pop(edge, None)

    def _is_overdue(self, edge: str) -> bool:
        return self.online(edge) and self.epoch_of(edge) < self._decisions.desired[edge].epoch

    async def _published(self, bus: Bus, edge: str, desired: D) -> bool:
        topic = EdgeTopics(self._site_id, edge).desired(self._name)
        try:
            await bus.publish(Message(topic, desired.to_bytes(), qos=1, retain=True, content_type="application/json"))
        except BrokerUnavailableError:
            return False
        return True
