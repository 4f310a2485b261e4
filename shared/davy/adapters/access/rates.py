"""Budgets of attempts and changes per time."""

import time

from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from davy.domain.errors import TooManyAttemptsError


class Rates:
    """Counts in this process, by key."""

    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def spend(self, rate: RateLimitItem, key: str, what: str) -> None:
        """Count one.

        Args:
            rate: How many within which time.
            key: Whose budget it is.
            what: What is counted, for the error's text.

        Raises:
            TooManyAttemptsError: The budget of this time is spent.
        """
        if not self._limiter.hit(rate, key):
            reset_s, _ = self._limiter.get_window_stats(rate, key)
            raise TooManyAttemptsError(what, max(1.0, reset_s - time.time()))
