"""Events over REST: pages, keyframes and a stream."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.exceptions import HTTPException
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, StringConstraints
from sse_starlette import EventSourceResponse

from davy.adapters.http.problems import problem_responses
from davy.domain.camera import ID_PATTERN
from davy.domain.event import EventQuery
from davy.domain.severity import Severity, SeverityName
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.event_export import csv_of, export, json_of
from davy_aggregator.rest.event_feed import EventFeed
from davy_aggregator.rest.marks import draw_marks
from davy_aggregator.rest.schemas import Event, Events
from davy_aggregator.rest.streams import CountedEvents

EPOCH, MAX_NS = datetime(1970, 1, 1, tzinfo=UTC), 2**63 - 1

Cursor = Annotated[
    str | None,
    Query(pattern=r"^\d{1,18}$", description="`cursor` of the previous page; the first page if absent."),
]
AtLeast = Annotated[SeverityName, Query(description="Minimum severity.")]
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]


def event_routes(context: ServiceContext, feed: EventFeed) -> APIRouter:
    """Routes below /v1/events. The feed has the new ones."""
    routes = APIRouter(prefix="/v1/events", tags=["events"])

    Filters = Annotated[EventQuery, Depends(_filters(context))]  # noqa: N806  # a type

    @routes.get("", summary="List events, newest first", responses=problem_responses(422, 503))
    async def events(filters: Filters, limit: Annotated[int, Query(ge=1, le=1000)] = 100, cursor: Cursor = None) -> Events:
        query = replace(filters, before=int(cursor) if cursor else None, limit=limit)
        found = await context.archive.search(query)
        following = str(found[-1].id) if len(found) == limit else None
        return Events(events=[Event.of(record) for record in found], cursor=following)

    _add_exports(routes, context)

    @routes.get(
        "/stream",
        summary="Stream events as server-sent events; Last-Event-ID resumes without a gap",
        response_class=EventSourceResponse,
        responses=_content("text/event-stream") | problem_responses(503),
    )
    async def stream(severity: AtLeast = "info", last_event_id: Annotated[str | None, Header()] = None) -> EventSourceResponse:
        known = last_event_id is not None and re.fullmatch(r"[0-9]{1,18}", last_event_id)
        after = int(known[0]) if known else None

        async def body() -> AsyncGenerator[bytes, None]:
            async with aclosing(feed.follow(after)) as batches:
                async for batch in batches:
                    if chosen := [each.sse for each in batch if each.record.severity >= Severity.named(severity)]:
                        yield b"".join(chosen)

        return CountedEvents(body(), context.stream("sse"))

    @routes.get(
        "/{event_id}/keyframe.jpg",
        summary="Get the keyframe of an event",
        response_class=Response,
        responses=_content("image/jpeg") | problem_responses(404),
    )
    async def keyframe(
        event_id: Id, marked: Annotated[bool, Query(description="Draw what was found into the picture.")] = False
    ) -> Response:
        jpeg = await context.archive.keyframe(event_id)
        if jpeg is None:
            raise HTTPException(404, f"event {event_id} has no keyframe, or it was evicted")
        if marked:
            jpeg = await _marked(context, event_id, jpeg)
        headers = {"Cache-Control": "private, max-age=86400, immutable", "ETag": f'"{event_id}{"-marked" * marked}"'}
        return Response(jpeg, media_type="image/jpeg", headers=headers)

    return routes


def _add_exports(routes: APIRouter, context: ServiceContext) -> None:
    Filters = Annotated[EventQuery, Depends(_filters(context))]  # noqa: N806  # a type

    @routes.get(
        "/export.csv",
        summary="Export all events that match, newest first, as CSV",
        response_class=StreamingResponse,
        responses=_content("text/csv") | problem_responses(422, 503),
    )
    async def export_csv(filters: Filters) -> StreamingResponse:
        return export(csv_of(context.archive, filters), context.stream("export"), "csv")

    @routes.get(
        "/export.json",
        summary="Export all events that match, newest first, as a JSON array",
        response_class=StreamingResponse,
        responses=_content("application/json") | problem_responses(422, 503),
    )
    async def export_json(filters: Filters) -> StreamingResponse:
        return export(json_of(context.archive, filters), context.stream("export"), "json")


async def _marked(context: ServiceContext, event_id: int, jpeg: bytes) -> bytes:
    record = await context.archive.get(event_id)
    return await asyncio.to_thread(draw_marks, jpeg, record.marks) if record is not None and record.marks else jpeg


def _filters(context: ServiceContext) -> Callable[..., EventQuery]:
    """The parameters that choose events."""

    def query_of(
        since: Annotated[AwareDatetime | None, Query(description="Earliest time of occurrence, inclusive; RFC 3339.")] = None,
        until: Annotated[AwareDatetime | None, Query(description="Latest time of occurrence, exclusive; RFC 3339.")] = None,
        camera: Annotated[
            str | None, Query(description="Camera address or id: site/edge/camera or edge.camera.", examples=["north.face"])
        ] = None,
        edge: Annotated[
            str | None, Query(pattern=f"^{ID_PATTERN}$", description="Id of the reporting edge.", examples=["aggregator"])
        ] = None,
        kind: Annotated[str | None, Query(pattern=f"^{ID_PATTERN}$", examples=["lens-blocked"])] = None,
        severity: AtLeast = "info",
        text: Annotated[
            str | None,
            Query(max_length=200, pattern=r"^[^\x00]*$", description="Text that message or kind contains, in any case."),
        ] = None,
        exclude: Annotated[
            list[Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN}$")]] | None,
            Query(max_length=32, description="Kinds to leave out, such as motion. Repeatable."),
        ] = None,
    ) -> EventQuery:
        return EventQuery(
            since_ns=to_ns(since),
            until_ns=to_ns(until),
            camera=context.site_status.key_of(camera),
            edge=edge,
            kind=kind,
            severity=Severity.named(severity),
            text=text,
            exclude=tuple(exclude or ()),
        )

    return query_of


def to_ns(moment: datetime | None) -> int | None:
    """Return Unix time in ns, no further from 1970 than the archive counts: the years 1678 to 2262."""
    if moment is None:
        return None
    return max(-MAX_NS, min(MAX_NS, (moment - EPOCH) // timedelta(microseconds=1) * 1000))


def _content(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {}}}}
