"""The registry over REST: what models there are, their packages, their names."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from davy.adapters.http.problems import problem_responses
from davy.adapters.http.same_origin import same_origin
from davy.adapters.storage.model_registry import TAG_PATTERN, Entry
from davy.domain.errors import BodyTooLargeError
from davy.models import MAX_PACKAGE_BYTES
from davy_aggregator.context import ServiceContext

Name = Annotated[str, Path(max_length=64, description="An id or its start, the id that frames carry, or a tag.")]
Tag = Annotated[str, Path(pattern=TAG_PATTERN)]
_ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}}}
_UPLOAD: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}


class Model(BaseModel):
    """A version of the network."""

    id: str = Field(description="SHA-256 of its canonical manifest; it stands for every byte of the package.")
    frame_id: str = Field(examples=["ispcnn-1a2b3c4d"], description="What frames say that it enhanced.")
    sha256: str
    size: int = Field(description="Of the package, in bytes.")
    created: AwareDatetime
    added: AwareDatetime
    parent: str
    run: str
    key: str = Field(description="Who signed it.")
    figures: dict[str, float] = Field(examples=[{"val-psnr-db": 23.4}])
    tags: list[str]
    runs_on: list[str] = Field(description="The edges that say they run it.")

    @classmethod
    def of(cls, entry: Entry, parts: ServiceContext) -> "Model":
        said = entry.manifest
        runs_on = [edge for edge, reported in parts.rollouts.reported.items() if reported.model == entry.id]
        return cls(
            id=entry.id,
            frame_id=entry.frame_id,
            sha256=entry.sha256,
            size=entry.size,
            created=said.created,
            added=entry.added,
            parent=said.parent,
            run=said.run,
            key=entry.key,
            figures=said.figures,
            tags=list(entry.tags),
            runs_on=sorted(runs_on),
        )


class ModelDetail(BaseModel):
    """A model with everything that it says of itself."""

    model: Model
    card: str = Field(description="Markdown.")
    manifest: dict[str, Any]


class Models(BaseModel):
    models: list[Model]


class Difference(BaseModel):
    """One figure of two models; None where one has none."""

    figure: str
    a: float | None
    b: float | None
    difference: float | None = Field(description="b - a")


class Comparison(BaseModel):
    a: Model
    b: Model
    figures: list[Difference]


def registry_routes(parts: ServiceContext) -> APIRouter:
    """/v1/models and below."""
    routes = APIRouter(prefix="/v1/models", tags=["models"], responses=problem_responses(503))
    changes = [Depends(same_origin)]

    @routes.get("", summary="Every model, the newest first")
    async def models() -> Models:
        return Models(models=[Model.of(entry, parts) for entry in await parts.catalog.entries()])

    @routes.post(
        "",
        summary="Take in a signed package (application/zip), checked as an edge checks it",
        status_code=201,
        dependencies=changes,
        responses=problem_responses(413, 422, 507),
        openapi_extra=_UPLOAD,
    )
    async def add(request: Request) -> Model:
        return Model.of(await parts.catalog.add(await _read_body(request)), parts)

    @routes.delete("", summary="Delete by rule; what has a tag or runs somewhere stays", dependencies=changes)
    async def retire(
        keep: Annotated[int, Query(ge=0, description="The newest so many stay.")],
        days: Annotated[float, Query(ge=0, le=36_500, description="Those added within so many days stay.")] = 30,
        dry_run: bool = False,
    ) -> Models:
        gone = await parts.catalog.retire(keep, days, parts.rollouts.protected, dry_run)
        return Models(models=[Model.of(entry, parts) for entry in gone])

    @routes.get("/compare", summary="The figures of two models", responses=problem_responses(404))
    async def compare(a: str, b: str) -> Comparison:
        one, two = await parts.catalog.get(a), await parts.catalog.get(b)
        rows = []
        for name in sorted({*one.manifest.figures, *two.manifest.figures}):
            left, right = one.manifest.figures.get(name), two.manifest.figures.get(name)
            gap = right - left if left is not None and right is not None else None
            rows.append(Difference(figure=name, a=left, b=right, difference=gap))
        return Comparison(a=Model.of(one, parts), b=Model.of(two, parts), figures=rows)

    @routes.get("/{name}", summary="One model, its card and manifest", responses=problem_responses(404))
    async def model(name: Name) -> ModelDetail:
        entry = await parts.catalog.get(name)
        return ModelDetail(model=Model.of(entry, parts), card=entry.card, manifest=entry.manifest.model_dump(mode="json"))

    @routes.get(
        "/{name}/package.zip", summary="The signed package", response_class=Response, responses=_ZIP | problem_responses(404)
    )
    async def package(name: Name) -> Response:
        entry = await parts.catalog.get(name)
        headers = {"ETag": f'"{entry.sha256}"', "Content-Disposition": f'attachment; filename="{entry.frame_id}.zip"'}
        return Response(await parts.catalog.package(entry.id, entry.sha256), media_type="application/zip", headers=headers)

    @routes.put("/{name}/tags/{tag}", summary="Name it; a tag moves", dependencies=changes, responses=problem_responses(404))
    async def put_tag(name: Name, tag: Tag) -> Model:
        return Model.of(await parts.catalog.tag(name, tag), parts)

    @routes.delete("/{name}/tags/{tag}", summary="Take a name away", dependencies=changes, responses=problem_responses(404))
    async def delete_tag(name: Name, tag: Tag) -> Model:
        entry = await parts.catalog.get(name)
        if tag in entry.tags:
            await parts.catalog.untag(tag)
        return Model.of(await parts.catalog.get(entry.id), parts)

    @routes.delete("/{name}", summary="Delete it", status_code=204, dependencies=changes, responses=problem_responses(404, 409))
    async def delete(name: Name) -> None:
        await parts.catalog.delete(name, parts.rollouts.protected)

    return routes


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_PACKAGE_BYTES:
            raise BodyTooLargeError(MAX_PACKAGE_BYTES)
    return bytes(body)
