"""Jobs over REST: /v1/jobs."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse

from davy.adapters.http.problems import problem_responses
from davy.adapters.media import video
from davy.domain.dials import NEUTRAL
from davy.domain.errors import UnsupportedImageError
from davy_enhancer.dials import QueryDials
from davy_enhancer.jobs.job import Folder, Job, State
from davy_enhancer.jobs.runner import Jobs, new_id

IDLE_S = 30.0  # maximum pause of an upload
HEARTBEAT_S = 15.0  # a comment keeps proxies from closing a silent event stream

_SUFFIX_OF = {
    "application/zip": ".zip",
    "application/x-zip-compressed": ".zip",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "video/x-matroska": ".mkv",
    "video/x-msvideo": ".avi",
    "video/mp2t": ".ts",
    "video/x-flv": ".flv",
    "video/3gpp": ".3gp",
}
_SUFFIXES = (".zip", *video.SUFFIXES, *video.READ_ONLY_SUFFIXES)
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _SUFFIX_OF},
    }
}

FileName = Annotated[str, Query(max_length=200, description="File name; its suffix, or Content-Type, selects the format.")]
Strength = Annotated[float, Query(ge=0, le=1)]
Quality = Annotated[int, Query(ge=1, le=100)]


def add_jobs(app: FastAPI, jobs: Jobs) -> None:
    """Add the routes to the app of the service."""

    def find(job_id: str) -> Folder:
        folder = jobs.get(job_id)
        if folder is None:
            raise HTTPException(404, f"no job {job_id!r}; it may have been deleted or have expired")
        return folder

    @app.post(
        "/v1/jobs",
        status_code=202,
        openapi_extra=_BODY,
        responses=problem_responses(403, 408, 413, 415, 422, 503, 507),
    )
    async def create(
        request: Request,
        name: FileName = "",
        strength: Strength = 1.0,
        quality: Quality = 90,
        dials: QueryDials = NEUTRAL,
    ) -> Response:
        """Enhance a video, or a ZIP archive of images and videos. The body is the file."""
        name = _name(name, request.headers.get("content-type", ""))
        kind = "zip" if name.lower().endswith(".zip") else "video"
        job = Job(id=new_id(), kind=kind, name=name, strength=strength, quality=quality, dials=dials)
        await jobs.create(job, _body(request))
        return JSONResponse(_view(job), 202, {"Location": f"/v1/jobs/{job.id}"})

    @app.get("/v1/jobs/{job_id}", responses=problem_responses(404))
    async def show(job_id: str) -> dict[str, object]:
        """Return the state and progress of a job."""
        return _view(find(job_id).job)

    @app.get("/v1/jobs/{job_id}/events", responses=problem_responses(404))
    async def events(job_id: str) -> Response:
        """Stream every change of a job as server-sent events until it ends."""
        find(job_id)
        return StreamingResponse(_stream(jobs, job_id), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    @app.get("/v1/jobs/{job_id}/result", responses=problem_responses(404, 409))
    async def result(job_id: str) -> Response:
        """Return the enhanced file."""
        folder = find(job_id)
        if folder.job.state is not State.DONE:
            raise HTTPException(409, f"the job is {folder.job.state}; only a job in state done has a result")
        return FileResponse(folder.result, filename=folder.job.result_name)

    @app.delete(
        "/v1/jobs/{job_id}",
        status_code=204,
        responses=problem_responses(403, 404),
    )
    async def delete(job_id: str) -> None:
        """Stop a job and delete its files."""
        find(job_id)
        await jobs.delete(job_id)


def _name(name: str, content_type: str) -> str:
    """Return a safe file name with the suffix of the upload's format."""
    kind = content_type.split(";")[0].strip().lower()
    if kind == "multipart/form-data":
        raise UnsupportedImageError("a form", "the file itself as the body (curl --data-binary @clip.mp4)")
    plain = re.sub(r"[^\w. -]", "_", Path(name.replace("\\", "/")).name)
    suffix = Path(plain).suffix.lower()
    if suffix not in _SUFFIXES:
        suffix = _SUFFIX_OF.get(kind, "")
        if not suffix:
            raise UnsupportedImageError(
                f"a job of Content-Type {kind or 'unknown'!r} and name {plain!r}",
                f"a video or a ZIP archive with ?name=clip.mp4; supported suffixes: {', '.join(_SUFFIXES)}",
            )
        plain = (Path(plain).stem or "upload") + suffix
    return plain


async def _body(request: Request) -> AsyncIterator[bytes]:
    chunks = request.stream()
    while True:
        try:
            async with asyncio.timeout(IDLE_S):
                yield await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise HTTPException(408, f"the upload paused for more than {IDLE_S:g} s") from error


async def _stream(jobs: Jobs, job_id: str) -> AsyncIterator[str]:
    views = aiter(jobs.watch(job_id))
    upcoming = asyncio.ensure_future(anext(views, None))
    try:
        while True:
            done, _ = await asyncio.wait({upcoming}, timeout=HEARTBEAT_S)
            if not done:
                yield ": still here\n\n"
                continue
            job = upcoming.result()
            if job is None:
                return
            yield f"event: {job.state}\ndata: {json.dumps(_view(job))}\n\n"
            upcoming = asyncio.ensure_future(anext(views, None))
    finally:
        upcoming.cancel()


def _view(job: Job) -> dict[str, object]:
    """Return the JSON form of a job, with links."""
    links = {"self": f"/v1/jobs/{job.id}", "events": f"/v1/jobs/{job.id}/events"}
    if job.state is State.DONE:
        links["result"] = f"/v1/jobs/{job.id}/result"
    return job.model_dump(mode="json") | {"links": links}
