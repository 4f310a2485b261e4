"""The model registry over REST: models, packages, tags."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from davy.adapters.http.problems import problem_responses
from davy.adapters.storage.model_registry import TAG_PATTERN, Entry
from davy.domain.errors import BodyTooLargeError
from davy.models import MAX_PACKAGE_BYTES, ModelKind
from davy_aggregator.context import ServiceContext

Name = Annotated[str, Path(max_length=64, description="Model id or its start, the id in frames, or a tag.")]
Tag = Annotated[str, Path(pattern=TAG_PATTERN)]
Kind = Annotated[ModelKind | None, Query(description="Only this kind; absent: both.")]
ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}}}
UPLOAD: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}


class Model(BaseModel):
    """A version of a network."""

    id: str = Field(description="SHA-256 of the canonical manifest, which covers every file of the package.")
    kind: ModelKind = Field(description="enhancer: of edges and the pool. detector: of the aggregator's analysis.")
    frame_id: str = Field(examples=["ispcnn-1a2b3c4d"], description="Model id in the frames that it enhances.")
    sha256: str
    size: int = Field(description="Size of the package in bytes.")
    created: AwareDatetime
    added: AwareDatetime
    parent: str
    run: str
    key: str = Field(description="Id of the signing key.")
    figures: dict[str, float] = Field(examples=[{"val-psnr-db": 23.4}])
    tags: list[str]
    runs_on: list[str] = Field(description="Edges, enhancers, and `aggregator` for its analysis, that report it as running.")

    @classmethod
    def of(cls, entry: Entry, context: ServiceContext) -> "Model":
        manifest = entry.manifest
        runs_on = [edge for edge, reported in context.rollouts.twin.reported.items() if reported.model == entry.id]
        return cls(
            id=entry.id,
            kind=entry.kind,
            frame_id=entry.frame_id,
            sha256=entry.sha256,
            size=entry.size,
            created=manifest.created,
            added=entry.added,
            parent=manifest.parent,
            run=manifest.run,
            key=entry.key,
            figures=manifest.figures,
            tags=list(entry.tags),
            runs_on=sorted(runs_on),
        )


class ModelDetail(BaseModel):
    """A model with its card and manifest."""

    model: Model
    card: str = Field(description="Model card, Markdown.")
    manifest: dict[str, Any]


class Models(BaseModel):
    models: list[Model]


class Difference(BaseModel):
    """One figure of two models; null if a model lacks it."""

    figure: str
    a: float | None
    b: float | None
    difference: float | None = Field(description="b - a")


class Comparison(BaseModel):
    a: Model
    b: Model
    figures: list[Difference]


def registry_routes(context: ServiceContext) -> APIRouter:
    """Routes below /v1/models."""
    routes = APIRouter(prefix="/v1/models", tags=["models"], responses=problem_responses(503))

    @routes.get("", summary="List the models, newest first")
    async def models(kind: Kind = None) -> Models:
        found = [entry for entry in await context.catalog.entries() if kind in (None, entry.kind)]
        return Models(models=[Model.of(entry, context) for entry in found])

    @routes.post(
        "",
        summary="Add a signed package (application/zip), verified as on an edge",
        status_code=201,
        responses=problem_responses(413, 422, 507),
        openapi_extra=UPLOAD,
    )
    async def add(request: Request) -> Model:
        return Model.of(await context.catalog.add(await read_package(request)), context)

    @routes.delete("", summary="Delete old models; tagged and running ones stay")
    async def retire(
        keep: Annotated[int, Query(ge=0, le=1_000_000, description="Number of newest models of each kind that stay.")],
        days: Annotated[float, Query(ge=0, le=36_500, description="Models added within this number of days stay.")] = 30,
        dry_run: bool = False,
    ) -> Models:
        gone = await context.catalog.retire(keep, days, context.rollouts.protected, dry_run)
        return Models(models=[Model.of(entry, context) for entry in gone])

    @routes.get("/compare", summary="Compare the figures of two models", responses=problem_responses(404))
    async def compare(a: str, b: str) -> Comparison:
        one, two = await context.catalog.get(a), await context.catalog.get(b)
        rows = []
        for name in sorted({*one.manifest.figures, *two.manifest.figures}):
            left, right = one.manifest.figures.get(name), two.manifest.figures.get(name)
            gap = right - left if left is not None and right is not None else None
            rows.append(Difference(figure=name, a=left, b=right, difference=gap))
        return Comparison(a=Model.of(one, context), b=Model.of(two, context), figures=rows)

    @routes.get("/{name}", summary="Get a model with its card and manifest", responses=problem_responses(404))
    async def model(name: Name) -> ModelDetail:
        entry = await context.catalog.get(name)
        return ModelDetail(model=Model.of(entry, context), card=entry.card, manifest=entry.manifest.model_dump(mode="json"))

    @routes.get(
        "/{name}/package.zip",
        summary="Download the signed package",
        response_class=Response,
        responses=ZIP | problem_responses(404),
    )
    async def package(name: Name) -> Response:
        entry = await context.catalog.get(name)
        headers = {
            "ETag": f'"{entry.sha256}"',
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f'attachment; filename="{entry.frame_id}.zip"',
        }
        return Response(await context.catalog.package(entry.id, entry.sha256), media_type="application/zip", headers=headers)

    @routes.put(
        "/{name}/tags/{tag}",
        summary="Set a tag; it moves from any other model",
        responses=problem_responses(404),
    )
    async def put_tag(name: Name, tag: Tag) -> Model:
        return Model.of(await context.catalog.tag(name, tag), context)

    @routes.delete("/{name}/tags/{tag}", summary="Remove a tag", responses=problem_responses(404))
    async def delete_tag(name: Name, tag: Tag) -> Model:
        entry = await context.catalog.get(name)
        if tag in entry.tags:
            await context.catalog.untag(tag)
        return Model.of(await context.catalog.get(entry.id), context)

    @routes.delete("/{name}", summary="Delete a model", status_code=204, responses=problem_responses(404, 409))
    async def delete(name: Name) -> None:
        await context.catalog.delete(name, context.rollouts.protected)

    return routes


async def read_package(request: Request) -> bytes:
    """Read the body of a request, of at most MAX_PACKAGE_BYTES."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_PACKAGE_BYTES:
            raise BodyTooLargeError(MAX_PACKAGE_BYTES)
    return bytes(body)
