"""The configuration payload on an edge: validated completely, applied by difference. See davy.twin.reconciler."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from pydantic import Field

from davy.domain.errors import InvalidInputError
from davy.domain.ports import Bus
from davy.domain.topics import CONFIG, EdgeTopics
from davy.edge_config import config_id, read_config, to_plain, without_secrets
from davy.site import EdgeConfig
from davy.twin.configuration import ConfigState, DesiredConfig, ReportedConfig
from davy.twin.metrics import TwinMetrics
from davy.twin.payload import Lifecycle, RecordEvent
from davy.twin.protocol import INFO, MAX_REASON, Pointer
from davy.twin.reconciler import Reconciler
from davy.twin.state_file import StateFile
from davy_edge.config.validation import ConfigValidator

CONFIRMED_AFTER_S = 10.0
MAX_GONE = 256

Apply = Callable[[EdgeConfig], Awaitable[str]]
"""Applies a configuration to the edge; returns a description of the changes."""


class ConfigPointer(Pointer):
    """active and previous are configurations as received, None for that of site.yaml.

    gone names removed cameras whose retained status may remain on the broker.
    """

    state: ConfigState = ConfigState.WAITING
    active: dict[str, Any] | None = Field(None, alias="running")
    previous: dict[str, Any] | None = None
    gone: tuple[str, ...] = ()


def open_state_file(folder: Path) -> StateFile[ConfigPointer]:
    return StateFile(folder, ConfigPointer())


class ConfigManager(Reconciler[DesiredConfig, ConfigPointer, EdgeConfig]):
    """Reconciles the configuration of one edge; `running` is the active one.

    Args:
        own: The edge's configuration in site.yaml.
    """

    name, initial = CONFIG, None
    desired_type, reported_type = DesiredConfig, ReportedConfig
    lifecycle = Lifecycle(
        applied=ConfigState.APPLIED,
        confirmed=ConfigState.APPLIED,
        refused=ConfigState.REJECTED,
        reverted=ConfigState.REJECTED,
    )

    def __init__(
        self,
        topics: EdgeTopics,
        boot_id: str,
        file: StateFile[ConfigPointer],
        own: EdgeConfig,
        validator: ConfigValidator,
        registry: CollectorRegistry,
        record_event: RecordEvent,
    ) -> None:
        self._own, self._validator = own, validator
        super().__init__(topics, boot_id, file, TwinMetrics(self.name, topics.edge, registry), record_event)

    async def run(self, bus: Bus, apply: Apply) -> None:  # type: ignore[override]  # the pipelines exist by now
        """Reconcile until cancelled."""
        self._apply = apply
        await super().run(bus)

    def load(self, active: dict[str, Any] | None) -> EdgeConfig:
        if active is None:
            return self._own
        config = read_config(active)
        if config.enhance != self._own.enhance:
            raise InvalidInputError(f"enhance: site.yaml now sets {self._own.enhance!r}")
        return config

    async def prepare(self, desired: DesiredConfig) -> EdgeConfig:
        return await asyncio.to_thread(self._validator.validate, desired, self.running)

    async def apply(self, loaded: EdgeConfig, desired: DesiredConfig | None) -> None:
        self.report_progress(state=ConfigState.APPLYING)
        changes = await self._apply(loaded)
        if desired is not None:
            message = f"configuration {desired.id[:12]} of epoch {desired.epoch}: {changes}"
            self._record_event("config-applied", message[:MAX_REASON], INFO)

    def pointer_fields(self, desired: DesiredConfig | None, loaded: EdgeConfig) -> Mapping[str, object]:
        had = (*self.running.cameras, *self.pointer.gone)
        gone = tuple(dict.fromkeys(name for name in had if name not in loaded.cameras))[:MAX_GONE]
        return {"gone": gone, "active": desired.config} if desired else {"gone": gone}

    def facts(self) -> Mapping[str, object]:
        plain = self.pointer.active or to_plain(self._own)
        return {"id": config_id(plain), "config": without_secrets(plain)}

    async def confirm(self) -> Mapping[str, float]:
        await asyncio.sleep(CONFIRMED_AFTER_S)
        return {}
