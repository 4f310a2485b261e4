"""Decides what edges shall be and tells them, until they answer. Every decision is on disk before an edge hears of it."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from pydantic import ValidationError

from davy.adapters.storage.config_store import ConfigStore
from davy.domain.camera import CameraAddress
from davy.domain.errors import (
    ArchiveUnavailableError,
    BrokerUnavailableError,
    ChangedMeanwhileError,
    InvalidInputError,
    UnknownConfigError,
    UnknownEdgeError,
)
from davy.domain.ports import Bus, Message
from davy.domain.severity import Severity
from davy.domain.topics import EdgeTopics, Topic, all_edges
from davy.models.manifest import Signature
from davy.site import EdgeConfig, SiteConfig
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy.twin.configuration import (
    MAX_CAMERAS,
    MAX_MESSAGE_BYTES,
    ConfigState,
    ReportedConfig,
    config_id,
    read_config,
    to_plain,
)
from davy.twin.secrets import restore_secrets
from davy_aggregator.archive import Archive
from davy_aggregator.config.record import ConfigRecord
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.presence import MAX_EDGES, PresenceTracker

log = get_logger(__name__)

RETRY_S = 1.0
REMIND_S = 30.0
INFO, WARNING = Severity.INFO, Severity.WARNING


class ConfigService:
    """The configurations of one site's edges. Used on the event loop.

    Args:
        site: What site.yaml says.
        changed: Called with the site as it is meant to be now, and with every camera that frames may come from.
    """

    def __init__(
        self,
        site: SiteConfig,
        store: ConfigStore,
        roster: PresenceTracker,
        archive: Archive,
        metrics: AggregatorMetrics,
        changed: Callable[[SiteConfig, Sequence[CameraAddress]], None],
    ) -> None:
        self._site, self._store, self._roster = site, store, roster
        self._archive, self._metrics, self._changed = archive, metrics, changed
        self._history: dict[str, list[ConfigRecord]] = defaultdict(list)
        for body in store.all():
            if record := _read(body):
                self._history[record.edge].append(record)
        self.reported: dict[str, ReportedConfig] = {}
        self._untold: dict[str, None] = {}
        self._deciding = asyncio.Lock()
        self._to_tell = asyncio.Event()
        self.tell_all()
        self._announce()

    @property
    def edges(self) -> list[str]:
        return list(self._site.edges)

    def online(self, edge: str) -> bool:
        return self._roster.edge(edge).online is True

    def desired(self, edge: str) -> ConfigRecord:
        """What an edge shall be: the newest decision, else what site.yaml says.

        Raises:
            UnknownEdgeError: the site has no such edge.
        """
        if edge not in self._site.edges:
            raise UnknownEdgeError(edge, self.edges)
        history = self._history[edge]
        return history[-1] if history else ConfigRecord.of_file(edge, self._site.edges[edge])

    def history(self, edge: str) -> list[ConfigRecord]:
        """Every decision, the newest first; the last is what site.yaml said at the first of them."""
        newest = self.desired(edge)
        return self._history[edge][::-1] or [newest]

    async def put(
        self,
        edge: str,
        config: EdgeConfig,
        who: str = "",
        why: str = "",
        signature: Signature | None = None,
        expected: str = "",
    ) -> ConfigRecord:
        """Decide what an edge shall be, and tell it.

        Args:
            config: Sources may have `***` where their passwords are known.
            expected: The id of the configuration that this one is a change of; empty overwrites whatever there is.

        Raises:
            UnknownEdgeError: the site has no such edge.
            ChangedMeanwhileError: expected is not what it is now.
            InvalidInputError: it is none for this edge.
            ArchiveUnavailableError: it could not be kept, and nobody was told.
        """
        async with self._deciding:
            now = self._expect(edge, expected)
            whole = restore_secrets(config, read_config(now.config))
            if signature is not None and whole != config:
                raise InvalidInputError("what is signed has to be whole: write the passwords out")
            return await self._decide(edge, whole, who, why, signature)

    async def roll_back(self, edge: str, to: str = "", who: str = "", why: str = "", expected: str = "") -> ConfigRecord:
        """Let an edge be again what it was: before the newest decision, or with the id that begins so.

        Raises:
            UnknownConfigError: it never was.
        """
        async with self._deciding:
            now = self._expect(edge, expected)
            history = self.history(edge)
            wanted = to or now.previous
            found = next((each for each in history if wanted and each.id.startswith(wanted)), None)
            if found is None:
                raise UnknownConfigError(edge, to or "before the first")
            return await self._decide(
                edge, read_config(found.config), who, why or f"back to {found.id[:12]}", found.signature, found.config
            )

    def tell_all(self) -> None:
        """Tell every edge again: a broker may have forgotten what was retained."""
        self._untold = dict.fromkeys(edge for edge, history in self._history.items() if history and edge in self._site.edges)
        self._to_tell.set()

    async def run(self, bus: Bus) -> None:
        """Listen and tell until cancelled."""
        await until_first_ends("config", listen=self._listen(bus), tell=self._tell(bus), remind=self._remind())

    # --- decisions ---------------------------------------------------------------------------------------------------------

    def _expect(self, edge: str, expected: str) -> ConfigRecord:
        now = self.desired(edge)
        if expected and expected != now.id:
            raise ChangedMeanwhileError(f"the configuration of edge {edge}", expected, now.id)
        return now

    async def _decide(
        self,
        edge: str,
        config: EdgeConfig,
        who: str,
        why: str,
        signature: Signature | None,
        plain: dict[str, object] | None = None,
    ) -> ConfigRecord:
        before = self.desired(edge)
        mine = self._site.edges[edge].enhance
        if config.enhance != mine:
            raise InvalidInputError(f"enhance: site.yaml says {mine!r} for this edge; change it there and start the edge again")
        plain = plain or to_plain(config)
        record = ConfigRecord(
            edge=edge,
            epoch=max(before.epoch, self._seen(edge).epoch) + 1,
            id=config_id(plain),
            previous=before.id,
            who=who,
            why=why,
            at_ns=time.time_ns(),
            config=plain,
            signature=signature,
        )
        if len(record.desired.to_bytes()) > MAX_MESSAGE_BYTES:
            raise InvalidInputError(f"cameras: the whole has over {MAX_MESSAGE_BYTES:,} bytes and fits into no message")
        new = [record] if self._history[edge] else [before, record]
        await asyncio.to_thread(self._store.add, edge, {each.epoch: each.model_dump_json() for each in new})
        self._history[edge].extend(new)
        self._untold[edge] = None
        self._to_tell.set()
        self._announce()
        said = (
            f"edge {edge} shall be {record.id[:12]} (epoch {record.epoch}), by {who or 'somebody'}: {why or 'no reason given'}"
        )
        log.info("config.decided", edge=edge, epoch=record.epoch, id=record.id[:12], who=who, why=why)
        await self._note("config-changed", said[:500], INFO)
        return record

    def _announce(self) -> None:
        """Frames may come from the cameras that an edge shall have, and from those that it says it has."""
        configs = {edge: read_config(self.desired(edge).config) for edge in self._site.edges}
        cameras = [camera for edge, config in configs.items() for camera in self._cameras(edge, config.cameras)]
        cameras += [camera for edge in configs for camera in self._cameras(edge, self._seen(edge).config.get("cameras", ()))]
        self._changed(self._site.model_copy(update={"edges": configs}), list(dict.fromkeys(cameras)))

    def _cameras(self, edge: str, names: Iterable[str]) -> list[CameraAddress]:
        return [CameraAddress(self._site.site, edge, name) for name in names]

    async def _note(self, kind: str, message: str, severity: int) -> None:
        try:
            await self._archive.report(kind, message, severity)
        except ArchiveUnavailableError as error:
            log.error("event.lost", kind=kind, message=message, error=str(error))

    # --- reported ----------------------------------------------------------------------------------------------------------

    def _seen(self, edge: str) -> ReportedConfig:
        return self.reported.get(edge, _UNHEARD)

    async def _listen(self, bus: Bus) -> None:
        async for message in bus.subscribe([all_edges("reported/config", self._site.site)], qos=1, depth=2048):
            try:
                await self._hear(message)
            except InvalidInputError as error:
                self._metrics.refused.labels("mqtt", type(error).__name__).inc()
                log.warning("mqtt.refused", topic=message.topic, error=str(error))
            except ArchiveUnavailableError as error:  # the next word of the edge brings it up again
                log.error("config.stuck", topic=message.topic, error=str(error))

    async def _hear(self, message: Message) -> None:
        edge = Topic.parse(message.topic).edge
        if edge not in self.reported and len(self.reported) >= MAX_EDGES:
            raise InvalidInputError(f"{message.topic}: {MAX_EDGES} edges are known already")
        said = ReportedConfig.parse(message.payload)
        cameras = said.config.get("cameras", {})
        if not isinstance(cameras, dict) or len(self._cameras(edge, cameras)) > MAX_CAMERAS:  # they become known here
            raise InvalidInputError(f"{message.topic}: cameras: at most {MAX_CAMERAS} by name are expected")
        before, self.reported[edge] = self._seen(edge), said
        if edge not in self._site.edges:
            return
        if said.config != before.config:
            self._announce()
        if said.state is ConfigState.REJECTED and (before.epoch, before.state) != (said.epoch, said.state):
            log.warning("config.rejected", edge=edge, epoch=said.epoch, reason=said.reason)
        await self._lift(edge)

    async def _lift(self, edge: str) -> None:
        """An edge that has seen a higher epoch than it is told takes what it is told for a replay: say it again, above that.

        So it is when this aggregator lost its memory while the edge was away.
        """
        async with self._deciding:
            history, said = self._history[edge], self._seen(edge)
            if not history:
                return
            told = history[-1]
            if said.epoch < told.epoch or (said.epoch == told.epoch and said.target == told.id):
                return
            log.warning("config.lifted", edge=edge, told=told.epoch, seen=said.epoch)
            why = f"said again: the edge had seen epoch {said.epoch}"
            record = told.model_copy(
                update={"epoch": said.epoch + 1, "previous": told.previous, "why": why, "at_ns": time.time_ns()}
            )
            await asyncio.to_thread(self._store.add, edge, {record.epoch: record.model_dump_json()})
            history.append(record)
            self._untold[edge] = None
            self._to_tell.set()

    # --- told --------------------------------------------------------------------------------------------------------------

    async def _remind(self) -> None:
        """Tell edges again that are online and have not heard, as far as is known."""
        while True:
            await asyncio.sleep(REMIND_S)
            for edge, history in self._history.items():
                if history and self.online(edge) and self._seen(edge).epoch < history[-1].epoch:
                    self._untold[edge] = None
            self._to_tell.set()

    async def _tell(self, bus: Bus) -> None:
        while True:
            await self._to_tell.wait()
            self._to_tell.clear()
            while self._untold:
                edge = next(iter(self._untold))
                record = self._history[edge][-1]
                topic = EdgeTopics(self._site.site, edge).desired_config
                try:
                    await bus.publish(
                        Message(topic, record.desired.to_bytes(), 1, retain=True, content_type="application/json")
                    )
                except BrokerUnavailableError:
                    await asyncio.sleep(RETRY_S)
                    continue
                if self._history[edge][-1] is record:
                    self._untold.pop(edge, None)


_UNHEARD = ReportedConfig()


def _read(body: str) -> ConfigRecord | None:
    """None for what another version of Davy wrote and this one does not understand."""
    try:
        record = ConfigRecord.model_validate_json(body)
        read_config(record.config)
    except (ValidationError, InvalidInputError) as error:
        log.error("config.unreadable", error=str(error)[:300])
        return None
    return record
