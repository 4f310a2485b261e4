"""A rollout as a value."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from davy.domain.camera import ID_PATTERN
from davy.models import ModelKind
from davy.models.gates import Gates
from davy.twin.model import DesiredModel, Evaluation, ReportedModel, Target


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class RolloutSpec(_Value):
    """Parameters of a rollout."""

    model: str = Field(min_length=1, max_length=64, description="Model id or its start, the id in frames, or a tag.")
    edges: tuple[str, ...] = Field(
        (), max_length=1024, description="Ids of edges and enhancers; `pool`: all enhancers; empty: all that run the kind."
    )
    canaries: PositiveInt = Field(1, description="Edges of the first wave; at most a tenth of all edges, but at least one.")
    waves: tuple[float, ...] = Field(
        (0.1, 0.5, 1.0), min_length=1, max_length=16, description="Cumulative shares of all edges, rising to 1."
    )
    shadow_frames: NonNegativeInt = Field(
        40, le=10_000, description="Frames that both models enhance on a canary before the swap."
    )
    probation_s: float = Field(20.0, ge=0, le=86_400, description="Time of comparison after the swap, in s.")
    wave_timeout_s: PositiveFloat = Field(600.0, description="Time limit of an online edge in s; a later one has failed.")
    failures: float = Field(0.05, ge=0, le=1, description="Share of the started edges that may fail after the canaries.")
    per_minute: PositiveInt = Field(100, description="Maximum number of edges started per minute.")
    gates: Gates = Gates()

    @field_validator("edges")
    @classmethod
    def _legal(cls, edges: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(ID_PATTERN, edge) for edge in edges) or len(set(edges)) != len(edges):
            raise ValueError("edges must be unique ids of a-z, 0-9 and '-'")
        return edges

    @field_validator("waves")
    @classmethod
    def _rising(cls, waves: tuple[float, ...]) -> tuple[float, ...]:
        if list(waves) != sorted(waves) or not all(0 < share <= 1 for share in waves) or waves[-1] != 1:
            raise ValueError("waves must be rising shares of all edges, above 0, ending with 1")
        return waves


class RolloutState(StrEnum):
    """State of a rollout."""

    UNCONFIRMED = "unconfirmed"  # waits for a second person; no edge has started
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    ROLLED_BACK = "rolled-back"
    ABORTED = "aborted"

    @property
    def ended(self) -> bool:
        return self not in (RolloutState.UNCONFIRMED, RolloutState.RUNNING, RolloutState.PAUSED)


class Member(_Value):
    """An edge in a rollout. epoch 0: not started. returned: back on its baseline."""

    wave: int
    baseline: Target
    epoch: int = 0
    started_ns: int = 0
    final_report: ReportedModel | None = Field(None, alias="verdict")  # its name in data of version 0.1.0
    returned: bool = False


class Rollout(_Value):
    """A rollout at one moment; `desired` derives the desired model of each edge."""

    id: str
    spec: RolloutSpec
    target: Target
    kind: ModelKind = ModelKind.ENHANCER  # stored rollouts of older versions have none
    frame_id: str
    state: RolloutState = RolloutState.RUNNING
    reason: str = ""
    wave: int = 0
    created_ns: int
    ended_ns: int = 0
    members: dict[str, Member]
    started_by: str = ""
    confirmed_by: str = ""

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


ANALYSERS, READY = "analysers", "analysers-ready"
"""Figures of an analysis that analysers carry out: the number that follows rollouts, and that runs the desired detector."""


@dataclass(frozen=True, slots=True)
class AnalysisDecision:
    """The detector that the analysis is to run.

    Attributes:
        desired: The newest decision.
        baseline: What ran before.
        tries: Whether the rollout of this decision runs: nobody has it proved yet.
        starts: Whether further analysers may begin; not where the rollout is paused.
    """

    desired: DesiredModel
    baseline: Target
    tries: bool
    starts: bool


NO_REPORT = ReportedModel()


@dataclass(frozen=True, slots=True)
class EdgeView:
    """Newest state of an edge. since_ns: time of its last change of presence."""

    online: bool = False
    since_ns: int = 0
    reported: ReportedModel = NO_REPORT


View = Callable[[str], EdgeView]
