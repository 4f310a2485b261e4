"""Composition of the enhancement service: REST, gRPC and, with a site, a pool member."""

import asyncio
import functools
import platform
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from davy.adapters import mqtt
from davy.adapters.access.remote import access_of
from davy.adapters.grpc.server import serve_grpc
from davy.adapters.http.identity_client import renewer_of
from davy.adapters.http.server import serve_app
from davy.adapters.process.isolated import Bounds as ProcessBounds
from davy.adapters.tls import Tls
from davy.adapters.tls.watch import log_event, watch_identity
from davy.deployment.active_model import ActiveModel
from davy.domain.camera import CameraAddress
from davy.domain.ports import OpenBus
from davy.imaging.runtime import StillEnhancer
from davy.site import CameraConfig, SiteConfig
from davy.streams.supervisor import Supervisor
from davy.telemetry import get_logger
from davy_enhancer.jobs.bundle import Limits
from davy_enhancer.jobs.runner import Bounds, Jobs
from davy_enhancer.member import PoolMember, choose_name, held_models_folder
from davy_enhancer.metrics import RequestMetrics
from davy_enhancer.pool import Pool
from davy_enhancer.rest import create_app
from davy_enhancer.rpc import EnhancerService, register
from davy_enhancer.scheduler import RequestScheduler
from davy_enhancer.settings import EnhancerSettings

log = get_logger(__name__)

PROTOBUF_OVERHEAD = 1_000_000  # of a gRPC message; the output may also be larger than the input


@dataclass(frozen=True, slots=True)
class Addresses:
    """The ports on which the service listens."""

    http_port: int
    grpc_port: int


async def serve(
    settings: EnhancerSettings,
    registry: CollectorRegistry,
    site: SiteConfig | None = None,
    ready: Callable[[Addresses], None] | None = None,
    open_bus: OpenBus = mqtt.connect,
) -> None:
    """Serve until cancelled.

    Args:
        registry: Metrics registry behind /metrics.
        site: Site whose cameras without edge compute the pool enhances; None serves only requests.
        ready: Called as soon as REST and gRPC accept connections.
        open_bus: Connects to the site's broker.

    Raises:
        AddressUnavailableError: a port is in use.
        ConfigError: the site has no enhancer of the name of the settings.
        FolderInUseError: another enhancer works in the folder of the models.
        ModelError: the model file is unusable.
        ConfigError: the files of the identity are missing or invalid, or it would listen beyond loopback without protection.
    """
    settings.check_exposure()
    tls = Tls.of(settings.tls)
    if tls is not None:
        tls.install_metrics(registry)
    still = await asyncio.to_thread(StillEnhancer, settings.model)
    problems: list[Callable[[], Sequence[str]]] = []
    with ExitStack() as stack:
        member = _member(settings, registry, site, still, stack, problems) if site is not None else None
        active = member.models.active_model if member else ActiveModel(still)
        try:
            await _serve(settings, registry, site, active, member, ready, open_bus, problems, tls)
        except ExceptionGroup as group:
            if len(group.exceptions) == 1:  # a single error, such as a port in use
                raise group.exceptions[0] from group
            raise


def _member(
    settings: EnhancerSettings,
    registry: CollectorRegistry,
    site: SiteConfig,
    still: StillEnhancer,
    stack: ExitStack,
    problems: list[Callable[[], Sequence[str]]],
) -> PoolMember | None:
    """Open the folder of the models; without it, the service keeps running with the installed model."""
    name = choose_name(settings.name, site)
    if not name:
        return None
    try:
        stack.enter_context(held_models_folder(settings.data, site, name))
        return PoolMember(site, name, settings.data, settings.trust or settings.data / "trust.json", still, registry)
    except OSError as error:
        reason = f"no rollouts: cannot write to {settings.data} ({error.strerror or error}); set DAVY_ENHANCER_DATA"
        log.error("models.unavailable", reason=reason)
        problems.append(lambda: [reason])
        return None


