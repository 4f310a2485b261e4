"""Alarms over REST: the list, the history, answers, and a WebSocket of changes."""

import asyncio
import json
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Path, Query, WebSocket, WebSocketDisconnect
from pydantic import AwareDatetime, BaseModel, Field

from davy.adapters.http.problems import problem_responses
from davy.domain.alarm_record import AlarmQuery
from davy.domain.alarms import MAX_TEXT, POINT_PATTERN, SOURCE_PATTERN, AlarmState, Transition
from davy.domain.camera import ID_PATTERN
from davy.domain.errors import DavyError, OverloadedError
from davy.domain.severity import Severity
from davy_aggregator.alarms.service import AlarmService
from davy_aggregator.alarms.view import AlarmChangeView, AlarmTexts, AlarmView, views
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.events import AtLeast, Cursor, to_ns

MAX_TOGETHER = 500  # alarms of one acknowledgement
TRY_AGAIN_LATER = 1013

AlarmId = Annotated[str, Path(pattern=f"^{POINT_PATTERN}$", max_length=260, examples=["lens-blocked:north.face"])]
Kind = Annotated[str | None, Query(pattern=f"^{ID_PATTERN}$", examples=["lens-blocked"])]
Source = Annotated[str | None, Query(pattern=f"^{SOURCE_PATTERN}$", description="edge.camera, an edge, or aggregator.")]
Words = Annotated[str, Field(max_length=MAX_TEXT, examples=["Bob looks at it"])]
Search = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="Text that is contained, in any case.")]


class Alarms(BaseModel):
    """Alarms that are not normal: unanswered ones first, then by severity, then the newest."""

    alarms: list[AlarmView]
    counts: dict[str, int] = Field(examples=[{"unacknowledged": 2, "acknowledged": 1}], description="All alarms by state.")


class Counts(BaseModel):
    counts: dict[str, int] = Field(examples=[{"unacknowledged": 2, "acknowledged": 1}])


class AlarmHistory(BaseModel):
    """A page of the history, newest first."""

    changes: list[AlarmChangeView]
    cursor: str | None = Field(examples=["313"], description="`cursor` parameter of the next page; null on the last one.")


class Acknowledgement(BaseModel):
    """An answer. The name is that of the authenticated caller."""

    words: Words = ""
    occurrence: int = Field(0, ge=0, le=2**53, description="The raise that the caller has seen; 0: any.")


class Seen(BaseModel):
    """An alarm and the raise of it that the caller has seen."""

    id: str = Field(pattern=f"^{POINT_PATTERN}$", max_length=260, examples=["lens-blocked:north.face"])
    occurrence: int = Field(0, ge=0, le=2**53)


class GroupAcknowledgement(BaseModel):
    """An answer to several alarms."""

    alarms: list[Seen] = Field(min_length=1, max_length=MAX_TOGETHER)
    words: Words = ""


class Refused(BaseModel):
    id: str
    reason: str


class Answered(BaseModel):
    """Which alarms were answered, and why others were not."""

    alarms: list[AlarmView]
    refused: list[Refused]


class Shelving(BaseModel):
    """Hides an alarm for a time."""

    duration_s: float = Field(gt=0, le=7 * 86_400, examples=[3600], description="At most shelve_max_s of the rules.")
    words: str = Field(min_length=1, max_length=MAX_TEXT, examples=["the lens is being cleaned"], description="Reason.")


class Unshelving(BaseModel):
    words: Words = ""


def alarm_routes(context: ServiceContext) -> APIRouter:
    """Routes below /v1/alarms."""
    routes, texts = APIRouter(tags=["alarms"]), AlarmTexts(context.alarms.rules.rule)
    _add_lists(routes, context)
    _add_answers(routes, context)

    @routes.websocket("/v1/alarms/watch")
    async def watch(socket: WebSocket) -> None:
        await socket.accept()
        try:
            with context.stream("alarms"):
                await _serve(socket, context.alarms, texts)
        except OverloadedError as error:
            await socket.close(TRY_AGAIN_LATER, str(error))

    return routes


