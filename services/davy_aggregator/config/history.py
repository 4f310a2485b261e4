"""The history of the edges' configurations: every decision, as the store keeps it."""

import asyncio
import time
from collections import defaultdict

from davy.adapters.storage.config_store import ConfigStore
from davy.domain.errors import UnknownConfigError, UnknownEdgeError
from davy.site import SiteConfig
from davy.twin.configuration import DesiredConfig
from davy.twin.protocol import MAX_EPOCH
from davy_aggregator.config.record import ConfigRecord
from davy_aggregator.stored import read_stored


class ConfigHistory:
    """Decisions by edge. site: Site configuration of site.yaml, which holds before the first decision."""

    kind = "config"

    def __init__(self, site: SiteConfig, store: ConfigStore) -> None:
        self._site, self._store = site, store
        self._records: dict[str, list[ConfigRecord]] = defaultdict(list)  # oldest first
        self.desired: dict[str, DesiredConfig] = {}

    def reload(self) -> list[str]:
        """Read the store again; return the reasons of unreadable records, which are set aside."""
        self._records.clear()
        records, unreadable = read_stored(ConfigRecord.read, dict(enumerate(self._store.all())))
        for record in records.values():
            self._records[record.edge].append(record)
        self._store.set_aside(unreadable)
        self._desire(*self._records)
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
        await asyncio.to_thread(self._store.add, edge, {record.epoch: record.model_dump_json() for record in records}, above)
        kept = [record for record in self._records[edge] if record.epoch <= above] + records
        self._records[edge] = kept[-self._store.keep :]  # what the store keeps: memory has a bound, too
        self._desire(edge)

    def _desire(self, *edges: str) -> None:
        self.desired |= {edge: self._records[edge][-1].desired for edge in edges if edge in self._site.edges}
