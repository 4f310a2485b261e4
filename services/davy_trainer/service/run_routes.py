"""The routes of training runs, over REST."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Response
from fastapi import Path as InPath
from PIL import Image
from sse_starlette import EventSourceResponse, ServerSentEvent

from davy.adapters.http.problems import problem_responses
from davy.adapters.storage.run_store import RunEvent
from davy.domain.errors import OverloadedError
from davy_trainer.service.migration import migrate_record
from davy_trainer.service.record import RunRecord, StartRun
from davy_trainer.service.run_service import RunService
from davy_trainer.service.run_view import Runs, RunView, run_url, sheet_url

PING_S, MAX_STREAMS = 15, 64
SHEET_QUALITY = 88
Id = Annotated[str, InPath(max_length=64, examples=["20261123-020000-prompts-1a2b"])]
LastEventId = Annotated[str, Header(pattern=r"^\d{0,18}$")]
_SSE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}


def run_routes(runs: RunService) -> APIRouter:
    """Routes below /v1/training-runs."""
    routes = APIRouter(prefix="/v1/training-runs", tags=["training"], responses=problem_responses(503))
    _add_reads(routes, runs)
    _add_changes(routes, runs)
    _add_events(routes, runs)
    return routes


def _add_reads(routes: APIRouter, runs: RunService) -> None:
    @routes.get("", summary="List the runs, the newest first")
    async def list_runs() -> Runs:
        return Runs(runs=[await _view(runs, record) for record in await runs.all()])

    @routes.get("/{run}", summary="Get a run", responses=problem_responses(404))
    async def get_run(run: Id) -> RunView:
        return await _view(runs, await runs.get(run))

    @routes.get(
        "/{run}/sheet.jpg",
        summary="Get the newest sheet: inputs and outputs",
        response_class=Response,
        responses=_JPEG | problem_responses(404),
    )
    async def sheet(run: Id) -> Response:
        await runs.get(run)
        path = await asyncio.to_thread(runs.sheet, run)
        if path is None:
            raise HTTPException(404, f"run {run} has no sheet yet")
        return Response(await asyncio.to_thread(_as_jpeg, path), media_type="image/jpeg", headers={"Cache-Control": "no-cache"})


def _add_changes(routes: APIRouter, runs: RunService) -> None:

    @routes.post("", summary="Start a run", status_code=201, responses=problem_responses(409))
    async def start(request: StartRun, response: Response) -> RunView:
        record = await runs.start(request)
        response.headers["Location"] = run_url(record.id)
        return await _view(runs, record)

    @routes.post(
        "/{run}/cancel",
        summary="Cancel a run after its next checkpoint",
        responses=problem_responses(404, 409),
    )
    async def cancel(run: Id) -> RunView:
        return await _view(runs, await runs.cancel(run))

    @routes.post("/{run}/resume", summary="Resume a run", responses=problem_responses(404, 409))
    async def resume(run: Id) -> RunView:
        return await _view(runs, await runs.resume(run))


def _add_events(routes: APIRouter, runs: RunService) -> None:
    open_streams = [0]

    @routes.get(
        "/{run}/events",
        summary="Stream past and new events as server-sent events until the run has ended",
        response_class=EventSourceResponse,
        responses=_SSE | problem_responses(404),
    )
    async def events(run: Id, last_event_id: LastEventId = "") -> EventSourceResponse:
        await runs.get(run)
        if open_streams[0] >= MAX_STREAMS:
            raise OverloadedError("the list of event streams", MAX_STREAMS)

        async def body() -> AsyncGenerator[ServerSentEvent, None]:
            open_streams[0] += 1
            try:
                async with aclosing(runs.watch(run, int(last_event_id or 0))) as found:
                    async for event in found:
                        data = await asyncio.to_thread(_event_data, event, run, runs)
                        yield ServerSentEvent(data, event=event.kind, id=str(event.id))
                view = await _view(runs, await runs.get(run))
                yield ServerSentEvent(view.model_dump_json(), event="end")
            finally:
                open_streams[0] -= 1

        return EventSourceResponse(body(), ping=PING_S)


async def _view(runs: RunService, record: RunRecord) -> RunView:
    return RunView.of(record, await asyncio.to_thread(runs.sheet, record.id))


def _event_data(event: RunEvent, run: str, runs: RunService) -> str:
    fields = json.loads(event.body)
    if event.kind == "state":
        fields = migrate_record(fields)
    return json.dumps(fields | {"sheet": sheet_url(run, runs.sheet(run))})


def _as_jpeg(path: Path) -> bytes:
    jpeg = BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(jpeg, "JPEG", quality=SHEET_QUALITY)
    return jpeg.getvalue()
