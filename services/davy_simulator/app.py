"""Serve the simulated cameras over HTTP like network cameras: MJPEG, snapshots, an index page."""

import asyncio
from collections.abc import AsyncIterator, Callable
from html import escape

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from prometheus_client import CollectorRegistry

from davy.adapters.addresses import listen
from davy.adapters.http.metrics import install_metrics
from davy.adapters.http.problems import install_problem_handlers
from davy.adapters.http.server import serve_app
from davy.domain.errors import DeadlineExceededError, MissingExtraError, UnknownCameraError
from davy.domain.ports import SourceOptions
from davy.site import SIMULATOR_SCHEME
from davy_simulator.broadcast import Broadcast
from davy_simulator.settings import SimulatorSettings
from davy_simulator.world import Mine

BOUNDARY = "frame"
SNAPSHOT_TIMEOUT_S = 30.0  # the first picture of a place waits for its geometry
NO_STORE = {"Cache-Control": "no-store"}


async def serve(
    settings: SimulatorSettings,
    ready: Callable[[int], None] | None = None,
    mine: Mine | None = None,
    registry: CollectorRegistry | None = None,
) -> None:
    """Serve every camera of the mine until cancelled.

    Args:
        ready: Called with the actual port once connections are accepted.
        mine: The mine to render; None creates one from settings.seed.
        registry: Metrics to serve at /metrics.

    Raises:
        AddressUnavailableError: host and port are not available.
        MissingExtraError: settings.onvif is set without the packages of its extra.
    """
    listen(settings.host, settings.port).close()  # a taken port is reported now, not after a minute of rendering
    mine = mine or Mine(settings.seed)
    for place in mine.places if settings.warm else ():  # otherwise the first viewer waits for the geometry
        await asyncio.to_thread(mine.render, place, 0.0, (settings.width, settings.height))
    app = create_app(settings, mine)
    if registry is not None:
        install_metrics(app, registry)
    if not settings.onvif:
        await serve_app(app, settings.host, settings.port, ready)
        return
    try:
        from davy_simulator.onvif import add_onvif, answering
    except ModuleNotFoundError as error:
        raise MissingExtraError("an ONVIF camera", str(error.name), "onvif") from error

    add_onvif(app, settings, mine.places)
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        served = tasks.create_task(serve_app(app, settings.host, settings.port, port.set_result), name="simulator.http")
        async with answering(settings, await port):
            if ready is not None:
                ready(port.result())
            await served


def create_app(settings: SimulatorSettings, mine: Mine) -> FastAPI:
    """Build the ASGI app: `/`, `/<place>.mjpeg`, `/<place>.jpg`."""
    app = FastAPI(title="Davy's simulated mine", docs_url=None, redoc_url=None, openapi_url=None)
    install_problem_handlers(app)
    options = SourceOptions(fps=settings.fps, size=(settings.width, settings.height))
    cameras = {place: _broadcast(mine, place, options, settings) for place in mine.places}

    def camera(place: str) -> Broadcast:
        if place not in cameras:
            raise UnknownCameraError(place, mine.places)
        return cameras[place]

    async def index() -> HTMLResponse:
        return HTMLResponse(_index(mine.places))

    async def live(place: str) -> StreamingResponse:
        parts = _parts(camera(place))
        first = await anext(parts)  # a camera without free places answers 503, not an empty stream
        media_type = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        return StreamingResponse(_resumed(first, parts), media_type=media_type, headers=NO_STORE)

    async def snapshot(place: str) -> Response:
        async with camera(place).watch() as next_frame:
            try:
                data = await asyncio.wait_for(next_frame(), SNAPSHOT_TIMEOUT_S)
            except TimeoutError as error:
                raise DeadlineExceededError(f"a picture of {place}", SNAPSHOT_TIMEOUT_S) from error
        return Response(data, media_type="image/jpeg", headers=NO_STORE)

    app.add_api_route("/", index, methods=["GET"])
    app.add_api_route("/{place}.mjpeg", live, methods=["GET"])
    app.add_api_route("/{place}.jpg", snapshot, methods=["GET"])
    return app


def _broadcast(mine: Mine, place: str, options: SourceOptions, settings: SimulatorSettings) -> Broadcast:
    return Broadcast(
        place,
        lambda: mine.open_source(f"{SIMULATOR_SCHEME}://{place}", options),
        settings.quality,
        max_viewers=settings.max_viewers,
    )


async def _parts(camera: Broadcast) -> AsyncIterator[bytes]:
    """Parts of a multipart stream, one per frame."""
    async with camera.watch() as next_frame:
        while True:
            data = await next_frame()
            yield b"--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (BOUNDARY.encode(), len(data), data)


async def _resumed(first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        yield first
        async for part in parts:
            yield part
    finally:
        await parts.aclose()  # type: ignore[attr-defined]  # closing the generator releases the camera


def _index(places: tuple[str, ...]) -> str:
    figures = "".join(
        f'<figure><img src="/{place}.mjpeg" alt="live picture"><figcaption>{escape(place)}: '
        f'<a href="/{place}.mjpeg">/{place}.mjpeg</a> <a href="/{place}.jpg">/{place}.jpg</a></figcaption></figure>'
        for place in places
    )
    style = (
        "body{background:#111;color:#ccc;font:14px sans-serif;display:grid;gap:8px;"
        "grid-template-columns:repeat(auto-fit,minmax(420px,1fr))}figure{margin:0}img{width:100%}a{color:#9cf}"
    )
    return f'<!doctype html><html lang="en"><title>Simulated mine</title><style>{style}</style><body>{figures}</body></html>'
