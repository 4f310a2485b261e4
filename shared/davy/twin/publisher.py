"""Publishes the desired state of every edge, retained, until the edge reports it. Runs in the cloud, once for each payload.

A decision is on disk before it is published. An edge that reports a higher epoch than it is sent, or another state of the same
epoch, would take the decision for a replay: the decision is then made again with an epoch above that. So it is with the next
epoch of an edge that refuses the step to the decision's epoch as too large.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar, Generic, TypeVar

from pydantic import ValidationError

from davy.domain.errors import ArchiveUnavailableError, BrokerUnavailableError, InvalidInputError
from davy.domain.ports import Bus, Message
from davy.domain.topics import EdgeTopics, Topic, Twin, all_edges
from davy.domain.validation import first_error
from davy.streams.guard import Guard
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy.twin.protocol import MAX_EPOCH_STEP, WARNING, Desired, Reported

log = get_logger(__name__)

MAX_EDGES = 1024
MAX_EVENT = 500  # characters
RETRY_S = 1.0
STANDBY_S = 0.2
REMIND_S = 30.0

D = TypeVar("D", bound=Desired)
R = TypeVar("R", bound=Reported)
S = TypeVar("S")
K = TypeVar("K")


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
    """One payload of one site's devices: edges, and the enhancer pool. Used on the event loop.

    `desired` holds the newest decision for each device, `reported` its newest report, `set_aside` the reasons of stored
    decisions that could not be read. A constructor opens its store before it calls this one.

    Args:
        online: Whether a device is online.
        report_event: Stores an event.
        count_refused: Counts a message that is refused.
    """

    name: ClassVar[str]  # of topics, tasks and log entries
    stored: ClassVar[str]  # what the store keeps, in events
    reported_type: type[R]

    def __init__(
        self, site: str, online: Callable[[str], bool], report_event: ReportEvent, count_refused: Callable[[Exception], None]
    ) -> None:
        self._site_id, self.online, self._report_event, self._count_refused = site, online, report_event, count_refused
        self.desired: dict[str, D] = {}
        self.reported: dict[str, R] = {}
        self.set_aside: list[str] = []
        self.lead = Lead()
        self._deciding = asyncio.Lock()
        self._pending: dict[str, None] = {}
        self._to_publish = asyncio.Event()
        self.reload()
        self.republish_all()

    @abstractmethod
    def reload(self) -> None:
        """Read every decision from the store again: set `desired`, extend `set_aside`."""

    @abstractmethod
    async def renumber(self, edge: str, epoch: int) -> None:
        """Decide the same again, with another epoch, which may be lower; within `decision`."""

    async def on_reported(self, edge: str, before: R | None) -> None:
        """Follow a report that differs from the one before."""

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
        self.publish(*self.desired)

    async def take_over(self) -> None:
        """Decide from now on: read what the leader before stored, and publish it."""
        async with self._deciding:
            await asyncio.to_thread(self.reload)
        self.republish_all()
        for edge in list(self.reported):
            await self._settle(edge)

    async def run(self, bus: Bus) -> None:
        """Listen and publish until cancelled."""
        while self.set_aside:
            message = f"an unreadable stored {self.stored} was set aside: {self.set_aside[-1]}"
            await self.record_event(f"{self.stored}-set-aside", message, WARNING)
            self.set_aside.pop()
        await until_first_ends(self.name, listen=self._listen(bus), publish=self._publish_loop(bus), remind=self._remind_loop())

    async def record_event(self, kind: str, message: str, severity: int, figures: dict[str, float] | None = None) -> None:
        """Store an event; log it if the archive is unavailable."""
        try:
            await self._report_event(kind, message[:MAX_EVENT], severity, figures=figures)
        except ArchiveUnavailableError as error:
            log.error("event.lost", kind=kind, message=message, error=str(error))

    async def _listen(self, bus: Bus) -> None:
        guard = Guard(self.name, self._count_refused)  # of a decision that was not stored, too: the next report asks again
        async for message in bus.subscribe([all_edges(Twin.REPORTED.leaf(self.name), self._site_id)], qos=1, depth=2048):
            with guard.message(topic=message.topic):
                await self._on_message(message)

    async def _on_message(self, message: Message) -> None:
        edge = Topic.parse(message.topic).edge
        if edge not in self.reported and len(self.reported) >= MAX_EDGES:
            raise InvalidInputError(f"{message.topic}: {MAX_EDGES} edges are known already")
        before, report = self.reported.get(edge), self.reported_type.parse(message.payload)
        if report.epoch > (most := self.highest_epoch() + 2 * MAX_EPOCH_STEP):
            raise InvalidInputError(f"{message.topic}: epoch {report.epoch} is implausible; at most {most} is expected")
        self.reported[edge] = report
        if before is None or report.model_copy(update={"at_ns": before.at_ns}) != before:
            await self.on_reported(edge, before)
        await self._settle(edge)

    async def _settle(self, edge: str) -> None:
        """Decide again what an edge would take for a replay."""
        if not self.lead.leads or not self._conflicts(edge):
            return
        async with self._deciding:
            if self._conflicts(edge):
                reported = self.reported[edge].epoch
                log.warning(f"{self.name}.renumbered", edge=edge, reported=reported)
                await self.renumber(edge, reported + 1)

    def highest_epoch(self) -> int:
        """Return the highest epoch that was decided."""
        return max((desired.epoch for desired in self.desired.values()), default=0)

    def _conflicts(self, edge: str) -> bool:
        desired, report = self.desired.get(edge), self.reported[edge]
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
                desired = self.desired.get(edge)
                if desired is not None and not await self._published(bus, edge, desired):
                    await asyncio.sleep(RETRY_S)
                elif self.desired.get(edge) == desired:
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
            for edge, desired in list(self.desired.items()) if self.lead.leads else ():
                if self.online(edge) and self.epoch_of(edge) < desired.epoch:
                    self.publish(edge)


def read_stored(read: Callable[[str], S], bodies: Mapping[K, str]) -> tuple[dict[K, S], list[tuple[str, str]]]:
    """Read stored values. One that is unreadable, such as one of another version, does not prevent the start.

    Args:
        read: Reads one of them; raises ValueError or InvalidInputError.
        bodies: The stored values, by key.

    Returns:
        The readable values by key, and the body of each unreadable one with its reason.
    """
    found, unreadable = {}, []
    for key, body in bodies.items():
        try:
            found[key] = read(body)
        except (ValueError, InvalidInputError) as error:
            reason = first_error(error) if isinstance(error, ValidationError) else str(error)
            log.error("decision.set_aside", error=reason[:300])
            unreadable.append((body, reason))
    return found, unreadable
