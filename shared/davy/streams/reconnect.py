"""Reconnecting: exponential back-off with full jitter, for coroutines and for threads.

Source: AWS Architecture Blog, "Exponential Backoff and Jitter" (2015).
"""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

T = TypeVar("T")

Errors = type[Exception] | tuple[type[Exception], ...]
Wait = Callable[[Exception, int], float]
"""Returns the seconds to wait after an error, the n-th in a row from 1."""

OnError = Callable[[Exception, float, int], None]
"""Receives the error, the seconds until the next attempt, and the number of errors in a row."""

_MAX_EXPONENT = 64  # beyond it every back-off has reached its longest wait


@dataclass(frozen=True, slots=True)
class Backoff:
    """A random wait between shortest_s and a bound that grows with every failure, up to longest_s.

    The randomness keeps 200 edges that lost one broker from returning at the same instant.
    """

    shortest_s: float = 0.5
    longest_s: float = 10.0
    growth: float = 1.5

    def wait_s(self, failures: int) -> float:
        """Return the wait after the n-th failure in a row, from 1, in s."""
        bound_s = min(self.longest_s, self.shortest_s * self.growth ** min(failures - 1, _MAX_EXPONENT))
        return random.uniform(self.shortest_s, max(self.shortest_s, bound_s))

    def __call__(self, error: Exception, failures: int) -> float:  # noqa: ARG002  # a Wait
        """Return the wait; the error makes no difference."""
        return self.wait_s(failures)


def ignore(error: Exception, wait_s: float, failures: int) -> None:
    """Report an error to nobody."""


async def retry(
    attempt: Callable[[], Awaitable[T]],
    errors: Errors,
    wait: Wait,
    on_error: OnError = ignore,
    patience_s: float = math.inf,
) -> T:
    """Call attempt until it returns, with a wait after each of the named errors. Any other error ends it.

    Args:
        attempt: Called again after each of the errors.
        errors: The errors to retry after.
        wait: Returns the wait after an error.
        on_error: Receives each error before the wait.
        patience_s: The named errors end it, too, after this time, in s.
    """
    clock = asyncio.get_running_loop().time
    failures, until_s = 0, clock() + patience_s
    while True:
        try:
            return await attempt()
        except errors as error:
            failures += 1
            wait_s = wait(error, failures)
            if clock() + wait_s > until_s:
                raise
            on_error(error, wait_s, failures)
        await asyncio.sleep(wait_s)


async def keep_connected(
    session: Callable[[], Awaitable[None]], errors: Errors, wait: Wait, on_error: OnError = ignore, pause_s: float = 0.5
) -> NoReturn:
    """Run sessions one after another, until cancelled.

    Args:
        session: One connection, from its opening to its loss. It returns after a useful one, so that the back-off starts
            anew; it raises one of the errors if the connection never became useful.
        errors: The errors to retry after.
        wait: Returns the wait after an error.
        on_error: Receives each error before the wait.
        pause_s: The longest pause after a useful session, in s; the pause is random.
    """
    while True:
        await retry(session, errors, wait, on_error)
        await asyncio.sleep(random.uniform(0, pause_s))
