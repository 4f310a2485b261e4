"""The configuration payload: the cameras of an edge, and how each is captured and enhanced.

The id of a configuration is the SHA-256 of its canonical JSON (RFC 8785) as received, so that an edge of another version, which
knows other defaults, computes the same id. A signature covers site, edge and configuration; the epoch covers the order.
"""

import hashlib
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar

import rfc8785
from pydantic import Field, ValidationError, field_validator

from davy.domain.camera import ID_PATTERN
from davy.domain.errors import InvalidInputError
from davy.models.keys import KeySet
from davy.models.manifest import Signature
from davy.models.signing_key import SigningKey
from davy.site import EdgeConfig
from davy.twin.protocol import SHA256, Desired, Reported, first_error

MAX_CONFIG_BYTES = 262_144
MAX_CAMERAS = 256  # of one message; an edge has a limit of its own
SIGNED_PREFIX = b"davy.config/1\n"  # the same keys sign models: neither signature is valid for the other


class ConfigState(StrEnum):
    """The progress of an edge with its desired configuration."""

    WAITING = "waiting"  # none is desired: the edge runs its own site.yaml
    APPLYING = "applying"
    APPLIED = "applied"
    REJECTED = "rejected"  # as a whole: the previous one runs


class DesiredConfig(Desired):
    """config is validated apart (`read_config`), so that a rejection can report the epoch that it rejects."""

    max_bytes: ClassVar[int] = MAX_CONFIG_BYTES

    id: str = Field(pattern=r"^[0-9a-f]{64}$")
    config: dict[str, Any]
    signature: Signature | None = None

    @property
    def target(self) -> str:
        """The id of the configuration."""
        return self.id


class ReportedConfig(Reported):
    """id and config are what runs. Passwords in config are `***`."""

    max_bytes: ClassVar[int] = MAX_CONFIG_BYTES

    state: ConfigState = ConfigState.WAITING
    id: str = Field("", pattern=SHA256)
    config: dict[str, Any] = Field(default_factory=dict)

    @field_validator("config")
    @classmethod
    def _names_cameras(cls, config: dict[str, Any]) -> dict[str, Any]:
        cameras = config.get("cameras", {})
        if not isinstance(cameras, dict) or len(cameras) > MAX_CAMERAS:
            raise ValueError(f"cameras: at most {MAX_CAMERAS} by name are expected")
        if illegal := [name for name in cameras if not re.fullmatch(ID_PATTERN, name)]:
            raise ValueError(f"cameras: {illegal[0][:64]!r} is no legal id")
        return config


def to_plain(config: EdgeConfig) -> dict[str, Any]:
    """Return a configuration as JSON values with every default."""
    plain: dict[str, Any] = config.model_dump(mode="json", include=set(EdgeConfig.model_fields))
    return plain


def read_config(plain: Mapping[str, Any]) -> EdgeConfig:
    """Validate a configuration of JSON values.

    Raises:
        InvalidInputError: it is invalid; the text names the field.
    """
    try:
        config = EdgeConfig.model_validate(plain)
    except ValidationError as error:
        raise InvalidInputError(first_error(error)) from error
    if len(config.cameras) > MAX_CAMERAS:
        raise InvalidInputError(f"cameras: {len(config.cameras)} of them; at most {MAX_CAMERAS} fit into one message")
    return config


def config_id(plain: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical JSON, 64 hex digits; raise InvalidInputError if a number is not finite."""
    return hashlib.sha256(_canonical(dict(plain))).hexdigest()


def sign_config(key: SigningKey, site: str, edge: str, plain: Mapping[str, Any]) -> Signature:
    """Sign the configuration of one edge."""
    return key.sign(_signed(site, edge, plain), SIGNED_PREFIX)


def verify_config(trust: KeySet, signature: Signature, site: str, edge: str, plain: Mapping[str, Any]) -> None:
    """Verify that a key that is valid now signed this configuration for this edge.

    Raises:
        ModelRefusedError: the key is unknown, revoked or expired, or it did not sign this.
    """
    trust.verify(_signed(site, edge, plain), signature, trust.now(), SIGNED_PREFIX)


def _signed(site: str, edge: str, plain: Mapping[str, Any]) -> bytes:
    return _canonical({"site": site, "edge": edge, "config": dict(plain)})


def _canonical(value: dict[str, Any]) -> bytes:
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise InvalidInputError(f"this has no canonical JSON: {error}") from error
