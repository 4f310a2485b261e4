"""davy.v1.TrainerService over gRPC."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from pydantic import ValidationError

from davy.domain.errors import InvalidInputError
from davy.v1 import trainer_pb2, trainer_pb2_grpc
from davy_trainer.service.record import Progress, RunRecord, StartRun
from davy_trainer.service.run_service import RunService


class TrainerServicer(trainer_pb2_grpc.TrainerServiceServicer):
    """Translates each call to RunService."""

    def __init__(self, runs: RunService) -> None:
        self._runs = runs

    async def StartTrainingRun(  # noqa: N802  # gRPC names methods so
        self,
        request: trainer_pb2.StartTrainingRunRequest,
        context: object,  # noqa: ARG002
    ) -> trainer_pb2.StartTrainingRunResponse:
        return trainer_pb2.StartTrainingRunResponse(run=run_message(await self._runs.start(_start_request(request))))

    async def ListTrainingRuns(  # noqa: N802  # as above
        self,
        request: trainer_pb2.ListTrainingRunsRequest,  # noqa: ARG002
        context: object,  # noqa: ARG002
    ) -> trainer_pb2.ListTrainingRunsResponse:
        return trainer_pb2.ListTrainingRunsResponse(runs=map(run_message, await self._runs.all()))

    async def GetTrainingRun(  # noqa: N802  # as above
        self,
        request: trainer_pb2.GetTrainingRunRequest,
        context: object,  # noqa: ARG002
    ) -> trainer_pb2.GetTrainingRunResponse:
        return trainer_pb2.GetTrainingRunResponse(run=run_message(await self._runs.get(request.id)))

    async def CancelTrainingRun(  # noqa: N802  # as above
        self,
        request: trainer_pb2.CancelTrainingRunRequest,
        context: object,  # noqa: ARG002
    ) -> trainer_pb2.CancelTrainingRunResponse:
        return trainer_pb2.CancelTrainingRunResponse(run=run_message(await self._runs.cancel(request.id)))

    async def ResumeTrainingRun(  # noqa: N802  # as above
        self,
        request: trainer_pb2.ResumeTrainingRunRequest,
        context: object,  # noqa: ARG002
    ) -> trainer_pb2.ResumeTrainingRunResponse:
        return trainer_pb2.ResumeTrainingRunResponse(run=run_message(await self._runs.resume(request.id)))

    async def WatchTrainingRun(  # noqa: N802  # as above
        self,
        request: trainer_pb2.WatchTrainingRunRequest,
        context: object,  # noqa: ARG002
    ) -> AsyncGenerator[trainer_pb2.WatchTrainingRunResponse, None]:
        async with aclosing(self._runs.watch(request.id, request.after)) as events:
            async for event in events:
                progress = Progress.model_validate_json(event.body) if event.kind == "progress" else None
                run = run_message(await self._runs.get(request.id))
                yield trainer_pb2.WatchTrainingRunResponse(id=event.id, run=run, progress=progress_message(progress))


def _start_request(request: trainer_pb2.StartTrainingRunRequest) -> StartRun:
    try:
        overrides = json.loads(request.overrides_json or "{}")
        fields: dict[str, Any] = {"kind": request.kind, "overrides": overrides, "reason": request.reason}
        return StartRun.model_validate(fields | {"drifted": tuple(request.drifted)})
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"overrides_json: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def progress_message(progress: Progress | None) -> trainer_pb2.TrainingProgress | None:
    if progress is None:
        return None
    return trainer_pb2.TrainingProgress(
        stage=progress.stage, step=progress.step, total=progress.total, values=progress.values, at_ns=progress.at_ns
    )


def run_message(record: RunRecord) -> trainer_pb2.TrainingRun:
    return trainer_pb2.TrainingRun(
        id=record.id,
        kind=record.kind,
        state=record.state,
        phase=record.phase,
        reason=record.reason,
        message=record.message,
        drifted=record.drifted,
        created_ns=record.created_ns,
        started_ns=record.started_ns,
        ended_ns=record.ended_ns,
        kills=record.kills,
        progress=progress_message(record.progress),
        figures=record.result.figures,
        model=record.result.model,
        parent=record.result.parent,
        rollout=record.result.rollout,
        started_by=record.started_by,
        unsigned=record.result.unsigned,
    )
