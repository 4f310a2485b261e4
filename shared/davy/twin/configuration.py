"""The configuration payload: the cameras of an edge, and how each is captured and enhanced. See davy.edge_config."""

import re
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import Field, field_validator

from davy.domain.camera import ID_PATTERN
from davy.edge_config import MAX_CAMERAS
from davy.models.manifest import Signature
from davy.twin.protocol import SHA256, Desired, Reported

MAX_CONFIG_BYTES = 262_144


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
