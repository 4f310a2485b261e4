"""An event loop in a thread of its own: packets are encrypted there, and ingest does not wait for them."""

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from davy.streams.tasks import end

T = TypeVar("T")


class PortRangeLoop(asyncio.SelectorEventLoop):
    """A loop whose UDP sockets without a wanted port take one of a range: a firewall opens these alone.

    Args:
        ports: First and last port; (0, 0) takes any.
    """

    def __init__(self, ports: tuple[int, int]) -> None:
        super().__init__()
        self._ports = ports

    async def create_datagram_endpoint(  # type: ignore[override]  # asyncio has a dozen options, passed on as they come
        self,
        protocol_factory: Callable[[], Any],
        local_addr: Any = None,  # noqa: ANN401  # asyncio's
        **options: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Open a UDP socket.

        Raises:
            OSError: no port of the range is free.
        """
        first, last = self._ports
        if not first or not local_addr or local_addr[1]:
            return await super().create_datagram_endpoint(protocol_factory, local_addr, **options)
        error = OSError(f"no UDP port of {first} to {last} is free")
        for port in random.sample(range(first, last + 1), last - first + 1):
            try:
                return await super().create_datagram_endpoint(protocol_factory, (local_addr[0], port), **options)
            except OSError as taken:
                error = taken
        raise error


class MediaLoop:
    """Runs coroutines in the thread. Open it once; close it with `close`."""

    def __init__(self, ports: tuple[int, int] = (0, 0)) -> None:
        self._loop = PortRangeLoop(ports)
        self._thread = threading.Thread(target=self._run, name="media", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the thread and wait for it."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def post(self, callback: Callable[..., object], *arguments: object) -> None:
        """Call a function in the thread soon."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)

    async def close(self) -> None:
        """End the tasks in the thread, and the thread."""
        await self.call(self._end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()

    async def _end_tasks(self) -> None:
        await end(*(asyncio.all_tasks() - {asyncio.current_task()}))
