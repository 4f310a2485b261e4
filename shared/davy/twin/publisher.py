"""Publishes the desired state of every edge, retained, until the edge reports it. Runs in the cloud, once for each payload.

A decision is on disk before it is published. An edge that reports a higher epoch than it is sent, or another state of the same
epoch, would take the decision for a replay: the decision is then made again with an epoch above that. So it is with the next
epoch of an edge that refuses the step to the decision's epoch as too large.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from typing import ClassVar, Generic, TypeVar

from davy.domain.errors import ArchiveUnavailableError, BrokerUnavailableError, InvalidInputError
from davy.domain.ports import Bus, Message
from davy.domain.topics import EdgeTopics, Topic, all_edges
from davy.streams.guard import Guard
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy.twin.protocol import MAX_EPOCH_STEP, Desired, Reported

log = get_logger(__name__)

MAX_EDGES = 1024
MAX_EVENT = 500  # characters
RETRY_S = 1.0
STANDBY_S = 0.2
REMIND_S = 30.0

D = TypeVar("D", bound=Desired)
R = TypeVar("R", bound=Reported)


ReportEvent = Callable[..., Awaitable[object]]
"""Stores an event: kind, message, severity and the keyword figures; raises ArchiveUnavailableError."""


class Lead:
    """Whether this process decides for its site. One that is alone always does."""

    @property
    def leads(self) -> bool:
        """Whether desired states may be published."""
        return True

    def check(self) -> None:
        """Check that a decision may be made here.

        Raises:
            StandbyError: another process decides for the site.
        """


class Publisher(ABC, Generic[D, R]):
    """One payload of one site's edges. Used on the event loop.

    `reported` holds the newest report of each edge; a payload decides under the lock `deciding`.

    Args:
        online: Whether an edge is online.
        report_event: Stores an event.
        count_refused: Counts a message that is refused.
    """

    name: ClassVar[str]  # of topics, tasks and log entries
    reported_type: type[R]

    def __init__(
        self, site: str, online: Callable[[str], bool], report_event: ReportEvent, count_refused: Callable[[Exception], None]
    ) -> None:
        self._site_id, self.online, self._report_event, self._count_refused = site, online, report_event, count_refused
        self.reported: dict[str, R] = {}
        self.deciding = asyncio.Lock()
        self.lead = Lead()
        self._pending: dict[str, None] = {}
        self._to_publish = asyncio.Event()

    @abstractmethod
    def decided(self) -> Iterable[str]:
        """Edges that have a desired state."""

    @abstractmethod
    def desired_state(self, edge: str) -> D | None:
        """The newest decision."""

    @abstractmethod
    async def renumber(self, edge: str, epoch: int) -> None:
        """Decide the same again, with another epoch, which may be lower; under the lock."""

    @abstractmethod
    def reload(self) -> None:
        """Read every decision from the store again."""

    async def on_reported(self, edge: str, before: R | None) -> None:
        """Follow a report that differs from the one before."""

    def epoch_of(self, edge: str) -> int:
        """The highest epoch that an edge reported."""
        return self.reported[edge].epoch if edge in self.reported else 0

    def publish(self, *edges: str) -> None:
        """Publish the desired state of edges."""
        self._pending |= dict.fromkeys(edges)
        self._to_publish.set()

    def republish_all(self) -> None:
        """Publish every desired state again: a broker may have lost what was retained."""
        self.publish(*self.decided())

    async def take_over(self) -> None:
        """Decide from now on: read what the leader before stored, and publish it."""
        async with self.deciding:
            await asyncio.to_thread(self.reload)
        self.republish_all()
        for edge in list(self.reported):
            await self._settle(edge)

    async def run(self, bus: Bus) -> None:
        """Listen and publish until cancelled."""
        await until_first_ends(self.name, listen=self._listen(bus), publish=self._publish_loop(bus), remind=self._remind_loop())

    async def record_event(self, kind: str, message: str, severity: int, figures: dict[str, float] | None = None) -> None:
        """Store an event; log it if the archive is unavailable."""
        try:
            await self._report_event(kind, message[:MAX_EVENT], severity, figures=figures)
        except ArchiveUnavailableError as error:
            log.error("event.lost", kind=kind, message=message, error=str(error))

    async def _listen(self, bus: Bus) -> None:
        guard = Guard(self.name, self._count_refused)  # of a decision that was not stored, too: the next report asks again
        async for message in bus.subscribe([all_edges(f"reported/{self.name}", self._site_id)], qos=1, depth=2048):
            with guard.message(topic=message.topic):
                await self._on_message(message)

    async def _on_message(self, message: Message) -> None:
        edge = Topic.parse(message.topic).edge
        if edge not in self.reported and len(self.reported) >= MAX_EDGES:
            raise InvalidInputError(f"{message.topic}: {MAX_EDGES} edges are known already")
        before, report = self.reported.get(edge), self.reported_type.parse(message.payload)
        if report.epoch > (most := self._highest_epoch() + 2 * MAX_EPOCH_STEP):
            raise InvalidInputError(f"{message.topic}: epoch {report.epoch} is implausible; at most {most} is expected")
        self.reported[edge] = report
        if before is None or report.model_copy(update={"at_ns": before.at_ns}) != before:
            await self.on_reported(edge, before)
        await self._settle(edge)

    async def _settle(self, edge: str) -> None:
        """Decide again what an edge would take for a replay."""
        if not self.lead.leads or not self._conflicts(edge):
            return
        async with self.deciding:
            if self._conflicts(edge):
                reported = self.reported[edge].epoch
                log.warning(f"{self.name}.renumbered", edge=edge, reported=reported)
                await self.renumber(edge, reported + 1)

    def _highest_epoch(self) -> int:
        """The highest epoch that was decided."""
        return max((desired.epoch for edge in self.decided() if (desired := self.desired_state(edge))), default=0)

    def _conflicts(self, edge: str) -> bool:
        desired, report = self.desired_state(edge), self.reported[edge]
        if desired is None:
            return False
        if report.epoch < desired.epoch:
            return report.refused_epoch == desired.epoch > report.epoch + MAX_EPOCH_STEP
        return report.epoch > desired.epoch or report.target != desired.target

    async def _publish_loop(self, bus: Bus) -> None:
        while True:
            await self._to_publish.wait()
            self._to_publish.clear()
            while self._pending:
                if not self.lead.leads:
                    await asyncio.sleep(STANDBY_S)
                    continue
                edge = next(iter(self._pending))
                desired = self.desired_state(edge)
                if desired is not None and not await self._published(bus, edge, desired):
                    await asyncio.sleep(RETRY_S)
                elif self.desired_state(edge) == desired:
                    self._pending.pop(edge, None)

    async def _published(self, bus: Bus, edge: str, desired: D) -> bool:
        topic = EdgeTopics(self._site_id, edge).desired(self.name)
        try:
            await bus.publish(Message(topic, desired.to_bytes(), qos=1, retain=True, content_type="application/json"))
        except BrokerUnavailableError:
            return False
        return True

    async def _remind_loop(self) -> None:
        """Publish again to edges that are online and have not reported the newest epoch."""
        while True:
            await asyncio.sleep(REMIND_S)
            for edge in self.decided() if self.lead.leads else ():
                desired = self.desired_state(edge)
                if desired is not None and self.online(edge) and self.epoch_of(edge) < desired.epoch:
                    self.publish(edge)
