"""One training service, from its settings to its sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import grpc
from prometheus_client import CollectorRegistry

from davy.adapters.grpc.server import serve_grpc
from davy.adapters.http.identity_client import renewer_of
from davy.adapters.http.listening import Ports, announcer
from davy.adapters.http.server import serve_app
from davy.adapters.storage.opening import open_database
from davy.adapters.storage.run_store import RunStore
from davy.adapters.tls import Tls
from davy.adapters.tls.watch import log_event, watch_identity
from davy.streams.supervisor import Part, Supervisor
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy.v1 import trainer_pb2_grpc
from davy_trainer.service.drift_trigger import watch_drift
from davy_trainer.service.embedding_watch import EmbeddingWatch
from davy_trainer.service.metrics import TrainerMetrics
from davy_trainer.service.rest import build_app
from davy_trainer.service.rpc import TrainerServicer
from davy_trainer.service.run_service import RunService
from davy_trainer.service.schedule import keep_schedule
from davy_trainer.service.settings import TrainerSettings
from davy_trainer.service.worker import Worker

log = get_logger(__name__)


async def serve(
    settings: TrainerSettings,
    registry: CollectorRegistry | None = None,
    ready: Callable[[Ports], None] | None = None,
) -> None:
    """Run trainings on request, by schedule and by drift, until cancelled; each is a process of its own.

    A run that went on when the last service on the data folder was killed is adopted or resumed. While another service works
    on the folder, this one answers requests and stands in reserve.

    Args:
        registry: where the metrics go, and what GET /metrics shows.
        ready: called once, when HTTP and gRPC take connections, with their real ports.

    Raises:
        AddressUnavailableError: a port is taken.
        ArchiveUnavailableError: the data folder cannot be used.
        ConfigError: the files of the identity are missing or invalid.
    """
    registry = registry or CollectorRegistry()
    metrics, faults, tls = TrainerMetrics(registry), dict[str, str](), Tls.of(settings.tls)
    if tls is not None:
        tls.install_metrics(registry)
    announce = announcer(ready)

    def register(server: grpc.aio.Server) -> Sequence[str]:
        trainer_pb2_grpc.add_TrainerServiceServicer_to_server(TrainerServicer(book), server)
        return ["davy.v1.TrainerService"]

    def fault_of(part: str) -> Callable[[str], None]:
        def fault(text: str) -> None:
            if text and not faults.get(part):
                log.warning(f"{part}.fault", reason=text)
            faults[part] = text

        return fault

    async with _store(settings) as store:
        book = RunService(settings, store)
        worker = Worker(book, metrics)
        embedding = EmbeddingWatch(book, metrics, lambda: worker.active, fault_of("pictures"))
        app = build_app(book, embedding.newest, registry, lambda: worker.active, faults)
        supervisor = Supervisor("trainer", registry, faults.__setitem__)
        parts: dict[str, Part] = {
            "worker": worker.run,
            "schedule": lambda: keep_schedule(book, metrics, lambda: worker.active),
            "drift": lambda: watch_drift(book, metrics, lambda: worker.active, fault_of("aggregator")),
            "embedding": embedding.run,
        }
        if tls is not None:
            own = tls
            parts["identity"] = lambda: watch_identity(own, log_event, renewer_of(own))
        await until_first_ends(
            "trainer",
            http=serve_app(app, settings.host, settings.port, lambda port: announce("http", port), tls=tls),
            grpc=serve_grpc(settings.host, settings.grpc_port, register, lambda port: announce("grpc", port), tls=tls),
            **{name: supervisor.run(name, part) for name, part in parts.items()},
        )


@asynccontextmanager
async def _store(settings: TrainerSettings) -> AsyncIterator[RunStore]:
    database = await asyncio.to_thread(open_database, settings.data, settings.database)
    try:
        yield RunStore(database)
    finally:
        database.close()
