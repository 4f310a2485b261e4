"""Decides the configuration of every edge. See davy.twin.publisher."""

import time
from collections.abc import Callable, Sequence

from davy.access.journal import note_change
from davy.adapters.storage.config_store import ConfigStore
from davy.domain.camera import CameraAddress
from davy.domain.errors import ChangedMeanwhileError, InvalidInputError
from davy.domain.topics import CONFIG
from davy.edge_config import config_id, read_config, restore_secrets, to_plain, without_secrets
from davy.models.manifest import Signature
from davy.site import EdgeConfig, SiteConfig
from davy.streams.lead import Lead
from davy.telemetry import get_logger
from davy.twin.configuration import ConfigState, DesiredConfig, ReportedConfig
from davy.twin.protocol import INFO
from davy.twin.publisher import Publisher, ReportEvent
from davy_aggregator.config.history import ConfigHistory
from davy_aggregator.config.record import ConfigRecord, differences
from davy_aggregator.replicas.operations import by_leader

log = get_logger(__name__)


class ConfigService:
    """Decides the configurations of one site's edges; `twin` publishes them.

    Args:
        site: Site configuration of site.yaml.
        on_change: Called with the desired site and all cameras that may send frames.
    """

    def __init__(
        self,
        site: SiteConfig,
        store: ConfigStore,
        online: Callable[[str], bool],
        report_event: ReportEvent,
        count_refused: Callable[[Exception], None],
        on_change: Callable[[SiteConfig, Sequence[CameraAddress]], None],
    ) -> None:
        self._site, self.history, self._on_change = site, ConfigHistory(site, store), on_change
        self.twin = Publisher(
            CONFIG, ReportedConfig, self.history, site.site, online, report_event, count_refused, self._on_reported
        )
        self._announce_cameras()

    @property
    def lead(self) -> Lead:
        """Who decides."""
        return self.twin.lead

    @lead.setter
    def lead(self, lead: Lead) -> None:
        self.twin.lead = lead

    async def take_over(self) -> None:
        """Decide from now on."""
        await self.twin.take_over()

    @property
    def edges(self) -> list[str]:
        return list(self._site.edges)

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
        complete = restore_secrets(config, read_config(self._expect(edge, expected).config))
        if signature is not None and complete != config:
            raise InvalidInputError("a signed configuration must contain its passwords")
        return await self.decide(edge, to_plain(complete), who, why, signature, expected)

    @by_leader
    async def decide(
        self, edge: str, plain: dict[str, object], who: str, why: str, signature: Signature | None, expected: str
    ) -> ConfigRecord:
        """Decide a complete configuration, with its passwords; see `put`."""
        async with self.twin.decision():
            self._expect(edge, expected)
            return await self._decide(edge, plain, who, why, signature)

    async def refresh(self) -> None:
        """Read again what the leader decided; raises ArchiveUnavailableError."""
        await self.twin.refresh()
        self._announce_cameras()

    @by_leader
    async def roll_back(self, edge: str, to: str = "", who: str = "", why: str = "", expected: str = "") -> ConfigRecord:
        """Decide the previous configuration again, or the one whose id starts with `to`.

        Raises:
            UnknownConfigError: the history has no such configuration.
            DavyError: see `put`.
        """
        async with self.twin.decision():
            self._expect(edge, expected)
            found = self.history.find(edge, to)
            return await self._decide(edge, found.config, who, why or f"back to {found.id[:12]}", found.signature)

    async def _on_reported(self, edge: str, before: ReportedConfig | None) -> None:
        report = self.twin.reported[edge]
        if before is None or report.config != before.config:
            self._announce_cameras()
        if report.state is ConfigState.REJECTED and (before is None or before.epoch != report.epoch):
            log.warning("config.rejected", edge=edge, epoch=report.epoch, reason=report.reason)

    def _expect(self, edge: str, expected: str) -> ConfigRecord:
        now = self.history.of(edge)[0]
        if expected and expected != now.id:
            raise ChangedMeanwhileError(f"the configuration of edge {edge}", expected, now.id)
        return now

    async def _decide(
        self, edge: str, plain: dict[str, object], who: str, why: str, signature: Signature | None
    ) -> ConfigRecord:
        before, enhance = self.history.of(edge)[0], self._site.edges[edge].enhance
        if read_config(plain).enhance != enhance:
            raise InvalidInputError(f"enhance: site.yaml sets {enhance!r}; change it there and restart the edge")
        record = ConfigRecord(
            edge=edge,
            epoch=max(before.epoch, self.twin.epoch_of(edge)) + 1,
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
        await self.history.add(record)
        self.twin.publish(edge)
        self._announce_cameras()
        log.info("config.decided", edge=edge, epoch=record.epoch, id=record.id[:12], who=who, why=why)
        note_change(*_changes(before, record))
        message = f"edge {edge}: configuration {record.id[:12]} (epoch {record.epoch}) by {who or 'unknown'}"
        await self.twin.record_event("config-changed", f"{message}: {why or 'no reason given'}", INFO)
        return record

    def _announce_cameras(self) -> None:
        """Report all cameras that may send frames: desired and reported ones."""
        configs = {
            # What no remote change reaches, such as the district, stays as the file has it.
            edge: kept.model_copy(update=dict(read_config(self.history.of(edge)[0].config)))
            for edge, kept in self._site.edges.items()
        }
        names = [(edge, name) for edge, config in configs.items() for name in config.cameras]
        names += [
            (edge, name)
            for edge in configs
            if edge in self.twin.reported
            for name in self.twin.reported[edge].config.get("cameras", ())
        ]
        camera_ids = [CameraAddress(self._site.site, edge, name) for edge, name in dict.fromkeys(names)]
        self._on_change(self._site.model_copy(update={"edges": configs}), camera_ids)


def _changes(before: ConfigRecord, after: ConfigRecord) -> tuple[dict[str, object], dict[str, object]]:
    """What differs between two decisions, without passwords."""
    changed = list(differences(without_secrets(before.config), without_secrets(after.config)))
    old: dict[str, object] = {"id": before.id, "epoch": before.epoch} | {field: value for field, value, _ in changed}
    new: dict[str, object] = {"id": after.id, "epoch": after.epoch} | {field: value for field, _, value in changed}
    return old, new | {"who": after.who, "why": after.why}
