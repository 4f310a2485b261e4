"""Files that the pages of every service share: words in five languages, times of the site, navigation, documentation."""

from pathlib import Path

from fastapi import FastAPI
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
    pages: list[str] = Field(description="Paths of the pages that this service has.", examples=[["/", "/models"]])


def mount_web(app: FastAPI) -> None:
    """Serve the shared files at /web."""
    app.mount("/web", StaticFiles(directory=FILES), name="web")
