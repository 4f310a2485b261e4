"""A training run as the service knows it; what is stored, and what REST shows."""

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from davy_trainer.service.settings import Kind


class RunState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (RunState.DONE, RunState.FAILED, RunState.CANCELLED)


class RunPhase(StrEnum):
    """What a run does, one after the other; each can be repeated after a kill."""

    COLLECT = "collect"
    TRAIN = "train"
    JUDGE = "judge"
    REGISTER = "register"
    ROLLOUT = "rollout"


class Progress(BaseModel, frozen=True):
    """The newest that the run's command has told."""

    stage: str = Field(examples=["04-enhance-2"])
    step: int
    total: int | None = Field(None, description="None while unknown.")
    values: dict[str, float] = Field(default_factory=dict, examples=[{"loss": 0.1423}], description="Losses and the like.")
    at_ns: int = Field(0, description="Unix time.")


class Result(BaseModel, frozen=True):
    """What a run has brought."""

    figures: dict[str, float] = Field(default_factory=dict, examples=[{"val-psnr-db": 19.2, "val-psnr-db-running": 18.9}])
    model: str = Field("", description="Id of its package in the registry.")
    frame_id: str = Field("", description="What frames will carry.")
    parent: str = Field("", description="Id of the model that ran when it began; empty: as installed.")
    rollout: str = Field("", description="Id of the rollout that it began.")
    note: str = ""


class StartRun(BaseModel):
    """A request to train."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = Field(description="prompts: new prompts only; retrain: prompts and network; adapt: for drifted cameras.")
    overrides: dict[str, Any] = Field(default_factory=dict, examples=[{"rounds": 1, "enhance": {"steps": 300}}])
    drifted: tuple[str, ...] = Field((), examples=[["north.face"]], description="edge.camera; of `adapt`.")
    reason: str = Field("", max_length=500, examples=["new lamps in the north gallery"])


class RunRecord(BaseModel, frozen=True):
    """Everything about a run but its files."""

    id: str
    kind: Kind
    state: RunState = RunState.WAITING
    part: RunPhase = RunPhase.COLLECT
    by: str = Field("", description="schedule or drift, where nobody has asked for it.")
    reason: str = Field("", description="Why it began.")
    told: str = Field("", description="How it stands or why it ended, in a sentence.")
    overrides: dict[str, Any] = Field(default_factory=dict)
    drifted: tuple[str, ...] = ()
    created_ns: int
    started_ns: int = 0
    ended_ns: int = 0
    kills: int = Field(0, description="How often it was resumed after a kill.")
    cancelling: bool = False
    progress: Progress | None = None
    read: int = Field(0, description="Bytes of the command's progress that are told already.")
    result: Result = Result()

    @classmethod
    def of(cls, asked: StartRun, by: str = "") -> "RunRecord":
        now = datetime.now(UTC)
        return cls(
            id=f"{now:%Y%m%d-%H%M%S}-{asked.kind}-{secrets.token_hex(2)}",
            kind=asked.kind,
            by=by,
            reason=asked.reason,
            overrides=asked.overrides,
            drifted=asked.drifted,
            created_ns=time.time_ns(),
        )

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    def brings(self, **changes: Any) -> "RunRecord":  # noqa: ANN401  # fields of Result
        """With these fields of its result changed."""
        return self.model_copy(update={"result": self.result.model_copy(update=changes)})


def read_records(bodies: Sequence[str]) -> list[RunRecord]:
    return [RunRecord.model_validate_json(body) for body in bodies]
