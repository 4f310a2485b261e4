"""Composition of one analyser, from its settings to its sockets."""

import asyncio
import itertools
import os
import re
import socket
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack

from prometheus_client import CollectorRegistry

from davy.adapters.grpc import model_client
from davy.adapters.grpc.analysis_client import AnalysisClient
from davy.adapters.grpc.frame_client import FrameClient
from davy.adapters.http.identity_client import renewer_of
from davy.adapters.http.telemetry import serve_telemetry
from davy.adapters.tls import Tls
from davy.adapters.tls.watch import watch_identity
from davy.analysis.look import analysers, installed_detector
from davy.deployment.detector_manager import DetectorManager
from davy.deployment.metrics import ModelMetrics
from davy.domain.errors import AggregatorUnavailableError, ConflictError, FolderInUseError, InvalidInputError
from davy.domain.severity import Severity
from davy.domain.topics import EdgeTopics
from davy.imaging.detect import Detector
from davy.site import SiteConfig
from davy.streams.reconnect import Backoff, keep_connected
from davy.streams.supervisor import Supervisor
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy.twin.payload import log_event
from davy_analyser.detector import FollowedDetector, held_slot
from davy_analyser.metrics import AnalyserMetrics
from davy_analyser.session import Cameras, Session
from davy_analyser.settings import AnalyserSettings

log = get_logger(__name__)

BACKOFF = Backoff(shortest_s=0.2, longest_s=2.0)
RETRIED = (AggregatorUnavailableError, InvalidInputError, ConflictError, TimeoutError)


async def serve(
    settings: AnalyserSettings,
    site: SiteConfig,
    registry: CollectorRegistry | None = None,
    ready: Callable[[int], None] | None = None,
) -> None:
    """Analyse the cameras that the site's aggregator assigns, until cancelled.

    Args:
        settings: Name, rates, detector.
        site: Names the aggregator.
        registry: Metrics registry; each analyser of a process needs its own.
        ready: Called once with the port of /metrics, 0 if it is off.

    Raises:
        ConfigError: the detector's description is malformed, or the files of the identity are invalid.
        ModelError: the detector is unusable.
        AddressUnavailableError: the metrics port is in use.
    """
    registry = CollectorRegistry() if registry is None else registry
    metrics, cameras, tls = AnalyserMetrics(registry), Cameras(), Tls.of(settings.tls)
    name, capacity = settings.name or _own_name(), settings.capacity or settings.analysis.threads
    failing: dict[str, str] = {}
    with ExitStack() as stack:
        detector, followed = await asyncio.to_thread(_open_detector, settings, EdgeTopics(site.site, name), registry, stack)
        cameras.make = analysers(settings.analysis, cameras.places, detector, lambda: site.zone)
        session = Session(site.site, name, capacity, settings.analysis, cameras, metrics, followed)
        port = 0
        if settings.metrics_port:
            if tls is not None:
                tls.install_metrics(registry)
            health = _health(registry, followed, failing)
            port = stack.enter_context(serve_telemetry(settings.metrics_host, settings.metrics_port, registry, health))
        if ready is not None:
            ready(port)
        works: dict[str, Coroutine[None, None, None]] = {"session": _connect(session, site, tls)}
        if followed is not None:
            works["detector"] = Supervisor("analyser", registry, failing.__setitem__).run("detector", followed.run)
        if tls is not None:
            works["identity"] = watch_identity(tls, _report, renewer_of(tls))
        await until_first_ends("analyser", **works)


async def _connect(session: Session, site: SiteConfig, tls: Tls | None) -> None:
    endpoints = itertools.cycle(site.ingest)

    async def attempt() -> None:
        endpoint = next(endpoints)  # of several, the one that leads takes analysers
        async with (
            AnalysisClient.connect(endpoint, tls) as client,
            FrameClient.connect(endpoint, tls) as frames,
            model_client.connect(endpoint, tls) as packages,
        ):
            await session.run(client, frames, packages)

    def on_error(error: Exception, wait_s: float, failures: int) -> None:
        log.warning("analyser.disconnected", reason=str(error), wait_s=round(wait_s, 1), failures=failures)

    await keep_connected(attempt, RETRIED, BACKOFF, on_error)


def _open_detector(
    settings: AnalyserSettings, topics: EdgeTopics, registry: CollectorRegistry, stack: ExitStack
) -> tuple[Detector | None, FollowedDetector | None]:
    """Open the detector that ran last, and what follows rollouts; the installed one alone where nothing can be written."""
    if not settings.analysis.person_fps:
        return None, None
    installed = installed_detector(settings.analysis)
    try:
        folder = stack.enter_context(held_slot(settings.data))
        trust, score = settings.trust or settings.data / "trust.json", settings.analysis.detector_score
        metrics = ModelMetrics(topics.edge, registry)
        manager = DetectorManager(topics, folder, trust, installed, metrics, log_event, score)
    except (OSError, FolderInUseError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        log.error("detector.not_followed", reason=f"cannot write to {settings.data} ({reason}); set DAVY_ANALYSER_DATA")
        return installed, None
    return manager.active_detector, FollowedDetector(manager, topics)


def _health(
    registry: CollectorRegistry, followed: FollowedDetector | None, failing: Mapping[str, str]
) -> Callable[[], Mapping[str, object]]:
    def health() -> Mapping[str, object]:
        connected = bool(registry.get_sample_value("davy_analyser_connected"))
        found: dict[str, object] = {
            "status": "ok" if connected and not any(failing.values()) else "degraded",
            "cameras": registry.get_sample_value("davy_analyser_cameras"),
        }
        if followed is not None:
            found |= {"detector": followed.manager.running.model, "rollout": followed.manager.pointer.state}
        return found

    return health


def _own_name() -> str:
    """The machine's name and the process's number, as an id."""
    host = re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().lower())
    return f"{host[:48]}-{os.getpid()}"


async def _report(kind: str, message: str, severity: Severity) -> None:
    log.log(severity.log_level, kind, message=message)
