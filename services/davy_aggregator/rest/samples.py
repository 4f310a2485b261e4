"""Samples over REST: look at them, say what each is for, take them home as a folder."""

import io
import json
import zipfile
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from davy.adapters.http.problems import problem_responses
from davy.adapters.http.same_origin import same_origin
from davy.domain.camera import ID_PATTERN
from davy.domain.errors import UnknownSampleError
from davy.domain.sample import SampleQuery, SampleRecord, Use
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.schemas import utc

Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
Camera = Annotated[str | None, Query(description="site/edge/camera or edge.camera", examples=["north.face"])]
OfUse = Annotated[Use | None, Query(description="train, validation or excluded; all where absent")]

BATCH = 64  # samples that an export asks the store for at once
FOLDERS = {Use.TRAIN: "low", Use.VALIDATION: "validation"}
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}
_ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}}}


class Sample(BaseModel):
    """A raw keyframe that an edge chose, and where it comes from."""

    id: int = Field(examples=[17], description="Its place in the store; later ones have larger ids.")
    site: str
    edge: str
    camera: str = Field(examples=["north.face"], description="edge.camera")
    boot_id: str
    seq: int
    captured_at: str = Field(examples=["2026-11-22T18:20:31.120Z"], description="On the edge's clock.")
    captured_ns: int
    received_at: str
    reason: str = Field(examples=["dark"], description="dark, uneven, over-exposed, new-scene")
    model: str = Field(examples=["ispcnn-1a2b3c4d"], description="What enhanced the camera then; empty for a thin camera.")
    figures: dict[str, float] = Field(examples=[{"raw-dark": 0.61, "shown-evenness": 0.08, "value": 0.84}])
    use: Use = Field(description="train; validation: pinned, never trained on, never evicted; excluded")
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
    """How many samples of a camera there are for a use."""

    camera: str
    use: Use
    count: int
    size: int = Field(description="bytes")


class Samples(BaseModel):
    """A page of samples, newest first, and what the whole store holds."""

    samples: list[Sample]
    cursor: str | None = Field(examples=["313"], description="Pass it on as `cursor` for the next page; None on the last.")
    tally: list[CameraTally]
    max_bytes: int
    max_count: int


class Assignment(BaseModel):
    """What a sample shall be for."""

    use: Use


def sample_routes(parts: ServiceContext) -> APIRouter:
    """/v1/samples and below."""
    routes = APIRouter(prefix="/v1/samples", tags=["samples"], responses=problem_responses(503))

    @routes.get("", summary="Raw keyframes that edges chose for training, newest first")
    async def samples(
        camera: Camera = None,
        edge: Annotated[str | None, Query(pattern=f"^{ID_PATTERN}$", examples=["north"])] = None,
        reason: Annotated[str | None, Query(pattern=f"^{ID_PATTERN}$", examples=["dark"])] = None,
        model: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$", examples=["ispcnn-1a2b3c4d"])] = None,
        use: OfUse = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: Annotated[str | None, Query(pattern=r"^\d{1,18}$", description="From the answer before.")] = None,
    ) -> Samples:
        before = int(cursor) if cursor else None
        found = await parts.samples.query(
            SampleQuery(parts.site_status.key_of(camera), edge, reason, model, use, before, limit=limit)
        )
        max_bytes, max_count = parts.samples.limits
        return Samples(
            samples=[Sample.of(record) for record in found],
            cursor=str(found[-1].id) if len(found) == limit else None,
            tally=[CameraTally(camera=t.camera, use=t.use, count=t.count, size=t.size) for t in await parts.samples.tally()],
            max_bytes=max_bytes,
            max_count=max_count,
        )

    @routes.get(
        "/export.zip",
        summary="A folder to train on: low/ (for training), validation/ (pinned), samples.jsonl (where each comes from)",
        response_class=StreamingResponse,
        responses=_ZIP,
    )
    async def export(
        camera: Camera = None,
        use: OfUse = None,
        after: Annotated[int, Query(ge=0, le=2**63 - 1, description="Only those with a larger id.")] = 0,
    ) -> StreamingResponse:
        headers = {"Content-Disposition": 'attachment; filename="samples.zip"'}
        body = _zip(parts, SampleQuery(camera=parts.site_status.key_of(camera), use=use, after=after, limit=BATCH))
        return StreamingResponse(body, media_type="application/zip", headers=headers)

    @routes.get("/{sample_id}", summary="One sample", responses=problem_responses(404))
    async def sample(sample_id: Id) -> Sample:
        return Sample.of(await parts.samples.get(sample_id))

    @routes.get(
        "/{sample_id}/picture.jpg",
        summary="The raw picture",
        response_class=Response,
        responses=_JPEG | problem_responses(404),
    )
    async def picture(sample_id: Id) -> Response:
        headers = {"Cache-Control": "private, max-age=86400, immutable"}
        return Response(await parts.samples.picture(sample_id), media_type="image/jpeg", headers=headers)

    @routes.put(
        "/{sample_id}/use",
        summary="Train on it, exclude it, or pin it to the validation set",
        dependencies=[Depends(same_origin)],
        responses=problem_responses(404, 409),
    )
    async def assign(sample_id: Id, assignment: Assignment) -> Sample:
        return Sample.of(await parts.samples.assign(sample_id, assignment.use))

    return routes


class _Sink(io.RawIOBase):
    """What a ZIP is written to and taken from piece by piece: no export is ever whole in memory or on disk."""

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


async def _zip(parts: ServiceContext, query: SampleQuery) -> AsyncGenerator[bytes, None]:
    sink, origins = _Sink(), []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # JPEGs do not shrink
        after = query.after
        while batch := await parts.samples.query(SampleQuery(query.camera, use=query.use, after=after, limit=query.limit)):
            after = batch[-1].id
            for record in (each for each in batch if each.use in FOLDERS):
                path = f"{FOLDERS[record.use]}/{record.camera}/{record.id:08d}.jpg"
                try:
                    archive.writestr(path, await parts.samples.picture(record.id))
                except UnknownSampleError:  # it has just gone for a newer one
                    continue
                origins.append(json.dumps({"path": path} | Sample.of(record).model_dump(mode="json", exclude={"picture"})))
                yield sink.take()
        archive.writestr("samples.jsonl", "".join(f"{line}\n" for line in origins))
    yield sink.take()
