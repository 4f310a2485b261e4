"""Composition of the enhancement service: REST, gRPC and, with a site, a pool member."""

import asyncio
import functools
import platform
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from davy.adapters import mqtt
from davy.adapters.access.remote import access_of
from davy.adapters.grpc.server import serve_grpc
from davy.adapters.http.server import serve_app
from davy.domain.camera import CameraAddress
from davy.domain.ports import OpenBus
from davy.domain.urls import redact
from davy.imaging.runtime import StillEnhancer, VideoEnhancer
from davy.site import CameraConfig, SiteConfig
from davy.streams.supervisor import Supervisor
from davy.telemetry import get_logger
from davy_enhancer.jobs import Jobs
from davy_enhancer.jobs.bundle import Limits
from davy_enhancer.jobs.runner import Bounds
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
        ModelError: the model file is unusable.
    """
    still = await asyncio.to_thread(StillEnhancer, settings.model)
    scheduler = RequestScheduler(
        still,
        RequestMetrics(registry),
        threads=settings.threads,
        batch=settings.batch,
        queue=settings.queue,
        deadline_s=settings.deadline_s,
    )
    service = EnhancerService(scheduler, int(settings.max_megapixels * 1e6))
    jobs = _jobs(settings, still)
    problems: list[Callable[[], Sequence[str]]] = [lambda: [f"jobs unavailable: {jobs.error}"] if jobs.error else []]
    access = access_of("enhancer", settings, registry, site.site if site else "")

    def reasons() -> list[str]:
        return [text for ask in problems for text in ask()]

    app = create_app(settings, scheduler, jobs, registry, reasons, access)
    failing: dict[str, str] = {}
    problems.append(lambda: [f"{name} {reason}" for name, reason in failing.items() if reason])
    supervisor = Supervisor("enhancer", registry, failing.__setitem__)
    http_port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def grpc_ready(port: int) -> None:
        if ready is not None:
            ready(Addresses(http_port.result(), port))

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(supervisor.run("scheduler", scheduler.run), name="enhancer.scheduler")
            tasks.create_task(supervisor.run("jobs", jobs.run), name="enhancer.jobs")
            http = serve_app(app, settings.host, settings.port, http_port.set_result, access_log=settings.access_log)
            tasks.create_task(http, name="enhancer.http")
            await http_port  # a gRPC server that is cancelled during its start leaves a traceback
            grpc = serve_grpc(
                settings.host,
                settings.grpc_port,
                functools.partial(register, service),
                grpc_ready,
                interceptors=[access.interceptor()],
                max_message_bytes=settings.max_body_bytes + PROTOBUF_OVERHEAD,
            )
            tasks.create_task(grpc, name="enhancer.grpc")
            if site is not None:
                pool = _serve_pool(settings, registry, site, still, open_bus, problems, supervisor)
                tasks.create_task(pool, name="enhancer.pool")
    except ExceptionGroup as group:
        if len(group.exceptions) == 1:  # a single error, such as a port in use
            raise group.exceptions[0] from group
        raise


def _jobs(settings: EnhancerSettings, still: StillEnhancer) -> Jobs:
    limits = Limits(settings.jobs_upload_bytes, settings.max_body_bytes, int(settings.max_megapixels * 1e6))
    bounds = Bounds(settings.jobs_waiting, settings.jobs_total_bytes, settings.jobs_keep_s, limits)
    return Jobs(settings.data / "jobs", still, bounds)


async def _serve_pool(
    settings: EnhancerSettings,
    registry: CollectorRegistry,
    site: SiteConfig,
    still: StillEnhancer,
    open_bus: OpenBus,
    problems: list[Callable[[], Sequence[str]]],
    supervisor: Supervisor,
) -> None:
    pool = Pool(
        still.model,
        lambda: VideoEnhancer(still, settings.network_every),
        functools.partial(_config_of, site),
        registry,
        cameras=settings.pool_cameras,
        threads=settings.pool_threads,
    )
    # Two members with the same client id would take over each other's connection.
    client_id = f"enhancer-{platform.node()}-{uuid.uuid4().hex[:8]}"
    async with open_bus(site.broker, client_id) as bus:
        problems.append(lambda: [] if bus.connected else [f"no MQTT broker at {redact(site.broker)}: no camera frames"])
        await supervisor.run("pool", lambda: pool.run(bus))


_UNKNOWN_CAMERA = CameraConfig.model_validate({"source": "mine://unknown"})


def _config_of(site: SiteConfig, camera_id: CameraAddress) -> CameraConfig:
    edge = site.edges.get(camera_id.edge) if camera_id.site == site.site else None
    known = edge.cameras.get(camera_id.camera) if edge else None
    return known or _UNKNOWN_CAMERA
