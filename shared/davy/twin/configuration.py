"""An edge's configuration on its way down: what it shall be, and what the edge says about that. Both retained on MQTT.

The id of a configuration is the SHA-256 of its canonical JSON (RFC 8785), as it was received: an edge of another version, which
knows other defaults, still computes the same id. A signature covers site, edge and configuration, so that what was signed for
one edge is no order to another; the order in time is the epoch's to keep, which the aggregator gives.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from davy.domain.errors import InvalidInputError
from davy.models.keys import KeySet, SigningKey
from davy.models.manifest import Signature
from davy.site import EdgeConfig

MAX_MESSAGE_BYTES = 262_144
MAX_CAMERAS = 256  # of one message; an edge has a limit of its own
MAX_EPOCH = 2**53 - 1  # what JSON carries exactly
CONFIG_ID = r"^([0-9a-f]{64})?$"
SIGNED_PREFIX = b"davy.config/1\n"  # the same keys sign models: neither signature is ever taken for the other


class ConfigState(StrEnum):
    """How far an edge is with the configuration that it shall have."""

    WAITING = "waiting"  # nothing was said to it: it runs what its own file says
    APPLYING = "applying"
    APPLIED = "applied"
    REJECTED = "rejected"  # whole: it runs what it ran before


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
            raise InvalidInputError(f"{cls.__name__}: {fault_of(error)}") from error

    def to_bytes(self) -> bytes:
        return self.model_dump_json().encode()


class DesiredConfig(_Said):
    """What an edge shall be. config is read apart (`read_config`), so that a refusal can name the epoch that it refuses."""

    epoch: int = Field(ge=1, le=MAX_EPOCH)
    id: str = Field(pattern=r"^[0-9a-f]{64}$")
    config: dict[str, Any]
    signature: Signature | None = None


class ReportedConfig(_Said):
    """What an edge says: epoch is the highest it has seen, target what it was told last, id and config what it runs.

    config holds no password: `***` stands in their place.
    """

    epoch: int = Field(0, ge=0, le=MAX_EPOCH)
    target: str = Field("", pattern=CONFIG_ID)
    state: ConfigState = ConfigState.WAITING
    reason: str = Field("", max_length=1000)
    id: str = Field("", pattern=CONFIG_ID)
    config: dict[str, Any] = Field(default_factory=dict)
    boot_id: str = Field("", max_length=64)
    at_ns: int = Field(0, ge=0)


def to_plain(config: EdgeConfig) -> dict[str, Any]:
    """A configuration as JSON values, every default written out."""
    plain: dict[str, Any] = config.model_dump(mode="json")
    return plain


def read_config(plain: Mapping[str, Any]) -> EdgeConfig:
    """A configuration out of JSON values.

    Raises:
        InvalidInputError: it is none; the text names the field.
    """
    try:
        config = EdgeConfig.model_validate(plain)
    except ValidationError as error:
        raise InvalidInputError(fault_of(error)) from error
    if len(config.cameras) > MAX_CAMERAS:
        raise InvalidInputError(f"cameras: {len(config.cameras)} of them; at most {MAX_CAMERAS} fit into one message")
    return config


def config_id(plain: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON, 64 hex digits.

    Raises:
        InvalidInputError: a number is not finite.
    """
    return hashlib.sha256(_canonical(dict(plain))).hexdigest()


def sign_config(key: SigningKey, site: str, edge: str, plain: Mapping[str, Any]) -> Signature:
    """Vouch for the configuration of one edge."""
    return key.sign(_signed(site, edge, plain), SIGNED_PREFIX)


def verify_config(trust: KeySet, signature: Signature, site: str, edge: str, plain: Mapping[str, Any]) -> None:
    """Check that a key that is valid now signed this configuration for this edge.

    Raises:
        ModelRefusedError: unknown, revoked or expired key, or it did not sign this.
    """
    trust.verify(_signed(site, edge, plain), signature, trust.now(), SIGNED_PREFIX)


def fault_of(error: ValidationError) -> str:
    """The first fault and how many there are: `cameras.face.fps: Input should be greater than 0`."""
    faults = error.errors()
    where = ".".join(str(part) for part in faults[0]["loc"] if part != "[key]")
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{where or 'configuration'}: {faults[0]['msg'].removeprefix('Value error, ')}{more}"


def _signed(site: str, edge: str, plain: Mapping[str, Any]) -> bytes:
    return _canonical({"site": site, "edge": edge, "config": dict(plain)})


def _canonical(value: dict[str, Any]) -> bytes:
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise InvalidInputError(f"this has no canonical JSON: {error}") from error
