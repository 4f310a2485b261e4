"""Training runs over REST, the page, health and metrics."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from PIL import Image
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from davy.adapters.access.service import ServiceAccess
from davy.adapters.http.body_limit import BodyLimit
from davy.adapters.http.metrics import install_metrics
from davy.adapters.http.problems import install_problem_handlers, problem_responses
from davy.adapters.http.same_origin import same_origin
from davy.adapters.storage.run_store import RunEvent
from davy.domain.errors import OverloadedError
from davy_trainer.service.embedding_watch import EmbeddingDrift
from davy_trainer.service.record import Progress, Result, RunPhase, RunRecord, RunState, StartRun
from davy_trainer.service.run_service import RunService
from davy_trainer.service.settings import Kind

STATIC = Path(__file__).parent / "static"
PING_S, MOST_STREAMS = 15, 64
MAX_BODY_BYTES = 65_536
SHEET_QUALITY = 88
Id = Annotated[str, InPath(max_length=64, examples=["20261123-020000-prompts-1a2b"])]
_SSE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


class RunView(BaseModel):
    """A run now."""

    id: str
    kind: Kind
    state: RunState
    part: RunPhase = Field(description="What it does, or did last.")
    by: str = Field(description="schedule or drift, where nobody has asked for it.")
    reason: str = Field(description="Why it began.")
    told: str = Field(description="How it stands, or why it ended.")
    overrides: dict[str, Any]
    drifted: tuple[str, ...]
    created_at: str
    started_at: str | None
    ended_at: str | None
    kills: int = Field(description="How often in a row it was killed without getting further.")
    cancelling: bool
    progress: Progress | None
    result: Result
    sheet: str | None = Field(examples=["/v1/training-runs/ID/sheet.jpg"])
    events: str

    @classmethod
    def of(cls, record: RunRecord, sheet: Path | None) -> "RunView":
        own = f"/v1/training-runs/{record.id}"
        times = {f"{name}_at": _utc(getattr(record, f"{name}_ns")) for name in ("created", "started", "ended")}
        told = record.model_dump(exclude={"created_ns", "started_ns", "ended_ns", "read"}) | times
        return cls.model_validate(told | {"sheet": _sheet_link(own, sheet), "events": f"{own}/events"})


class Runs(BaseModel):
    runs: list[RunView]


class Alive(BaseModel):
    status: str = "alive"


class Readiness(BaseModel):
    status: Literal["ready", "degraded"]
    active: bool = Field(description="Whether this service does the work, or is the reserve of another.")
    faults: dict[str, str]


def build_app(
    book: RunService,
    drift: Callable[[], Awaitable[EmbeddingDrift]],
    registry: CollectorRegistry,
    active: Callable[[], bool],
    faults: Mapping[str, str],
    access: ServiceAccess,
) -> FastAPI:
    """Every route. The schema is at /openapi.json."""
    wrong = problem_responses(422)
    app = FastAPI(title="Davy trainer", version=version("davy"), docs_url=None, redoc_url=None, responses=wrong)
    install_problem_handlers(app)
    install_metrics(app, registry)
    app.add_middleware(BodyLimit, limit_bytes=MAX_BODY_BYTES)
    access.protect(app)
    app.include_router(_run_routes(book))

    @app.get("/v1/embedding-drift", tags=["training"], summary="How far each camera's pictures are from the usual ones")
    async def embedding_drift() -> EmbeddingDrift:
        return await drift()

    @app.get("/healthz", tags=["health"])
    async def healthz() -> Alive:
        return Alive()

    @app.get("/readyz", tags=["health"])
    async def readyz() -> Readiness:
        known = {name: text for name, text in faults.items() if text}
        return Readiness(status="degraded" if known else "ready", active=active(), faults=known)

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/training")

    @app.get("/training", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "training.html", headers=_PAGE_HEADERS)

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def _run_routes(book: RunService) -> APIRouter:
    routes = APIRouter(prefix="/v1/training-runs", tags=["training"], responses=problem_responses(503))
    changes, open_streams = [Depends(same_origin)], [0]

    async def show(record: RunRecord) -> RunView:
        return RunView.of(record, await asyncio.to_thread(book.sheet, record.id))

    @routes.get("", summary="The newest first")
    async def runs() -> Runs:
        return Runs(runs=[await show(record) for record in await book.all()])

    @routes.post("", summary="Begin a run", status_code=201, dependencies=changes, responses=problem_responses(409))
    async def start(asked: StartRun, response: Response) -> RunView:
        record = await book.start(asked)
        response.headers["Location"] = f"/v1/training-runs/{record.id}"
        return await show(record)

    @routes.get("/{run}", summary="One run", responses=problem_responses(404))
    async def one(run: Id) -> RunView:
        return await show(await book.get(run))

    @routes.post(
        "/{run}/cancel", summary="End it after its checkpoint", dependencies=changes, responses=problem_responses(404, 409)
    )
    async def cancel(run: Id) -> RunView:
        return await show(await book.cancel(run))

    @routes.post("/{run}/resume", summary="Go on with it", dependencies=changes, responses=problem_responses(404, 409))
    async def resume(run: Id) -> RunView:
        return await show(await book.resume(run))

    @routes.get(
        "/{run}/sheet.jpg",
        summary="The newest sheet: what goes in, what comes out",
        response_class=Response,
        responses=_JPEG | problem_responses(404),
    )
    async def sheet(run: Id) -> Response:
        await book.get(run)
        path = await asyncio.to_thread(book.sheet, run)
        if path is None:
            raise HTTPException(404, f"run {run} has drawn no sheet yet")
        return Response(await asyncio.to_thread(_as_jpeg, path), media_type="image/jpeg", headers={"Cache-Control": "no-cache"})

    @routes.get(
        "/{run}/events",
        summary="What has happened and what happens, as server-sent events, until the run has ended",
        response_class=EventSourceResponse,
        responses=_SSE | problem_responses(404),
    )
    async def events(run: Id, last_event_id: Annotated[str, Header(pattern=r"^\d{0,18}$")] = "") -> EventSourceResponse:
        await book.get(run)
        if open_streams[0] >= MOST_STREAMS:
            raise OverloadedError("the list of event streams", MOST_STREAMS)

        async def body() -> AsyncGenerator[ServerSentEvent, None]:
            open_streams[0] += 1
            try:
                async with aclosing(book.watch(run, int(last_event_id or 0))) as found:
                    async for event in found:
                        told = await asyncio.to_thread(_told, event, run, book)
                        yield ServerSentEvent(told, event=event.kind, id=str(event.id))
                view = await show(await book.get(run))
                yield ServerSentEvent(view.model_dump_json(), event="end")
            finally:
                open_streams[0] -= 1

        return EventSourceResponse(body(), ping=PING_S)

    return routes


def _told(event: RunEvent, run: str, book: RunService) -> str:
    return json.dumps(json.loads(event.body) | {"sheet": _sheet_link(f"/v1/training-runs/{run}", book.sheet(run))})


def _sheet_link(own: str, path: Path | None) -> str | None:
    """The moment in it makes a browser fetch each new one."""
    return f"{own}/sheet.jpg?at={path.stat().st_mtime_ns // 1_000_000}" if path else None


def _as_jpeg(path: Path) -> bytes:
    made = BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(made, "JPEG", quality=SHEET_QUALITY)
    return made.getvalue()


def _utc(ns: int) -> str | None:
    return datetime.fromtimestamp(ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if ns else None
