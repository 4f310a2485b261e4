"""Signed links for players, which have no account."""

from datetime import UTC
from typing import Annotated, Self

from fastapi import APIRouter, Body, Request
from pydantic import AwareDatetime, BaseModel, Field, model_validator

from davy.adapters.access.links import MAX_MINUTES, PARAMETER, Link, Output
from davy.adapters.http.problems import problem_responses
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.recordings import LONGEST, range_of
from davy_aggregator.settings import AggregatorSettings


class LinkRequest(BaseModel, extra="forbid"):
    """Which link is wanted."""

    output: Output = Field(
        description="whep: a browser or a WHEP player; hls: a browser or a phone; rtsp: a VMS or VLC; recording: recorded "
        "video by HLS."
    )
    minutes: float = Field(60, gt=0, le=MAX_MINUTES, description="The link expires after this time.")
    start_at: AwareDatetime | None = Field(None, description="Of a recording: its start. The link opens no other time.")
    end_at: AwareDatetime | None = Field(None, description="Of a recording: its end.")

    @model_validator(mode="after")
    def _has_range(self) -> Self:
        if (self.output == "recording") != (self.start_at is not None and self.end_at is not None):
            raise ValueError("start_at and end_at belong to the output recording")
        return self

    @property
    def span(self) -> str:
        """Start and end, as the URL of a recording has them."""
        if self.start_at is None or self.end_at is None:
            return ""
        return "/".join(f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for at in (self.start_at, self.end_at))


class MadeLink(BaseModel):
    """A link."""

    url: str = Field(description="What a player opens. For rtsp it holds the token as the password.")
    expires_s: int = Field(description="Unix time in s.")


def link_routes(context: ServiceContext) -> APIRouter:
    """POST /v1/cameras/{id}/links."""
    routes = APIRouter(prefix="/v1/cameras", tags=["video"])

    @routes.post(
        "/{camera_id}/links",
        status_code=201,
        summary="Make a link that lets a player view one output of one camera until it expires",
        responses=problem_responses(404, 422),
    )
    async def make(camera_id: str, wanted: Annotated[LinkRequest, Body()], request: Request) -> MadeLink:
        camera = context.site_status.find(camera_id)
        if wanted.start_at and wanted.end_at:
            range_of(wanted.start_at, wanted.end_at, LONGEST)
        link = Link.of_minutes(camera.key, wanted.output, wanted.minutes, wanted.span)
        return MadeLink(url=_url(link, context.links.sign(link), request, context.settings), expires_s=link.expires_s)

    return routes


def _url(link: Link, token: str, request: Request, settings: AggregatorSettings) -> str:
    if link.output == "rtsp":
        host = request.url.hostname or ""
        place = f"{f'[{host}]' if ':' in host else host}:{settings.rtsp.port}"
        return f"{settings.rtsp_scheme}://link:{token}@{place}/{link.camera}"
    paths = {"whep": "whep", "hls": "live.m3u8", "recording": f"recording/{link.span}/index.m3u8"}
    path = paths[link.output]
    return f"{request.base_url}v1/cameras/{link.camera}/{path}?{PARAMETER}={token}"
