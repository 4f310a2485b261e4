"""The REST API of the training service: runs, drift, the page, health and metrics."""

from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry

from davy.adapters.access.service import ServiceAccess
from davy.adapters.http.body_limit import BodyLimit
from davy.adapters.http.metrics import install_metrics
from davy.adapters.http.openapi import describe
from davy.adapters.http.problems import install_problem_handlers, problem_responses
from davy.adapters.http.representations import install_representations
from davy.adapters.http.web import PAGE_HEADERS, Navigation, mount_web
from davy_trainer.service.embedding_watch import EmbeddingDrift
from davy_trainer.service.run_routes import run_routes
from davy_trainer.service.run_service import RunService
from davy_trainer.service.run_view import Alive, Readiness

STATIC = Path(__file__).parent / "static"
MAX_BODY_BYTES = 65_536


def build_app(
    runs: RunService,
    drift: Callable[[], Awaitable[EmbeddingDrift]],
    registry: CollectorRegistry,
    active: Callable[[], bool],
    errors: Mapping[str, str],
    access: ServiceAccess,
    console: str = "",
) -> FastAPI:
    """Build the app with every route. The schema is at /openapi.json.

    console is the aggregator's address, for the navigation.
    """
    invalid = problem_responses(422)
    app = FastAPI(title="Davy trainer", version=version("davy"), docs_url=None, redoc_url=None, responses=invalid)
    install_problem_handlers(app)
    install_metrics(app, registry)
    app.add_middleware(BodyLimit, limit_bytes=MAX_BODY_BYTES)
    install_representations(app)
    access.protect(app)
    app.include_router(run_routes(runs))
    app.include_router(_status_routes(drift, active, errors))
    app.include_router(_page_routes())
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    pages = {"/training": "/training", "/docs": "/docs"}
    mount_web(app, lambda: Navigation(aggregator=console.rstrip("/"), pages=pages))
    describe(app, "trainer", 8082)
    return app


def _status_routes(
    drift: Callable[[], Awaitable[EmbeddingDrift]], active: Callable[[], bool], errors: Mapping[str, str]
) -> APIRouter:
    routes = APIRouter()

    @routes.get("/v1/embedding-drift", tags=["training"], summary="Get the embedding drift of each camera")
    async def embedding_drift() -> EmbeddingDrift:
        return await drift()

    @routes.get("/healthz", tags=["health"], summary="Liveness: the process answers")
    async def healthz() -> Alive:
        return Alive()

    @routes.get("/readyz", tags=["health"], summary="Readiness, with the reasons of failing components")
    async def readyz() -> Readiness:
        failing = {name: text for name, text in errors.items() if text}
        return Readiness(status="degraded" if failing else "ready", active=active(), errors=failing)

    return routes


def _page_routes() -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    async def root() -> RedirectResponse:
        return RedirectResponse("/training")

    @routes.get("/training")
    async def page() -> FileResponse:
        return FileResponse(STATIC / "training.html", headers=PAGE_HEADERS)

    return routes
