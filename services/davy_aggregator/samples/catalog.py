"""Asynchronous access to the sample store, with its metrics."""

import asyncio
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from davy.access.journal import note_change
from davy.adapters.storage.sample_store import SampleStore
from davy.domain.sample import Outcome, SampleQuery, SampleRecord, Tally, Use
from davy.telemetry import get_logger

log = get_logger(__name__)


class SampleMetrics:
    """Counters and gauges of the sample store."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.received = Counter(
            "davy_samples_received_total",
            "Raw keyframes received, by outcome: stored, duplicate, similar, refused.",
            ("edge", "camera", "outcome"),
            registry=registry,
        )
        self.count = Gauge("davy_samples", "Raw keyframes in the store, by use.", ("edge", "camera", "use"), registry=registry)
        self.bytes = Gauge("davy_samples_bytes", "Size of the sample store in bytes.", registry=registry)


class SampleCatalog:
    """The samples of one aggregator."""

    def __init__(self, store: SampleStore, metrics: SampleMetrics) -> None:
        self._store, self.metrics = store, metrics

    @property
    def limits(self) -> tuple[int, int]:
        """Return the limits of the store in bytes and samples."""
        return self._store.max_bytes, self._store.max_count

    async def add(self, sample: SampleRecord) -> Outcome:
        outcome = await asyncio.to_thread(self._store.add, sample)
        _, _, camera = sample.camera.partition(".")
        self.metrics.received.labels(sample.edge, camera, outcome).inc()
        if outcome is Outcome.STORED:
            log.info("sample.stored", edge=sample.edge, camera=camera, reason=sample.reason, bytes=len(sample.jpeg))
            await self.tally()
        return outcome

    async def query(self, query: SampleQuery) -> list[SampleRecord]:
        return await asyncio.to_thread(self._store.query, query)

    async def get(self, sample_id: int) -> SampleRecord:
        return await asyncio.to_thread(self._store.get, sample_id)

    async def picture(self, sample_id: int) -> bytes:
        return await asyncio.to_thread(self._store.picture, sample_id)

    async def assign(self, sample_id: int, use: Use) -> SampleRecord:
        before = await self.get(sample_id)
        sample = await asyncio.to_thread(self._store.assign, sample_id, use)
        note_change({"use": before.use}, {"use": sample.use})
        log.info("sample.assigned", sample=sample_id, use=use)
        await self.tally()
        return sample

    async def tally(self) -> Sequence[Tally]:
        """Return the totals by camera and use, and update the gauges."""
        found = await asyncio.to_thread(self._store.tally)
        self.metrics.count.clear()
        for each in found:
            self.metrics.count.labels(*each.camera.split(".", 1), each.use).set(each.count)
        self.metrics.bytes.set(sum(each.size for each in found))
        return found
