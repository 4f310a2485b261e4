"""Recorded segments over REST, as they are stored: for programs that process whole recordings."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from davy.adapters.http.problems import problem_responses
from davy.domain.errors import NotFoundError
from davy.domain.recording import Segment
from davy.domain.video import Variant
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.recordings import LONGEST_TIMELINE, From, OfVariant, To, range_of

MOST = 5000  # segments in one answer: 14 hours of one camera
_MP4: dict[int | str, dict[str, Any]] = {200: {"content": {"video/mp4": {}}}}


class RecordedSegment(BaseModel):
    """A recorded file of about 10 s."""

    path: str = Field(description="Below the folder of all recordings; it holds camera, times, packets and SHA-256.")
    bytes: int
    model: str = Field(description="Model that enhanced it; empty for a raw picture.")
    strength: float
    start_at: datetime
    end_at: datetime
    href: str = Field(description="Path of the file over HTTP.")

    @classmethod
    def of(cls, segment: Segment) -> "RecordedSegment":
        """Return a segment as a message."""
        start_at, end_at = (datetime.fromtimestamp(ns / 1e9, UTC) for ns in (segment.start_ns, segment.end_ns))
        href = f"/v1/cameras/{segment.camera.key}/segments/{segment.start_ns}-{segment.sha256}?variant={segment.variant}"
        known = {"path": segment.path, "bytes": segment.bytes, "model": segment.model, "strength": segment.strength}
        return cls(start_at=start_at, end_at=end_at, href=href, **known)


class RecordedSegments(BaseModel):
    """Recorded segments, oldest first."""

    segments: list[RecordedSegment]
    more: bool = Field(description="There are more: ask again from the start_at of the last one.")


def segment_routes(context: ServiceContext) -> APIRouter:
    """Routes below /v1/cameras/{id}/segments."""
    routes = APIRouter(prefix="/v1/cameras/{camera_id}/segments", tags=["recordings"])
    recordings = context.recordings

    @routes.get("", summary="List recorded segments", responses=problem_responses(404, 422, 503))
    async def segments(
        camera_id: str,
        start: From,
        to: To,
        variant: OfVariant = "enhanced",
        limit: Annotated[int, Query(ge=2, le=MOST)] = MOST,
    ) -> RecordedSegments:
        camera, span = context.site_status.find(camera_id), range_of(start, to, LONGEST_TIMELINE)
        found = await asyncio.to_thread(recordings.store.segments, camera.key, variant, *span, limit + 1)
        return RecordedSegments(segments=[RecordedSegment.of(each) for each in found[:limit]], more=len(found) > limit)

    @routes.get(
        "/{name}",
        summary="Get the file of a recorded segment, as it is stored",
        response_class=Response,
        responses=_MP4 | problem_responses(404, 422, 503),
    )
    async def file(
        camera_id: str, name: Annotated[str, Path(pattern=r"^\d{1,19}-[0-9a-f]{64}$")], variant: OfVariant = "enhanced"
    ) -> Response:
        camera = context.site_status.find(camera_id)
        with context.stream("recording"):
            return await asyncio.to_thread(_file, camera.key, variant, name)

    def _file(key: str, variant: Variant, name: str) -> Response:
        at, _, sha256 = name.partition("-")
        headers = {"Cache-Control": "private, max-age=300", "ETag": f'"{sha256[:32]}"'}
        for segment, source in recordings.sources(key, variant, int(at), int(at) + 1):
            if segment.sha256 == sha256 and isinstance(source, bytes):
                return Response(source, media_type="video/mp4", headers=headers)
            if segment.sha256 == sha256 and not isinstance(source, bytes):
                return FileResponse(source, media_type="video/mp4", headers=headers)
        raise NotFoundError(f"there is no segment {name}: it was deleted")

    return routes
