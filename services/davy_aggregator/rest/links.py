"""Signed links for players, which have no account."""

from typing import Annotated

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, Field

from davy.adapters.access.links import MAX_MINUTES, PARAMETER, Link, Output
from davy.adapters.http.problems import problem_responses
from davy_aggregator.context import ServiceContext


class LinkRequest(BaseModel, extra="forbid"):
    """Which link is wanted."""

    output: Output = Field(description="whep: a browser or a WHEP player; hls: a browser or a phone; rtsp: a VMS or VLC.")
    minutes: float = Field(60, gt=0, le=MAX_MINUTES, description="The link expires after this time.")


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
        link = Link.of_minutes(camera.key, wanted.output, wanted.minutes)
        return MadeLink(url=_url(link, context.links.sign(link), request, context.settings.rtsp.port), expires_s=link.expires_s)

    return routes


def _url(link: Link, token: str, request: Request, rtsp_port: int) -> str:
    if link.output == "rtsp":
        host = request.url.hostname or ""
        return f"rtsp://link:{token}@{f'[{host}]' if ':' in host else host}:{rtsp_port}/{link.camera}"
    path = "whep" if link.output == "whep" else "live.m3u8"
    return f"{request.base_url}v1/cameras/{link.camera}/{path}?{PARAMETER}={token}"
