import asyncio
import functools
import gc
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.conftest import Mosquitto, pick_port

from davy.adapters import mqtt
from davy.adapters.mqtt.client import Router, client_factory, cut
from davy.domain.errors import BrokerUnavailableError, ConfigError
from davy.domain.ports import Message
from davy.domain.secret_url import SecretUrl

STATUS = "davy/v1/demo/north/status"
FRAME = "davy/v1/demo/north/cam/face/frame"
EVENTUALLY_S = 10

pytestmark = pytest.mark.system


@pytest.fixture(params=["mosquitto", "rumqttd"])
def endpoint(request) -> Iterator[str]:
    """Both brokers that Davy ships with hold to the same contract."""
    if request.param == "mosquitto":
        yield request.getfixturevalue("mosquitto").endpoint
        return
    embedded = pytest.importorskip("davy.adapters.embedded.servers", reason="iotcore is not installed")
    with embedded.embedded_broker("127.0.0.1", pick_port()) as address:
        yield address


@pytest.fixture
async def reader(endpoint) -> AsyncIterator[mqtt.MqttBus]:
    async with connected(endpoint, "reader") as bus:
        yield bus


class connected:  # noqa: N801  # used like a function
    """mqtt.connect, entered once the connection is up."""

    def __init__(self, *args, **kwargs) -> None:
        self.context = mqtt.connect(*args, **kwargs)

    async def __aenter__(self) -> mqtt.MqttBus:
        bus = await self.context.__aenter__()
        await until(lambda: bus.connected)
        return bus

    async def __aexit__(self, *error) -> None:
        await self.context.__aexit__(*error)


async def until(condition, timeout_s: float = EVENTUALLY_S) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.02)


async def next_of(messages, timeout_s: float = EVENTUALLY_S) -> Message:
    async with asyncio.timeout(timeout_s):
        return await anext(messages)


async def subscribed(bus: mqtt.MqttBus, *topic_filters: str, **options) -> mqtt.Subscription:
    messages = bus.subscribe(topic_filters, **options)
    await until(lambda: not bus._unsent)
    await asyncio.sleep(0.1)  # the broker answers
    return messages


async def test_a_frame_arrives_with_its_properties(endpoint, reader):
    messages = await subscribed(reader, "davy/v1/+/+/cam/+/frame")
    sent = Message(FRAME, b"\xff\xd8jpeg", content_type="image/jpeg", expiry_s=2, properties={"seq": "7", "model": "ispcnn"})
    async with connected(endpoint, "writer") as writer:
        await writer.publish(sent)
        got = await next_of(messages)
    assert (got.topic, got.payload, got.content_type) == (sent.topic, sent.payload, "image/jpeg")
    assert got.properties == sent.properties
    assert got.expiry_s in (1, 2)


async def test_a_900_kb_frame_arrives_whole(endpoint, reader):
    messages = await subscribed(reader, FRAME)
    async with connected(endpoint, "writer") as writer:
        await writer.publish(Message(FRAME, bytes(900_000)))
        assert len((await next_of(messages)).payload) == 900_000


async def test_retained_state_meets_a_late_reader(endpoint, reader):
    async with connected(endpoint, "writer") as writer:
        await writer.publish(Message(STATUS, b"online", qos=1, retain=True))
    messages = await subscribed(reader, STATUS, qos=1)
    got = await next_of(messages)
    assert (got.payload, got.retain) == (b"online", True)


async def test_each_shared_message_meets_one_member(endpoint, reader):
    async with connected(endpoint, "reader-2") as other, connected(endpoint, "writer") as writer:
        members = [await subscribed(bus, f"$share/enhancers/{FRAME}") for bus in (reader, other)]
        for number in range(20):
            await writer.publish(Message(FRAME, b"%d" % number))
        await asyncio.sleep(0.5)
    shares = [[message.payload async for message in member] for member in members[1:]]
    members[0].end()
    shares.append([message.payload async for message in members[0]])
    assert sorted(int(each) for share in shares for each in share) == list(range(20))


async def test_a_slow_reader_loses_the_oldest(endpoint, reader):
    messages = await subscribed(reader, FRAME, depth=3)
    async with connected(endpoint, "writer") as writer:
        for number in range(10):
            await writer.publish(Message(FRAME, b"%d" % number))
        await until(lambda: messages.lost == 7)
    assert [(await next_of(messages)).payload for _ in range(3)] == [b"7", b"8", b"9"]


async def test_a_clean_exit_publishes_the_will(endpoint, reader):
    messages = await subscribed(reader, STATUS, qos=1)
    async with connected(endpoint, "writer", will=Message(STATUS, b"offline", 1, True)):
        pass
    assert (await next_of(messages)).payload == b"offline"


@pytest.mark.alone
async def test_f05_a_connection_that_breaks_leaves_the_last_will_within_1_s(endpoint, reader):
    messages = await subscribed(reader, STATUS, qos=1)
    async with connected(endpoint, "writer", will=Message(STATUS, b"offline", 1, True)) as writer:
        cut(writer._client)
        assert (await next_of(messages, 1)).payload == b"offline"


