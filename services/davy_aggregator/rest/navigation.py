"""Where the pages of all services are, for their one navigation."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from davy.adapters.http.problems import problem_responses
from davy.adapters.http.web import Navigation
from davy.domain.errors import NotFoundError
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.console import PAGES
from davy_aggregator.rest.manual import MANUAL


def navigation(context: ServiceContext) -> Navigation:
    """The pages of the aggregator, and those of the other services that it knows."""
    others = [path for path, address in _elsewhere(context).items() if address]
    manual = ["/manual/"] if (MANUAL / "index.html").is_file() else []
    paths = [*PAGES, "/docs", "/users", "/journal", *others, *manual]
    return Navigation(time_zone=context.site_status.time_zone, pages={path: path for path in paths})


def navigation_routes(context: ServiceContext) -> APIRouter:
    """Routes /training, /enhance and /company."""
    routes = APIRouter()
    elsewhere = _elsewhere(context)

    @routes.get("/training", include_in_schema=False, responses=problem_responses(404))
    async def training() -> RedirectResponse:
        return _redirect("trainer", elsewhere["/training"])

    @routes.get("/enhance", include_in_schema=False, responses=problem_responses(404))
    async def enhance() -> RedirectResponse:
        return _redirect("enhancer", elsewhere["/enhance"])

    @routes.get("/company", include_in_schema=False, responses=problem_responses(404))
    async def company() -> RedirectResponse:
        return _redirect("company", elsewhere["/company"])

    return routes


def _elsewhere(context: ServiceContext) -> dict[str, str]:
    settings = context.settings
    return {"/training": settings.trainer_page, "/enhance": settings.enhancer_page, "/company": settings.company_page}


def _redirect(service: str, address: str) -> RedirectResponse:
    if not address:
        raise NotFoundError(f"this aggregator knows no page of the {service}: set DAVY_AGGREGATOR_{service.upper()}_PAGE")
    return RedirectResponse(address)
