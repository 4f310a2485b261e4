"""The broker as it is shipped: readers that stand still, and a crowd that comes back."""

import asyncio
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager

import psutil
import pytest
from tests.conftest import Mosquitto
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.fixtures.edges import ear
from tests.fixtures.fleet import TalkingEdge, talking

from davy.adapters import mqtt
from davy.adapters.mqtt.mosquitto import configuration
from davy.domain.ports import Message
from davy.domain.topics import ONLINE, EdgeTopics

pytestmark = [pytest.mark.system, pytest.mark.alone]
FRAME = bytes(60_000)
CAMERA = {"cameras": {"face": {"source": "mine://face"}}}


@pytest.fixture
def shipped(mosquitto):
    """A broker with the queues that Davy writes into its configuration, open to everybody."""
    mosquitto.kill()
    mosquitto.config.write_text(configuration(f"listener {mosquitto.port} 127.0.0.1\nallow_anonymous true\n"))
    mosquitto.start()
    return mosquitto


@contextmanager
def frozen_reader(broker: Mosquitto):
    command = ["mosquitto_sub", "-p", str(broker.port), "-t", "davy/#", "-N"]
    reader = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)  # it has no voice to say that it has subscribed
        reader.send_signal(signal.SIGSTOP)
        yield
    finally:
        reader.kill()
        reader.wait()


@pytest.mark.skipif(shutil.which("mosquitto_sub") is None, reason="mosquitto-clients is not installed")
async def test_f09_a_reader_that_stands_still_costs_the_broker_80_mb_at_most(shipped):
    """240 MB are published at QoS 0 beside it; whoever reads gets them."""
    assert shipped.process is not None
    broker = psutil.Process(shipped.process.pid)
    received = 0
    with frozen_reader(shipped):
        async with mqtt.connect(shipped.endpoint, "sender") as sender, mqtt.connect(shipped.endpoint, "reader") as reader:

            async def read() -> None:
                nonlocal received
                async for _ in reader.subscribe(["davy/+/frame"], depth=5000):
                    received += 1

            reading = asyncio.create_task(read())
            await until(lambda: sender.connected and reader.connected)
            await asyncio.sleep(0.2)
            before = broker.memory_info().rss
            for number in range(4000):
                await sender.publish(Message("davy/north/frame", FRAME))
                if number % 50 == 49:
                    await until(lambda number=number: received > number - 250, 20)  # no faster than it is read
            await until(lambda: received >= 3900, 20)
            assert broker.memory_info().rss - before <= 80_000_000
            reading.cancel()


async def test_f09_a_newcomer_gets_every_retained_state(shipped):
    heard: set[str] = set()
    async with mqtt.connect(shipped.endpoint, "sender") as sender, mqtt.connect(shipped.endpoint, "newcomer") as newcomer:
        await until(lambda: sender.connected and newcomer.connected)
        for number in range(3000):
            await sender.publish(Message(f"davy/{number}/status", b"x" * 300, 1, retain=True))

        async def read() -> None:
            async for message in newcomer.subscribe(["davy/+/status"], qos=1, depth=5000):
                heard.add(message.topic)

        reading = asyncio.create_task(read())
        await until(lambda: len(heard) == 3000, 20)
        reading.cancel()


@pytest.mark.parametrize("count", [50, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(300)])])
async def test_f25_a_crowd_of_edges_is_back_within_30_s(mosquitto, tmp_path, count):
    edges = [TalkingEdge(f"e{number:03}") for number in range(count)]
    site = make_site(mosquitto.endpoint, **{each.name: CAMERA for each in edges})
    async with running(make_settings(tmp_path), site) as aggregator:

        async def all_online() -> bool:
            known = (await aggregator.get("/v1/edges")).json()["edges"]
            return sum(each["status"] == "online" for each in known) == count

        async with talking(mosquitto.endpoint, "mine", *edges):
            await until(all_online, 30)
            mosquitto.kill()
            await asyncio.sleep(2)  # the time that it is away
            mosquitto.start()
            async with ear(mosquitto.endpoint, "davy/v1/mine/+/status") as heard:
                edge_topics = {EdgeTopics("mine", each.name).status for each in edges}
                await until(lambda: edge_topics <= {each.topic for each in heard if each.payload == ONLINE}, 30)
                await until(all_online, 5)
