"""The record plane: events go to disk, to the broker for subscribers, and to the aggregator until acknowledged."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping

from davy.adapters.grpc.ingest_client import IngestClient, Stream
from davy.adapters.mqtt.event_messages import messages_of
from davy.adapters.storage.spool import Spool
from davy.domain.errors import AggregatorUnavailableError, BrokerUnavailableError, MessageRefusedError, SpoolUnavailableError
from davy.domain.ports import Bus
from davy.domain.severity import Severity
from davy.domain.topics import EdgeTopics
from davy.streams.reconnect import Backoff, keep_connected
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy.v1 import ingest_pb2

log = get_logger(__name__)

MAX_WAITING = 256  # events in memory, waiting for the disk or the broker; beyond it the oldest are dropped, but not from disk
BATCH = 64
ACK_TIMEOUT_S = 15.0
QUICK_ACK_TIMEOUT_S = 5.0  # where another aggregator can be tried
RETRY_S = 1.0
FULL_AGAIN_S = 60.0  # a full spool is reported once in this time
BACKOFF = Backoff(longest_s=1.0)


class Events:
    """The record plane of one edge. Call `record_event` on the event loop; it never waits."""

    def __init__(self, topics: EdgeTopics, spool: Spool) -> None:
        self._topics, self._spool = topics, spool
        self._unwritten: deque[ingest_pb2.Event] = deque(maxlen=MAX_WAITING)
        self._unpublished: deque[ingest_pb2.Event] = deque(maxlen=MAX_WAITING)
        self._to_write, self._to_publish, self._to_report = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._full_reported_s = float("-inf")
        self._unacknowledged_since_s: float | None = None
        self._acknowledged = 0
        self.error = "not connected yet"

    def record_event(
        self,
        kind: str,
        message: str,
        severity: Severity = Severity.INFO,
        camera: str = "",
        figures: Mapping[str, float] | None = None,
        keyframe: bytes = b"",
    ) -> None:
        """Record an event that happens now."""
        log.log(severity.log_level, "event", kind=kind, camera=camera, message=message)
        self._unwritten.append(
            ingest_pb2.Event(
                site=self._topics.site,
                edge=self._topics.edge,
                camera=camera,
                occurred_ns=time.time_ns(),
                severity=_on_wire(severity),
                kind=kind,
                message=message,
                figures=figures or {},
                keyframe_jpeg=keyframe,
            )
        )
        self._to_write.set()

    async def keep(self) -> None:
        """Write events to the spool, until cancelled."""
        while True:
            await self._to_write.wait()
            self._to_write.clear()
            await self.flush()

    async def flush(self) -> None:
        """Write all recorded events to the spool."""
        while self._unwritten:
            event = self._unwritten.popleft()
            try:
                event = await asyncio.to_thread(self._spool.add, event)
                self._to_report.set()
            except SpoolUnavailableError as error:
                self._report_full(error)
            self._publish_later(event)

    def _publish_later(self, event: ingest_pb2.Event) -> None:
        self._unpublished.append(event)
        self._to_publish.set()

    def _report_full(self, error: SpoolUnavailableError) -> None:
        """Report a full disk as an event, only over MQTT: the disk has no room for it."""
        now_s = time.monotonic()
        if now_s - self._full_reported_s < FULL_AGAIN_S:
            return
        self._full_reported_s = now_s
        log.error("spool.full", error=str(error), dropped=self._spool.events_dropped)
        self._publish_later(
            ingest_pb2.Event(
                site=self._topics.site,
                edge=self._topics.edge,
                occurred_ns=time.time_ns(),
                severity=_on_wire(Severity.ALARM),
                kind="spool-full",
                message=f"{error}; {self._spool.events_dropped} events dropped",
                figures={"events_dropped": self._spool.events_dropped},
            )
        )

    async def publish(self, bus: Bus) -> None:
        """Publish events on MQTT with QoS 1, in order, until cancelled. The newest 256 wait while disconnected."""
        while True:
            await self._to_publish.wait()
            self._to_publish.clear()
            while self._unpublished:
                event = self._unpublished[0]
                try:
                    for message in messages_of(self._topics, event):
                        await bus.publish(message)
                except MessageRefusedError:  # the bus logs it; the record plane delivers the event
                    log.debug("event.unpublished", kind=event.kind)
                except BrokerUnavailableError:
                    await asyncio.sleep(RETRY_S)
                    continue
                if self._unpublished and self._unpublished[0] is event:
                    self._unpublished.popleft()

    async def report(self, client: IngestClient) -> None:
        """Send the spooled events of all boots until cancelled, each until it is acknowledged."""
        unavailable = (AggregatorUnavailableError, SpoolUnavailableError)
        await keep_connected(lambda: self._session(client), unavailable, BACKOFF, self._on_lost, pause_s=RETRY_S)

    def _on_lost(self, error: Exception, wait_s: float, failures: int) -> None:  # noqa: ARG002  # self.error has more detail
        log.warning("ingest.unavailable", plane="record", error=self.error, again_in_s=round(wait_s, 1), attempt=failures)

    async def _session(self, client: IngestClient) -> None:
        """Run one stream. Return if events were acknowledged on it, raise if none were."""
        lost: AggregatorUnavailableError | SpoolUnavailableError | None = None
        self._unacknowledged_since_s, self._acknowledged = None, 0
        try:
            async with client.report() as stream:
                await until_first_ends(
                    "edge.report", write=self._write(stream), read=self._read(stream), watch=self._watch(client, stream)
                )
        except (AggregatorUnavailableError, SpoolUnavailableError) as error:
            lost = error
        self.error = str(lost or "")
        if lost is not None and not self._acknowledged:
            raise lost

    async def _write(self, stream: Stream[ingest_pb2.Event, ingest_pb2.ReportEventsResponse]) -> None:
        after = 0
        while True:
            self._to_report.clear()
            rows = await asyncio.to_thread(self._spool.pending, after, BATCH)
            for row in rows:
                await stream.send(row.event)
                after = row.id
                if self._unacknowledged_since_s is None:
                    self._unacknowledged_since_s = time.monotonic()
            if not rows:
                await self._to_report.wait()

    async def _read(self, stream: Stream[ingest_pb2.Event, ingest_pb2.ReportEventsResponse]) -> None:
        while True:
            ack = await stream.answer()
            await asyncio.to_thread(self._spool.acknowledge, ack.boot_id, ack.seq)
            self.error = ""
            self._acknowledged += 1
            waiting = await asyncio.to_thread(lambda: self._spool.waiting)
            self._unacknowledged_since_s = time.monotonic() if waiting else None

    async def _watch(self, client: IngestClient, stream: Stream[ingest_pb2.Event, ingest_pb2.ReportEventsResponse]) -> None:
        longest_s = QUICK_ACK_TIMEOUT_S if client.fails_over else ACK_TIMEOUT_S
        while True:
            await asyncio.sleep(1)
            since_s = self._unacknowledged_since_s
            if since_s is not None and time.monotonic() - since_s > longest_s:
                reason = f"no acknowledgement for {longest_s:g} s"
                stream.leave(reason)
                raise AggregatorUnavailableError(client.endpoint, reason)


def _on_wire(severity: Severity) -> ingest_pb2.Severity.ValueType:
    return ingest_pb2.Severity.ValueType(severity)
