"""Files that the pages of every service share: words in five languages, times of the site, navigation, documentation."""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

FILES = Path(__file__).parent / "files"

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""Headers of a page, which runs scripts and styles of its own service alone."""


class Navigation(BaseModel):
    """Where the pages of all services are."""

    aggregator: str = Field("", description="Address of the aggregator; empty: this service is the aggregator, or knows none.")
    time_zone: str = Field("", description="IANA time zone of the site, if this service knows it.", examples=["Europe/Warsaw"])
    pages: dict[str, str] = Field(
        description="Pages of this service: the path in the navigation and the path here.", examples=[{"/models": "/models"}]
    )


def mount_web(app: FastAPI, navigation: Callable[[], Navigation]) -> None:
    """Serve the shared files at /web, the documentation of the REST interface at /docs, and /v1/navigation."""

    @app.get("/v1/navigation", summary="Get the pages of this service", tags=["pages"])
    async def pages() -> Navigation:
        return navigation()

    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(FILES / "docs.html", headers=PAGE_HEADERS)

    app.mount("/web", StaticFiles(directory=FILES), name="web")
