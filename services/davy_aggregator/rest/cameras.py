"""Cameras over REST: state, newest frame, live MJPEG stream."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from davy.adapters.http.problems import problem_responses
from davy.domain.camera import CameraAddress
from davy.domain.errors import NoFrameError
from davy_aggregator.context import ServiceContext
from davy_aggregator.live import LiveFrame, Watcher
from davy_aggregator.rest.schemas import Camera, Cameras
from davy_aggregator.rest.streams import CountedStream

BOUNDARY = "davy-frame"
MAX_PAGE = 1000  # cameras, 400 kB
SLICE = 50
RAW_WAIT_S = 1.5  # an edge sends raw pictures from the next frame on
REPLICA_WAIT_S = 1.0  # another replica sends the newest frame that it has
SILENCE_S = 10.0  # a live stream without frames ends after this time, so that no viewer takes a frozen image for a live one

Variant = Annotated[Literal["enhanced", "raw"], Query(description="raw: the frame before enhancement, if the edge sends it")]
_JPEG_200: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}, "description": "A plain JPEG."}}
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The newest frame matches If-None-Match."}}
_MJPEG_200: dict[int | str, dict[str, Any]] = {
    200: {"content": {"multipart/x-mixed-replace": {}}, "description": "A stream of JPEGs."}
}


def camera_routes(context: ServiceContext) -> APIRouter:
    """GET /v1/cameras and below."""
    routes = APIRouter(prefix="/v1/cameras", tags=["cameras"])

    @routes.get(
        "",
        summary="List the cameras with their state and figures, by id",
        response_model=Cameras,
        responses=problem_responses(422),
    )
    async def cameras(
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Cameras of a page.")] = MAX_PAGE,
        cursor: Annotated[
            str | None, Query(max_length=200, description="`cursor` of the previous page; the first page if absent.")
        ] = None,
    ) -> Response:
        page, following = _page(context.live.cameras, limit, cursor)
        rows = [row async for row in _rows(context, page)]
        body = f'{{"cameras":[{",".join(rows)}],"cursor":{json.dumps(following)}}}'
        return Response(body, media_type="application/json")

    @routes.get("/{camera_id}", summary="Get one camera", responses=problem_responses(404))
    async def camera(camera_id: str) -> Camera:
        return context.site_status.camera(context.site_status.find(camera_id))

    @routes.get(
        "/{camera_id}/latest.jpg",
        summary="Get the newest frame of any age; see the headers Age and X-Davy-Stale",
        response_class=Response,
        responses=_JPEG_200 | _NOT_MODIFIED | problem_responses(404, 503),
    )
    async def latest(
        camera_id: str,
        variant: Variant = "enhanced",
        if_none_match: Annotated[str | None, Header(description="ETag of the known frame.")] = None,  # noqa: ARG001  # middleware
    ) -> Response:
        live = await _newest(context, camera_id, variant)
        headers = _frame_headers(live, context.settings.stale_after_s)
        headers |= {"ETag": f'"{live.frame.boot_id}-{live.frame.seq}-{variant}"', "Cache-Control": "no-cache"}
        return Response(_picture(live, variant), media_type="image/jpeg", headers=headers)

    @routes.get(
        "/{camera_id}/live.mjpeg",
        summary="Stream frames as MJPEG; the stream ends after 10 s without a frame",
        response_class=StreamingResponse,
        responses=_MJPEG_200 | problem_responses(404, 503),
    )
    async def live_stream(
        camera_id: str,
        variant: Variant = "enhanced",
        fps: Annotated[float, Query(ge=0, le=120, description="Maximum frames per second; 0 sends every frame.")] = 0,
    ) -> StreamingResponse:
        live = await _newest(context, camera_id, variant)

        async def body() -> AsyncGenerator[bytes, None]:
            with context.live.watch("mjpeg", [live.frame.camera], fps, context.settings.max_age_ms / 1000) as watcher:
                watcher.wants_raw = lambda _: variant == "raw"
                async for newest in _until_silent(watcher):
                    if picture := _picture(newest, variant):
                        context.count_sent(newest, "mjpeg")
                        yield _multipart(newest, picture)

        return CountedStream(body(), context.stream("mjpeg"), f"multipart/x-mixed-replace; boundary={BOUNDARY}")

    return routes


def _page(cameras: Sequence[CameraAddress], limit: int, cursor: str | None) -> tuple[list[CameraAddress], str | None]:
    """Return the cameras of a page, and the cursor of the next one; None on the last page."""
    later = sorted((camera.key, camera) for camera in cameras if cursor is None or camera.key > cursor)
    page = later[:limit]
    return [camera for _, camera in page], page[-1][0] if len(later) > limit else None


async def _rows(context: ServiceContext, cameras: Sequence[CameraAddress]) -> AsyncIterator[str]:
    """Yield cameras as JSON, in slices between which frames arrive: 1,000 take a tenth of a second."""
    for number, camera in enumerate(cameras):
        if number % SLICE == 0:
            await asyncio.sleep(0)
        if context.live.has(camera):
            found = context.site_status.camera(camera)
            yield found.__pydantic_serializer__.to_json(found).decode()


async def _newest(context: ServiceContext, camera_id: str, variant: Variant) -> LiveFrame:
    camera = context.site_status.find(camera_id)
    context.live.ask(camera, raw=variant == "raw")
    live = context.live.newest(camera)
    if context.live.is_behind(camera):
        live = await _next(context, camera, REPLICA_WAIT_S) or live
    if live is not None and not _picture(live, variant) and context.video.can_send(camera):
        live = await _next(context, camera, RAW_WAIT_S, raw=True) or live
    if live is None or not _picture(live, variant):
        raise NoFrameError(camera_id, variant, context.site_status.camera(camera).reason)
    return live


async def _next(context: ServiceContext, camera: CameraAddress, wait_s: float, *, raw: bool = False) -> LiveFrame | None:
    """Wait for the picture that an edge or another replica sends as soon as somebody asks for it; None if none came in time."""
    before = context.live.newest(camera)
    with context.live.watch("latest", [camera]) as watcher, suppress(TimeoutError):
        watcher.wants_raw = lambda _: raw
        async with asyncio.timeout(wait_s):
            while True:
                live = await watcher.take()
                if live.frame.raw_jpeg if raw else live is not before:
                    return live
    return None


def _picture(live: LiveFrame, variant: str) -> bytes:
    return live.frame.raw_jpeg if variant == "raw" else live.frame.jpeg


def _frame_headers(live: LiveFrame, stale_after_s: float) -> dict[str, str]:
    age_s = live.age_s()
    headers = {
        "Age": str(int(age_s)),
        "X-Davy-Age-Ms": str(round(age_s * 1000)),
        "X-Davy-Seq": str(live.frame.seq),
        "X-Davy-Captured-Ns": str(live.frame.captured_ns),
        "X-Davy-Model": live.frame.model,
    }
    return headers | ({"X-Davy-Stale": "true"} if age_s > stale_after_s else {})


async def _until_silent(watcher: Watcher) -> AsyncIterator[LiveFrame]:
    while True:
        try:
            async with asyncio.timeout(SILENCE_S):
                newest = await watcher.take()
        except TimeoutError:
            return
        yield newest


def _multipart(live: LiveFrame, picture: bytes) -> bytes:
    head = (
        f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n"
        f"X-Davy-Seq: {live.frame.seq}\r\nX-Davy-Age-Ms: {round(live.age_s() * 1000)}\r\n"
        f"X-Davy-Captured-Ns: {live.frame.captured_ns}\r\nX-Davy-Model: {live.frame.model}\r\n\r\n"
    )
    return head.encode() + picture + b"\r\n"
