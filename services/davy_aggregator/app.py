"""Composition of one aggregator, from its settings to its sockets."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager

import grpc
from prometheus_client import CollectorRegistry

from davy.access.journal_keys import journal_folder
from davy.adapters.access.credentials import Authenticator, OpenDoor
from davy.adapters.access.directory import Directory
from davy.adapters.access.links import LinkAuthenticator, LinkSigner
from davy.adapters.access.oidc import OidcProvider
from davy.adapters.access.service import ServiceAccess
from davy.adapters.fan_out.opening import open_fan_out
from davy.adapters.grpc.server import serve_grpc
from davy.adapters.http.identity_client import renewer_of
from davy.adapters.http.listening import Ports, announcer
from davy.adapters.http.server import serve_app
from davy.adapters.media.publishing import check_publish_url
from davy.adapters.mqtt.bus import MqttBus, connect
from davy.adapters.notify import make_notifier
from davy.adapters.recording.files import RecordingFiles
from davy.adapters.storage.access_store import AccessStore
from davy.adapters.storage.alarm_store import AlarmStore
from davy.adapters.storage.config_store import ConfigStore
from davy.adapters.storage.database import Database
from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.folder_lock import hold_folder
from davy.adapters.storage.journal_store import JournalStore
from davy.adapters.storage.layout_store import LayoutStore
from davy.adapters.storage.opening import open_database
from davy.adapters.storage.recording_store import RecordingStore
from davy.adapters.storage.rollout_store import RolloutStore
from davy.adapters.storage.sample_store import SampleStore
from davy.adapters.storage.shared_keys import get_shared_key
from davy.adapters.tls import Tls
from davy.adapters.tls.watch import LocalRenewer, watch_identity
from davy.analysis.places.book import PlaceBook
from davy.domain.camera import CameraAddress
from davy.domain.errors import ArchiveUnavailableError
from davy.domain.fan_out import FanOut
from davy.domain.ports import Bus, Message
from davy.domain.secret_url import SecretUrl
from davy.domain.severity import Severity
from davy.domain.topics import OFFLINE, ONLINE, AlarmTopics, EdgeTopics
from davy.identity import Authority
from davy.site import SiteConfig
from davy.streams.supervisor import Component, Supervisor
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy.v1 import (
    alarm_pb2_grpc,
    analysis_pb2_grpc,
    edge_pb2_grpc,
    ingest_pb2_grpc,
    model_pb2_grpc,
    recording_pb2_grpc,
    sample_pb2_grpc,
)
from davy_aggregator.alarm_conditions import ConditionWatch
from davy_aggregator.alarms.escalation import Deliveries
from davy_aggregator.alarms.events import follow_events, mark_start
from davy_aggregator.alarms.metrics import AlarmMetrics
from davy_aggregator.alarms.rules import RuleBook
from davy_aggregator.alarms.service import AlarmService
from davy_aggregator.alarms.topics import publish_alarms
from davy_aggregator.analysis.detector_reports import DetectorReporter
from davy_aggregator.analysis.findings import FindingsReporter
from davy_aggregator.analysis.workers import AnalysisWorkers, WorkerMetrics
from davy_aggregator.archive import REPORTER, Archive
from davy_aggregator.bus import follow_passthrough_cameras, publish_events, track_presence
from davy_aggregator.clock_watch import watch_clocks
from davy_aggregator.config.service import ConfigService
from davy_aggregator.context import ServiceContext
from davy_aggregator.drift import DriftCollector
from davy_aggregator.fan_out.exchange import Replicas
from davy_aggregator.health import Health
from davy_aggregator.home_assistant import HomeAssistant
from davy_aggregator.journal import JournalMetrics, JournalWriter
from davy_aggregator.leadership import Leadership
from davy_aggregator.live import LiveFrames
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.model_catalog import ModelCatalog
from davy_aggregator.outputs.hls import HlsStreams
from davy_aggregator.outputs.push import Publisher
from davy_aggregator.outputs.rtsp_server import RtspServer
from davy_aggregator.outputs.webrtc import WebRtcViewers
from davy_aggregator.presence import PresenceTracker
from davy_aggregator.recording.metrics import RecordingMetrics
from davy_aggregator.recording.service import Recordings
from davy_aggregator.replicas.replica import Decider, Replica, opened_replica
from davy_aggregator.replicas.shares import ShareCheck
from davy_aggregator.rest.app import build_app
from davy_aggregator.rollout.confirmation import second_person
from davy_aggregator.rollout.service import RolloutService
from davy_aggregator.rpc.alarms import AlarmsServicer
from davy_aggregator.rpc.analysis import AnalysisServicer
from davy_aggregator.rpc.edges import EdgesServicer
from davy_aggregator.rpc.ingest import FramesServicer, IngestServicer
from davy_aggregator.rpc.models import ModelsServicer, RolloutsServicer
from davy_aggregator.rpc.recordings import RecordingsServicer
from davy_aggregator.samples.catalog import SampleCatalog, SampleMetrics
from davy_aggregator.samples.rpc import SamplesServicer
from davy_aggregator.senders import sender_check
from davy_aggregator.settings import AggregatorSettings
from davy_aggregator.site_status import SiteStatus
from davy_aggregator.tiles import TilePictures
from davy_aggregator.video import LiveVideo

HEALTH_EVERY_S = 0.5
log = get_logger(__name__)


async def serve(
    settings: AggregatorSettings,
    site: SiteConfig,
    registry: CollectorRegistry | None = None,
    ready: Callable[[Ports], None] | None = None,
) -> None:
    """Receive, serve and analyse frames and events until cancelled.

    The aggregator keeps running without a broker or a cache; /readyz reports that as degraded.

    Args:
        registry: Metrics registry behind GET /metrics.
        ready: Called once with the ports, as soon as HTTP and gRPC accept connections.

    Raises:
        AddressUnavailableError: a port is in use.
        FolderInUseError: another process works in the data folder.
        ArchiveUnavailableError: the database cannot be opened.
        ModelError: the configured detector is unusable.
        ConfigError: the files of the identity or of the identity provider are missing or invalid, or it would listen beyond
            loopback without protection.
    """
    settings.check_exposure()
    if settings.rtsp.push:
        check_publish_url(settings.rtsp.push, settings.rtsp.python)
    registry = registry or CollectorRegistry()
    metrics, tls = AggregatorMetrics(registry), Tls.of(settings.tls)
    if tls is not None:
        tls.install_metrics(registry)
    oidc = OidcProvider(settings.oidc) if settings.oidc.issuer else None
    name = settings.name or f"aggregator-{uuid.uuid4().hex[:8]}"
    live = LiveFrames(site.camera_ids(), metrics, settings.accept_unknown)
    video = LiveVideo(live, metrics)
    presence, health = PresenceTracker(site.site), Health(metrics)
    site_status, drift = SiteStatus(site, settings, live, presence, health, video.can_send), DriftCollector(live, presence)
    registry.register(drift)
    metrics.cameras.include(drift.collect_cameras)
    topics, alarm_metrics = EdgeTopics(site.site, REPORTER), AlarmMetrics(registry)
    status = topics.status
    book = PlaceBook(site)
    async with (
        _folder(settings),
        _database(settings) as database,
        opened_replica(settings, database, site.site, name) as replica,
        _archive(settings, database, replica, site, metrics) as archive,
        _alarms(replica, site, archive, alarm_metrics) as alarms,
        _journal(settings, database, archive, registry) as journal,
        _rollout_service(settings, replica, database, site, presence, archive, metrics) as rollouts,
        _recordings(settings, database, replica, site, video, archive, alarms, registry) as recordings,
        _config_service(replica, site, presence, archive, metrics, live, site_status, book, recordings) as configs,
        _samples(settings, database, registry) as samples,
        _tiles(metrics) as tiles,
        _home_assistant(site.site, site_status, alarms) as home,
        WebRtcViewers.opened(video, settings.webrtc, settings.host) as webrtc,
        HlsStreams.opened(video) as hls,
        _fan_out(site, name, tls) as fan_out,
        connect(
            site.broker,
            f"davy-{site.site}-{name}",
            will=Message(status, OFFLINE, qos=1, retain=True),
            on_connect=_on_connect(status, home.republish, rollouts.twin.republish_all, configs.twin.republish_all),
            tls=tls,
        ) as bus,
    ):
        directory = Directory(AccessStore(database), site.site, settings.session_hours * 3600)
        if settings.access == "closed" and not await asyncio.to_thread(directory.users):
            log.warning("access.nobody", hint=f"davy users add NAME --role admin --data {settings.data}")
        links = await asyncio.to_thread(_link_signer, settings, database)
        authenticator: Authenticator = LinkAuthenticator(links, directory) if settings.access == "closed" else OpenDoor()
        context = ServiceContext(
            settings,
            live,
            archive,
            site_status,
            health,
            metrics,
            registry,
            rollouts.catalog,
            rollouts,
            configs,
            samples,
            drift,
            alarms,
            directory,
            ServiceAccess.of(
                "aggregator",
                authenticator,
                registry,
                settings,
                "/login",
                journal,
            ),
            journal,
            tiles,
            video,
            links,
            webrtc,
            hls,
            LayoutStore(database),
            recordings,
            oidc,
        )
        keeping = (settings.store_fps, settings.store_ttl_s)
        replicas = Replicas(fan_out, name, site.site, live, video, health, metrics, *keeping, (archive.look, replica.look))
        archive.committed = replicas.tell_news
        watch = ConditionWatch(site, alarms, presence, site_status, live, drift, health, site.pool, settings.data)
        announce = announcer(ready)
        supervised: dict[str, Component] = {
            "replicas": replicas.run,
            "presence": lambda: track_presence(bus, site.site, presence, metrics),
            "events": lambda: publish_events(bus, site.site, archive),
            "alarms": alarms.run,
            "alarm-conditions": watch.run,
            "alarm-events": lambda: follow_events(archive, alarms),
            "alarm-topics": lambda: publish_alarms(bus, alarms),
            "alarm-notices": lambda: _deliveries(site, alarms, bus, alarm_metrics).run(),
            "rollouts": lambda: rollouts.run(bus),
            "configs": lambda: configs.twin.run(bus),
            "health": lambda: _watch_health(bus, archive, journal, recordings, health),
            "journal-keeping": journal.run,
            **_leading(replica, context, bus, site, name),
            "recordings": recordings.run,
            "clocks": lambda: watch_clocks(live, archive, metrics),
        }
        if settings.home_assistant:
            supervised["home-assistant"] = lambda: home.run(bus)
        if tls is not None:
            own = tls
            supervised["identity"] = lambda: _watch_identity(own, settings, archive)
        if passthrough := [camera for camera in site.camera_ids() if site.edges[camera.edge].enhance == "pool"]:
            supervised["passthrough"] = lambda: follow_passthrough_cameras(bus, passthrough, live, presence, metrics)
        if settings.rtsp.push:
            publisher = Publisher(settings.rtsp, live, video)
            supervised["rtsp-push"] = publisher.run
        if settings.rtsp.serve:
            guard = authenticator if settings.access == "closed" else None
            shown, host = None if settings.rtsp.plain else tls, settings.rtsp.host or settings.host
            supervised["rtsp-server"] = RtspServer(settings.rtsp, host, live, video, guard, shown).run
        reporter = FindingsReporter(archive, alarms, metrics, settings.analysis.cooldown_s)
        workers = _workers(live, book, reporter, rollouts, registry) if settings.analysis.by_analysers else None
        if workers is not None:
            detectors = DetectorReporter(workers, rollouts)
            supervised["detector"] = lambda: detectors.run(bus)
        supervised |= await _analysis(settings, live, book, reporter, workers, replica, rollouts, bus, registry)
        supervisor = Supervisor("aggregator", registry, health.set)
        coroutines = {name: supervisor.run(name, start) for name, start in supervised.items()}
        await until_first_ends(
            "aggregator",
            http=_serve_http(context, announce, tls),
            grpc=_serve_grpc(context, site, workers, announce, tls),
            **coroutines,
        )


@asynccontextmanager
async def _folder(settings: AggregatorSettings) -> AsyncIterator[None]:
    try:
        with hold_folder(settings.data, "aggregator"):
            yield
    except OSError as error:
        raise ArchiveUnavailableError(str(settings.data), error.strerror or str(error)) from error


@asynccontextmanager
async def _database(settings: AggregatorSettings) -> AsyncIterator[Database]:
    database = await asyncio.to_thread(open_database, settings.data, settings.database)
    try:
        yield database
    finally:
        database.close()


@asynccontextmanager
async def _archive(
    settings: AggregatorSettings, database: Database, replica: Replica, site: SiteConfig, metrics: AggregatorMetrics
) -> AsyncIterator[Archive]:
    bounds = (settings.archive_max_bytes, settings.archive_max_age_days * 86_400)
    pruning = EventStore(replica.fenced("archive"), *bounds) if replica.lease else None
    archive = Archive(EventStore(database, *bounds), site.site, metrics, pruning)
    try:
        yield archive
    finally:
        await asyncio.shield(archive.close())


@asynccontextmanager
async def _alarms(replica: Replica, site: SiteConfig, archive: Archive, metrics: AlarmMetrics) -> AsyncIterator[AlarmService]:
    store = AlarmStore(replica.fenced("alarm"), archive.store)
    rules = await asyncio.to_thread(RuleBook, site.alarms, store)
    alarms = AlarmService(site.site, archive, store, rules, metrics, zone=site.zone)
    alarms.lead = replica.lease or alarms.lead
    await alarms.load()
    await mark_start(archive, alarms)
    yield alarms


def _deliveries(site: SiteConfig, alarms: AlarmService, bus: Bus, metrics: AlarmMetrics) -> Deliveries:
    targets, topics = site.alarms.targets, AlarmTopics(site.site)
    notifiers = {name: make_notifier(name, target, bus, topics, site.language) for name, target in targets.items()}
    every_s = {name: target.every_s for name, target in targets.items()}
    return Deliveries(alarms.store, notifiers, every_s, metrics, leads=lambda: alarms.leads)


@asynccontextmanager
async def _journal(
    settings: AggregatorSettings, database: Database, archive: Archive, registry: CollectorRegistry
) -> AsyncIterator[JournalWriter]:
    journal = await asyncio.to_thread(
        JournalWriter,
        JournalStore(database),
        settings.journal_keys or journal_folder(settings.data),
        settings.journal_max_bytes,
        JournalMetrics(registry),
        archive.report,
    )
    try:
        yield journal
    finally:
        await asyncio.shield(journal.close())


@asynccontextmanager
async def _recordings(
    settings: AggregatorSettings,
    database: Database,
    replica: Replica,
    site: SiteConfig,
    video: LiveVideo,
    archive: Archive,
    alarms: AlarmService,
    registry: CollectorRegistry,
) -> AsyncIterator[Recordings]:
    files = RecordingFiles(settings.data / "recordings", settings.recordings or None)
    yield Recordings(
        RecordingStore(database, site.site),
        files,
        video,
        archive,
        site,
        settings.recordings_max_bytes,
        lambda: alarms.leads,
        RecordingMetrics(registry),
        RecordingStore(replica.fenced("recording"), site.site) if replica.lease else None,
    )


@asynccontextmanager
async def _samples(
    settings: AggregatorSettings, database: Database, registry: CollectorRegistry
) -> AsyncIterator[SampleCatalog]:
    store = SampleStore(database, settings.samples_max_bytes, settings.samples_max_count)
    samples = SampleCatalog(store, SampleMetrics(registry))
    await samples.tally()
    yield samples


@asynccontextmanager
async def _tiles(metrics: AggregatorMetrics) -> AsyncIterator[TilePictures]:
    tiles = TilePictures(metrics)
    try:
        yield tiles
    finally:
        tiles.close()


@asynccontextmanager
async def _home_assistant(site: str, status: SiteStatus, alarms: AlarmService) -> AsyncIterator[HomeAssistant]:
    yield HomeAssistant(site, status, alarms)


@asynccontextmanager
async def _fan_out(site: SiteConfig, name: str, tls: Tls | None) -> AsyncIterator[FanOut]:
    fan_out = open_fan_out(site.cache, name, tls)
    try:
        yield fan_out
    finally:
        await fan_out.close()


@asynccontextmanager
async def _rollout_service(
    settings: AggregatorSettings,
    replica: Replica,
    database: Database,
    site: SiteConfig,
    presence: PresenceTracker,
    archive: Archive,
    metrics: AggregatorMetrics,
) -> AsyncIterator[RolloutService]:
    """Open the rollout service. Registry and key set default to the data folder."""
    url = settings.registry or SecretUrl(f"file://{(settings.data / 'registry').absolute()}")
    catalog = ModelCatalog(url, settings.trust or settings.data / "keys" / "trust.json")
    yield RolloutService(
        site,
        RolloutStore(replica.fenced("rollout")),
        catalog,
        presence,
        archive.report,
        metrics.count_refused,
        settings.accept_unknown,
        second_person(AccessStore(database)) if settings.needs_second_person else None,
        detects=settings.analysis.detects,
        analysers=settings.analysis.by_analysers,
    )


@asynccontextmanager
async def _config_service(
    replica: Replica,
    site: SiteConfig,
    presence: PresenceTracker,
    archive: Archive,
    metrics: AggregatorMetrics,
    live: LiveFrames,
    site_status: SiteStatus,
    book: PlaceBook,
    recordings: Recordings,
) -> AsyncIterator[ConfigService]:
    def changed(now: SiteConfig, cameras: Sequence[CameraAddress]) -> None:
        live.set_cameras(cameras)
        site_status.reconfigure(now)
        book.reconfigure(now)
        recordings.rules.reconfigure(now)

    store = ConfigStore(replica.fenced("config"))
    yield ConfigService(site, store, presence.is_online, archive.report, metrics.count_refused, changed)


def _link_signer(settings: AggregatorSettings, database: Database) -> LinkSigner:
    """The signer of links; replicas share its key in their database. Blocks."""
    path = settings.data / "keys" / "links.key"
    if database.embedded:
        return LinkSigner.of_file(path)
    return LinkSigner(get_shared_key(database, "links", path.read_bytes() if path.exists() else b""))


def _leading(replica: Replica, context: ServiceContext, bus: Bus, site: SiteConfig, name: str) -> dict[str, Component]:
    """The components that decide who leads: by the lease of a shared database, else by beats on the broker."""
    settings, health, metrics = context.settings, context.health, context.metrics
    deciders: dict[str, Decider] = {"alarm": context.alarms, "rollout": context.rollouts, "config": context.configs}
    if replica.lease is None:
        leadership = _leadership(settings, site, name, health, metrics, deciders.values())
        return {"leadership": lambda: leadership.run(bus)}

    lease, shares = replica.lease, ShareCheck(settings)

    def changed(leads: bool, error: str) -> None:
        shares.check(lease.stands_by)
        metrics.leads.set(leads)
        health.set("leadership", error)

    return replica.components(bus, deciders, {"archive-keeping": context.archive.keep}, context.edge_tasks, changed)


def _leadership(
    settings: AggregatorSettings,
    site: SiteConfig,
    name: str,
    health: Health,
    metrics: AggregatorMetrics,
    deciders: Collection[Decider],
) -> Leadership:
    def changed(reason: str) -> None:
        metrics.leads.set(not reason)
        if reason or "leadership" in health.errors:
            health.set("leadership", reason)

    async def take_over() -> None:
        for decider in deciders:
            await decider.take_over()

    leadership = Leadership(site.site, name, settings.data, changed, take_over)
    for decider in deciders:
        decider.lead = leadership
    return leadership


def _on_connect(status: str, *publishers: Callable[[], None]) -> Callable[[Bus], Awaitable[None]]:
    """Return a callback that publishes the retained state at every connect: a restarted broker may have lost it."""

    async def on_connect(bus: Bus) -> None:
        await bus.publish(Message(status, ONLINE, qos=1, retain=True))
        for publish in publishers:
            publish()

    return on_connect


async def _serve_http(context: ServiceContext, announce: Callable[[str, int], None], tls: Tls | None) -> None:
    settings, app = context.settings, build_app(context)
    await serve_app(
        app,
        settings.host,
        settings.port,
        lambda port: announce("http", port),
        websockets=True,
        tls=tls,
        connections=settings.connections,
    )


def _workers(
    live: LiveFrames, book: PlaceBook, reporter: FindingsReporter, rollouts: RolloutService, registry: CollectorRegistry
) -> AnalysisWorkers:
    """Who shares the cameras out among analysers."""
    metrics = WorkerMetrics(registry)
    return AnalysisWorkers(live, book, reporter, metrics, lambda: reporter.alarms.lead.check(), rollouts.analysis_decision)


async def _analysis(
    settings: AggregatorSettings,
    live: LiveFrames,
    book: PlaceBook,
    reporter: FindingsReporter,
    workers: AnalysisWorkers | None,
    replica: Replica,
    rollouts: RolloutService,
    bus: Bus,
    registry: CollectorRegistry,
) -> dict[str, Component]:
    """The analysis, in this process or by workers, if it is enabled; an unusable detector prevents the start."""
    if workers is not None:
        return {"analysis": workers.run}
    if not settings.analysis.enabled:
        return {}
    from davy.analysis.look import analysers  # its libraries take a second and 100 MB
    from davy_aggregator.analysis.detector import follow_rollouts, open_manager
    from davy_aggregator.analysis.runner import analyse

    manager = await open_manager(settings, registry, rollouts)
    make = analysers(settings.analysis, book.of, manager.active_detector if manager else None, book.zone)
    components: dict[str, Component] = {"analysis": lambda: analyse(settings.analysis, live, reporter, make, replica.analyses)}
    return components | ({"detector": lambda: follow_rollouts(manager, bus, rollouts.catalog)} if manager else {})


async def _serve_grpc(
    context: ServiceContext,
    site: SiteConfig,
    workers: AnalysisWorkers | None,
    announce: Callable[[str, int], None],
    tls: Tls | None,
) -> None:
    settings = context.settings

    check_sender = sender_check(site, settings.accept_unknown)

    def register(server: grpc.aio.Server) -> Sequence[str]:
        parts = (context.live, context.video, context.archive, context.metrics)
        ingest = IngestServicer(*parts, settings.window, check_sender, settings.max_frames_s)
        frames = FramesServicer(context, site.site)
        ingest_pb2_grpc.add_IngestServiceServicer_to_server(ingest, server)
        ingest_pb2_grpc.add_FrameServiceServicer_to_server(frames, server)
        model_pb2_grpc.add_ModelServiceServicer_to_server(ModelsServicer(context.catalog), server)
        model_pb2_grpc.add_RolloutServiceServicer_to_server(RolloutsServicer(context.rollouts), server)
        samples = SamplesServicer(context.samples, check_sender, context.live.check_belongs)
        sample_pb2_grpc.add_SampleServiceServicer_to_server(samples, server)
        recordings = RecordingsServicer(context.recordings, context.metrics, context.live.check_belongs)
        recording_pb2_grpc.add_RecordingServiceServicer_to_server(recordings, server)
        alarm_pb2_grpc.add_AlarmServiceServicer_to_server(AlarmsServicer(context), server)
        edge_pb2_grpc.add_EdgeServiceServicer_to_server(EdgesServicer(context.edge_tasks, check_sender), server)
        analysis_pb2_grpc.add_AnalysisServiceServicer_to_server(AnalysisServicer(workers, site.site), server)
        names = ("Ingest", "Frame", "Model", "Rollout", "Sample", "Alarm", "Edge", "Recording", "Analysis")
        return [f"davy.v1.{name}Service" for name in names]

    await serve_grpc(
        settings.grpc_host or settings.host,
        settings.grpc_port,
        register,
        lambda port: announce("grpc", port),
        interceptors=[context.access.interceptor()],
        tls=tls,
    )


async def _watch_identity(tls: Tls, settings: AggregatorSettings, archive: Archive) -> None:
    async def report(kind: str, message: str, severity: Severity) -> None:
        await archive.report(kind, message, severity)

    authority = await asyncio.to_thread(Authority.open, settings.authority) if settings.authority else None
    await watch_identity(tls, report, LocalRenewer(authority, tls) if authority is not None else renewer_of(tls))


async def _watch_health(bus: MqttBus, archive: Archive, journal: JournalWriter, recordings: Recordings, health: Health) -> None:
    while True:
        error = bus.refusal if bus.connected else f"no MQTT broker at {bus.endpoint}: {bus.error}"
        health.set("broker", error, pending=not bus.attempted)
        health.set("archive", archive.error)
        health.set("journal", journal.error)
        health.set("recordings", recordings.error)
        await asyncio.sleep(HEALTH_EVERY_S)
