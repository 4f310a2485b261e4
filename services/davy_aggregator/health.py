"""The state of the aggregator's dependencies, for /readyz."""

from davy.telemetry import get_logger
from davy_aggregator.metrics import AggregatorMetrics

log = get_logger(__name__)


class Health:
    """Dependencies by name, each with its error; an empty error means that it works.

    An error degrades the aggregator and never stops it. Without the broker, cameras without edge compute and alarms over
    MQTT are missing; without the cache, other aggregators do not see its frames; without the archive, edges keep events.
    """

    def __init__(self, metrics: AggregatorMetrics) -> None:
        self._metrics = metrics
        self.errors: dict[str, str] = {}
        self._pending: set[str] = set()

    @property
    def degraded(self) -> bool:
        return any(self.errors.values())

    def set(self, dependency: str, error: str = "", *, pending: bool = False) -> None:
        """Record that a dependency works, or why it does not. Log a change.

        Args:
            pending: The first attempt has not ended: nothing is wrong yet, and nothing is logged.
        """
        before = self.errors.get(dependency) and dependency not in self._pending
        self.errors[dependency] = error
        self._metrics.up.labels(dependency).set(not error)
        if pending:
            self._pending.add(dependency)
            return
        self._pending.discard(dependency)
        if error and not before:
            log.warning("dependency.down", dependency=dependency, reason=error)
        elif before and not error:
            log.info("dependency.up", dependency=dependency)
