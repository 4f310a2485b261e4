"""Recordings by HLS: the playlist of a range and its segments."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request, Response
from pydantic import AwareDatetime

from davy.adapters.access.links import PARAMETER
from davy.adapters.http.problems import problem_responses
from davy_aggregator.context import ServiceContext
from davy_aggregator.recording.vod import RecordedHls
from davy_aggregator.rest.hls import PLAYLIST, SEGMENT
from davy_aggregator.rest.recordings import LONGEST, OfVariant, range_of

_PLAYLIST_200: dict[int | str, dict[str, Any]] = {200: {"content": {PLAYLIST: {}}, "description": "A playlist."}}
_SEGMENT_200: dict[int | str, dict[str, Any]] = {200: {"content": {SEGMENT: {}}, "description": "A segment."}}
Start = Annotated[AwareDatetime, Path(description="Start, RFC 3339.")]
To = Annotated[AwareDatetime, Path(description="End, exclusive, RFC 3339.")]


def recorded_hls_routes(context: ServiceContext) -> APIRouter:
    """GET /v1/cameras/{id}/recording/{start}/{to}/index.m3u8 and its segments."""
    routes = APIRouter(prefix="/v1/cameras/{camera_id}/recording/{start}/{to}", tags=["recordings"])
    streams = RecordedHls(context.recordings)

    @routes.get(
        "/index.m3u8",
        summary="Play a recording by HLS: get the playlist of a range, up to 24 hours",
        response_class=Response,
        responses=_PLAYLIST_200 | problem_responses(404, 422, 503),
    )
    async def playlist(camera_id: str, start: Start, to: To, request: Request, variant: OfVariant = "enhanced") -> Response:
        camera, token = context.site_status.find(camera_id), request.query_params.get(PARAMETER)
        query = ({"variant": variant} if variant != "enhanced" else {}) | ({PARAMETER: token} if token else {})
        span = range_of(start, to, LONGEST)
        text = await streams.playlist(camera, variant, *span, f"?{urlencode(query)}" if query else "")
        return Response(text, media_type=PLAYLIST, headers={"Cache-Control": "private, no-cache"})

    @routes.get(
        "/{name}",
        summary="Get a recorded segment that the playlist names",
        response_class=Response,
        responses=_SEGMENT_200 | problem_responses(404, 422, 503),
    )
    async def segment(
        camera_id: str,
        start: Start,
        to: To,
        name: Annotated[str, Path(pattern=r"^[0-9a-z.-]{1,60}$")],
        variant: OfVariant = "enhanced",
    ) -> Response:
        data = await streams.part(context.site_status.find(camera_id), variant, *range_of(start, to, LONGEST), name)
        return Response(data, media_type=SEGMENT, headers={"Cache-Control": "private, max-age=300"})

    return routes
