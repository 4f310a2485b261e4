"""Composition of one edge, from its settings to its sockets."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

import structlog
from prometheus_client import CollectorRegistry

from davy.adapters import mqtt
from davy.adapters.camera import OPENERS
from davy.adapters.grpc import ingest_client, model_client
from davy.adapters.grpc.ingest_client import IngestClient
from davy.adapters.grpc.model_client import ModelClient
from davy.adapters.grpc.route import Route
from davy.adapters.http.identity_client import renewer_of
from davy.adapters.http.telemetry import serve_telemetry
from davy.adapters.mqtt.bus import MqttBus
from davy.adapters.recording.folder import SegmentFolder
from davy.adapters.storage.folder_lock import hold_folder
from davy.adapters.storage.sample_spool import SampleSpool
from davy.adapters.storage.spool import Spool
from davy.adapters.tls import Tls
from davy.adapters.tls.watch import watch_identity
from davy.deployment.manager import ModelManager
from davy.deployment.metrics import ModelMetrics
from davy.domain.boot import new_boot_id
from davy.domain.camera import CameraAddress
from davy.domain.drops import DropPoint
from davy.domain.errors import BrokerUnavailableError, ConfigError, PixelBudgetError
from davy.domain.frame import EncodedFrame
from davy.domain.ports import Bus, FrameSource, Message, OpenSource, SourceOptions
from davy.domain.record_rule import RecordRule
from davy.domain.recording import Segment
from davy.domain.secret_url import SecretUrl
from davy.domain.severity import Severity
from davy.domain.suggestion import did_you_mean
from davy.domain.topics import OFFLINE, ONLINE, EdgeTopics
from davy.imaging.runtime import StillEnhancer, VideoEnhancer
from davy.site import OLD_SCHEME, SIMULATOR_SCHEME, CameraConfig, EdgeConfig, SiteConfig
from davy.streams.accounting import FrameAccounting
from davy.streams.metrics import FrameCollector, FrameTimings, labels_of_edge
from davy.streams.supervisor import Component, Supervisor
from davy.telemetry import get_logger
from davy.twin.state_file import StateFile
from davy_edge.birth import birth_message
from davy_edge.config.manager import ConfigManager, ConfigPointer, open_state_file
from davy_edge.config.validation import ConfigValidator
from davy_edge.frames.camera_states import CameraStates
from davy_edge.frames.fair_semaphore import FairSemaphore, slots_for
from davy_edge.frames.pipeline import Pipeline
from davy_edge.frames.pipelines import Pipelines
from davy_edge.frames.pixel_budget import PixelBudget
from davy_edge.frames.send_plan import SendPlan
from davy_edge.frames.video_feeds import VideoFeeds
from davy_edge.metrics import GaugeCollector, VideoMetrics
from davy_edge.observation.drift_watch import DriftWatch
from davy_edge.observation.observer import FrameObserver
from davy_edge.observation.samples import Samples
from davy_edge.recording.push import RingPush
from davy_edge.recording.ring import Ring
from davy_edge.settings import EdgeSettings
from davy_edge.stats import Stats, rss_bytes
from davy_edge.tasks.channel import TaskChannel
from davy_edge.transport.events import Events
from davy_edge.transport.grpc_plane import GrpcPlane
from davy_edge.transport.mqtt_plane import MqttPlane
from davy_edge.transport.sink import Sink
from davy_edge.transport.video_plane import VideoPlane

log = get_logger(__name__)

WATCH_EVERY_S = 0.5
FAREWELL_S = 2.0
RING_LEFTOVER_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class Ready:
    """A running edge that opens its cameras. metrics_port is 0 if metrics are off."""

    edge: str
    boot_id: str
    metrics_port: int


async def serve(
    settings: EdgeSettings,
    site: SiteConfig,
    openers: Mapping[str, OpenSource] = OPENERS,
    registry: CollectorRegistry | None = None,
    ready: Callable[[Ready], None] | None = None,
    still: StillEnhancer | None = None,
    semaphore: FairSemaphore | None = None,
) -> None:
    """Capture, enhance and send until cancelled.

    The edge keeps running without a camera, a broker or an aggregator.

    Args:
        openers: Opens camera URLs, by scheme.
        registry: Metrics registry; each edge of a process needs its own.
        ready: Called once, when the edge starts to open its cameras.
        still: Enhancer shared by the edges of a process; None loads the model of the settings.
        semaphore: Semaphore shared by the edges of a process; None makes one from the settings.

    Raises:
        ConfigError: the site has no such edge, the spool is unusable, or the files of the identity are invalid.
        AddressUnavailableError: the metrics port is in use.
        FolderInUseError: another process works in this edge's data folder.
        ModelError: the model file is unusable.
    """
    edge = choose_edge(settings, site)
    own = site.edges[edge]
    structlog.contextvars.bind_contextvars(site=site.site, edge=edge)
    if still is None and own.enhance == "here":
        still = await asyncio.to_thread(StillEnhancer, settings.model, settings.threads)
    boot_id = new_boot_id()
    folder = settings.data / site.site / edge
    with ExitStack() as stack:
        spool = await asyncio.to_thread(Spool, folder / "spool.db", boot_id, settings.spool_max_bytes)
        stack.callback(spool.close)
        stack.enter_context(hold_folder(folder, f"edge {edge}"))
        config_file = await asyncio.to_thread(open_state_file, folder / "config")
        samples = None
        if settings.samples_bytes_per_hour:
            samples = await asyncio.to_thread(SampleSpool, folder / "samples.db", boot_id, settings.samples_spool_bytes)
            stack.callback(samples.close)
        try:
            registry = CollectorRegistry() if registry is None else registry
            await _Edge(settings, site, edge, boot_id, openers, registry, still, spool, samples, config_file, semaphore).run(
                ready
            )
        except ExceptionGroup as group:
            if len(group.exceptions) == 1:  # a single error, such as a port in use
                raise group.exceptions[0] from group
            raise


def choose_edge(settings: EdgeSettings, site: SiteConfig) -> str:
    """Choose the edge that this process runs.

    Raises:
        ConfigError: the site has no edge of that name, or several edges and none was named.
    """
    known = ", ".join(site.edges)
    if not settings.edge and len(site.edges) > 1:
        raise ConfigError(f"site {site.site} has several edges: choose one by --edge: {known}")
    edge = settings.edge or next(iter(site.edges))
    if edge not in site.edges:
        raise ConfigError(f"site {site.site} has no edge {edge!r}{did_you_mean(edge, site.edges)}; its edges: {known}")
    return edge


class _Edge:
    """The components of one edge and their connections."""

    def __init__(
        self,
        settings: EdgeSettings,
        site: SiteConfig,
        edge: str,
        boot_id: str,
        openers: Mapping[str, OpenSource],
        registry: CollectorRegistry,
        still: StillEnhancer | None,
        spool: Spool,
        samples: SampleSpool | None,
        config_file: StateFile[ConfigPointer],
        semaphore: FairSemaphore | None,
    ) -> None:
        self._settings, self._site, self._tls = settings, site, Tls.of(settings.tls)
        self._edge, self._boot_id, self._registry, self._spool = edge, boot_id, registry, spool
        self._started_ns, self._loop = time.time_ns(), asyncio.get_running_loop()
        self._set_aside = (config_file.set_aside,)
        self._failing: dict[str, str] = {}  # components that fail repeatedly
        self._supervisor = Supervisor(f"edge.{edge}", registry, self._failing.__setitem__)
        self._topics = EdgeTopics(site.site, edge)
        self._events = Events(self._topics, spool)
        self._policy = site.edges[edge].allowed_sources()
        validator = ConfigValidator(self._topics, openers, settings.max_cameras, settings.config_trust, self._policy)
        self._configs = ConfigManager(
            self._topics, boot_id, config_file, site.edges[edge], validator, registry, self._record_event
        )
        config = self._configs.running
        enhances = still is not None and config.enhance == "here"
        sinks = (DropPoint.MQTT, DropPoint.GRPC) if enhances else (DropPoint.MQTT,)  # raw frames go to the pool only
        self._accounting = FrameAccounting(config.cameras, sinks)
        labels = labels_of_edge(edge)
        self._timings = FrameTimings(labels, registry)
        self._mqtt = MqttPlane(self._accounting, self._timings)
        self._grpc = GrpcPlane(self._accounting, self._timings, settings.adapt)
        self._feeds = VideoFeeds(VideoMetrics(edge, registry).count)
        self._video = VideoPlane(self._camera_addresses, self._feeds.ask_for_key, self._grpc.slow)
        self._sinks: list[Sink] = [self._mqtt, self._grpc][: len(sinks)]
        self._states = CameraStates(self._topics, list(config.cameras), self._events)
        self._states.clear_removed(self._configs.pointer.gone)
        self._bus: MqttBus | None = None
        self._changed = asyncio.Event()
        self._models = self._open_models(still) if still is not None and enhances else None
        self._samples = self._open_samples(samples) if samples else None
        folder = settings.data / site.site / edge / "drift"
        self._drift = DriftWatch(
            edge, folder, config.cameras, settings.drift_reference_s, settings.drift_window_s, self._events, registry
        )
        ring_folder = SegmentFolder(settings.ring or folder.with_name("recordings"), settings.ring_max_bytes, self._ring_s)
        self._ring = Ring(ring_folder, self._record_rule, self._events.record_event)
        self._feeds.consumers = (self._video, self._ring)
        self._ring_push = RingPush(self._ring, settings.ring_fill_bytes_per_s, lambda: self._grpc.link.index > 0)
        self._budget = PixelBudget(settings.max_megapixels, self._report_large_camera)
        self._openers, self._semaphore = openers, semaphore or FairSemaphore(slots_for(settings.parallel, settings.threads))
        self._tasks = TaskChannel(
            self._topics, self._policy, self._scheme_opener, lambda: self._still, settings.search_port, settings.search_s
        )
        self._pipelines = Pipelines(config, self._pipeline, self._accounting, self._states, self._drift, self._sinks)
        self._stats = Stats(
            boot_id,
            self._accounting,
            self._timings,
            self._states,
            spool,
            self._pipelines.damaged,
            self._errors,
            self._drift.figures,
            self._grpc.link.figures,
        )
        if self._tls is not None:
            self._tls.install_metrics(registry)
        registry.register(FrameCollector(labels, self._accounting))
        registry.register(GaugeCollector(edge, self._gauges))

    def _pipeline(self, name: str, config: CameraConfig) -> Pipeline:
        camera = CameraAddress(self._site.site, self._edge, name)
        return Pipeline(
            camera,
            config,
            self._boot_id,
            self._opener(config.source),
            VideoEnhancer(self._models.active_model.enhancer, self._settings.every) if self._models else None,
            self._models.active_model if self._models else None,
            self._semaphore,
            self._accounting,
            self._timings,
            self._deliver,
            self._states.set,
            self._observer(camera),
            lambda: self._bus.max_payload_bytes if self._bus else 0,
            lambda: self._grpc.level,
            self._budget,
            SendPlan([sink.point for sink in self._sinks], lambda: self._video.demand(name)),
            self._feeds if self._models else None,
        )

    def _opener(self, source: SecretUrl) -> OpenSource:
        return self._scheme_opener(source.scheme)

    def _scheme_opener(self, scheme: str) -> OpenSource:
        """Opens a source by the policy of this edge, wherever the source's configuration came from."""
        opener = self._openers.get(scheme, _open_unknown)
        ca_file = self._tls.files.ca if self._tls is not None else None
        return lambda url, options: opener(url, replace(options, policy=self._policy, ca_file=ca_file))

    def _observer(self, camera: CameraAddress) -> FrameObserver:
        observers = [self._drift.observer(camera.camera)]
        if self._samples:
            observers.append(self._samples.sampler(camera).observe)
        return FrameObserver(*observers, every_s=self._settings.look_every_s)

    def _report_large_camera(self, camera: str, error: PixelBudgetError) -> None:
        """Record the event of a camera over the pixel budget; called on the camera's thread."""
        message = f"camera {camera} is closed: {error}"
        if not self._loop.is_closed():
            record = partial(self._events.record_event, "camera-too-large", message, Severity.ALARM, camera)
            self._loop.call_soon_threadsafe(record)

    def _record_rule(self, camera: str) -> RecordRule | None:
        config = self._pipelines.config.cameras.get(camera)
        return config.record if config else None

    def _ring_s(self, segment: Segment) -> float:
        """Age at which a segment leaves the ring, in s. If its camera is not recorded any more, somebody may still want it."""
        rule = self._record_rule(segment.camera.camera)
        return 3600 * (rule.ring_hours if rule and rule.ring_hours else RING_LEFTOVER_HOURS)

    def _deliver(self, frame: EncodedFrame, sinks: frozenset[DropPoint]) -> None:
        for sink in self._sinks:
            if sink.point in sinks:
                sink.offer(frame)

    def _camera_addresses(self) -> list[CameraAddress]:
        return [CameraAddress(self._site.site, self._edge, name) for name in self._pipelines.config.cameras]

    def _errors(self) -> dict[str, str]:
        broker = self._bus.error or self._bus.refusal if self._bus else "not connected yet"
        errors = {"mqtt": broker, "record": self._events.error, "spool": self._spool.error}
        errors |= {"live": self._grpc.error} if self._models else {}
        errors |= self._failing | ({"recording": self._ring.error} if self._ring.error else {})
        return errors | ({"samples": self._samples.error} if self._samples else {})

    def _open_samples(self, spool: SampleSpool) -> Samples:
        settings = self._settings
        return Samples(self._edge, spool, settings.samples_bytes_per_hour, settings.samples_every_s, self._registry)

    def _open_models(self, installed: StillEnhancer) -> ModelManager:
        settings = self._settings
        metrics = ModelMetrics(self._edge, self._registry)
        return ModelManager(
            self._topics,
            self._boot_id,
            settings.data / self._site.site / self._edge / "models",
            settings.trust or settings.data / "trust.json",
            installed,
            settings.threads,
            metrics,
            self._record_event,
            self._changed.set,
        )

    def _record_event(self, kind: str, message: str, severity: int, *, figures: Mapping[str, float] | None = None) -> None:
        self._events.record_event(kind, message, Severity(severity), figures=figures)

    async def _report_identity(self, kind: str, message: str, severity: Severity) -> None:
        self._events.record_event(kind, message, severity)

    @property
    def _still(self) -> StillEnhancer | None:
        return self._models.active_model.enhancer if self._models else None

    @property
    def _model(self) -> str:
        return self._models.active_model.enhancer.model if self._models else ""

    def _gauges(self) -> Iterable[tuple[str, float]]:
        yield "davy_edge_mqtt_connected", float(bool(self._bus and self._bus.connected))
        yield "davy_edge_mqtt_refused", float(self._bus.refused if self._bus else 0)
        yield "davy_edge_ingest_connected", float(self._grpc.connected)
        yield "davy_edge_link_level", self._grpc.link.index
        yield "davy_edge_link_bandwidth", self._grpc.link.bandwidth
        yield "davy_edge_video_connected", float(not self._video.error)
        yield "davy_edge_video_dropped", self._video.dropped
        yield "davy_edge_spool_events_dropped", self._spool.events_dropped
        if self._samples:
            yield "davy_edge_samples_dropped", self._samples.dropped
        yield "davy_edge_ring_bytes", self._ring.folder.bytes
        yield "davy_edge_ring_dropped", self._ring.dropped
        yield "davy_edge_memory_bytes", rss_bytes()

    async def run(self, ready: Callable[[Ready], None] | None) -> None:
        settings, will = self._settings, Message(self._topics.status, OFFLINE, qos=1, retain=True)
        route = Route(self._site.ingest, self._topics.base, bool(self._site.aggregators))
        with ExitStack() as stack:
            port = 0
            if settings.metrics_port:
                telemetry = serve_telemetry(settings.metrics_host, settings.metrics_port, self._registry, self._stats.health)
                port = stack.enter_context(telemetry)
            async with (
                ingest_client.connect(route, self._tls) as client,
                model_client.connect(route, self._tls) as registry,
                mqtt.connect(
                    self._site.broker, f"davy-{self._site.site}-{self._edge}", will, self._on_connect, self._tls
                ) as bus,
                self._cameras_open(bus),
                asyncio.TaskGroup() as tasks,
            ):
                self._bus, cameras = bus, len(self._pipelines.config.cameras)
                for message in filter(None, (self._spool.set_aside, *self._set_aside)):
                    self._events.record_event("file-set-aside", message, Severity.WARNING)
                self._events.record_event(
                    "edge-started",
                    f"edge {self._edge} started with {cameras} cameras, model {self._model or 'none'}",
                    figures={"cameras": cameras},
                )
                for name, component in self._components(bus, client, registry, route).items():
                    tasks.create_task(self._supervisor.run(name, component), name=f"edge.{self._edge}.{name}")
                log.info("edge.started", boot_id=self._boot_id, cameras=list(self._pipelines.config.cameras), model=self._model)
                if ready is not None:
                    ready(Ready(self._edge, self._boot_id, port))

    def _components(self, bus: MqttBus, client: IngestClient, registry: ModelClient, route: Route) -> dict[str, Component]:
        components: dict[str, Component] = {
            "mqtt.frames": lambda: self._mqtt.run(bus),
            "status": lambda: self._states.publish(bus),
            "stats": lambda: self._publish_stats(bus),
            "watch": self._watch,
            "events.keep": self._events.keep,
            "events.publish": lambda: self._events.publish(bus),
            "events.report": lambda: self._events.report(client),
            "swaps": lambda: self._publish_births(bus),
            "config": lambda: self._configs.run(bus, self._reconfigure),
            "recording": self._ring.run,
            "recording.push": lambda: self._ring_push.run(client),
            "tasks": lambda: self._tasks.run(client),
            "route": lambda: route.return_home(self._tls),
        }
        if models := self._models:
            components |= {
                "grpc.frames": lambda: self._grpc.run(client),
                "grpc.video": lambda: self._video.run(client),
                "models": lambda: models.run(bus, registry),
            }
        if tls := self._tls:
            components["identity"] = lambda: watch_identity(tls, self._report_identity, renewer_of(tls))
        if samples := self._samples:
            components |= {"samples.keep": samples.keep, "samples.push": lambda: samples.push(client)}
        return components

    @asynccontextmanager
    async def _cameras_open(self, bus: MqttBus) -> AsyncIterator[None]:
        """Run the pipelines. At the end, account for every frame and set the cameras' topics to offline."""
        self._pipelines.start()
        try:
            yield
        finally:
            await asyncio.shield(self._close_cameras(bus))

    async def _close_cameras(self, bus: MqttBus) -> None:
        await self._pipelines.stop()
        for sink in self._sinks:
            sink.close()
        await self._events.flush()
        self._states.stop(f"edge {self._edge} was stopped")
        with suppress(BrokerUnavailableError, TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await self._states.publish_all(bus)
        log.info("edge.stopped", boot_id=self._boot_id)

    async def _on_connect(self, bus: Bus) -> None:
        """Publish the retained state at every connect: a restarted broker may have lost it."""
        await bus.publish(self._birth())
        await self._states.publish_all(bus)
        if self._models:
            await bus.publish(self._models.reported())
        await bus.publish(self._configs.reported())
        await bus.publish(Message(self._topics.status, ONLINE, qos=1, retain=True))

    def _birth(self) -> Message:
        return birth_message(self._topics, self._pipelines.config, self._boot_id, self._model, self._started_ns)

    async def _reconfigure(self, config: EdgeConfig) -> str:
        """Apply a configuration; unchanged cameras keep running."""
        try:
            return await self._pipelines.apply(config)
        finally:
            self._changed.set()

    async def _publish_births(self, bus: Bus) -> None:
        """Publish the birth message again whenever model or cameras change."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            with suppress(BrokerUnavailableError):  # the next connect publishes it
                await bus.publish(self._birth())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            self._pipelines.check()
            self._states.check()

    async def _publish_stats(self, bus: Bus) -> None:
        while True:
            await asyncio.sleep(self._settings.stats_every_s)
            figures = await asyncio.to_thread(self._stats.read)
            with suppress(BrokerUnavailableError):  # the bus logs it; newer stats follow
                await bus.publish(Message(self._topics.stats, json.dumps(figures).encode(), content_type="application/json"))


def _open_unknown(url: str, options: SourceOptions) -> FrameSource:  # noqa: ARG001  # an OpenSource
    if url.startswith((f"{SIMULATOR_SCHEME}://", f"{OLD_SCHEME}://")):
        advice = "start `davy simulator serve` and use its http:// addresses"
        raise ConfigError(f"{SIMULATOR_SCHEME}:// cameras exist only in `davy demo`: {advice}")
    raise ConfigError(f"camera {SecretUrl(url)}: this edge does not support this URL scheme")
