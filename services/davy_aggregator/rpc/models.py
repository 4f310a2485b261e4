"""davy.v1.ModelService and davy.v1.RolloutService over gRPC."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from davy.adapters.storage.candidate_registry import CandidateEntry
from davy.adapters.storage.model_registry import Entry
from davy.domain.errors import InvalidInputError
from davy.domain.validation import first_error
from davy.v1 import model_pb2, model_pb2_grpc
from davy_aggregator.model_catalog import ModelCatalog
from davy_aggregator.rollout.plan import report_of
from davy_aggregator.rollout.rollout import Rollout, RolloutSpec
from davy_aggregator.rollout.service import RolloutService

CHUNK_BYTES = 262_144


class ModelsServicer(model_pb2_grpc.ModelServiceServicer):
    """Serves the model registry."""

    def __init__(self, catalog: ModelCatalog) -> None:
        self._catalog = catalog

    async def ListModels(  # noqa: N802  # gRPC names methods so
        self,
        request: model_pb2.ListModelsRequest,  # noqa: ARG002
        context: object,  # noqa: ARG002
    ) -> model_pb2.ListModelsResponse:
        return model_pb2.ListModelsResponse(models=[model_message(entry) for entry in await self._catalog.entries()])

    async def GetModel(  # noqa: N802  # as above
        self,
        request: model_pb2.GetModelRequest,
        context: object,  # noqa: ARG002
    ) -> model_pb2.GetModelResponse:
        entry = await self._catalog.get(request.id)
        found = model_message(entry)
        found.card = entry.card
        return model_pb2.GetModelResponse(model=found)

    async def DownloadModel(  # noqa: N802  # as above
        self,
        request: model_pb2.DownloadModelRequest,
        context: object,  # noqa: ARG002
    ) -> AsyncGenerator[model_pb2.DownloadModelResponse, None]:
        data = await self._catalog.package(request.id, request.sha256)
        if request.offset > len(data):
            raise InvalidInputError(f"offset {request.offset} exceeds the package size of {len(data)} bytes")
        for offset in range(request.offset, len(data), CHUNK_BYTES):
            yield model_pb2.DownloadModelResponse(offset=offset, data=data[offset : offset + CHUNK_BYTES])

    async def ListCandidates(  # noqa: N802  # as above
        self,
        request: model_pb2.ListCandidatesRequest,  # noqa: ARG002
        context: object,  # noqa: ARG002
    ) -> model_pb2.ListCandidatesResponse:
        return model_pb2.ListCandidatesResponse(candidates=map(candidate_message, await self._catalog.candidates()))


class RolloutsServicer(model_pb2_grpc.RolloutServiceServicer):
    """Creates, confirms, watches and ends rollouts."""

    def __init__(self, service: RolloutService) -> None:
        self._service = service

    async def CreateRollout(  # noqa: N802  # as above
        self,
        request: model_pb2.CreateRolloutRequest,
        context: object,  # noqa: ARG002
    ) -> model_pb2.CreateRolloutResponse:
        return model_pb2.CreateRolloutResponse(rollout=self._message(await self._service.create(spec_of(request))))

    async def ConfirmRollout(  # noqa: N802  # as above
        self,
        request: model_pb2.ConfirmRolloutRequest,
        context: object,  # noqa: ARG002
    ) -> model_pb2.ConfirmRolloutResponse:
        return model_pb2.ConfirmRolloutResponse(rollout=self._message(await self._service.confirm(request.id)))

    async def ListRollouts(  # noqa: N802  # as above
        self,
        request: model_pb2.ListRolloutsRequest,  # noqa: ARG002
        context: object,  # noqa: ARG002
    ) -> model_pb2.ListRolloutsResponse:
        return model_pb2.ListRolloutsResponse(rollouts=map(self._message, self._service.rollouts))

    async def GetRollout(  # noqa: N802  # as above
        self,
        request: model_pb2.GetRolloutRequest,
        context: object,  # noqa: ARG002
    ) -> model_pb2.GetRolloutResponse:
        return model_pb2.GetRolloutResponse(rollout=self._message(self._service.get(request.id)))

    async def PauseRollout(  # noqa: N802  # as above
        self,
        request: model_pb2.PauseRolloutRequest,
        context: object,  # noqa: ARG002
    ) -> model_pb2.PauseRolloutResponse:
        return model_pb2.PauseRolloutResponse(rollout=self._message(await self._service.pause(request.id)))

    async def ResumeRollout(  # noqa: N802  # as above
        self,
        request: model_pb2.ResumeRolloutRequest,
        context: object,  # noqa: ARG002
    ) -> model_pb2.ResumeRolloutResponse:
        return model_pb2.ResumeRolloutResponse(rollout=self._message(await self._service.resume(request.id)))

    async def AbortRollout(  # noqa: N802  # as above
        self,
        request: model_pb2.AbortRolloutRequest,
        context: object,  # noqa: ARG002
    ) -> model_pb2.AbortRolloutResponse:
        return model_pb2.AbortRolloutResponse(rollout=self._message(await self._service.abort(request.id)))

    async def WatchRollout(  # noqa: N802  # as above
        self,
        request: model_pb2.WatchRolloutRequest,
        context: object,  # noqa: ARG002
    ) -> AsyncGenerator[model_pb2.WatchRolloutResponse, None]:
        async with aclosing(self._service.watch(request.id)) as rollouts:
            async for rollout in rollouts:
                yield model_pb2.WatchRolloutResponse(rollout=self._message(rollout))

    def _message(self, rollout: Rollout) -> model_pb2.Rollout:
        return model_pb2.Rollout(
            id=rollout.id,
            model=rollout.target.model,
            state=rollout.state,
            reason=rollout.reason,
            wave=rollout.wave,
            waves=rollout.waves,
            created_ns=rollout.created_ns,
            ended_ns=rollout.ended_ns,
            edges=[self._edge(rollout, edge) for edge in rollout.members],
            started_by=rollout.started_by,
            confirmed_by=rollout.confirmed_by,
            kind=rollout.kind,
        )

    def _edge(self, rollout: Rollout, edge: str) -> model_pb2.EdgeModel:
        view, member = self._service.view(edge), rollout.members[edge]
        desired, report = rollout.desired(edge), report_of(rollout, edge, self._service.view)
        return model_pb2.EdgeModel(
            edge=edge,
            wave=member.wave,
            online=view.online,
            desired_epoch=member.epoch,
            desired_model=desired.model if desired else "",
            reported_epoch=view.reported.epoch,
            state=report.state,
            model=view.reported.model,
            cause=report.cause,
            reason=report.reason,
            figures=report.figures,
        )


def spec_of(request: model_pb2.CreateRolloutRequest) -> RolloutSpec:
    """Convert a request; use defaults for absent fields.

    Raises:
        InvalidInputError: a value is out of range.
    """
    optional = ("canaries", "shadow_frames", "probation_s", "wave_timeout_s", "failures", "per_minute")
    given: dict[str, Any] = {name: getattr(request, name) for name in optional if request.HasField(name)}  # type: ignore[arg-type]
    if request.edges:
        given["edges"] = tuple(request.edges)
    if request.waves:
        given["waves"] = tuple(round(share, 6) for share in request.waves)  # rounds 32-bit floats such as 0.1
    try:
        return RolloutSpec(model=request.model, **given)
    except ValidationError as error:
        raise InvalidInputError(first_error(error)) from error


def model_message(entry: Entry) -> model_pb2.Model:
    """Convert a registry entry, without its card."""
    return model_pb2.Model(
        id=entry.id,
        sha256=entry.sha256,
        size=entry.size,
        frame_id=entry.frame_id,
        created_ns=_unix_ns(entry.manifest.created),
        added_ns=_unix_ns(entry.added),
        parent=entry.manifest.parent,
        run=entry.manifest.run,
        key=entry.key,
        figures=entry.manifest.figures,
        tags=entry.tags,
        kind=entry.kind,
    )


def candidate_message(entry: CandidateEntry) -> model_pb2.Candidate:
    """Convert a candidate."""
    return model_pb2.Candidate(
        id=entry.id,
        sha256=entry.sha256,
        size=entry.size,
        frame_id=entry.frame_id,
        created_ns=_unix_ns(entry.manifest.created),
        added_ns=_unix_ns(entry.added),
        parent=entry.manifest.parent,
        run=entry.manifest.run,
        figures=entry.manifest.figures,
        proposed_by=entry.proposal.by,
        cause=entry.proposal.cause,
        checks=entry.proposal.checks,
        kind=entry.kind,
    )


def _unix_ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000