def _add_lists(routes: APIRouter, context: ServiceContext) -> None:
    service = context.alarms

    @routes.get("/v1/alarms", summary="List alarms that are not normal")
    async def alarms(
        state: Annotated[list[AlarmState] | None, Query(description="Only these states. Repeatable.")] = None,
        severity: AtLeast = "info",
        kind: Kind = None,
        source: Source = None,
        limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    ) -> Alarms:
        found = [
            each
            for each in service.all()
            if (not state or each.state in state)
            and each.severity >= Severity.named(severity)
            and kind in (None, each.point.kind)
            and source in (None, each.point.source)
        ]
        return Alarms(alarms=views(found[:limit], service.rules.rule), counts=service.counts())

    @routes.get("/v1/alarms/counts", summary="Count alarms by state")
    async def counts() -> Counts:
        return Counts(counts=service.counts())

    @routes.get("/v1/alarms/history", summary="List changes of alarms, newest first", responses=problem_responses(503))
    async def history(
        alarm: Annotated[str | None, Query(pattern=f"^{POINT_PATTERN}$", max_length=260)] = None,
        kind: Kind = None,
        source: Source = None,
        transition: Transition | None = None,
        severity: AtLeast = "info",
        since: Annotated[AwareDatetime | None, Query(description="Earliest time, inclusive; RFC 3339.")] = None,
        until: Annotated[AwareDatetime | None, Query(description="Latest time, exclusive; RFC 3339.")] = None,
        text: Search = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: Cursor = None,
    ) -> AlarmHistory:
        query = AlarmQuery(
            alarm=alarm,
            kind=kind,
            source=source,
            transition=transition.value if transition else None,
            severity=Severity.named(severity),
            since_ns=to_ns(since),
            until_ns=to_ns(until),
            text=text,
            before=int(cursor) if cursor else None,
            limit=limit,
        )
        found = await service.history(query)
        following = str(found[-1].seq) if len(found) == limit else None
        return AlarmHistory(changes=[AlarmChangeView.of(row) for row in found], cursor=following)

    @routes.get("/v1/alarms/{alarm_id}", summary="Get an alarm", responses=problem_responses(404))
    async def alarm(alarm_id: AlarmId) -> AlarmView:
        found = service.get(alarm_id)
        return AlarmView.of(found, service.rules.rule(found.point))


def _add_answers(routes: APIRouter, context: ServiceContext) -> None:
    service, refusals = context.alarms, problem_responses(404, 409, 422, 503)

    @routes.post("/v1/alarms/acknowledge", summary="Acknowledge several alarms", responses=problem_responses(422, 503))
    async def acknowledge_all(answer: GroupAcknowledgement) -> Answered:
        answered, refused = [], []
        for seen in answer.alarms:
            try:
                answered.append(await service.acknowledge(seen.id, service.who(), answer.words, seen.occurrence))
            except DavyError as error:
                refused.append(Refused(id=seen.id, reason=str(error)))
        return Answered(alarms=views(answered, service.rules.rule), refused=refused)

    @routes.post("/v1/alarms/{alarm_id}/acknowledge", summary="Acknowledge an alarm", responses=refusals)
    async def acknowledge(alarm_id: AlarmId, answer: Acknowledgement | None = None) -> AlarmView:
        answer = answer or Acknowledgement()
        found = await service.acknowledge(alarm_id, service.who(), answer.words, answer.occurrence)
        return AlarmView.of(found, service.rules.rule(found.point))

    @routes.post("/v1/alarms/{alarm_id}/shelve", summary="Hide an alarm for a time", responses=refusals)
    async def shelve(alarm_id: AlarmId, shelving: Shelving) -> AlarmView:
        found = await service.shelve(alarm_id, service.who(), shelving.words, shelving.duration_s)
        return AlarmView.of(found, service.rules.rule(found.point))

    @routes.post("/v1/alarms/{alarm_id}/unshelve", summary="Show a shelved alarm again", responses=refusals)
    async def unshelve(alarm_id: AlarmId, unshelving: Unshelving | None = None) -> AlarmView:
        found = await service.unshelve(alarm_id, service.who(), unshelving.words if unshelving else "")
        return AlarmView.of(found, service.rules.rule(found.point))


async def send_alarms(socket: WebSocket, service: AlarmService, texts: AlarmTexts) -> None:
    """Send `{"type": "alarms", "all": bool, "alarms": [...]}`: first every alarm that is not normal, then those that change."""
    everything = True
    async with aclosing(service.watch()) as changes:
        async for changed in changes:
            found = ",".join(map(texts.text, changed))
            await socket.send_text(f'{{"type":"alarms","all":{json.dumps(everything)},"alarms":[{found}]}}')
            everything = False


async def _serve(socket: WebSocket, service: AlarmService, texts: AlarmTexts) -> None:
    """Send until the page is gone."""

    async def listen() -> None:
        while True:
            await socket.receive_text()

    tasks = [asyncio.create_task(work, name="alarms.watch") for work in (listen(), send_alarms(socket, service, texts))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect | RuntimeError | OSError):
            raise result
