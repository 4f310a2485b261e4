"""The way to one of several aggregators: the clients of an edge use the same one, and leave it together."""

from __future__ import annotations  # grpc's classes are generic in their stubs only

import asyncio
import random
import zlib
from collections.abc import Callable, Sequence

import grpc

from davy.adapters.grpc.channels import Channels
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import AggregatorUnavailableError
from davy.domain.secret_url import SecretUrl
from davy.telemetry import get_logger

log = get_logger(__name__)

HOME_EVERY_S = 60.0  # between two looks whether the aggregator that an edge began with is back; random around this
READY_S = 3.0


class Route:
    """The aggregator in use. Use it on one event loop.

    Args:
        endpoints: Addresses of aggregators that share a database, at least one.
        name: Of the edge. It decides where the edge begins, which spreads edges over the aggregators.
        fails_over: Whether a silent aggregator is left early, also where the only address is one of a load balancer.
    """

    def __init__(self, endpoints: Sequence[SecretUrl | str], name: str = "", fails_over: bool = False) -> None:
        self._endpoints = [SecretUrl.of(endpoint) for endpoint in endpoints]
        self._index = self._home = zlib.crc32(name.encode()) % len(self._endpoints)
        self.fails_over = fails_over
        self.generation = 0
        self._followers: list[Callable[[], None]] = []

    @property
    def endpoint(self) -> SecretUrl:
        """The address in use."""
        return self._endpoints[self._index]

    def leave(self, generation: int, reason: str) -> None:
        """Change over to the next aggregator: this one does not answer. A client that is late to notice changes nothing.

        Args:
            generation: The choice that failed.
            reason: What is wrong with it.
        """
        if generation != self.generation or not self.fails_over:
            return
        self._go((self._index + 1) % len(self._endpoints), reason)

    async def return_home(self, tls: Tls | None = None, every_s: float = HOME_EVERY_S) -> None:
        """Go back to the first aggregator once it answers again, so that edges stay spread; until cancelled.

        Args:
            tls: The own identity.
            every_s: Mean time between two looks.
        """
        while True:
            await asyncio.sleep(every_s * random.uniform(0.5, 1.5))
            if self._index != self._home and await _is_ready(self._endpoints[self._home], tls):
                self._go(self._home, "the first aggregator answers again")

    def _go(self, index: int, reason: str) -> None:
        left, self._index = str(self.endpoint), index
        self.generation += 1
        log.warning("aggregator.left", endpoint=left, reason=reason, following=str(self.endpoint))
        for follow in self._followers:
            follow()

    def follow(self, changed: Callable[[], None]) -> None:
        """Have changed called at every change."""
        self._followers.append(changed)


class RoutedChannels:
    """Channels to the aggregator of a route; see `Channels`. A change ends the calls on the one before.

    Raises:
        ConfigError: an endpoint is no address of an aggregator.
        RuntimeError: this process may start no further thread.
    """

    def __init__(self, route: Route | SecretUrl | str, tls: Tls | None = None) -> None:
        self._route, self._tls = route if isinstance(route, Route) else Route([route]), tls
        self._channels = Channels(self._route.endpoint, tls)
        self._closing: set[asyncio.Task[None]] = set()
        self._route.follow(self._change)

    @property
    def endpoint(self) -> str:
        """The address in use, without a password."""
        return self._channels.endpoint

    @property
    def newest(self) -> int:
        """Version of the identity; see `Channels.newest`."""
        return self._channels.newest

    @property
    def fails_over(self) -> bool:
        """Whether another aggregator, or another connection, is tried early."""
        return self._route.fails_over

    async def get(self) -> grpc.aio.Channel:
        """Return the channel; see `Channels.get`."""
        return await self._channels.get()

    def leaver(self) -> Callable[[str], None]:
        """Return a function that leaves the aggregator in use now, with a reason."""
        generation = self._route.generation
        return lambda reason: self._route.leave(generation, reason)

    async def close(self) -> None:
        """Close every channel; running calls end."""
        await asyncio.gather(self._channels.close(), *self._closing, return_exceptions=True)

    def _change(self) -> None:
        closing = asyncio.create_task(self._channels.close(), name="grpc.leave")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        self._channels = Channels(self._route.endpoint, self._tls)


async def _is_ready(endpoint: SecretUrl, tls: Tls | None) -> bool:
    """Return whether an aggregator takes connections; one that is frozen does not."""
    channels = Channels(endpoint, tls)
    try:
        async with asyncio.timeout(READY_S):
            await (await channels.get()).channel_ready()
    except (TimeoutError, AggregatorUnavailableError):
        return False
    finally:
        await channels.close()
    return True
