"""Where the pages of all services are, for their one navigation."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from davy.adapters.http.problems import problem_responses
from davy.adapters.http.web import Navigation
from davy.domain.errors import NotFoundError
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.console import PAGES
from davy_aggregator.rest.manual import MANUAL


def navigation_routes(context: ServiceContext) -> APIRouter:
    """Routes /v1/navigation, /training and /enhance."""
    routes = APIRouter()
    elsewhere = {"/training": context.settings.trainer_page, "/enhance": context.settings.enhancer_page}

    @routes.get("/v1/navigation", summary="Get the pages of this service", tags=["system"])
    async def navigation() -> Navigation:
        others = [path for path, address in elsewhere.items() if address]
        manual = ["/manual/"] if (MANUAL / "index.html").is_file() else []
        return Navigation(pages=[*PAGES, "/users", "/journal", *others, *manual])

    @routes.get("/training", include_in_schema=False, responses=problem_responses(404))
    async def training() -> RedirectResponse:
        return _redirect("trainer", elsewhere["/training"])

    @routes.get("/enhance", include_in_schema=False, responses=problem_responses(404))
    async def enhance() -> RedirectResponse:
        return _redirect("enhancer", elsewhere["/enhance"])

    return routes


def _redirect(service: str, address: str) -> RedirectResponse:
    if not address:
        raise NotFoundError(f"this aggregator knows no page of the {service}: set DAVY_AGGREGATOR_{service.upper()}_PAGE")
    return RedirectResponse(address)
