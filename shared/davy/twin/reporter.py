"""Reports the state of one payload on one edge: retained, at every connect, at every change, and again now and then."""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from typing import ClassVar, Generic, Protocol, TypeVar

from davy.domain.errors import BrokerUnavailableError
from davy.domain.ports import Bus, Message
from davy.domain.topics import EdgeTopics
from davy.streams.tasks import run_to_completion
from davy.twin.metrics import TwinMetrics
from davy.twin.protocol import Pointer, Reported
from davy.twin.state_file import StateFile

REPUBLISH_S = 60.0  # a broker without persistence, or a full queue of the aggregator, may have lost the report

P = TypeVar("P", bound=Pointer)


class RecordEvent(Protocol):
    """Record an event of this edge; never waits."""

    def __call__(self, kind: str, message: str, severity: int, *, figures: Mapping[str, float] | None = None) -> None:
        """Record one event."""


class Reporter(ABC, Generic[P]):
    """The persisted pointer, the progress that is not persisted, and the report of both."""

    name: ClassVar[str]  # of topics, failpoints, events and log entries
    reported_type: ClassVar[type[Reported]]

    def __init__(
        self, topics: EdgeTopics, boot_id: str, file: StateFile[P], metrics: TwinMetrics, record_event: RecordEvent
    ) -> None:
        self._topics, self._boot_id, self._file, self._metrics = topics, boot_id, file, metrics
        self._record_event = record_event
        self._progress: dict[str, object] = {}
        self._to_report = asyncio.Event()

    @property
    def pointer(self) -> P:
        """What the state file names."""
        return self._file.pointer

    @abstractmethod
    def facts(self) -> Mapping[str, object]:
        """Fields of the report that the pointer does not hold."""

    def reported(self) -> Message:
        """Build the retained report; the edge publishes it at every connect, too."""
        facts = {**dict(self.pointer), **self._progress, **self.facts(), "boot_id": self._boot_id, "at_ns": time.time_ns()}
        payload = self.reported_type.model_validate(facts).to_bytes()
        return Message(self._topics.reported(self.name), payload, qos=1, retain=True, content_type="application/json")

    def report_progress(self, **fields: object) -> None:
        """Report fields that are not persisted, in place of those before."""
        self._progress = fields
        self._to_report.set()

    async def persist(self, **changes: object) -> None:
        """Change the pointer on disk and report it; raises OSError if the disk fails."""
        await run_to_completion(asyncio.to_thread(self._file.update, **changes))
        self._metrics.epoch(self.pointer.epoch)
        self.report_progress()

    async def persist_or_remember(self, **changes: object) -> None:
        """Change the pointer, in memory alone if the disk fails, and report it."""
        await run_to_completion(asyncio.to_thread(self._file.update_or_remember, **changes))
        self._metrics.epoch(self.pointer.epoch)
        self.report_progress()

    async def publish_loop(self, bus: Bus) -> None:
        """Publish every change of the report, until cancelled."""
        while True:
            await self._to_report.wait()
            self._to_report.clear()
            with suppress(BrokerUnavailableError):  # the next connect publishes it
                await bus.publish(self.reported())

    async def republish_loop(self) -> None:
        """Publish the report again now and then: a broker may have forgotten it."""
        while True:
            await asyncio.sleep(REPUBLISH_S * random.uniform(0.5, 1.5))
            self._to_report.set()
