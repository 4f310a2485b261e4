"""Samples over REST: list, view, assign a use, export as a folder."""

import io
import json
import zipfile
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from davy.adapters.http.problems import problem_responses
from davy.domain.camera import ID_PATTERN
from davy.domain.errors import UnknownSampleError
from davy.domain.sample import SampleQuery, SampleRecord, Use
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.schemas import utc

Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
Camera = Annotated[
    str | None, Query(description="Camera address or id: site/edge/camera or edge.camera.", examples=["north.face"])
]
OfUse = Annotated[Use | None, Query(description="Use: train, validation or excluded; all if absent.")]

BATCH = 64  # samples per query of an export
FOLDERS = {Use.TRAIN: "low", Use.VALIDATION: "validation"}
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}
_ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}}}


class Sample(BaseModel):
    """A raw keyframe chosen by an edge, and its origin."""

    id: int = Field(examples=[17], description="Later samples have larger ids.")
    site: str
    edge: str
    camera: str = Field(examples=["north.face"], description="edge.camera")
    boot_id: str
    seq: int
    captured_at: str = Field(examples=["2026-11-22T18:20:31.120Z"], description="Time of the edge's clock.")
    captured_ns: int
    received_at: str
    reason: str = Field(examples=["dark"], description="dark, uneven, over-exposed or new-scene.")
    model: str = Field(
        examples=["ispcnn-1a2b3c4d"], description="Active model at capture; empty for a camera without edge compute."
    )
    figures: dict[str, float] = Field(examples=[{"raw-dark": 0.61, "shown-evenness": 0.08, "value": 0.84}])
    use: Use = Field(description="train; validation: pinned, never used for training, never evicted; excluded.")
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")
    size: int = Field(description="bytes on disk")
    picture: str = Field(examples=["/v1/samples/17/picture.jpg"])

    @classmethod
    def of(cls, record: SampleRecord) -> "Sample":
        return cls(
            id=record.id,
            site=record.site,
            edge=record.edge,
            camera=record.camera,
            boot_id=record.boot_id,
            seq=record.seq,
            captured_at=utc(record.captured_ns),
            captured_ns=record.captured_ns,
            received_at=utc(record.received_ns),
            reason=record.reason,
            model=record.model,
            figures=dict(record.figures),
            use=record.use,
            width=record.width,
            height=record.height,
            size=record.size,
            picture=f"/v1/samples/{record.id}/picture.jpg",
        )


class CameraTally(BaseModel):
    """Number and size of a camera's samples for one use."""

    camera: str
    use: Use
    count: int
    size: int = Field(description="bytes")


class Samples(BaseModel):
    """A page of samples, newest first, and the totals of the store."""

    samples: list[Sample]
    cursor: str | None = Field(examples=["313"], description="`cursor` parameter of the next page; null on the last one.")
    tally: list[CameraTally]
    max_bytes: int
    max_count: int


class Assignment(BaseModel):
    """The use of a sample."""

    use: Use


def sample_routes(context: ServiceContext) -> APIRouter:
    """Routes below /v1/samples."""
    routes = APIRouter(prefix="/v1/samples", tags=["samples"], responses=problem_responses(503))

    @routes.get("", summary="List the samples, newest first")
    async def samples(
        camera: Camera = None,
        edge: Annotated[str | None, Query(pattern=f"^{ID_PATTERN}$", examples=["north"])] = None,
        reason: Annotated[str | None, Query(pattern=f"^{ID_PATTERN}$", examples=["dark"])] = None,
        model: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$", examples=["ispcnn-1a2b3c4d"])] = None,
        use: OfUse = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: Annotated[
            str | None, Query(pattern=r"^\d{1,18}$", description="`cursor` of the previous page; the first page if absent.")
        ] = None,
    ) -> Samples:
        before = int(cursor) if cursor else None
        found = await context.samples.query(
            SampleQuery(context.site_status.key_of(camera), edge, reason, model, use, before, limit=limit)
        )
        max_bytes, max_count = context.samples.limits
        return Samples(
            samples=[Sample.of(record) for record in found],
            cursor=str(found[-1].id) if len(found) == limit else None,
            tally=[CameraTally(camera=t.camera, use=t.use, count=t.count, size=t.size) for t in await context.samples.tally()],
            max_bytes=max_bytes,
            max_count=max_count,
        )

    @routes.get(
        "/export.zip",
        summary="Export a training folder: low/ (training), validation/ (pinned), samples.jsonl (origins)",
        response_class=StreamingResponse,
        responses=_ZIP,
    )
    async def export(
        camera: Camera = None,
        use: OfUse = None,
        after: Annotated[int, Query(ge=0, le=2**63 - 1, description="Export only samples with a larger id.")] = 0,
    ) -> StreamingResponse:
        headers = {"Content-Disposition": 'attachment; filename="samples.zip"'}
        body = _zip(context, SampleQuery(camera=context.site_status.key_of(camera), use=use, after=after, limit=BATCH))
        return StreamingResponse(body, media_type="application/zip", headers=headers)

    @routes.get("/{sample_id}", summary="Get a sample", responses=problem_responses(404))
    async def sample(sample_id: Id) -> Sample:
        return Sample.of(await context.samples.get(sample_id))

    @routes.get(
        "/{sample_id}/picture.jpg",
        summary="Get the raw image of a sample",
        response_class=Response,
        responses=_JPEG | problem_responses(404),
    )
    async def picture(sample_id: Id) -> Response:
        headers = {"Cache-Control": "private, max-age=86400, immutable"}
        return Response(await context.samples.picture(sample_id), media_type="image/jpeg", headers=headers)

    @routes.put(
        "/{sample_id}/use",
        summary="Assign a sample to training or validation, or exclude it",
        responses=problem_responses(404, 409),
    )
    async def assign(sample_id: Id, assignment: Assignment) -> Sample:
        return Sample.of(await context.samples.assign(sample_id, assignment.use))

    return routes


class _Sink(io.RawIOBase):
    """A buffer between the ZIP writer and the response, so that no export is completely in memory or on disk."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401  # any buffer, as in the base class
        piece = bytes(data)
        self._pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


async def _zip(context: ServiceContext, query: SampleQuery) -> AsyncGenerator[bytes, None]:
    sink, origins = _Sink(), []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # JPEGs do not compress further
        after = query.after
        while batch := await context.samples.query(SampleQuery(query.camera, use=query.use, after=after, limit=query.limit)):
            after = batch[-1].id
            for record in (each for each in batch if each.use in FOLDERS):
                path = f"{FOLDERS[record.use]}/{record.camera}/{record.id:08d}.jpg"
                try:
                    archive.writestr(path, await context.samples.picture(record.id))
                except UnknownSampleError:  # just evicted
                    continue
                origins.append(json.dumps({"path": path} | Sample.of(record).model_dump(mode="json", exclude={"picture"})))
                yield sink.take()
        archive.writestr("samples.jsonl", "".join(f"{line}\n" for line in origins))
    yield sink.take()
