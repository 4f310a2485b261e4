"""Signed links for players, which have no account."""

from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from davy.access.principal import acting
from davy.adapters.access.links import MAX_MINUTES, PARAMETER, Link, Output, expiry
from davy.adapters.http.problems import problem_responses
from davy_aggregator.context import ServiceContext


class LinkRequest(BaseModel, extra="forbid"):
    """Which link is wanted."""

    output: Output = Field(description="whep: a browser or a WHEP player; hls: a browser or a phone; rtsp: a VMS or VLC.")
    minutes: float = Field(60, gt=0, le=MAX_MINUTES, description="The link expires after this time.")


class MadeLink(BaseModel):
    """A link."""

    path: str = Field(description="Path and query. For rtsp: of rtsp://HOST:PORT; otherwise of this server.")
    port: int | None = Field(None, description="Port of RTSP, for such a link.")
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
    async def make(camera_id: str, wanted: Annotated[LinkRequest, Body()]) -> MadeLink:
        camera = context.site_status.find(camera_id)
        link = Link(camera.key, wanted.output, acting().name, expiry(wanted.minutes))
        paths = {
            "whep": f"/v1/cameras/{camera.key}/whep",
            "hls": f"/v1/cameras/{camera.key}/live.m3u8",
            "rtsp": f"/{camera.key}",
        }
        path = f"{paths[wanted.output]}?{PARAMETER}={context.links.sign(link)}"
        return MadeLink(
            path=path, port=context.settings.rtsp.port if wanted.output == "rtsp" else None, expires_s=link.expires_s
        )

    return routes
