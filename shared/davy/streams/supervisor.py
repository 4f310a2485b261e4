"""Supervises the long-running components of a service: it restarts a failed one, and the others keep running."""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Counter

from davy.streams.reconnect import Backoff, keep_connected
from davy.telemetry import get_logger

log = get_logger(__name__)

BACKOFF = Backoff(shortest_s=0.5, longest_s=30.0, growth=2.0)
STABLE_S = 60.0  # a component that runs this long counts as working again
DEGRADED_AFTER = 2  # failures in a row; one alone may be chance

Component = Callable[[], Awaitable[None]]
"""Runs a component until cancelled. Called again after a failure."""

SetHealth = Callable[[str, str], None]
"""Receives a component's name and why it fails; an empty reason means that it works."""


class Supervisor:
    """Restarts failed components with back-off.

    Args:
        service: The service's name, for the log.
        registry: Receives the counter of restarts.
        set_health: Called when a component fails repeatedly, and when it works again.
    """

    def __init__(
        self,
        service: str,
        registry: CollectorRegistry,
        set_health: SetHealth,
        backoff: Backoff = BACKOFF,
        stable_s: float = STABLE_S,
    ) -> None:
        self._service, self._set_health, self._backoff, self._stable_s = service, set_health, backoff, stable_s
        self._restarts = Counter(
            "davy_component_restarts_total", "Restarts of a component after an error.", ["component"], registry=registry
        )

    async def run(self, name: str, component: Component) -> None:
        """Run a component until cancelled.

        Args:
            name: The component's name, in /readyz, in the log and in the metrics.
            component: Runs it once.
        """

        def on_error(error: Exception, wait_s: float, failures: int) -> None:
            self._failed(name, error, wait_s, failures)

        await keep_connected(lambda: self._session(name, component, on_error), _RestartError, self._backoff, on_error)

    async def _session(self, name: str, component: Component, on_error: Callable[[Exception, float, int], None]) -> None:
        """Run a component until it fails. Return if it was stable before, raise if it was not."""
        clock = asyncio.get_running_loop()
        began_s = clock.time()
        recovered = clock.call_later(self._stable_s, self._set_health, name, "")
        try:
            await component()
        except Exception as error:
            if clock.time() - began_s < self._stable_s:
                raise _RestartError(error) from error
            on_error(error, 0.0, 1)
        finally:
            recovered.cancel()

    def _failed(self, name: str, error: Exception, wait_s: float, failures: int) -> None:
        cause = error.__cause__ if isinstance(error, _RestartError) and error.__cause__ else error
        self._restarts.labels(name).inc()
        log.error(
            "component.failed",
            service=self._service,
            component=name,
            failures=failures,
            again_in_s=round(wait_s, 1),
            exc_info=cause,
        )
        if failures >= DEGRADED_AFTER:
            self._set_health(name, f"failed {failures} times in a row: {type(cause).__name__}: {str(cause)[:200]}")


class _RestartError(Exception):
    """A component failed before it was stable."""
