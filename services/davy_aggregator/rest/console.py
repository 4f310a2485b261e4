"""The console's pages."""

from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from davy.adapters.http.web import PAGE_HEADERS

STATIC = Path(__file__).parent.parent / "static"
PAGES = {
    "/": "index.html",
    "/wall/{name}": "wall.html",
    "/alarms": "alarms.html",
    "/events": "events.html",
    "/timeline": "timeline.html",
    "/models": "models.html",
    "/edges": "edges.html",
    "/add-camera": "add_camera.html",
    "/places": "places.html",
    "/samples": "samples.html",
}


def page_routes() -> APIRouter:
    """The pages that need nothing but their files."""
    routes = APIRouter(include_in_schema=False)
    for path, file in PAGES.items():
        routes.add_api_route(path, _page(file), methods=["GET"])
    return routes


def _page(file: str) -> Callable[[], FileResponse]:
    def page() -> FileResponse:
        return FileResponse(STATIC / file, headers=PAGE_HEADERS)

    return page