@pytest.mark.alone
async def test_without_a_broker_publish_raises_at_once(free_port):
    async with mqtt.connect(f"mqtt://127.0.0.1:{free_port}", "writer") as bus:
        started = time.monotonic()
        with pytest.raises(BrokerUnavailableError, match=f"no MQTT broker at mqtt://127.0.0.1:{free_port}"):
            await bus.publish(Message(FRAME, b""))
        assert time.monotonic() - started < 0.05


@pytest.mark.parametrize("address", ["127.0.0.1:1883", "http://127.0.0.1", "mqtt://", "mqtt://host:port"])
async def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ConfigError, match="no address of a broker"):
        async with mqtt.connect(address, "writer"):
            pass


async def test_a_password_stays_out_of_the_errors(free_port):
    async with mqtt.connect(f"mqtt://edge:s3cret@127.0.0.1:{free_port}", "writer") as bus:
        with pytest.raises(BrokerUnavailableError) as caught:
            await bus.publish(Message(FRAME, b""))
    assert "s3cret" not in str(caught.value)


@pytest.mark.system
async def test_f01_after_kill_9_of_the_broker_retained_state_and_subscriptions_return(mosquitto: Mosquitto):
    async def birth(bus: mqtt.MqttBus) -> None:
        await bus.publish(Message(STATUS, b"online", 1, True))

    async with (
        connected(mosquitto.endpoint, "reader") as reader,
        connected(mosquitto.endpoint, "writer", on_connect=birth) as writer,
    ):
        messages = await subscribed(reader, STATUS, FRAME)
        assert (await next_of(messages)).payload == b"online"
        mosquitto.kill()
        await until(lambda: not writer.connected and not reader.connected)
        with pytest.raises(BrokerUnavailableError):
            await writer.publish(Message(FRAME, b"lost"))
        await asyncio.sleep(1)
        mosquitto.start()
        assert (await next_of(messages, 5)).payload == b"online"
        await until(lambda: writer.connected and reader.connected, 5)
        await asyncio.sleep(0.2)
        await writer.publish(Message(FRAME, b"back"))
        got = await next_of(messages)
        while got.topic == STATUS:  # live and retained copy
            got = await next_of(messages)
        assert got.payload == b"back"


@pytest.mark.system
@pytest.mark.alone
async def test_f02_a_frozen_broker_blocks_no_loop_and_is_noticed_within_15_s(mosquitto: Mosquitto):
    async with connected(mosquitto.endpoint, "writer") as writer:
        mosquitto.freeze()
        frozen_at = time.monotonic()
        worst_s, failures = 0.0, 0

        async def push() -> None:
            nonlocal failures
            while True:
                try:
                    await writer.publish(Message(FRAME, bytes(200_000)))
                except BrokerUnavailableError:
                    failures += 1
                await asyncio.sleep(0.02)

        pusher = asyncio.create_task(push())
        try:
            while writer.connected and time.monotonic() - frozen_at < 15:
                before = time.monotonic()
                await asyncio.sleep(0.01)
                worst_s = max(worst_s, time.monotonic() - before)
            assert not writer.connected
            assert worst_s < 0.06
            assert failures > 0
        finally:
            mosquitto.thaw()
        await until(lambda: writer.connected)
        pusher.cancel()


@pytest.mark.system
async def test_two_clients_with_one_id_do_not_fight(mosquitto: Mosquitto):
    async with connected(mosquitto.endpoint, "edge") as first, connected(mosquitto.endpoint, "edge") as second:
        bodies = (first, second)
        await until(lambda: any("another client connected as 'edge'" in each.error for each in bodies), 30)
        await asyncio.sleep(12)  # longer than any ordinary backoff
        assert sorted(each.connected for each in bodies) == [False, True]


@pytest.mark.system
@pytest.mark.alone
async def test_a_broker_that_is_killed_again_and_again_is_met_within_5_s_and_is_no_client_id_clash(mosquitto: Mosquitto):
    async with connected(mosquitto.endpoint, "edge") as bus:
        for _ in range(6):
            mosquitto.kill()
            await until(lambda: not bus.connected)
            mosquitto.start()  # returns once the port is open
            opened_at = time.monotonic()
            await until(lambda: bus.connected)
            assert time.monotonic() - opened_at < 5
            assert "another client" not in bus.error
            await asyncio.sleep(0.3)  # a short session, as a client-id clash makes them


async def test_a_connection_that_breaks_as_it_is_closed_leaves_no_error_behind(endpoint):
    told: list[dict] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    client = client_factory(SecretUrl.of(endpoint), "leaver", None)(functools.partial(Router, lambda received: None))
    await client.__aenter__()
    cut(client)
    await until(client._disconnected.done)
    del client
    gc.collect()
    await asyncio.sleep(0.1)
    assert not told
