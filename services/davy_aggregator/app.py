"""One aggregator, from its settings to its sockets."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import grpc
from prometheus_client import CollectorRegistry

from davy.adapters.grpc.server import serve_grpc
from davy.adapters.http.app import serve_app
from davy.adapters.http.listening import Ports, announcer
from davy.adapters.mqtt.bus import MqttBus, connect
from davy.adapters.storage.config_store import ConfigStore
from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.frame_cache import FrameStore
from davy.adapters.storage.rollout_store import RolloutStore
from davy.adapters.storage.sample_store import SampleStore
from davy.domain.frame import CameraId
from davy.domain.ports import Bus, Message
from davy.domain.topics import OFFLINE, ONLINE, EdgeTopics
from davy.site import SiteConfig
from davy.streams.tasks import until_first_ends
from davy.v1 import ingest_pb2_grpc, model_pb2_grpc, sample_pb2_grpc
from davy_aggregator.analysis.runner import analyse
from davy_aggregator.archive import REPORTER, Archive
from davy_aggregator.bus import follow_roster, follow_thin_cameras, publish_events
from davy_aggregator.config.service import ConfigService
from davy_aggregator.context import ServiceContext
from davy_aggregator.drift import DriftCollector
from davy_aggregator.edge_alarms import watch_edges
from davy_aggregator.frame_cache import keep_store
from davy_aggregator.health import Health
from davy_aggregator.live import LiveFrames
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.model_catalog import ModelCatalog
from davy_aggregator.presence import PresenceTracker
from davy_aggregator.rest.app import build_app
from davy_aggregator.rollout.reported_models import Fleet
from davy_aggregator.rollout.service import RolloutService
from davy_aggregator.rpc.ingest import FramesServicer, IngestServicer
from davy_aggregator.rpc.models import ModelsServicer, RolloutsServicer
from davy_aggregator.samples.catalog import SampleCatalog, SampleMetrics
from davy_aggregator.samples.rpc import SamplesServicer
from davy_aggregator.settings import AggregatorSettings
from davy_aggregator.site_status import SiteStatus

HEALTH_EVERY_S = 0.5


async def serve(
    settings: AggregatorSettings,
    site: SiteConfig,
    registry: CollectorRegistry | None = None,
    ready: Callable[[Ports], None] | None = None,
) -> None:
    """Take frames and events, show and analyse them, until cancelled.

    A broker or store that is away, at start or later, degrades it (see /readyz) and does not end it.

    Args:
        registry: Where the metrics go, and what GET /metrics shows.
        ready: Called once, when HTTP and gRPC take connections, with their real ports.

    Raises:
        AddressUnavailableError: a port is taken.
        ArchiveUnavailableError: the event archive cannot be opened.
        ModelError: the configured detector cannot be used.
    """
    registry = registry or CollectorRegistry()
    metrics = AggregatorMetrics(registry)
    name = settings.name or f"aggregator-{uuid.uuid4().hex[:8]}"
    live = LiveFrames(site.camera_ids(), metrics, settings.accept_unknown)
    roster, health = PresenceTracker(site.site), Health(metrics)
    overview, drift = SiteStatus(site, settings, live, roster, health), DriftCollector(live, roster)
    registry.register(drift)
    status = EdgeTopics(site.site, REPORTER).status
    async with (
        _archive(settings, site, metrics) as archive,
        _controller(settings, site, roster, archive, metrics) as controller,
        _configurator(settings, site, roster, archive, metrics, live, overview) as configurator,
        _samples(settings, registry) as samples,
        _store(site, settings, name) as store,
        connect(
            site.broker,
            f"davy-{site.site}-{name}",
            will=Message(status, OFFLINE, qos=1, retain=True),
            on_connect=_greet(status, controller.tell_all, configurator.tell_all),
        ) as bus,
    ):
        parts = ServiceContext(
            settings,
            live,
            archive,
            overview,
            health,
            metrics,
            registry,
            controller.shelf,
            controller,
            configurator,
            samples,
            drift,
        )
        announce = announcer(ready)
        works = {
            "http": _serve_http(parts, announce),
            "grpc": _serve_grpc(parts, site, announce),
            "roster": follow_roster(bus, site.site, roster, metrics),
            "events": publish_events(bus, site.site, archive),
            "store": keep_store(store, live, health, settings.store_fps),
            "edges": watch_edges(roster, archive, settings.edge_offline_after_s),
            "rollouts": controller.run(bus),
            "configs": configurator.run(bus),
            "health": _watch_health(bus, archive, health),
        }
        if thin := [camera for camera in site.camera_ids() if site.edges[camera.edge].enhance == "pool"]:
            works["thin"] = follow_thin_cameras(bus, thin, live, roster, metrics)
        if settings.analysis.enabled:
            works["analysis"] = analyse(settings.analysis, live, archive, metrics)
        await until_first_ends("aggregator", **works)


@asynccontextmanager
async def _archive(settings: AggregatorSettings, site: SiteConfig, metrics: AggregatorMetrics) -> AsyncIterator[Archive]:
    path, age_s = settings.data / "events.db", settings.archive_max_age_days * 86_400
    store = await asyncio.to_thread(EventStore, path, settings.archive_max_bytes, age_s)
    archive = Archive(store, site.site, metrics)
    try:
        yield archive
    finally:
        await asyncio.shield(archive.close())


@asynccontextmanager
async def _samples(settings: AggregatorSettings, registry: CollectorRegistry) -> AsyncIterator[SampleCatalog]:
    path, max_bytes, max_count = settings.data / "samples.db", settings.samples_max_bytes, settings.samples_max_count
    store = await asyncio.to_thread(SampleStore, path, max_bytes, max_count)
    try:
        shelf = SampleCatalog(store, SampleMetrics(registry))
        await shelf.tally()
        yield shelf
    finally:
        store.close()


@asynccontextmanager
async def _store(site: SiteConfig, settings: AggregatorSettings, name: str) -> AsyncIterator[FrameStore]:
    store = FrameStore(site.cache, name, settings.store_ttl_s)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _controller(
    settings: AggregatorSettings, site: SiteConfig, roster: PresenceTracker, archive: Archive, metrics: AggregatorMetrics
) -> AsyncIterator[RolloutService]:
    """The rollouts; registry and key set are in the data folder where the settings do not say."""
    url = settings.registry or f"file://{(settings.data / 'registry').absolute()}"
    shelf = ModelCatalog(url, settings.trust or settings.data / "keys" / "trust.json")
    fleet = Fleet(site.site, roster)

    def edges() -> list[str]:
        own = [edge for edge, config in site.edges.items() if config.enhance == "here"]
        return own + [edge for edge in fleet.reported if settings.accept_unknown and edge not in site.edges]

    store = await asyncio.to_thread(RolloutStore, settings.data / "rollouts.db")
    try:
        yield RolloutService(site.site, store, shelf, fleet, archive, metrics, edges)
    finally:
        store.close()


@asynccontextmanager
async def _configurator(
    settings: AggregatorSettings,
    site: SiteConfig,
    roster: PresenceTracker,
    archive: Archive,
    metrics: AggregatorMetrics,
    live: LiveFrames,
    overview: SiteStatus,
) -> AsyncIterator[ConfigService]:
    def changed(now: SiteConfig, cameras: Sequence[CameraId]) -> None:
        live.know(cameras)
        overview.reconfigure(now)

    store = await asyncio.to_thread(ConfigStore, settings.data / "configs.db")
    try:
        yield ConfigService(site, store, roster, archive, metrics, changed)
    finally:
        store.close()


def _greet(status: str, *tell_edges: Callable[[], None]) -> Callable[[Bus], Awaitable[None]]:
    """At every connect: a broker may have forgotten what was retained."""

    async def greet(bus: Bus) -> None:
        await bus.publish(Message(status, ONLINE, qos=1, retain=True))
        for tell in tell_edges:
            tell()

    return greet


async def _serve_http(parts: ServiceContext, announce: Callable[[str, int], None]) -> None:
    settings = parts.settings
    await serve_app(build_app(parts), settings.host, settings.port, lambda port: announce("http", port), websockets=True)


async def _serve_grpc(parts: ServiceContext, site: SiteConfig, announce: Callable[[str, int], None]) -> None:
    settings = parts.settings

    def knows_edge(of_site: str, edge: str) -> bool:
        return of_site == site.site and (edge in site.edges or settings.accept_unknown)

    def register(server: grpc.aio.Server) -> Sequence[str]:
        ingest = IngestServicer(parts.live, parts.archive, parts.metrics, settings.window, knows_edge)
        frames = FramesServicer(parts, site.site)
        ingest_pb2_grpc.add_IngestServicer_to_server(ingest, server)
        ingest_pb2_grpc.add_FramesServicer_to_server(frames, server)
        model_pb2_grpc.add_ModelsServicer_to_server(ModelsServicer(parts.shelf), server)
        model_pb2_grpc.add_RolloutsServicer_to_server(RolloutsServicer(parts.controller), server)
        sample_pb2_grpc.add_SamplesServicer_to_server(SamplesServicer(parts.samples, knows_edge), server)
        return ["davy.v1.Ingest", "davy.v1.Frames", "davy.v1.Models", "davy.v1.Rollouts", "davy.v1.Samples"]

    await serve_grpc(settings.grpc_host or settings.host, settings.grpc_port, register, lambda port: announce("grpc", port))


async def _watch_health(bus: MqttBus, archive: Archive, health: Health) -> None:
    while True:
        health.set("broker", "" if bus.connected else f"no MQTT broker at {bus.endpoint}: {bus.fault}")
        health.set("archive", archive.fault)
        await asyncio.sleep(HEALTH_EVERY_S)
