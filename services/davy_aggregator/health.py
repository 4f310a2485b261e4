"""What works and what does not: the answer of /readyz."""

from davy.telemetry import get_logger
from davy_aggregator.metrics import AggregatorMetrics

log = get_logger(__name__)


class Health:
    """Dependencies by name, each with its fault; an empty fault means that it works.

    A fault degrades the aggregator and never stops it: without the broker, thin cameras and alarms over MQTT are missing;
    without the store, other aggregators do not see this one's frames; without the archive, edges keep their events.
    """

    def __init__(self, metrics: AggregatorMetrics) -> None:
        self._metrics = metrics
        self.faults: dict[str, str] = {}

    @property
    def degraded(self) -> bool:
        return any(self.faults.values())

    def set(self, dependency: str, fault: str = "") -> None:
        """Note that a dependency works (no fault) or why it does not; a change is logged."""
        before = self.faults.get(dependency)
        self.faults[dependency] = fault
        self._metrics.up.labels(dependency).set(not fault)
        if fault and not before:
            log.warning("dependency.down", dependency=dependency, reason=fault)
        elif before and not fault:
            log.info("dependency.up", dependency=dependency)
