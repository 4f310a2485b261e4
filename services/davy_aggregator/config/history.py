"""The history of the edges' configurations: every decision, as the store keeps it."""

import asyncio
import time
from collections import defaultdict
from itertools import accumulate

from davy.adapters.storage.config_store import ConfigStore
from davy.domain.errors import StandbyError, UnknownConfigError, UnknownEdgeError
from davy.site import SiteConfig
from davy.twin.configuration import DesiredConfig
from davy.twin.protocol import MAX_EPOCH
from davy_aggregator.config.record import ConfigRecord
from davy_aggregator.stored import read_stored

MAX_BYTES = 4_000_000  # of the history of an edge: some hundred configurations of 64 cameras


class ConfigHistory:
    """Decisions by edge. site: Site configuration of site.yaml, which holds before the first decision."""

    kind = "config"

    def __init__(self, site: SiteConfig, store: ConfigStore) -> None:
        self._site, self._store = site, store
        self._records: dict[str, list[ConfigRecord]] = defaultdict(list)  # oldest first
        self._sizes: dict[tuple[str, int], int] = {}  # in bytes, by edge and epoch
        self.desired: dict[str, DesiredConfig] = {}

    def reload(self) -> list[str]:
        """Read the store again; return the reasons of unreadable records, which are set aside."""
        self._records.clear()
        bodies = dict(enumerate(self._store.all()))
        records, unreadable = read_stored(ConfigRecord.read, bodies)
        for key, record in records.items():
            self._records[record.edge].append(record)
            self._sizes[record.edge, record.epoch] = len(bodies[key])
        self._desire(*self._records)
        try:
            self._store.set_aside(unreadable)
        except StandbyError:  # the leader may be newer, and read them
            return []
        return [reason for _, reason in unreadable]

    def of(self, edge: str) -> list[ConfigRecord]:
        """Return every decision, newest first; the last is the configuration in site.yaml at the first decision.

        Raises:
            UnknownEdgeError: the site has no such edge.
        """
        if edge not in self._site.edges:
            raise UnknownEdgeError(edge, list(self._site.edges))
        return self._records[edge][::-1] or [ConfigRecord.of_file(edge, self._site.edges[edge])]

    def find(self, edge: str, start: str) -> ConfigRecord:
        """Return the newest decision whose id begins with start, else with the newest one's previous id.

        Raises:
            UnknownConfigError: the history has no such configuration.
        """
        wanted = start or self.of(edge)[0].previous
        found = next((record for record in self.of(edge) if wanted and record.id.startswith(wanted)), None)
        if found is None:
            raise UnknownConfigError(edge, start or "before the first")
        return found

    async def add(self, record: ConfigRecord) -> None:
        """Store a decision; the first one together with the configuration before it."""
        edge = record.edge
        await self._store_records(edge, [record] if self._records[edge] else [self.of(edge)[0], record], MAX_EPOCH)

    async def renumber(self, edge: str, epoch: int) -> None:
        """Store the newest decision with another epoch, in place of those with an epoch from this one on."""
        changes = {"epoch": epoch, "why": f"published again: the edge reported epoch {epoch - 1}", "at_ns": time.time_ns()}
        await self._store_records(edge, [self.of(edge)[0].model_copy(update=changes)], epoch - 1)

    async def _store_records(self, edge: str, records: list[ConfigRecord], above: int) -> None:
        bodies = {record.epoch: record.model_dump_json() for record in records}
        self._sizes |= {(edge, epoch): len(body) for epoch, body in bodies.items()}
        kept = [record for record in self._records[edge] if record.epoch <= above] + records
        count = self._fitting(kept)
        for gone in kept[:-count]:
            self._sizes.pop((edge, gone.epoch), None)
        kept = kept[-count:]  # memory keeps what the store keeps
        await asyncio.to_thread(self._store.add, edge, bodies, above, len(kept))
        self._records[edge] = kept
        self._desire(edge)

    def _fitting(self, records: list[ConfigRecord]) -> int:
        """How many of the newest records fit into the bounds; the newest one and the one before it always do."""
        sizes = accumulate(self._sizes[record.edge, record.epoch] for record in reversed(records))
        return min(max(2, sum(size <= MAX_BYTES for size in sizes)), self._store.keep)

    def _desire(self, *edges: str) -> None:
        self.desired |= {edge: self._records[edge][-1].desired for edge in edges if edge in self._site.edges}
