"""A broker, an aggregator and an edge in a thread of their own, for fuzzing: alive, ready and the neighbour unharmed."""

import asyncio
import itertools
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.conftest import Mosquitto
from tests.davy_aggregator.conftest import Running, make_settings, make_site, running, until
from tests.fixtures.edges import Running as RunningEdge
from tests.fixtures.edges import edge
from tests.security.conftest import still_works

from davy.adapters.mqtt.bus import MqttBus, connect
from davy.domain.errors import BrokerUnavailableError
from davy.domain.ports import Message
from davy.site import SiteConfig

T = TypeVar("T")
ANSWER_S = 30.0
_numbers = itertools.count()


class Target:
    """What is fuzzed. Its methods may be called from any thread but its own."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, aggregator: Running, bus: MqttBus, edge_: RunningEdge, endpoint: str
    ) -> None:
        self._loop, self.aggregator, self._bus, self._edge, self._endpoint = loop, aggregator, bus, edge_, endpoint
        self._connections, self._fuzzing = AsyncExitStack(), None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the target's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_S)

    def publish(self, *messages: Message) -> None:
        """Publish messages; the broker may refuse them, and the connection with them."""
        self.run(self._publish(messages))

    async def _publish(self, messages: tuple[Message, ...]) -> None:
        """Over a connection of its own, and a new one once the broker has cut it: it cuts who breaks MQTT's own rules."""
        bus = await self._fuzzing_bus()
        for message in messages:
            try:
                await bus.publish(message)
            except ValueError:  # the client's library
                continue
            except BrokerUnavailableError:
                return

    async def _fuzzing_bus(self) -> MqttBus:
        if self._fuzzing is None or not self._fuzzing.connected:
            await self._connections.aclose()
            self._fuzzing = await self._connections.enter_async_context(connect(self._endpoint, f"fuzzer-{next(_numbers)}"))
            await until(lambda: self._fuzzing.connected, 15)
        return self._fuzzing

    async def close(self) -> None:
        """End the fuzzer's own connection."""
        await self._connections.aclose()

    def check(self) -> None:
        """Assert that everything goes on."""
        before = self._edge.value("davy_frames_enhanced_total", camera="face")
        self.run(still_works(self.aggregator, self._bus))
        self.run(until(lambda: self._edge.value("davy_frames_enhanced_total", camera="face") > before, 10))
        assert not self._edge.task.done()
        restarts = self._edge.value("davy_component_restarts_total") + sum(
            sample.value
            for metric in self.aggregator.registry.collect()
            for sample in metric.samples
            if sample.name == "davy_component_restarts_total"
        )
        assert restarts == 0, "a component of the aggregator or of the edge failed"


@contextmanager
def target(broker: Mosquitto, folder: Path, camera: str) -> Iterator[Target]:
    """Start everything, and end it."""
    found: list[Target] = []
    failed: list[Exception] = []
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        south = {
            "site": "mine",
            "broker": broker.endpoint,
            "edges": {"south": {"cameras": {"face": {"source": camera, "fps": 10}}}},
        }
        async with (
            running(make_settings(folder / "aggregator"), make_site(broker.endpoint)) as aggregator,
            edge(SiteConfig.model_validate(south), folder / "edge") as south_edge,
            connect(broker.endpoint, "honest") as bus,
        ):
            await until(lambda: bus.connected and south_edge.value("davy_frames_enhanced_total", camera="face") > 0, 20)
            found.append(Target(asyncio.get_running_loop(), aggregator, bus, south_edge, broker.endpoint))
            ready.set()
            while not over.is_set():  # noqa: ASYNC110  # an event of another thread
                await asyncio.sleep(0.05)
            await found[0].close()

    def main() -> None:
        try:
            asyncio.run(serve())
        except Exception as error:  # noqa: BLE001  # raised in the thread that waits
            failed.append(error)
        ready.set()

    thread = threading.Thread(target=main, name="fuzz.target")
    thread.start()
    try:
        assert ready.wait(60)
        if failed:
            raise failed[0]
        yield found[0]
    finally:
        over.set()
        thread.join(30)
    if failed:
        raise failed[0]
