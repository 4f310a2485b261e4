"""REST: POST /v1/enhance, GET /v1/model, health, metrics and a test page."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import UploadFile

from davy.adapters.access.service import ServiceAccess
from davy.adapters.http.body_limit import BodyLimit
from davy.adapters.http.metrics import install_metrics
from davy.adapters.http.openapi import describe
from davy.adapters.http.problems import install_problem_handlers, problem_responses
from davy.adapters.http.representations import install_representations
from davy.adapters.http.web import PAGE_HEADERS, Navigation, mount_web
from davy.adapters.media.images import WEB_FORMATS
from davy.domain.dials import NEUTRAL, Dials, Preset, dials_of
from davy.domain.errors import UnreadableImageError
from davy_enhancer.dials import QueryDials
from davy_enhancer.jobs.rest import add_jobs
from davy_enhancer.jobs.runner import Jobs
from davy_enhancer.negotiation import preferences_of
from davy_enhancer.processing import Enhanced, EnhanceRequest
from davy_enhancer.scheduler import RequestScheduler
from davy_enhancer.settings import EnhancerSettings

STATIC = Path(__file__).parent / "static"

Problems = Callable[[], Sequence[str]]
"""Returns the reasons of a degraded state; empty if there are none."""

Strength = Annotated[float | None, Query(ge=0, le=1, description="0 leaves the image unchanged, 1 is the full effect.")]
Quality = Annotated[int | None, Query(ge=1, le=100, description="Quality of JPEG and WebP output.")]
StrengthHeader = Annotated[float | None, Header(alias="Davy-Strength", ge=0, le=1)]
QualityHeader = Annotated[int | None, Header(alias="Davy-Quality", ge=1, le=100)]


class _Fields(BaseModel, extra="forbid"):
    strength: float | None = Field(None, ge=0, le=1)
    quality: int | None = Field(None, ge=1, le=100)
    preset: Preset | None = None
    brightness: float | None = Field(None, ge=-1, le=1)
    local_contrast: float | None = Field(None, ge=-1, le=1)
    noise: float | None = Field(None, ge=-1, le=1)
    colour: float | None = Field(None, ge=0, le=2)

    def dials(self) -> Dials:
        return dials_of(self.preset, self.brightness, self.local_contrast, self.noise, self.colour)


_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FIELDS = _Fields.model_json_schema()
_FORM = {"schema": _FIELDS | {"properties": {"image": _BINARY["schema"]} | _FIELDS["properties"], "required": ["image"]}}
_OPENAPI: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {**{kind.value: _BINARY for kind in WEB_FORMATS}, "multipart/form-data": _FORM},
    }
}


def create_app(
    settings: EnhancerSettings,
    scheduler: RequestScheduler,
    jobs: Jobs,
    registry: CollectorRegistry,
    problems: Problems,
    access: ServiceAccess,
    console: str = "",
) -> FastAPI:
    """Build the app over a running scheduler; console is the aggregator's address, for the navigation."""
    app = FastAPI(title="Davy enhancer", version="1", docs_url=None, redoc_url=None, responses=problem_responses(422))
    install_problem_handlers(app)
    app.add_middleware(BodyLimit, limit_bytes=settings.max_body_bytes, larger={"/v1/jobs": settings.jobs_upload_bytes})
    install_representations(app)
    access.protect(app)
    install_metrics(app, registry)
    add_jobs(app, jobs)

    @app.post(
        "/v1/enhance",
        response_class=Response,
        responses={
            200: {"description": "The enhanced image.", "content": {kind.value: _BINARY for kind in WEB_FORMATS}},
            **problem_responses(406, 408, 413, 415, 422, 503, 504),
        },
        openapi_extra=_OPENAPI,
    )
    async def enhance(
        request: Request,
        strength: Strength = None,
        quality: Quality = None,
        dials: QueryDials = NEUTRAL,
        davy_strength: StrengthHeader = None,
        davy_quality: QualityHeader = None,
    ) -> Response:
        """Enhance one image.

        Send it as the body, or as the form field `image`, beside which strength, quality and dials may be fields. `Accept`
        selects the output format. A query parameter overrides the form field of the same name, and that one the header.
        """
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
                    dials=upload.dials if dials == NEUTRAL else dials,
                    max_pixels=int(settings.max_megapixels * 1e6),
                )
            )
        return _answer(enhanced, time.perf_counter() - start)

    @app.get("/v1/model")
    async def model() -> dict[str, object]:
        """Return the model and the limits of this service."""
        return {
            "model": scheduler.model,
            "formats": [kind.value for kind in WEB_FORMATS],
            "max_megapixels": settings.max_megapixels,
            "max_body_bytes": settings.max_body_bytes,
            "deadline_s": settings.deadline_s,
        }

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Report liveness: the process answers."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """Report readiness: 503 while the queue is full; "degraded" with reasons while a component fails."""
        if scheduler.full:
            return JSONResponse({"status": "full", "reasons": ["the enhancement queue is full"]}, 503, {"Retry-After": "1"})
        reasons = list(problems())
        return JSONResponse({"status": "degraded" if reasons else "ready", "reasons": reasons})

    @app.get("/", include_in_schema=False)
    async def index() -> FileResponse:
        return FileResponse(STATIC / "enhance.html", headers=PAGE_HEADERS)

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    mount_web(app, lambda: Navigation(aggregator=console.rstrip("/"), pages={"/enhance": "/", "/docs": "/docs"}))
    describe(app, "enhancer", 8081)
    return app


@dataclass(frozen=True, slots=True)
class _Upload:
    """An image, and the fields of its form."""

    image: bytes
    strength: float | None = None
    quality: int | None = None
    dials: Dials = NEUTRAL


async def _receive(request: Request, timeout_s: float) -> _Upload:
    """Receive the image, from the body or a form."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    try:
        async with asyncio.timeout(timeout_s):
            if kind == "multipart/form-data":
                return await _receive_form(request)
            return _Upload(await request.body())  # its first bytes are more reliable than Content-Type
    except TimeoutError as error:
        raise HTTPException(408, f"the image did not arrive within {timeout_s:g} s") from error


async def _receive_form(request: Request) -> _Upload:
    async with request.form(max_files=1, max_fields=8) as form:
        image = form.get("image")
        if not isinstance(image, UploadFile):
            raise UnreadableImageError("the form has no file in its field 'image'")
        try:
            fields = _Fields.model_validate({name: value for name, value in form.items() if name != "image"})
        except ValidationError as error:
            raise RequestValidationError([each | {"loc": ("body", *each["loc"])} for each in error.errors()]) from error
        return _Upload(await image.read(), fields.strength, fields.quality, fields.dials())


def _answer(enhanced: Enhanced, took_s: float) -> Response:
    timing = ", ".join(f"{step};dur={1e3 * seconds:.1f}" for step, seconds in enhanced.durations_s.items())
    headers = {
        "Davy-Model": enhanced.model,
        "Davy-Elapsed-Ms": f"{1e3 * took_s:.1f}",
        "Server-Timing": timing,
        "Vary": "Accept",
        "Cache-Control": "no-store",
        **({"Davy-Notes": "; ".join(enhanced.notes)} if enhanced.notes else {}),
    }
    return Response(enhanced.image, media_type=enhanced.format.value, headers=headers)
