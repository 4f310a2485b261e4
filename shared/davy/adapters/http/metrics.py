"""GET /metrics of a FastAPI app."""

from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder


def install_metrics(app: FastAPI, registry: CollectorRegistry) -> None:
    """Serve the registry at GET /metrics, in the text format that the scraper asks for."""

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type)

    app.add_api_route("/metrics", metrics, methods=["GET"], include_in_schema=False)
