"""A rollout as a value."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from davy.domain.camera import ID_PATTERN
from davy.models.gates import Gates
from davy.twin.model import DesiredModel, Evaluation, ReportedModel, Target


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class RolloutSpec(_Value):
    """The rollout that an operator requests."""

    model: str = Field(min_length=1, max_length=64, description="Id or its start, the id that frames carry, or a tag.")
    edges: tuple[str, ...] = Field((), max_length=1024, description="Empty: every edge that enhances.")
    canaries: PositiveInt = Field(1, description="Edges of the first wave; at most a tenth of all, but one.")
    waves: tuple[float, ...] = Field((0.1, 0.5, 1.0), min_length=1, max_length=16, description="Shares of all edges.")
    shadow_frames: NonNegativeInt = Field(40, le=10_000, description="On canaries: frames for both models before the swap.")
    probation_s: float = Field(20.0, ge=0, le=86_400, description="Time for which a new model is compared after the swap.")
    wave_timeout_s: PositiveFloat = Field(600.0, description="An edge that is online and not done by then has failed.")
    failures: float = Field(0.05, ge=0, le=1, description="Share of the edges begun that may fail after the canaries.")
    per_minute: PositiveInt = Field(100, description="Edges that start, at most.")
    gates: Gates = Gates()

    @field_validator("edges")
    @classmethod
    def _legal(cls, edges: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(ID_PATTERN, edge) for edge in edges) or len(set(edges)) != len(edges):
            raise ValueError("edges are ids of a-z, 0-9 and '-', each once")
        return edges

    @field_validator("waves")
    @classmethod
    def _rising(cls, waves: tuple[float, ...]) -> tuple[float, ...]:
        if list(waves) != sorted(waves) or not all(0 < share <= 1 for share in waves) or waves[-1] != 1:
            raise ValueError("waves are rising shares of all edges, above 0; the last is 1")
        return waves


class RolloutState(StrEnum):
    """The state of a rollout."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    ROLLED_BACK = "rolled-back"
    ABORTED = "aborted"

    @property
    def ended(self) -> bool:
        return self not in (RolloutState.RUNNING, RolloutState.PAUSED)


class Member(_Value):
    """An edge in a rollout. epoch 0: not started. final_report: on the rollout's model. returned: sent back to baseline."""

    wave: int
    baseline: Target
    epoch: int = 0
    started_ns: int = 0
    final_report: ReportedModel | None = Field(None, alias="verdict")  # the name in the data of 0.1.0
    returned: bool = False


class Rollout(_Value):
    """A rollout at one moment; `desired` derives the desired model of each edge."""

    id: str
    spec: RolloutSpec
    target: Target
    frame_id: str
    state: RolloutState = RolloutState.RUNNING
    reason: str = ""
    wave: int = 0
    created_ns: int
    ended_ns: int = 0
    members: dict[str, Member]

    @property
    def waves(self) -> int:
        return 1 + max(member.wave for member in self.members.values())

    def desired(self, edge: str) -> DesiredModel | None:
        """Return the desired model of an edge; None before it starts."""
        member = self.members[edge]
        if not member.epoch:
            return None
        target = member.baseline if member.returned else self.target
        evaluation = Evaluation(probation_s=0) if member.returned else self._evaluation(member.wave)
        return DesiredModel(epoch=member.epoch, rollout=self.id, trial=evaluation, **target.model_dump())

    def _evaluation(self, wave: int) -> Evaluation:
        frames = self.spec.shadow_frames if wave == 0 else 0
        return Evaluation(shadow_frames=frames, probation_s=self.spec.probation_s, gates=self.spec.gates)


NO_REPORT = ReportedModel()


@dataclass(frozen=True, slots=True)
class EdgeView:
    """The newest state of an edge. since_ns: time since which it is online or not."""

    online: bool = False
    since_ns: int = 0
    reported: ReportedModel = NO_REPORT


View = Callable[[str], EdgeView]
