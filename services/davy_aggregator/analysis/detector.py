"""The detector of this aggregator's analysis, as a target of rollouts."""

import asyncio
from collections.abc import AsyncGenerator

from prometheus_client import CollectorRegistry

from davy.analysis.look import installed_detector
from davy.deployment.detector_manager import DetectorManager
from davy.deployment.metrics import ModelMetrics
from davy.domain.errors import AggregatorUnavailableError, RegistryUnavailableError
from davy.domain.ports import Bus
from davy.domain.topics import EdgeTopics
from davy.twin.model import Target
from davy.twin.payload import log_event
from davy_aggregator.archive import REPORTER
from davy_aggregator.model_catalog import ModelCatalog
from davy_aggregator.rollout.service import RolloutService
from davy_aggregator.settings import AggregatorSettings


class CatalogSource:
    """The aggregator's own registry as the source of packages."""

    endpoint = "the model registry"
    CHUNK_BYTES = 1_048_576

    def __init__(self, catalog: ModelCatalog) -> None:
        self._catalog = catalog

    async def chunks(self, target: Target, offset: int) -> AsyncGenerator[bytes, None]:
        """Stream a package's bytes; see PackageSource."""
        try:
            data = await self._catalog.package(target.model, target.sha256)
        except RegistryUnavailableError as error:
            raise AggregatorUnavailableError(self.endpoint, error.reason) from error
        for begin in range(offset, len(data), self.CHUNK_BYTES):
            yield data[begin : begin + self.CHUNK_BYTES]


async def open_manager(
    settings: AggregatorSettings, registry: CollectorRegistry, rollouts: RolloutService
) -> DetectorManager | None:
    """Open the detector of this aggregator, with the model that it ran last; None if the analysis looks for no objects.

    Raises:
        ConfigError: the installed detector's description is malformed, or an execution provider is not installed.
        ModelError: the installed detector is unusable.
    """
    if not settings.analysis.person_fps:
        return None

    def make() -> DetectorManager:
        return DetectorManager(
            EdgeTopics(rollouts.site, REPORTER),
            settings.data / "detector",
            settings.trust or settings.data / "keys" / "trust.json",
            installed_detector(settings.analysis),
            ModelMetrics(REPORTER, registry),
            log_event,
            settings.analysis.detector_score,
            lambda: rollouts.twin.lead.leads,
        )

    return await asyncio.to_thread(make)


async def follow_rollouts(manager: DetectorManager, bus: Bus, catalog: ModelCatalog) -> None:
    """Follow the decisions of rollouts until cancelled."""
    manager.report_progress()  # a broker may have lost the report
    await manager.run(bus, CatalogSource(catalog))
