"""Live HLS: the playlist of a camera and its segments."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request, Response

from davy.adapters.access.links import PARAMETER
from davy.adapters.http.problems import problem_responses
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.cameras import Variant

PLAYLIST, SEGMENT = "application/vnd.apple.mpegurl", "video/mp4"
_PLAYLIST_200: dict[int | str, dict[str, Any]] = {200: {"content": {PLAYLIST: {}}, "description": "A playlist."}}
_SEGMENT_200: dict[int | str, dict[str, Any]] = {200: {"content": {SEGMENT: {}}, "description": "A segment."}}


def hls_routes(context: ServiceContext) -> APIRouter:
    """GET /v1/cameras/{id}/live.m3u8 and its segments."""
    routes = APIRouter(prefix="/v1/cameras", tags=["video"])

    @routes.get(
        "/{camera_id}/live.m3u8",
        summary="View a camera by HLS: get the playlist; the stream ends 15 s after the last request",
        response_class=Response,
        responses=_PLAYLIST_200 | problem_responses(404, 503),
    )
    async def playlist(camera_id: str, request: Request, variant: Variant = "enhanced") -> Response:
        token = request.query_params.get(PARAMETER)
        query = ({"variant": variant} if variant != "enhanced" else {}) | ({PARAMETER: token} if token else {})
        text = await context.hls.playlist(context.site_status.find(camera_id), variant, f"?{urlencode(query)}" if query else "")
        return Response(text, media_type=PLAYLIST, headers={"Cache-Control": "no-cache"})

    @routes.get(
        "/{camera_id}/hls/{name}",
        summary="Get a segment that the playlist names",
        response_class=Response,
        responses=_SEGMENT_200 | problem_responses(404),
    )
    async def segment(
        camera_id: str, name: Annotated[str, Path(pattern=r"^[0-9a-z.-]{1,40}$")], variant: Variant = "enhanced"
    ) -> Response:
        data = context.hls.part(context.site_status.find(camera_id), variant, name)
        return Response(data, media_type=SEGMENT, headers={"Cache-Control": "private, max-age=60"})

    return routes
