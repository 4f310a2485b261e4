"""Recordings over REST: the timeline's index, videos, pictures, exports, deletion."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field
from starlette.background import BackgroundTask

from davy.access.journal import note_change
from davy.access.principal import acting
from davy.adapters.http.problems import problem_responses
from davy.adapters.storage.recording_store import JOIN_NS, Span
from davy.domain.errors import InvalidInputError
from davy.domain.video import Variant
from davy_aggregator.context import ServiceContext
from davy_aggregator.recording.export import Exporter, ExportRequest
from davy_aggregator.recording.playback import Playback
from davy_aggregator.rest.events import to_ns
from davy_aggregator.rest.streams import CountedStream

SEEKABLE = timedelta(minutes=10)  # a longer range is streamed as it is read, and cannot be sought in
LONGEST = timedelta(hours=24)  # of one video or export
LONGEST_TIMELINE = timedelta(days=400)
MOST_SPANS = 2000  # of a camera in one answer; spans closer than this share of the range are joined
MAX_CAMERAS = 64

From = Annotated[AwareDatetime, Query(alias="from", description="Start, RFC 3339.")]
To = Annotated[AwareDatetime, Query(description="End, exclusive, RFC 3339.")]
OfVariant = Annotated[Variant, Query(description="raw: before enhancement, if it is recorded.")]
_MP4: dict[int | str, dict[str, Any]] = {
    200: {"content": {"video/mp4": {}}},
    206: {"content": {"video/mp4": {}}, "description": "A range of bytes."},
    304: {"description": "The recording matches If-None-Match."},
}
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}
_ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}}}


class RecordedSpan(BaseModel):
    """Recorded time without a gap."""

    start_at: datetime
    end_at: datetime

    @classmethod
    def of(cls, span: Span) -> "RecordedSpan":
        return cls(start_at=_moment(span.start_ns), end_at=_moment(span.end_ns))


class Recording(BaseModel):
    """What is recorded of a camera and variant."""

    camera: str = Field(examples=["north.face"])
    variant: Variant
    spans: list[RecordedSpan]


class RecordingsOf(BaseModel):
    """What is recorded in a range of time."""

    recordings: list[Recording]


class DeletedRecording(BaseModel):
    """What was deleted."""

    segments: int = Field(description="Deleted segments, of some 10 s each.")
    held: int = Field(description="Segments that stay, because a clip holds them.")


class NewExport(BaseModel, extra="forbid"):
    """What is exported."""

    cameras: list[str] = Field(min_length=1, max_length=MAX_CAMERAS, examples=[["north.face"]])
    start_at: AwareDatetime
    end_at: AwareDatetime
    variants: list[Variant] = Field(["enhanced"], min_length=1, max_length=2)
    pictures_every_s: float = Field(0, ge=0, le=3600, description="Also JPEGs, one in so many seconds; 0 none.")
    reason: str = Field(min_length=1, max_length=500, description="Stands in the manifest and in the journal.")


def recording_routes(context: ServiceContext) -> APIRouter:
    """Routes of recordings."""
    routes = APIRouter(tags=["recordings"], responses=problem_responses(503))

    @routes.get("/v1/recordings", summary="List what is recorded, as spans of time", responses=problem_responses(422))
    async def recordings(
        start: From,
        to: To,
        camera: Annotated[list[str] | None, Query(max_length=256, description="Only these cameras.")] = None,
    ) -> RecordingsOf:
        start_ns, end_ns = range_of(start, to, LONGEST_TIMELINE)
        join_ns = max(JOIN_NS, (end_ns - start_ns) // MOST_SPANS)
        keys = [context.site_status.find(each).key for each in camera or []]
        spans = await asyncio.to_thread(context.recordings.store.spans, keys, start_ns, end_ns, join_ns)
        return RecordingsOf(recordings=list(_grouped(spans)))

    _add_playback(routes, context)
    _add_changes(routes, context)
    return routes


def _add_playback(routes: APIRouter, context: ServiceContext) -> None:
    playback = Playback(context.recordings)

    @routes.get(
        "/v1/cameras/{camera_id}/recording.mp4",
        summary="Get the video of a range. Its time 0 is `from`, or the first picture if that is later",
        description="Up to 10 minutes can be sought in. A longer range, up to 24 hours, is streamed.",
        response_class=Response,
        responses=_MP4 | problem_responses(404, 422),
    )
    async def video(
        camera_id: str,
        start: From,
        to: To,
        variant: OfVariant = "enhanced",
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        camera = context.site_status.find(camera_id)
        start_ns, end_ns = range_of(start, to, LONGEST)
        etag = await playback.etag(camera, variant, start_ns, end_ns)
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if if_none_match and etag in if_none_match:
            return Response(status_code=304, headers=headers)
        if to - start > SEEKABLE:
            body = playback.stream(camera, variant, start_ns, end_ns)
            answer = CountedStream(body, context.stream("recording"), "video/mp4")
            answer.headers["ETag"] = etag
            return answer
        with context.stream("recording"):
            path = await playback.file(camera, variant, start_ns, end_ns)
        return FileResponse(path, media_type="video/mp4", headers=headers, background=BackgroundTask(path.unlink))

    @routes.get(
        "/v1/cameras/{camera_id}/recording.jpg",
        summary="Get the recorded picture of a time; see the header X-Davy-Captured-Ns",
        response_class=Response,
        responses=_JPEG | problem_responses(404, 422),
    )
    async def picture(
        camera_id: str,
        at: Annotated[AwareDatetime, Query(description="RFC 3339.")],
        variant: OfVariant = "enhanced",
        width: Annotated[int, Query(ge=0, le=7680, description="In pixels; 0 is the recording's own.")] = 0,
        exact: Annotated[bool, Query(description="false: the key frame at or before the time, which is faster.")] = True,
    ) -> Response:
        camera = context.site_status.find(camera_id)
        jpeg, captured_ns = await playback.picture(camera, variant, to_ns(at) or 0, width, exact)
        headers = {"X-Davy-Captured-Ns": str(captured_ns), "Cache-Control": "private, max-age=300"}
        return Response(jpeg, media_type="image/jpeg", headers=headers)


def _add_changes(routes: APIRouter, context: ServiceContext) -> None:
    exporter = Exporter(context.recordings, context.settings.data)

    @routes.delete(
        "/v1/cameras/{camera_id}/recording",
        summary="Delete the recordings of a range, but for what clips hold",
        responses=problem_responses(404, 422),
    )
    async def delete(camera_id: str, start: From, to: To) -> DeletedRecording:
        camera = context.site_status.find(camera_id)
        start_ns, end_ns = range_of(start, to, LONGEST_TIMELINE)
        deleted, held = await asyncio.to_thread(context.recordings.delete_range, camera, start_ns, end_ns)
        note_change({"segments": deleted, "held": held})
        return DeletedRecording(segments=deleted, held=held)

    @routes.post(
        "/v1/recordings/export",
        summary="Export recordings as a ZIP with a signed manifest, for `davy recordings verify`",
        response_class=StreamingResponse,
        responses=_ZIP | problem_responses(404, 422, 507),
    )
    async def export(wanted: NewExport) -> FileResponse:
        start_ns, end_ns = range_of(wanted.start_at, wanted.end_at, LONGEST)
        cameras = tuple(dict.fromkeys(context.site_status.find(each) for each in wanted.cameras))
        request = ExportRequest(
            cameras,
            tuple(dict.fromkeys(wanted.variants)),
            start_ns,
            end_ns,
            wanted.pictures_every_s,
            wanted.reason,
            acting().name,
        )
        with context.stream("export"):
            path = await exporter.export(request)
        note_change(after={"cameras": wanted.cameras, "reason": wanted.reason, "bytes": path.stat().st_size})
        name = f"{context.recordings.site}-{wanted.start_at:%Y%m%dt%H%M%S}.zip"
        return FileResponse(path, media_type="application/zip", filename=name, background=BackgroundTask(path.unlink))


def range_of(start: datetime, end: datetime, longest: timedelta) -> tuple[int, int]:
    """Return a range in ns.

    Raises:
        InvalidInputError: it ends before it starts, or is too long.
    """
    if end <= start:
        raise InvalidInputError("the range ends before it starts")
    if end - start > longest:
        raise InvalidInputError(f"the range is over {longest}")
    return to_ns(start) or 0, to_ns(end) or 0


def _grouped(spans: Iterable[Span]) -> Iterable[Recording]:
    for (camera, variant), some in groupby(spans, lambda span: (span.camera, span.variant)):
        yield Recording(camera=camera, variant=variant, spans=[RecordedSpan.of(each) for each in some])


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / 1e9, UTC)
