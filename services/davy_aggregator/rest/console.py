"""The console's pages and their WebSocket: pairs of raw and enhanced frames, paced by the browser's acknowledgements."""

import asyncio
import json
import struct
import time
from pathlib import Path

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field, ValidationError

from davy.domain.camera import CameraAddress
from davy.domain.errors import DavyError, OverloadedError
from davy.streams.credits import Credits
from davy.telemetry import get_logger
from davy_aggregator.context import ServiceContext
from davy_aggregator.live import LiveFrame, Watcher

log = get_logger(__name__)

STATIC = Path(__file__).parent.parent / "static"
STATE_EVERY_S = 0.5
WINDOW, WINDOW_OF_MANY, MANY = 2, 1, 4  # frames in flight per camera; 1 above 4 cameras
WINDOW_BYTES = 4_000_000  # in flight over all cameras, so that a slow link gets fewer frames, but not later ones
MAX_REQUEST_BYTES = 16_384
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Request(BaseModel):
    """A message from the page: `ack` for a drawn or discarded frame, else its selection of cameras."""

    ack: str | None = None
    seq: int = 0
    cameras: list[str] | None = Field(None, max_length=256)
    fps: float = Field(0, ge=0, le=120)
    raw: bool = True


def console_routes(context: ServiceContext) -> APIRouter:
    """Routes /, /models, /edges, /samples, /docs and the WebSocket /v1/console."""
    routes = APIRouter()

    @routes.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers=PAGE_HEADERS)

    @routes.get("/models", include_in_schema=False)
    async def models() -> FileResponse:
        return FileResponse(STATIC / "models.html", headers=PAGE_HEADERS)

    @routes.get("/edges", include_in_schema=False)
    async def edges() -> FileResponse:
        return FileResponse(STATIC / "edges.html", headers=PAGE_HEADERS)

    @routes.get("/samples", include_in_schema=False)
    async def samples() -> FileResponse:
        return FileResponse(STATIC / "samples.html", headers=PAGE_HEADERS)

    @routes.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(STATIC / "docs.html", headers=PAGE_HEADERS)

    @routes.websocket("/v1/console")
    async def console(socket: WebSocket) -> None:
        await socket.accept()
        try:
            with (
                context.stream("console"),
                context.live.watch("console", max_age_s=context.settings.max_age_ms / 1000) as watcher,
            ):
                await Viewer(socket, context, watcher).run()
        except OverloadedError as error:
            await socket.close(TRY_AGAIN_LATER, str(error))

    return routes


class Viewer:
    """The connection of one open page."""

    def __init__(self, socket: WebSocket, context: ServiceContext, watcher: Watcher) -> None:
        self._socket, self._context, self._watcher = socket, context, watcher
        self._undrawn: Credits[CameraAddress, int] = Credits(WINDOW)  # bytes of the frames in flight
        self._raw = True
        watcher.may_send = self._may_send

    async def run(self) -> None:
        """Serve the page until it disconnects."""
        tasks = [
            asyncio.create_task(work(), name=f"console.{work.__name__}")
            for work in (self._receive, self._send_frames, self._publish_state)
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect | RuntimeError | OSError):
                raise result

    def _may_send(self, camera: CameraAddress) -> bool:
        watched = self._context.live.cameras if self._watcher.cameras is None else self._watcher.cameras
        self._undrawn.window = WINDOW if len(watched) <= MANY else WINDOW_OF_MANY
        return self._undrawn.available(camera) and sum(self._undrawn.items()) < WINDOW_BYTES

    async def _receive(self) -> None:
        while True:
            text = await self._socket.receive_text()
            try:
                self._apply(Request.model_validate_json(text[:MAX_REQUEST_BYTES]))
            except (ValidationError, DavyError) as error:
                await self._socket.close(POLICY_VIOLATION, f"invalid message: {str(error)[:80]}")
                return

    def _apply(self, request: Request) -> None:
        if request.ack is not None:
            self._undrawn.give_back(self._context.site_status.find(request.ack), request.seq)
        else:
            self._watcher.cameras = (
                None if request.cameras is None else frozenset(map(self._context.site_status.find, request.cameras))
            )
            self._watcher.max_fps = request.fps
            self._raw = request.raw
        self._watcher.wake()

    async def _send_frames(self) -> None:
        while True:
            live = await self._watcher.take()
            message = _pack(live, self._raw)
            self._undrawn.spend(live.frame.camera, live.frame.seq, len(message))
            self._context.count_sent(live, "console")
            await self._socket.send_bytes(message)

    async def _publish_state(self) -> None:
        status = self._context.site_status
        while True:
            state = {
                "now_ms": time.time_ns() // 1_000_000,
                "site": status.site().model_dump(mode="json"),
                "edges": {edge.edge: edge.status for edge in status.edges()},
                "cameras": [camera.model_dump(mode="json") for camera in status.cameras()],
            }
            await self._socket.send_text(json.dumps(state))
            await asyncio.sleep(STATE_EVERY_S)


def _pack(live: LiveFrame, with_raw: bool) -> bytes:
    """Pack a frame: 4-byte big-endian length, JSON head of that length, enhanced JPEG, raw JPEG."""
    frame = live.frame
    raw = frame.raw_jpeg if with_raw else b""
    head = {
        "id": frame.camera.key,
        "seq": frame.seq,
        "age_ms": round(live.age_s() * 1000),
        "sent_ms": time.time_ns() // 1_000_000,
        "captured_ms": frame.captured_ns // 1_000_000,
        "enhanced_bytes": len(frame.jpeg),
        "raw_bytes": len(raw),
    }
    encoded = json.dumps(head).encode()
    return b"".join((struct.pack(">I", len(encoded)), encoded, frame.jpeg, raw))
