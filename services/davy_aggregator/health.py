"""State of the aggregator's dependencies, for /readyz."""

from davy.telemetry import get_logger
from davy_aggregator.metrics import AggregatorMetrics

log = get_logger(__name__)


class Health:
    """Errors of the dependencies by name; an empty error means available.

    An error degrades the aggregator and never stops it. Without the broker, it receives no frames of cameras without edge
    compute and publishes no alarms. Without the cache, other aggregators lack its frames. Without the archive, edges keep
    their events.
    """

    def __init__(self, metrics: AggregatorMetrics) -> None:
        self._metrics = metrics
        self.errors: dict[str, str] = {}
        self._pending: set[str] = set()

    @property
    def degraded(self) -> bool:
        return any(self.errors.values())

    def set(self, dependency: str, error: str = "", *, pending: bool = False) -> None:
        """Set the error of a dependency, empty if it is available. Log a change.

        Args:
            dependency: Its name.
            error: Why it is unavailable.
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
