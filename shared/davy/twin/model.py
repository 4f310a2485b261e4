"""The model payload: the signed model package that an edge enhances with, and how the edge evaluates a new one."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveFloat

from davy.models.gates import Gates
from davy.twin.protocol import MAX_REASON, SHA256, Desired, Reported


class ModelState(StrEnum):
    """The progress of an edge with its desired model."""

    WAITING = "waiting"  # none is desired, or the edge has not reported yet
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    SHADOW = "shadow"  # both models enhance frames; only those of the old one are emitted
    PROBATION = "probation"  # frames of the new one are emitted; a failure reverts to the old one
    ACTIVE = "active"
    FAILED = "failed"  # refused before it emitted a frame
    ROLLED_BACK = "rolled-back"  # refused after it emitted frames

    @property
    def final(self) -> bool:
        return self in (ModelState.ACTIVE, ModelState.FAILED, ModelState.ROLLED_BACK)


class Target(BaseModel):
    """A model and its package. An empty model is the one that was installed with the edge; it has no package."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = Field("", pattern=SHA256)
    sha256: str = Field("", pattern=SHA256, description="Of the package.")
    size: int = Field(0, ge=0, description="Of the package, in bytes.")
    key: str = Field("", max_length=64, description="Id of the key that signed it.")


class Evaluation(BaseModel):
    """How an edge evaluates a model before it trusts it. shadow_frames 0: no shadow, as after the canaries."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    shadow_frames: int = Field(0, ge=0, le=10_000)
    shadow_timeout_s: PositiveFloat = 120.0
    probation_s: float = Field(20.0, ge=0, le=86_400)
    gates: Gates = Gates()


class DesiredModel(Target, Desired):
    """The model that an edge is to run. `trial` is the evaluation, under its name on the wire."""

    rollout: str = Field("", max_length=64)
    trial: Evaluation = Evaluation()

    @property
    def target(self) -> str:
        return self.model


class ReportedModel(Reported):
    """model is what the edge runs, frame_id the id that its frames carry."""

    state: ModelState = ModelState.WAITING
    reason: str = Field("", max_length=MAX_REASON)
    model: str = Field("", pattern=SHA256)
    frame_id: str = Field("", max_length=64)
    cause: str = Field("", max_length=64)
    figures: dict[str, FiniteFloat] = Field(default_factory=dict, max_length=64)
