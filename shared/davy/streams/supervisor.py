"""Supervises the long-running parts of a service: a part that fails starts again, and the others go on."""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Counter

from davy.streams.reconnect import Backoff, keep_connected
from davy.telemetry import get_logger

log = get_logger(__name__)

BACKOFF = Backoff(shortest_s=0.5, longest_s=30.0, growth=2.0)
STABLE_S = 60.0  # a part that ran for so long counts as mended
DEGRADED_AFTER = 2  # failures in a row; one alone may be chance

Part = Callable[[], Awaitable[None]]
"""Runs a part until cancelled. Called again after it failed."""

SetHealth = Callable[[str, str], None]
"""Receives a part's name and why it fails; an empty reason means that it works."""


class Supervisor:
    """Restarts failed parts with back-off.

    Args:
        service: The service's name, for the log.
        registry: Receives the counter of restarts.
        set_health: Told when a part fails again and again, and when it works again.
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
            "davy_part_restarts_total", "Restarts of a part of this service after an error.", ["part"], registry=registry
        )

    async def run(self, name: str, part: Part) -> None:
        """Run a part until cancelled.

        Args:
            name: The part's name, in /readyz, in the log and in the metrics.
            part: Runs it once.
        """

        def on_error(error: Exception, wait_s: float, failures: int) -> None:
            self._failed(name, error, wait_s, failures)

        await keep_connected(lambda: self._session(name, part, on_error), _RestartError, self._backoff, on_error)

    async def _session(self, name: str, part: Part, on_error: Callable[[Exception, float, int], None]) -> None:
        """Run a part until it fails. Return if it was stable before, raise if it was not."""
        clock = asyncio.get_running_loop()
        began_s = clock.time()
        mended = clock.call_later(self._stable_s, self._set_health, name, "")
        try:
            await part()
        except Exception as error:
            if clock.time() - began_s < self._stable_s:
                raise _RestartError(error) from error
            on_error(error, 0.0, 1)
        finally:
            mended.cancel()

    def _failed(self, name: str, error: Exception, wait_s: float, failures: int) -> None:
        cause = error.__cause__ if isinstance(error, _RestartError) and error.__cause__ else error
        self._restarts.labels(name).inc()
        log.error(
            "part.failed", service=self._service, part=name, failures=failures, again_in_s=round(wait_s, 1), exc_info=cause
        )
        if failures >= DEGRADED_AFTER:
            self._set_health(name, f"failed {failures} times in a row: {type(cause).__name__}: {str(cause)[:200]}")


class _RestartError(Exception):
    """A part failed before it was stable."""
