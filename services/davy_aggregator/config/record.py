"""A decision on an edge's configuration, with author, time and reason."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from davy.edge_config import config_id, read_config, to_plain
from davy.models.manifest import Signature
from davy.site import EdgeConfig
from davy.twin.configuration import DesiredConfig
from davy.twin.protocol import MAX_EPOCH, SHA256

Missing = object()


class ConfigRecord(BaseModel):
    """An entry in an edge's configuration history. Epoch 0 is the configuration in site.yaml; it is not published."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    edge: str
    epoch: int = Field(ge=0, le=MAX_EPOCH)
    id: str = Field(pattern=SHA256)
    previous: str = Field("", pattern=SHA256)
    who: str = ""
    why: str = ""
    at_ns: int = 0
    config: dict[str, Any]
    signature: Signature | None = None

    @classmethod
    def of_file(cls, edge: str, config: EdgeConfig) -> "ConfigRecord":
        plain = to_plain(config)
        return cls(edge=edge, epoch=0, id=config_id(plain), who="site.yaml", config=plain)

    @classmethod
    def read(cls, body: str) -> "ConfigRecord":
        """Read a stored record.

        Raises:
            ValueError, InvalidInputError: it is damaged, or its configuration is not valid in this version.
        """
        record = cls.model_validate_json(body)
        read_config(record.config)
        if record.epoch:
            record.desired  # noqa: B018  # validates the state to publish
        return record

    @property
    def desired(self) -> DesiredConfig:
        return DesiredConfig(epoch=self.epoch, id=self.id, config=self.config, signature=self.signature)


def differences(desired: Mapping[str, Any], reported: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield each field that differs, such as `cameras.face.fps`, with both values; None for a missing one."""
    for name in dict.fromkeys((*desired, *reported)):
        here = f"{path}.{name}" if path else str(name)
        one, other = desired.get(name, Missing), reported.get(name, Missing)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from differences(one, other, here)
        elif one is Missing or other is Missing or one != other:
            yield here, None if one is Missing else one, None if other is Missing else other
