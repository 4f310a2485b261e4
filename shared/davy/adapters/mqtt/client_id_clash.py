"""Distinguish a client-id clash from a lost connection.

Two clients with one id evict each other at every reconnect. Some brokers report it (reason code 0x8E); others just close
the connection (Mosquitto 2.0.11, rumqttd). A broker that dies closes it too, but answers nobody at that moment.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

EVICTIONS = 3  # in a row, with no failed connect between them, are a clash
EVICTED_WITHIN_S = 15.0  # the rival reconnects within its longest back-off; a longer session is no eviction
PROBE_TIMEOUT_S = 0.9  # below the first TCP retransmission: a link that comes up meanwhile answers no probe
WAIT_S = (30.0, 600.0)

Probe = Callable[[], Awaitable[bool]]
"""Returns whether the broker answers an MQTT CONNECT with another client id at this moment."""


class ClashDetector:
    """Watches the ends of one client's sessions.

    Args:
        probe: Asked at once after a short session that ended without a reason.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._evictions = 0
        self._clashes = 0

    def connect_failed(self) -> None:
        """Record that the broker could not be reached: no rival closes a port."""
        self._evictions = 0

    async def ended(self, lasted_s: float, *, taken_over: bool, reason_given: bool) -> bool:
        """Classify the end of a session; return whether another client uses the same id.

        Args:
            lasted_s: Length of the session in s.
            taken_over: The broker reported it.
            reason_given: The broker gave another reason.
        """
        if taken_over:
            self._evictions = EVICTIONS
        elif lasted_s >= EVICTED_WITHIN_S:
            self._evictions = self._clashes = 0
        elif reason_given or not await self._broker_answers():
            self._evictions = 0
        else:
            self._evictions += 1
        clash = self._evictions >= EVICTIONS
        self._clashes += clash
        return clash

    async def _broker_answers(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                return await self._probe()
        except TimeoutError:
            return False

    def wait_s(self) -> float:
        """Return the wait after a clash, in s; it doubles with each further one."""
        shortest, longest = WAIT_S
        return min(longest, shortest * 2.0 ** min(self._clashes - 1, 10)) * random.uniform(1, 1.5)
