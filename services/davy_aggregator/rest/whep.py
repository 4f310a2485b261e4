"""WebRTC viewers by WHEP (draft-ietf-wish-whep): an SDP offer comes by POST, its answer ends by DELETE."""

from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from davy.adapters.access.links import PARAMETER
from davy.adapters.http.problems import problem_responses
from davy.domain.errors import UnsupportedError
from davy_aggregator.context import ServiceContext
from davy_aggregator.outputs.errors import InvalidOfferError, NoVideoError
from davy_aggregator.outputs.sdp import MAX_OFFER_BYTES
from davy_aggregator.rest.cameras import Variant

SDP = "application/sdp"
_BODY = {"requestBody": {"content": {SDP: {"schema": {"type": "string"}}}, "required": True}}
_CREATED: dict[int | str, dict[str, Any]] = {
    201: {
        "description": "The SDP answer. DELETE the URL in the header Location to end the session.",
        "content": {SDP: {"schema": {"type": "string"}}},
    }
}
_NO_PACKET: dict[int | str, dict[str, Any]] = {204: {"description": "No packet was sent yet."}}
SessionId = Annotated[str, Path(max_length=64, pattern="[A-Za-z0-9_-]+", description="From the header Location.")]


class VideoTiming(BaseModel):
    """When the newest packet of a session was captured: a viewer computes the age of a picture from its RTP time stamp."""

    rtp_timestamp: int = Field(description="RTP time stamp of the newest packet, as the viewer sees it; 90,000 per s.")
    captured_ns: int = Field(description="Unix time of its capture in ns, on the edge's clock.")
    age_ms: int = Field(description="Its age in ms now.")


def whep_routes(context: ServiceContext) -> APIRouter:
    """POST /v1/cameras/{id}/whep and below."""
    routes = APIRouter(prefix="/v1/cameras", tags=["video"])

    @routes.post(
        "/{camera_id}/whep",
        status_code=201,
        summary="View a camera by WebRTC (WHEP): answer an SDP offer",
        response_class=Response,
        responses=_CREATED | problem_responses(404, 413, 415, 503),
        openapi_extra=_BODY,
    )
    async def begin(camera_id: str, request: Request, variant: Variant = "enhanced") -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != SDP:
            raise UnsupportedError(f"an offer has the content type {SDP}")
        camera = context.site_status.find(camera_id)
        if not (context.video.can_send(camera) or context.video.is_live(camera, variant)):
            raise NoVideoError(camera_id, variant)
        offer = await _offer(request)
        with ExitStack() as opening:
            opening.enter_context(context.stream("webrtc"))
            held = opening.pop_all()
        try:
            session, answer = await context.webrtc.add(camera, variant, offer, held, request.state.may_go_on)
        except BaseException:
            held.close()
            raise
        token = request.query_params.get(PARAMETER)
        where = f"/v1/cameras/{camera_id}/whep/{session}" + (f"?{PARAMETER}={token}" if token else "")
        return Response(answer, status_code=201, media_type=SDP, headers={"Location": where, "Cache-Control": "no-store"})

    @routes.get(
        "/{camera_id}/whep/{session}",
        summary="Get the time of capture of a session's newest packet",
        responses=_NO_PACKET | problem_responses(404),
        response_model=VideoTiming,
    )
    async def timing(camera_id: str, session: SessionId) -> VideoTiming | Response:
        found = await context.webrtc.timing(session, context.site_status.find(camera_id))
        return VideoTiming(**found) if found else Response(status_code=204)

    @routes.delete("/{camera_id}/whep/{session}", status_code=200, summary="End a session", responses=problem_responses(404))
    async def end(camera_id: str, session: SessionId) -> Response:
        await context.webrtc.timing(session, context.site_status.find(camera_id))
        await context.webrtc.remove(session)
        return Response()

    return routes


async def _offer(request: Request) -> str:
    body = await request.body()
    if len(body) > MAX_OFFER_BYTES:
        raise InvalidOfferError(f"it is over {MAX_OFFER_BYTES} bytes")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidOfferError("it is no UTF-8") from error
