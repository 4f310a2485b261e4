"""Transport of samples to the aggregator: first to disk, then sent until acknowledged."""

import asyncio
from collections import deque
from functools import partial

from prometheus_client import CollectorRegistry, Counter

from davy.adapters.grpc.ingest_client import IngestClient
from davy.adapters.storage.sample_spool import SampleSpool
from davy.domain.camera import CameraAddress
from davy.domain.errors import AggregatorUnavailableError, SpoolUnavailableError
from davy.streams.reconnect import Backoff, retry
from davy.telemetry import get_logger
from davy.v1 import sample_pb2
from davy_edge.observation.sampler import Sampler

log = get_logger(__name__)

MAX_UNWRITTEN = 4  # in memory, before the disk
ANSWER_TIMEOUT_S = 15.0
BACKOFF = Backoff(1.0, 60.0, growth=2.0)  # samples are not urgent


class Samples:
    """The samples of one edge. Samplers run in the pipelines' threads, everything else on the event loop.

    Args:
        bytes_per_hour: Limit per camera.
        every_s: Minimum time between two samples of a camera, in s.
    """

    def __init__(self, edge: str, spool: SampleSpool, bytes_per_hour: int, every_s: float, registry: CollectorRegistry) -> None:
        self._edge, self._spool, self._bytes_per_hour, self._every_s = edge, spool, bytes_per_hour, every_s
        self._loop = asyncio.get_running_loop()
        self._unwritten: deque[sample_pb2.Sample] = deque()
        self._to_write, self._to_push = asyncio.Event(), asyncio.Event()
        self.error = ""
        self._chosen = Counter(
            "davy_edge_samples_chosen_total",
            "Raw images chosen for training and written to disk.",
            ("edge", "camera", "reason"),
            registry=registry,
        )
        self._left_out = Counter(
            "davy_edge_samples_left_out_total",
            "Chosen images that were not kept, by reason.",
            ("edge", "camera", "reason"),
            registry=registry,
        )
        self._answered = Counter(
            "davy_edge_samples_answered_total",
            "Samples answered by the aggregator, by outcome.",
            ("edge", "outcome"),
            registry=registry,
        )

    @property
    def dropped(self) -> int:
        """Return the number of samples dropped by a full spool."""
        return self._spool.dropped

    def sampler(self, camera: CameraAddress) -> Sampler:
        """Return the sampler of a camera."""
        left_out = partial(self._leave_out, camera.camera)
        return Sampler(camera, self._bytes_per_hour, self._every_s, self._take, left_out)

    def _leave_out(self, camera: str, reason: str) -> None:
        self._left_out.labels(self._edge, camera, reason).inc()

    def _take(self, sample: sample_pb2.Sample) -> None:
        """Queue a sample; called on a pipeline's thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._queue, sample)

    def _queue(self, sample: sample_pb2.Sample) -> None:
        if len(self._unwritten) >= MAX_UNWRITTEN:  # the disk hangs
            self._leave_out(self._unwritten.popleft().camera, "disk")
        self._unwritten.append(sample)
        self._to_write.set()

    async def keep(self) -> None:
        """Write samples to the spool until cancelled."""
        while True:
            await self._to_write.wait()
            self._to_write.clear()
            while self._unwritten:
                await self._write(self._unwritten.popleft())

    async def _write(self, sample: sample_pb2.Sample) -> None:
        try:
            await asyncio.to_thread(self._spool.add, sample)
        except SpoolUnavailableError as error:
            self.error = str(error)
            self._leave_out(sample.camera, "disk")
            log.warning("sample.lost", camera=sample.camera, error=str(error))
            return
        self._chosen.labels(self._edge, sample.camera, sample.reason).inc()
        log.info("sample.chosen", camera=sample.camera, reason=sample.reason, bytes=len(sample.jpeg))
        self._to_push.set()

    async def push(self, client: IngestClient) -> None:
        """Send the spooled samples of all boots until cancelled, each until it is acknowledged."""
        unavailable = (AggregatorUnavailableError, SpoolUnavailableError)
        while True:
            await retry(lambda: self._send_all(client), unavailable, BACKOFF, self._on_lost)
            self.error = ""
            await self._to_push.wait()

    def _on_lost(self, error: Exception, wait_s: float, failures: int) -> None:
        self.error = str(error)
        log.warning("ingest.unavailable", plane="samples", error=self.error, again_in_s=round(wait_s, 1), attempt=failures)

    async def _send_all(self, client: IngestClient) -> None:
        """Send all spooled samples, one in flight: they are not urgent. Open no stream for an empty spool."""
        self._to_push.clear()
        if not await asyncio.to_thread(self._spool.pending, 0, 1):
            return
        async with client.samples() as stream:
            while rows := await asyncio.to_thread(self._spool.pending, 0, 1):
                ((_, sample),) = rows
                outcome = "gave-way"
                if sample.jpeg:
                    await stream.send(sample)
                    outcome = (await stream.answer(ANSWER_TIMEOUT_S)).outcome
                await asyncio.to_thread(self._spool.acknowledge, sample.boot_id, sample.seq)
                self._answered.labels(self._edge, outcome).inc()
