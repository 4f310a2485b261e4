"""Events over REST: pages, keyframes and a stream."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.exceptions import HTTPException
from pydantic import AwareDatetime
from sse_starlette import EventSourceResponse, ServerSentEvent

from davy.adapters.http.problems import problem_responses
from davy.domain.camera import ID_PATTERN
from davy.domain.event import EventQuery
from davy.domain.severity import Severity, SeverityName
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.schemas import Event, Events
from davy_aggregator.rest.streams import CountedEvents

EPOCH, MAX_NS = datetime(1970, 1, 1, tzinfo=UTC), 2**63 - 1

Cursor = Annotated[
    str | None,
    Query(pattern=r"^\d{1,18}$", description="`cursor` of the previous page; the first page if absent."),
]
AtLeast = Annotated[SeverityName, Query(description="Minimum severity.")]
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]


def event_routes(context: ServiceContext) -> APIRouter:
    """Routes below /v1/events."""
    routes = APIRouter(prefix="/v1/events", tags=["events"])

    @routes.get("", summary="List events, newest first", responses=problem_responses(422, 503))
    async def events(
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
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: Cursor = None,
    ) -> Events:
        query = EventQuery(
            since_ns=to_ns(since),
            until_ns=to_ns(until),
            camera=context.site_status.key_of(camera),
            edge=edge,
            kind=kind,
            severity=Severity.named(severity),
            before=int(cursor) if cursor else None,
            limit=limit,
        )
        found = await context.archive.query(query)
        following = str(found[-1].id) if len(found) == limit else None
        return Events(events=[Event.of(record) for record in found], cursor=following)

    @routes.get(
        "/stream",
        summary="Stream events as server-sent events; Last-Event-ID resumes without a gap",
        response_class=EventSourceResponse,
        responses=_content("text/event-stream") | problem_responses(503),
    )
    async def stream(severity: AtLeast = "info", last_event_id: Annotated[str | None, Header()] = None) -> EventSourceResponse:
        known = last_event_id is not None and re.fullmatch(r"[0-9]{1,18}", last_event_id)
        after = int(known[0]) if known else None

        async def body() -> AsyncGenerator[ServerSentEvent, None]:
            async with aclosing(context.archive.follow(after)) as records:
                async for record in records:
                    if record.severity >= Severity.named(severity):
                        yield ServerSentEvent(Event.of(record).model_dump_json(), id=str(record.id), event="event")

        return CountedEvents(body(), context.stream("sse"))

    @routes.get(
        "/{event_id}/keyframe.jpg",
        summary="Get the keyframe of an event",
        response_class=Response,
        responses=_content("image/jpeg") | problem_responses(404),
    )
    async def keyframe(event_id: Id) -> Response:
        jpeg = await context.archive.keyframe(event_id)
        if jpeg is None:
            raise HTTPException(404, f"event {event_id} has no keyframe, or it was evicted")
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400, immutable"})

    return routes


def to_ns(moment: datetime | None) -> int | None:
    """Return Unix time in ns, no further from 1970 than the archive counts: the years 1678 to 2262."""
    if moment is None:
        return None
    return max(-MAX_NS, min(MAX_NS, (moment - EPOCH) // timedelta(microseconds=1) * 1000))


def _content(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {}}}}
