"""GET /metrics of a FastAPI app, and the series of single cameras."""

import asyncio
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from davy.streams.camera_metrics import CameraMetrics
from davy.streams.site_totals import SiteTotals, camera_registry

MAX_PATTERNS = 64

Patterns = Annotated[
    list[Annotated[str, Query(max_length=200)]],
    Query(min_length=1, max_length=MAX_PATTERNS, description="EDGE/CAMERA, with the wildcards * and ?. Repeatable."),
]


def install_metrics(app: FastAPI, registry: CollectorRegistry, cameras: CameraMetrics | None = None) -> None:
    """Serve the registry at GET /metrics, in the text format that the scraper asks for.

    Families with labels edge and camera are sums over all cameras there. GET /metrics/cameras?camera=north/* shows those of
    single cameras.

    Args:
        app: The app.
        registry: The metrics of the process.
        cameras: Further metrics of cameras, whose totals are in the registry.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for every counter, of which no dashboard makes use
    totals = SiteTotals(registry)

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(totals), media_type=content_type)

    async def camera_metrics(request: Request, camera: Patterns) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        found = camera_registry(registry, cameras, camera)
        return Response(await asyncio.to_thread(encode, found), media_type=content_type)

    app.add_api_route("/metrics", metrics, methods=["GET"], include_in_schema=False)
    app.add_api_route("/metrics/cameras", camera_metrics, methods=["GET"], include_in_schema=False)
