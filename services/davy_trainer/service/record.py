"""A training run as the service stores it and REST shows it."""

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from davy_trainer.service.migration import migrate_record
from davy_trainer.service.settings import Kind


class RunState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (RunState.DONE, RunState.FAILED, RunState.CANCELLED)


class RunPhase(StrEnum):
    """The phases of a run, in order; each can be repeated after a kill."""

    COLLECT = "collect"
    TRAIN = "train"
    EVALUATE = "evaluate"
    REGISTER = "register"
    ROLLOUT = "rollout"


class Progress(BaseModel, frozen=True):
    """The newest progress of the run's command."""

    stage: str = Field(examples=["04-enhance-2"])
    step: int
    total: int | None = Field(None, description="Number of steps; null while unknown.")
    values: dict[str, float] = Field(default_factory=dict, examples=[{"loss": 0.1423}], description="Losses and metrics.")
    at_ns: int = Field(0, description="Unix time.")


class Result(BaseModel, frozen=True):
    """The result of a run so far."""

    figures: dict[str, float] = Field(default_factory=dict, examples=[{"val-psnr-db": 19.2, "val-psnr-db-running": 18.9}])
    model: str = Field("", description="Id of the new model's package in the registry.")
    frame_id: str = Field("", description="Id of the new model in frames.")
    parent: str = Field("", description="Id of the model that ran at the start; empty: the installed one.")
    unsigned: bool = Field(False, description="The new model was proposed as a candidate, which a person signs.")
    rollout: str = Field("", description="Id of the rollout that the run started.")
    note: str = ""


class StartRun(BaseModel):
    """A request to train."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = Field(
        description="prompts: new prompts only; retrain: prompts and network; adapt: for drifted cameras; people: the detector."
    )
    overrides: dict[str, Any] = Field(default_factory=dict, examples=[{"rounds": 1, "enhance": {"steps": 300}}])
    drifted: tuple[str, ...] = Field((), examples=[["north.face"]], description="Cameras, as edge.camera; for `adapt`.")
    reason: str = Field("", max_length=500, examples=["new lamps in the north gallery"])


class RunRecord(BaseModel, frozen=True):
    """All facts of a run; its files are separate."""

    id: str
    kind: Kind
    state: RunState = RunState.WAITING
    phase: RunPhase = RunPhase.COLLECT
    trigger: str = Field("", description="schedule or drift; empty for a request.")
    started_by: str = Field("", description="Who requested it; empty for schedule and drift.")
    reason: str = Field("", description="Why the run started.")
    message: str = Field("", description="Status or final reason, in a sentence.")
    overrides: dict[str, Any] = Field(default_factory=dict)
    drifted: tuple[str, ...] = ()
    created_ns: int
    started_ns: int = 0
    ended_ns: int = 0
    kills: int = Field(0, description="Number of resumptions after a kill.")
    cancelling: bool = False
    progress: Progress | None = None
    progress_offset: int = Field(0, description="Bytes of the progress file that are already published.")
    result: Result = Result()

    @model_validator(mode="before")
    @classmethod
    def _migrate(cls, fields: Any) -> Any:  # noqa: ANN401  # before validation
        return migrate_record(fields) if isinstance(fields, Mapping) else fields

    @classmethod
    def of(cls, request: StartRun, trigger: str = "", started_by: str = "") -> "RunRecord":
        """Create the record of a new run."""
        now = datetime.now(UTC)
        return cls(
            id=f"{now:%Y%m%d-%H%M%S}-{request.kind}-{secrets.token_hex(2)}",
            kind=request.kind,
            trigger=trigger,
            started_by=started_by,
            reason=request.reason,
            overrides=request.overrides,
            drifted=request.drifted,
            created_ns=time.time_ns(),
        )

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    def with_result(self, **changes: Any) -> "RunRecord":  # noqa: ANN401  # fields of Result
        """Return the record with these fields of its result changed."""
        return self.model_copy(update={"result": self.result.model_copy(update=changes)})


def read_records(bodies: Sequence[str]) -> list[RunRecord]:
    """Parse stored records, also those of earlier versions."""
    return [RunRecord.model_validate_json(body) for body in bodies]
