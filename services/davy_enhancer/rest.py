"""REST: POST /v1/enhance, GET /v1/model, health, metrics, and a page to try it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Any

from fastapi import FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import UploadFile

from davy.adapters.http.body_limit import BodyLimit
from davy.adapters.http.metrics import install_metrics
from davy.adapters.http.problems import install_problem_handlers, problem_responses
from davy.adapters.media.images import WEB_FORMATS
from davy.domain.errors import UnreadableImageError
from davy_enhancer.jobs import Jobs, add_jobs
from davy_enhancer.negotiation import preferences_of
from davy_enhancer.processing import Enhanced, EnhanceRequest
from davy_enhancer.scheduler import RequestScheduler
from davy_enhancer.settings import EnhancerSettings

Troubles = Callable[[], Sequence[str]]
"""Returns the reasons for being degraded; empty if there are none."""

Strength = Annotated[float | None, Query(ge=0, le=1, description="0 leaves the picture unchanged, 1 is the full effect.")]
Quality = Annotated[int | None, Query(ge=1, le=100, description="Quality of JPEG and WebP output.")]
StrengthHeader = Annotated[float | None, Header(alias="Davy-Strength", ge=0, le=1)]
QualityHeader = Annotated[int | None, Header(alias="Davy-Quality", ge=1, le=100)]

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "schema": {
        "type": "object",
        "properties": {
            "image": {"type": "string", "format": "binary"},
            "strength": {"type": "number", "minimum": 0, "maximum": 1},
            "quality": {"type": "integer", "minimum": 1, "maximum": 100},
        },
        "required": ["image"],
    }
}
_OPENAPI: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {**{kind.value: _BINARY for kind in WEB_FORMATS}, "multipart/form-data": _FORM},
    }
}


def create_app(
    settings: EnhancerSettings, scheduler: RequestScheduler, jobs: Jobs, registry: CollectorRegistry, troubles: Troubles
) -> FastAPI:
    """The app over a running scheduler."""
    app = FastAPI(title="Davy enhancer", version="1", docs_url=None, redoc_url=None)  # their pages load from the internet
    install_problem_handlers(app)
    app.add_middleware(BodyLimit, limit_bytes=settings.max_body_bytes, larger={"/v1/jobs": settings.jobs_upload_bytes})
    install_metrics(app, registry)
    add_jobs(app, jobs)
    page = files("davy_enhancer").joinpath("page.html").read_text(encoding="utf-8")

    @app.post(
        "/v1/enhance",
        response_class=Response,
        responses={
            200: {"description": "The enhanced picture.", "content": {kind.value: _BINARY for kind in WEB_FORMATS}},
            **problem_responses(406, 408, 413, 415, 422, 503, 504),
        },
        openapi_extra=_OPENAPI,
    )
    async def enhance(
        request: Request,
        strength: Strength = None,
        quality: Quality = None,
        davy_strength: StrengthHeader = None,
        davy_quality: QualityHeader = None,
    ) -> Response:
        """Enhance one picture: the body, or the file of a form. `Accept` selects the format of the answer. A query
        parameter overrides the form's field of the same name, and that one the header."""
        start = time.perf_counter()
        formats = preferences_of(request.headers.get("accept", ""))
        with scheduler.admit():
            upload = await _receive(request, settings.upload_timeout_s)
            enhanced = await scheduler.enhance(
                EnhanceRequest(
                    upload.image,
                    strength=next(each for each in (strength, upload.strength, davy_strength, 1.0) if each is not None),
                    quality=quality or upload.quality or davy_quality or 90,
                    formats=formats,
                    max_pixels=int(settings.max_megapixels * 1e6),
                )
            )
        return _answer(enhanced, time.perf_counter() - start)

    @app.get("/v1/model")
    async def model() -> dict[str, object]:
        """The model and the limits of this service."""
        return {
            "model": scheduler.model,
            "formats": [kind.value for kind in WEB_FORMATS],
            "max_megapixels": settings.max_megapixels,
            "max_body_bytes": settings.max_body_bytes,
            "deadline_s": settings.deadline_s,
        }

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Liveness: the process answers."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """Readiness: 503 while the queue is full; "degraded" with reasons while a part does not work."""
        if scheduler.full:
            return JSONResponse({"status": "full", "reasons": ["the enhancement queue is full"]}, 503, {"Retry-After": "1"})
        reasons = list(troubles())
        return JSONResponse({"status": "degraded" if reasons else "ready", "reasons": reasons})

    @app.get("/", include_in_schema=False)
    async def index() -> HTMLResponse:
        return HTMLResponse(page)

    return app


@dataclass(frozen=True, slots=True)
class _Upload:
    """A picture, and what the fields of its form say."""

    image: bytes
    strength: float | None = None
    quality: int | None = None


class _Fields(BaseModel, extra="forbid"):
    strength: float | None = Field(None, ge=0, le=1)
    quality: int | None = Field(None, ge=1, le=100)


async def _receive(request: Request, timeout_s: float) -> _Upload:
    """The picture, from the body itself or a form."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    try:
        async with asyncio.timeout(timeout_s):
            if kind == "multipart/form-data":
                return await _receive_form(request)
            return _Upload(await request.body())  # its first bytes name the format more reliably than Content-Type
    except TimeoutError as error:
        raise HTTPException(408, f"the picture did not arrive within {timeout_s:g} s") from error


async def _receive_form(request: Request) -> _Upload:
    async with request.form(max_files=1, max_fields=8) as form:
        image = form.get("image")
        if not isinstance(image, UploadFile):
            raise UnreadableImageError("the form has no file in its field 'image'")
        try:
            fields = _Fields.model_validate({name: value for name, value in form.items() if name != "image"})
        except ValidationError as error:
            raise RequestValidationError([each | {"loc": ("body", *each["loc"])} for each in error.errors()]) from error
        return _Upload(await image.read(), fields.strength, fields.quality)


def _answer(enhanced: Enhanced, took_s: float) -> Response:
    stages = ", ".join(f"{stage};dur={1e3 * seconds:.1f}" for stage, seconds in enhanced.stages_s.items())
    headers = {
        "Davy-Model": enhanced.model,
        "Davy-Elapsed-Ms": f"{1e3 * took_s:.1f}",
        "Server-Timing": stages,
        "Vary": "Accept",
        "Cache-Control": "no-store",
        **({"Davy-Notes": "; ".join(enhanced.notes)} if enhanced.notes else {}),
    }
    return Response(enhanced.image, media_type=enhanced.format.value, headers=headers)
