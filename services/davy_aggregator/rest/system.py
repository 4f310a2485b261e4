"""The site, its edges, health and readiness over REST."""

from fastapi import APIRouter

from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.schemas import Edges, Health, Readiness, Site


def system_routes(context: ServiceContext) -> APIRouter:
    """Routes /v1/site, /v1/edges, /healthz and /readyz."""
    routes = APIRouter()

    @routes.get("/v1/site", tags=["site"], summary="Get a summary of the site")
    async def site() -> Site:
        return context.site_status.site()

    @routes.get("/v1/edges", tags=["edges"], summary="List the edges with their last report")
    async def edges() -> Edges:
        return Edges(edges=context.site_status.edges())

    @routes.get("/healthz", tags=["health"], summary="Liveness: the process answers")
    async def healthz() -> Health:
        return Health()

    @routes.get("/readyz", tags=["health"], summary="Readiness, with the reasons of unavailable dependencies")
    async def readyz() -> Readiness:
        status = "degraded" if context.health.degraded else "ready"
        return Readiness(status=status, dependencies=context.site_status.dependencies())

    return routes
