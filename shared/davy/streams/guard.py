"""Guards a consumer of messages: an error refuses one message, is counted and logged, and ends nothing."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from davy.domain.errors import DavyError
from davy.telemetry import get_logger

log = get_logger(__name__)

LOG_EVERY_S = 10.0  # per reason: a flood of bad messages must not fill a disk with lines
MAX_TEXT = 300  # characters of an error and of each fact in a line
MAX_REASONS = 64

CountRefused = Callable[[Exception], None]


class Guard:
    """Handles the messages of one consumer. Used from one thread.

    Args:
        consumer: The name in the log: `<consumer>.refused`.
        count_refused: Counts a refused message by its error.
        log_every_s: Shortest time between two lines of one reason, in s; the next line names how many were left out.
    """

    def __init__(self, consumer: str, count_refused: CountRefused, log_every_s: float = LOG_EVERY_S) -> None:
        self._consumer, self._count_refused, self._log_every_s = consumer, count_refused, log_every_s
        self._logged_s: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    @contextmanager
    def message(self, **facts: object) -> Iterator[None]:
        """Handle one message. Every error but a cancellation refuses it.

        Args:
            facts: What names the message in the log, such as its topic.
        """
        try:
            yield
        except Exception as error:  # noqa: BLE001  # no input ends a consumer
            self.refuse(error, **facts)

    def refuse(self, error: Exception, **facts: object) -> None:
        """Count and log a message that is refused."""
        self._count_refused(error)
        reason = type(error).__name__
        reason = reason if reason in self._logged_s or len(self._logged_s) < MAX_REASONS else ""
        now_s = time.monotonic()
        if now_s - self._logged_s.get(reason, float("-inf")) < self._log_every_s:
            self._left_out[reason] = self._left_out.get(reason, 0) + 1
            return
        self._logged_s[reason] = now_s
        log.warning(
            f"{self._consumer}.refused",
            reason=reason,
            error=str(error)[:MAX_TEXT],
            left_out=self._left_out.pop(reason, 0),
            exc_info=None if isinstance(error, DavyError) else error,
            **{name: str(fact)[:MAX_TEXT] for name, fact in facts.items()},
        )
