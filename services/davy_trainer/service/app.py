"""Composition of the training service, from its settings to its sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import grpc
from prometheus_client import CollectorRegistry

from davy.adapters.access.remote import access_of
from davy.adapters.grpc.server import serve_grpc
from davy.adapters.http.identity_client import renewer_of
from davy.adapters.http.listening import Ports, announcer
from davy.adapters.http.server import serve_app
from davy.adapters.storage.opening import open_database
from davy.adapters.storage.run_store import RunStore
from davy.adapters.tls import Tls
from davy.adapters.tls.watch import log_event, watch_identity
from davy.streams.supervisor import Component, Supervisor
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy.v1 import trainer_pb2_grpc
from davy_trainer.runs.tracking import Tracker
from davy_trainer.service.drift_trigger import watch_drift
from davy_trainer.service.embedding_watch import EmbeddingWatch
from davy_trainer.service.metrics import TrainerMetrics
from davy_trainer.service.rest import build_app
from davy_trainer.service.rpc import TrainerServicer
from davy_trainer.service.run_service import RunService
from davy_trainer.service.schedule import follow_schedule
from davy_trainer.service.settings import TrainerSettings
from davy_trainer.service.track import track_runs
from davy_trainer.service.worker import Worker

log = get_logger(__name__)


async def serve(
    settings: TrainerSettings,
    registry: CollectorRegistry | None = None,
    ready: Callable[[Ports], None] | None = None,
) -> None:
    """Run trainings on request, by schedule and on drift, until cancelled; each in a process of its own.

    The service adopts or resumes a run that the last service on the data folder left. While another service is active on
    the folder, this one responds to requests on standby.

    Args:
        registry: Registry of the metrics, which GET /metrics shows.
        ready: Called once, when HTTP and gRPC accept connections, with their ports.

    Raises:
        AddressUnavailableError: A port is in use.
        ArchiveUnavailableError: The data folder cannot be used.
        ConfigError: The files of the identity are missing or invalid.
    """
    registry = registry or CollectorRegistry()
    settings.check_exposure()
    metrics, errors, tls = TrainerMetrics(registry), dict[str, str](), Tls.of(settings.tls)
    if tls is not None:
        tls.install_metrics(registry)
    announce = announcer(ready)

    def register(server: grpc.aio.Server) -> Sequence[str]:
        trainer_pb2_grpc.add_TrainerServiceServicer_to_server(TrainerServicer(runs), server)
        return ["davy.v1.TrainerService"]

    def error_setter(component: str) -> Callable[[str], None]:
        def set_error(text: str) -> None:
            if text and not errors.get(component):
                log.warning(f"{component}.failed", reason=text)
            errors[component] = text

        return set_error

    async with _store(settings) as store:
        runs = RunService(settings, store)
        worker = Worker(runs, metrics)
        embedding = EmbeddingWatch(runs, metrics, lambda: worker.active, error_setter("pictures"))
        console = settings.console or settings.directory or settings.aggregator
        access = access_of("trainer", settings, registry, aggregator=settings.aggregator)
        app = build_app(runs, embedding.newest, registry, lambda: worker.active, errors, access, console)
        supervisor = Supervisor("trainer", registry, errors.__setitem__)
        components: dict[str, Component] = {
            "worker": worker.run,
            "schedule": lambda: follow_schedule(runs, metrics, lambda: worker.active),
            "drift": lambda: watch_drift(runs, metrics, lambda: worker.active, error_setter("aggregator")),
            "embedding": embedding.run,
        }
        if settings.mlflow:
            tracker = Tracker(settings.mlflow)
            components["mlflow"] = lambda: track_runs(runs, tracker)
        if tls is not None:
            own = tls
            components["identity"] = lambda: watch_identity(own, log_event, renewer_of(own))
        await until_first_ends(
            "trainer",
            http=serve_app(
                app,
                settings.host,
                settings.port,
                lambda port: announce("http", port),
                tls=tls,
                connections=settings.connections,
            ),
            grpc=serve_grpc(
                settings.host,
                settings.grpc_port,
                register,
                lambda port: announce("grpc", port),
                interceptors=[access.interceptor()],
                tls=tls,
            ),
            **{name: supervisor.run(name, component) for name, component in components.items()},
        )


@asynccontextmanager
async def _store(settings: TrainerSettings) -> AsyncIterator[RunStore]:
    database = await asyncio.to_thread(open_database, settings.data, settings.database)
    try:
        yield RunStore(database)
    finally:
        database.close()
