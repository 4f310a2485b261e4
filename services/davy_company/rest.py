"""The REST API of the company view: sites, their alarms, the page, health and metrics."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry

from davy.adapters.access.service import ServiceAccess
from davy.adapters.http.body_limit import BodyLimit
from davy.adapters.http.metrics import install_metrics
from davy.adapters.http.openapi import describe
from davy.adapters.http.problems import install_problem_handlers, problem_responses
from davy.adapters.http.representations import install_representations
from davy.adapters.http.web import PAGE_HEADERS, Navigation, mount_web
from davy_company.views import Alive, Company, CompanyAlarms, Readiness
from davy_company.watch import CompanyWatch

STATIC = Path(__file__).parent / "static"
MAX_BODY_BYTES = 65_536
PORT = 8083


def build_app(watch: CompanyWatch, registry: CollectorRegistry, access: ServiceAccess) -> FastAPI:
    """Build the app with every route. The schema is at /openapi.json."""
    app = FastAPI(
        title="Davy company", version=version("davy"), docs_url=None, redoc_url=None, responses=problem_responses(422)
    )
    install_problem_handlers(app)
    install_metrics(app, registry)
    app.add_middleware(BodyLimit, limit_bytes=MAX_BODY_BYTES)
    install_representations(app)
    access.protect(app)
    app.include_router(_routes(watch))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    mount_web(app, lambda: Navigation(pages={"/company": "/", "/docs": "/docs"}))
    describe(app, "company", PORT)
    return app


def _routes(watch: CompanyWatch) -> APIRouter:
    routes = APIRouter()

    @routes.get("/v1/sites", tags=["company"], summary="List the sites with their last answers")
    async def sites() -> Company:
        return watch.company()

    @routes.get("/v1/alarms", tags=["company"], summary="List the most urgent unanswered alarms of all sites")
    async def alarms(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> CompanyAlarms:
        return watch.alarms(limit)

    @routes.get("/healthz", tags=["health"], summary="Liveness: the process answers")
    async def healthz() -> Alive:
        return Alive()

    @routes.get("/readyz", tags=["health"], summary="Readiness, with the reasons of unreachable sites")
    async def readyz() -> Readiness:
        unreachable = watch.unreachable()
        return Readiness(status="degraded" if unreachable else "ready", unreachable=unreachable)

    @routes.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "company.html", headers=PAGE_HEADERS)

    return routes