async def _serve(
    settings: EnhancerSettings,
    registry: CollectorRegistry,
    site: SiteConfig | None,
    active: ActiveModel,
    member: PoolMember | None,
    ready: Callable[[Addresses], None] | None,
    open_bus: OpenBus,
    problems: list[Callable[[], Sequence[str]]],
    tls: Tls | None,
) -> None:
    scheduler = RequestScheduler(
        lambda: active.enhancer,
        RequestMetrics(registry),
        threads=settings.threads,
        batch=settings.batch,
        queue=settings.queue,
        deadline_s=settings.deadline_s,
    )
    service = EnhancerService(scheduler, int(settings.max_megapixels * 1e6))
    jobs = _jobs(settings, active)
    problems.append(lambda: [f"jobs unavailable: {jobs.error}"] if jobs.error else [])
    access = access_of("enhancer", settings, registry, site.site if site else "")

    def reasons() -> list[str]:
        return [text for ask in problems for text in ask()]

    app = create_app(settings, scheduler, jobs, registry, reasons, access, settings.console or settings.directory)
    failing: dict[str, str] = {}
    problems.append(lambda: [f"{name} {reason}" for name, reason in failing.items() if reason])
    supervisor = Supervisor("enhancer", registry, failing.__setitem__)
    http_port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def grpc_ready(port: int) -> None:
        if ready is not None:
            ready(Addresses(http_port.result(), port))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.run("scheduler", scheduler.run), name="enhancer.scheduler")
        tasks.create_task(supervisor.run("jobs", jobs.run), name="enhancer.jobs")
        http = serve_app(
            app,
            settings.host,
            settings.port,
            http_port.set_result,
            access_log=settings.access_log,
            tls=tls,
            connections=settings.connections,
        )
        tasks.create_task(http, name="enhancer.http")
        await http_port  # a gRPC server that is cancelled during its start leaves a traceback
        grpc = serve_grpc(
            settings.host,
            settings.grpc_port,
            functools.partial(register, service),
            grpc_ready,
            interceptors=[access.interceptor()],
            max_message_bytes=settings.max_body_bytes + PROTOBUF_OVERHEAD,
            tls=tls,
        )
        tasks.create_task(grpc, name="enhancer.grpc")
        if tls is not None:
            identity = supervisor.run("identity", lambda: watch_identity(tls, log_event, renewer_of(tls)))
            tasks.create_task(identity, name="enhancer.identity")
            open_bus = functools.partial(open_bus, tls=tls)
        if site is not None:
            pool = Pool(
                active,
                settings.network_every,
                functools.partial(_config_of, site),
                registry,
                cameras=settings.pool_cameras,
                max_pixels=int(settings.pool_megapixels * 1e6),
                threads=settings.pool_threads,
            )
            tasks.create_task(_serve_site(site, pool, member, open_bus, problems, supervisor), name="enhancer.pool")


def _jobs(settings: EnhancerSettings, active: ActiveModel) -> Jobs:
    limits = Limits(settings.jobs_upload_bytes, settings.max_body_bytes, int(settings.max_megapixels * 1e6))
    process = ProcessBounds(settings.jobs_memory_bytes, settings.jobs_cpu_s)
    bounds = Bounds(settings.jobs_waiting, settings.jobs_total_bytes, settings.jobs_keep_s, limits, process)
    return Jobs(settings.data / "jobs", lambda: active.enhancer, bounds)


async def _serve_site(
    site: SiteConfig,
    pool: Pool,
    member: PoolMember | None,
    open_bus: OpenBus,
    problems: list[Callable[[], Sequence[str]]],
    supervisor: Supervisor,
) -> None:
    """Enhance the raw frames of a site, and follow its rollouts, until cancelled."""
    # Two members with the same client id would take over each other's connection.
    client_id = f"enhancer-{platform.node()}-{uuid.uuid4().hex[:8]}"
    state = {"will": member.will, "on_connect": member.on_connect} if member else {}
    async with open_bus(site.broker, client_id, **state) as bus, asyncio.TaskGroup() as tasks:
        problems.append(lambda: [] if bus.connected else [f"no MQTT broker at {site.broker}: no camera frames"])
        tasks.create_task(supervisor.run("pool", lambda: pool.run(bus)), name="enhancer.pool.frames")
        if member is not None:
            tasks.create_task(supervisor.run("models", lambda: member.run(bus)), name="enhancer.pool.models")


_UNKNOWN_CAMERA = CameraConfig.model_validate({"source": "mine://unknown"})


def _config_of(site: SiteConfig, camera_id: CameraAddress) -> CameraConfig:
    edge = site.edges.get(camera_id.edge) if camera_id.site == site.site else None
    known = edge.cameras.get(camera_id.camera) if edge else None
    return known or _UNKNOWN_CAMERA
