"""Decides the configuration of every edge. See davy.twin.publisher."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from pydantic import ValidationError

from davy.access.journal import note_change
from davy.adapters.storage.config_store import ConfigStore
from davy.domain.camera import CameraAddress
from davy.domain.errors import ChangedMeanwhileError, InvalidInputError, UnknownConfigError, UnknownEdgeError
from davy.domain.ports import Bus
from davy.models.manifest import Signature
from davy.site import EdgeConfig, SiteConfig
from davy.telemetry import get_logger
from davy.twin.configuration import ConfigState, DesiredConfig, ReportedConfig, config_id, read_config, to_plain
from davy.twin.protocol import INFO, MAX_EPOCH, WARNING, first_error
from davy.twin.publisher import Publisher, ReportEvent
from davy.twin.secrets import restore_secrets, without_secrets
from davy_aggregator.config.record import ConfigRecord, differences

log = get_logger(__name__)


class ConfigService(Publisher[DesiredConfig, ReportedConfig]):
    """Decides and publishes the configurations of one site's edges.

    Args:
        site: Site configuration of site.yaml.
        on_change: Called with the desired site and all cameras that may send frames.
    """

    name, reported_type = "config", ReportedConfig

    def __init__(
        self,
        site: SiteConfig,
        store: ConfigStore,
        online: Callable[[str], bool],
        report_event: ReportEvent,
        count_refused: Callable[[Exception], None],
        on_change: Callable[[SiteConfig, Sequence[CameraAddress]], None],
    ) -> None:
        super().__init__(site.site, online, report_event, count_refused)
        self._site, self._store, self._on_change = site, store, on_change
        self._history: dict[str, list[ConfigRecord]] = defaultdict(list)
        self._unreadable: list[tuple[str, str]] = []
        self.reload()
        self.republish_all()
        self._announce_cameras()

    def reload(self) -> None:
        self._history.clear()
        known = len(self._unreadable)
        for body in self._store.all():
            self._load(body)
        self._store.set_aside(self._unreadable[known:])

    async def run(self, bus: Bus) -> None:
        while self._unreadable:
            message = f"an unreadable stored configuration was set aside: {self._unreadable[-1][1]}"
            await self.record_event("config-set-aside", message, WARNING)
            self._unreadable.pop()
        await super().run(bus)

    @property
    def edges(self) -> list[str]:
        return list(self._site.edges)

    def desired(self, edge: str) -> ConfigRecord:
        """Return the newest decision, else the configuration in site.yaml.

        Raises:
            UnknownEdgeError: the site has no such edge.
        """
        return self.history(edge)[0]

    def history(self, edge: str) -> list[ConfigRecord]:
        """Return every decision, newest first; the last is the configuration in site.yaml at the first decision.

        Raises:
            UnknownEdgeError: the site has no such edge.
        """
        if edge not in self._site.edges:
            raise UnknownEdgeError(edge, self.edges)
        return self._history[edge][::-1] or [ConfigRecord.of_file(edge, self._site.edges[edge])]

    async def put(
        self,
        edge: str,
        config: EdgeConfig,
        who: str = "",
        why: str = "",
        signature: Signature | None = None,
        expected: str = "",
    ) -> ConfigRecord:
        """Decide the configuration of an edge and publish it.

        Args:
            config: Sources may contain `***` in place of known passwords.
            expected: Id of the configuration that config is based on; empty overwrites any.

        Raises:
            UnknownEdgeError: the site has no such edge.
            ChangedMeanwhileError: expected is not the id of the desired configuration.
            InvalidInputError: config is invalid for this edge.
            ArchiveUnavailableError: the decision could not be stored, and is not published.
            StandbyError: another aggregator leads the site.
        """
        self.lead.check()
        async with self.deciding:
            complete = restore_secrets(config, read_config(self._expect(edge, expected).config))
            if signature is not None and complete != config:
                raise InvalidInputError("a signed configuration must contain its passwords")
            return await self._decide(edge, to_plain(complete), who, why, signature)

    async def roll_back(self, edge: str, to: str = "", who: str = "", why: str = "", expected: str = "") -> ConfigRecord:
        """Decide the previous configuration again, or the one whose id starts with `to`.

        Raises:
            UnknownConfigError: the history has no such configuration.
            DavyError: see `put`.
        """
        self.lead.check()
        async with self.deciding:
            now = self._expect(edge, expected)
            wanted = to or now.previous
            found = next((record for record in self.history(edge) if wanted and record.id.startswith(wanted)), None)
            if found is None:
                raise UnknownConfigError(edge, to or "before the first")
            return await self._decide(edge, found.config, who, why or f"back to {found.id[:12]}", found.signature)

    def decided(self) -> Iterable[str]:
        return [edge for edge, history in self._history.items() if history and edge in self._site.edges]

    def desired_state(self, edge: str) -> DesiredConfig | None:
        history = self._history.get(edge)
        return history[-1].desired if history and edge in self._site.edges else None

    async def renumber(self, edge: str, epoch: int) -> None:
        history = self._history[edge]
        changes = {"epoch": epoch, "why": f"published again: the edge reported epoch {epoch - 1}", "at_ns": time.time_ns()}
        await self._store_records(edge, [history[-1].model_copy(update=changes)], above=epoch - 1)

    async def on_reported(self, edge: str, before: ReportedConfig | None) -> None:
        report = self.reported[edge]
        if before is None or report.config != before.config:
            self._announce_cameras()
        if report.state is ConfigState.REJECTED and (before is None or before.epoch != report.epoch):
            log.warning("config.rejected", edge=edge, epoch=report.epoch, reason=report.reason)

    def _expect(self, edge: str, expected: str) -> ConfigRecord:
        now = self.desired(edge)
        if expected and expected != now.id:
            raise ChangedMeanwhileError(f"the configuration of edge {edge}", expected, now.id)
        return now

    async def _decide(
        self, edge: str, plain: dict[str, object], who: str, why: str, signature: Signature | None
    ) -> ConfigRecord:
        before, enhance = self.desired(edge), self._site.edges[edge].enhance
        if read_config(plain).enhance != enhance:
            raise InvalidInputError(f"enhance: site.yaml sets {enhance!r}; change it there and restart the edge")
        record = ConfigRecord(
            edge=edge,
            epoch=max(before.epoch, self.epoch_of(edge)) + 1,
            id=config_id(plain),
            previous=before.id,
            who=who,
            why=why,
            at_ns=time.time_ns(),
            config=plain,
            signature=signature,
        )
        if len(record.desired.to_bytes()) > DesiredConfig.max_bytes:
            raise InvalidInputError(
                f"cameras: the configuration exceeds the message limit of {DesiredConfig.max_bytes:,} bytes"
            )
        await self._store_records(edge, [record] if self._history[edge] else [before, record])
        self._announce_cameras()
        log.info("config.decided", edge=edge, epoch=record.epoch, id=record.id[:12], who=who, why=why)
        note_change(*_changes(before, record))
        message = f"edge {edge}: configuration {record.id[:12]} (epoch {record.epoch}) by {who or 'unknown'}"
        await self.record_event("config-changed", f"{message}: {why or 'no reason given'}", INFO)
        return record

    async def _store_records(self, edge: str, records: list[ConfigRecord], above: int = MAX_EPOCH) -> None:
        """Store records in place of those with an epoch over `above`."""
        await asyncio.to_thread(self._store.add, edge, {record.epoch: record.model_dump_json() for record in records}, above)
        self._history[edge] = [record for record in self._history[edge] if record.epoch <= above] + records
        self.publish(edge)

    def _load(self, body: str) -> None:
        """Read a stored record; an unreadable one, such as one of another version, does not prevent the start."""
        try:
            record = ConfigRecord.model_validate_json(body)
            read_config(record.config)
            if record.epoch:
                record.desired  # noqa: B018  # validates the state to publish
        except (ValueError, InvalidInputError) as error:
            reason = first_error(error) if isinstance(error, ValidationError) else str(error)
            log.error("config.set_aside", error=reason[:300])
            self._unreadable.append((body, reason))
        else:
            self._history[record.edge].append(record)

    def _announce_cameras(self) -> None:
        """Report all cameras that may send frames: desired and reported ones."""
        configs = {edge: read_config(self.desired(edge).config) for edge in self._site.edges}
        names = [(edge, name) for edge, config in configs.items() for name in config.cameras]
        names += [
            (edge, name) for edge in configs if edge in self.reported for name in self.reported[edge].config.get("cameras", ())
        ]
        camera_ids = [CameraAddress(self._site.site, edge, name) for edge, name in dict.fromkeys(names)]
        self._on_change(self._site.model_copy(update={"edges": configs}), camera_ids)


def _changes(before: ConfigRecord, after: ConfigRecord) -> tuple[dict[str, object], dict[str, object]]:
    """What differs between two decisions, without passwords."""
    changed = list(differences(without_secrets(before.config), without_secrets(after.config)))
    old: dict[str, object] = {"id": before.id, "epoch": before.epoch} | {field: value for field, value, _ in changed}
    new: dict[str, object] = {"id": after.id, "epoch": after.epoch} | {field: value for field, _, value in changed}
    return old, new | {"who": after.who, "why": after.why}
