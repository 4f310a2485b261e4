"""Candidates over REST: packages that wait for a person's signature."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from davy.adapters.http.problems import problem_responses
from davy.adapters.storage.candidate_registry import MAX_CAUSE, MAX_CHECKS, CandidateEntry, Check, Proposal
from davy.models import ModelKind
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.registry import UPLOAD, ZIP, Kind, read_package

Name = Annotated[str, Path(max_length=64, description="Model id or its start, or the id in frames.")]


class CandidateView(BaseModel):
    """A version of a network that nobody has signed. Nothing loads it, and no rollout takes it."""

    id: str = Field(description="Id of the model, which signing does not change.")
    kind: ModelKind = Field(description="enhancer: of edges and the pool. detector: of the aggregator's analysis.")
    frame_id: str = Field(examples=["ispcnn-1a2b3c4d"], description="Model id in the frames that it would enhance.")
    sha256: str = Field(description="Digest of the package without a signature.")
    size: int = Field(description="Size of that package in bytes.")
    created: AwareDatetime
    added: AwareDatetime
    parent: str
    run: str
    figures: dict[str, float] = Field(examples=[{"val-psnr-db": 23.4}])
    proposal: Proposal

    @classmethod
    def of(cls, entry: CandidateEntry) -> "CandidateView":
        """Convert a candidate."""
        manifest = entry.manifest
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
            figures=manifest.figures,
            proposal=entry.proposal,
        )


class CandidateDetail(BaseModel):
    """A candidate with its report and manifest."""

    candidate: CandidateView
    card: str = Field(description="Report of the training, Markdown.")
    manifest: dict[str, Any]


class Candidates(BaseModel):
    candidates: list[CandidateView]


def candidate_routes(context: ServiceContext) -> APIRouter:
    """Routes below /v1/candidates."""
    routes = APIRouter(prefix="/v1/candidates", tags=["models"], responses=problem_responses(503))
    catalog = context.catalog

    @routes.get("", summary="List the candidates, newest first")
    async def candidates(kind: Kind = None) -> Candidates:
        found = [entry for entry in await catalog.candidates() if kind in (None, entry.kind)]
        return Candidates(candidates=[CandidateView.of(entry) for entry in found])

    @routes.post(
        "",
        summary="Propose a package without a signature (application/zip)",
        status_code=201,
        responses=problem_responses(409, 413, 422, 507),
        openapi_extra=UPLOAD,
    )
    async def propose(
        request: Request,
        cause: Annotated[str, Query(max_length=MAX_CAUSE, description="Why it was trained.")] = "",
        check: Annotated[
            list[Check], Query(max_length=MAX_CHECKS, description="A check that it passed, in a sentence. Repeatable.")
        ] = [],  # noqa: B006  # FastAPI copies it
    ) -> CandidateView:
        return CandidateView.of(await catalog.propose(await read_package(request), cause, check))

    @routes.get("/{name}", summary="Get a candidate with its report and manifest", responses=problem_responses(404))
    async def candidate(name: Name) -> CandidateDetail:
        entry = await catalog.candidate(name)
        view, manifest = CandidateView.of(entry), entry.manifest.model_dump(mode="json")
        return CandidateDetail(candidate=view, card=entry.card, manifest=manifest)

    @routes.get(
        "/{name}/package.zip",
        summary="Download a candidate, to sign it by `davy models sign`",
        response_class=Response,
        responses=ZIP | problem_responses(404),
    )
    async def package(name: Name) -> Response:
        entry = await catalog.candidate(name)
        file = f'attachment; filename="{entry.frame_id}.candidate.zip"'
        headers = {"ETag": f'"{entry.sha256}"', "Cache-Control": "private, no-cache", "Content-Disposition": file}
        return Response(await catalog.read_candidate(entry), media_type="application/zip", headers=headers)

    @routes.delete("/{name}", summary="Delete a candidate", status_code=204, responses=problem_responses(404))
    async def delete(name: Name) -> None:
        await catalog.reject(name)

    return routes
