"""The two halves of a rollout's conversation: what an edge shall run, and what it says about that. Both retained on MQTT."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveFloat, ValidationError

from davy.domain.errors import InvalidInputError
from davy.models.gates import Gates

MAX_MESSAGE_BYTES = 16_384
MAX_EPOCH = 2**53 - 1  # what JSON carries exactly
MODEL_ID = r"^([0-9a-f]{64})?$"


class EdgeState(StrEnum):
    """How far an edge is with the model that it shall run."""

    WAITING = "waiting"  # nothing was said to it, or by it
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    SHADOW = "shadow"  # both models see frames; only the old one's are emitted
    PROBATION = "probation"  # the new one's are emitted; a fault brings the old one back
    ACTIVE = "active"
    FAILED = "failed"  # refused before it emitted a frame
    ROLLED_BACK = "rolled-back"  # refused after it had

    @property
    def final(self) -> bool:
        return self in (EdgeState.ACTIVE, EdgeState.FAILED, EdgeState.ROLLED_BACK)


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # a newer Davy may say more

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Read a message.

        Raises:
            InvalidInputError: it is none.
        """
        if len(payload) > MAX_MESSAGE_BYTES:
            raise InvalidInputError(f"a message of {len(payload):,} bytes; at most {MAX_MESSAGE_BYTES:,} are read")
        try:
            return cls.model_validate_json(payload)
        except ValidationError as error:
            fault = error.errors()[0]
            raise InvalidInputError(f"{cls.__name__.lower()}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error

    def to_bytes(self) -> bytes:
        return self.model_dump_json().encode()


class Target(_Said):
    """A model and the package that it comes in. model empty: what was installed with the edge, and no package."""

    model: str = Field("", pattern=MODEL_ID)
    sha256: str = Field("", pattern=MODEL_ID, description="Of the package.")
    size: int = Field(0, ge=0, description="Of the package, in bytes.")
    key: str = Field("", max_length=64, description="Who signed it.")


class Trial(_Said):
    """How a model has to prove itself on an edge. shadow_frames 0: no shadow, as after the canaries."""

    shadow_frames: int = Field(0, ge=0, le=10_000)
    shadow_timeout_s: PositiveFloat = 120.0
    probation_s: float = Field(20.0, ge=0, le=86_400)
    gates: Gates = Gates()


class Desired(Target):
    """What an edge shall run. A message whose epoch is below the highest that the edge has seen is a replay."""

    epoch: int = Field(ge=1, le=MAX_EPOCH)
    rollout: str = Field("", max_length=64)
    trial: Trial = Trial()


class Reported(_Said):
    """What an edge says. model is what it emits now; target what it was told to, once it has heard of it."""

    epoch: int = Field(0, ge=0, le=MAX_EPOCH)
    state: EdgeState = EdgeState.WAITING
    model: str = Field("", pattern=MODEL_ID)
    frame_id: str = Field("", max_length=64)
    target: str = Field("", pattern=MODEL_ID)
    cause: str = Field("", max_length=64)
    reason: str = Field("", max_length=500)
    figures: dict[str, FiniteFloat] = Field(default_factory=dict, max_length=64)
    boot_id: str = Field("", max_length=64)
    at_ns: int = Field(0, ge=0)
