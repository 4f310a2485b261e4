"""The two retained MQTT messages of a payload, and the pointer that an edge keeps of it.

The cloud publishes `Desired` on desired/<payload>; the edge answers with `Reported` on reported/<payload>. The epoch orders
decisions: an edge ignores a desired state with a lower epoch than the highest that it has accepted, and refuses one that is far
higher or not trusted: its epoch is then not accepted, and reported as `refused_epoch`.
"""

from abc import abstractmethod
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from davy.domain.bounds import MAX_NS
from davy.domain.errors import InvalidInputError
from davy.domain.validation import first_error

MAX_EPOCH = 2**52  # JSON carries integers below 2**53 exactly
MAX_EPOCH_STEP = 2**20  # an edge accepts no larger step at once: a forged message must not use up the epochs
SHA256 = r"^([0-9a-f]{64})?$"
MAX_REASON = 500  # characters
INFO, WARNING, ALARM = 1, 2, 3


class UntrustedError(InvalidInputError):
    """A desired state is not signed by a trusted key: it must change nothing, not even the accepted epoch."""


class TwinMessage(BaseModel):
    """A JSON message. Unknown fields are ignored: a newer Davy may send more."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    max_bytes: ClassVar[int] = 16_384

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Read a message.

        Raises:
            InvalidInputError: the payload is too large, no JSON, or a field is invalid.
        """
        if len(payload) > cls.max_bytes:
            raise InvalidInputError(f"a message of {len(payload):,} bytes; at most {cls.max_bytes:,} are read")
        try:
            return cls.model_validate_json(payload)
        except ValidationError as error:
            raise InvalidInputError(f"{cls.__name__}: {first_error(error)}") from error

    def to_bytes(self) -> bytes:
        """The message as JSON."""
        return self.model_dump_json().encode()


class Desired(TwinMessage):
    """The state that an edge is to reach."""

    epoch: int = Field(ge=1, le=MAX_EPOCH)

    @property
    @abstractmethod
    def target(self) -> str:
        """The id of the desired state."""


class _Epoch(TwinMessage):
    max_bytes: ClassVar[int] = 262_144

    epoch: int = 0


def epoch_in(payload: bytes) -> int:
    """Return the epoch of a desired state; 0 if there is none. Raises InvalidInputError if it is malformed."""
    return _Epoch.parse(payload).epoch if payload else 0


class Reported(TwinMessage):
    """The state that an edge is in. epoch is the highest that it accepted, target the id that came with it.

    refused_epoch and refused_reason name the last message that was refused before its epoch counted; 0 if there is none.
    """

    epoch: int = Field(0, ge=0, le=MAX_EPOCH)
    target: str = Field("", max_length=64)
    state: str
    reason: str = Field("", max_length=1000)
    boot_id: str = Field("", max_length=64)
    at_ns: int = Field(0, ge=0, lt=MAX_NS)
    refused_epoch: int = Field(0, ge=0, le=MAX_EPOCH)
    refused_reason: str = Field("", max_length=1000)


class Pointer(BaseModel):
    """What an edge must know after a kill -9.

    active is what runs, previous what ran before it; attempts counts the starts of an active state that is not yet confirmed.
    A payload narrows `state`, `active` and `previous`.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    epoch: int = Field(0, ge=0, le=MAX_EPOCH)
    target: str = Field("", max_length=64)
    state: str
    cause: str = ""
    reason: str = ""
    figures: dict[str, float] = Field(default_factory=dict)
    attempts: int = Field(0, ge=0)
    active: Any
    previous: Any
