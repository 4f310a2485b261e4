"""A8, A23, A24: an edge with its own password on the closed broker sends states of others, of nobody, and hostile ones."""

import json
from contextlib import suppress

import psutil
import pytest
from tests.davy_aggregator.conftest import make_site, until
from tests.fixtures.closed_broker import closed_broker
from tests.fixtures.configs import retained
from tests.security.closed import CAMERA, closed_mine

from davy.adapters import mqtt
from davy.domain.errors import BrokerUnavailableError
from davy.domain.ports import Message

pytestmark = pytest.mark.system

GHOSTS = 60
CAMERAS = 400
DEEP = b'{"a":' * 900 + b"1" + b"}" * 900
HOSTILE = {
    "900 levels": DEEP,
    "an array of 900 levels": b"[" * 900 + b"]" * 900,
    "a lone surrogate": b'{"boot_id": "\\ud800"}',
    "a lone surrogate as a name": b'{"\\udfff": 1}',
    "nan": b'{"cpu": NaN}',
    "infinity": b'{"cpu": 1e999}',
    "an integer of 5,000 digits": b'{"cpu": ' + b"9" * 5000 + b"}",
    "no UTF-8": b'{"a": "\xff\xfe"}',
    "zeros": bytes(100),
    "nothing": b"",
    "no object": b"[1, 2]",
    "null": b"null",
    "a text": b'"online"',
    "a page": b'{"version": "<img src=x onerror=alert(1)>", "host": "\\u001b[31m\\r\\n"}',
    "cameras that are no object": b'{"cameras": [1, 2, 3]}',
    "a camera that is no object": b'{"cameras": {"face": "x"}}',
    "figures that are texts": b'{"cameras": {"face": {"fps": "many", "age_p50_ms": {}, "size": [1]}}}',
    "figures that are lists": b'{"cpu": [], "memory": {}, "uptime_s": "x", "temperature_c": false}',
    "64 kB": b'{"a": "' + b"x" * 65_000 + b'"}',
    "over 64 kB": b'{"a": "' + b"x" * 70_000 + b'"}',
    "a member twice": b'{"model": 1, "model": {"id": []}}',
    "negative times": b'{"since_ns": -1, "at_ns": -9223372036854775808}',
    "a model that is no text": b'{"model": {"id": 7}, "models": [null], "version": 3}',
    "cut off": b'{"a": 1',
}


@pytest.fixture
async def mine(tmp_path):
    """A closed aggregator at a closed broker, and a way to publish as a user of the broker."""
    site = make_site(**{name: {"cameras": {"face": CAMERA}} for name in ("north", "south")})
    with closed_broker(site, tmp_path, root=True) as broker:
        own = site.model_copy(update={"broker": broker.endpoint("davy-aggregator")})
        async with closed_mine(tmp_path / "data", own) as found:

            async def publish(user: str, *messages: Message) -> None:
                async with mqtt.connect(broker.endpoint(user), f"attacker-{user}") as bus:
                    await until(lambda: bus.connected, 10)
                    for message in messages:
                        with suppress(BrokerUnavailableError):  # what the broker refuses
                            await bus.publish(message)

            await until(found.is_ready, 15)
            yield found, publish, broker
            await found.unharmed()


LIMIT = 40 * 2**20
PART = 20_000  # bytes; the smaller the messages, the fuller the memory


async def test_a23_a_flood_of_retained_messages_ends_at_the_broker_s_limit_and_the_neighbour_is_live(tmp_path):
    site = make_site(**{name: {"cameras": {"face": CAMERA}} for name in ("north", "south")})
    with closed_broker(site, tmp_path, memory_limit=LIMIT) as broker:
        own = site.model_copy(update={"broker": broker.endpoint("davy-aggregator")})
        async with closed_mine(tmp_path / "data", own) as found:
            await until(found.is_ready, 15)
            refused, number = 0, 0
            async with mqtt.connect(broker.endpoint("north"), "north") as north:
                while refused < 3:
                    await until(lambda: north.connected, 20)
                    number += 1
                    topic = f"davy/v1/mine/north/cam/c{number}/frame"
                    try:
                        await north.publish(Message(topic, bytes(PART), 1, retain=True))
                    except BrokerUnavailableError:
                        refused += 1
            assert number > LIMIT / PART / 2, "the broker took that many"
            process = broker.broker.process
            assert process is not None
            assert process.poll() is None
            assert psutil.Process(process.pid).memory_info().rss < 2 * LIMIT
            await found.south_is_live()  # frames of edges go to the console over gRPC
            broker.broker.kill()  # what an operator does after the edge is revoked: nothing is kept on disk
            broker.broker.start()
            await until(found.is_ready, 20)
            await found.unharmed()


async def edges_of(mine) -> dict[str, dict[str, object]]:
    return {edge["edge"]: edge for edge in (await mine.get("/v1/edges")).json()["edges"]}


async def test_a08_nobody_but_the_aggregator_gives_orders(mine):
    _, publish, broker = mine
    order = json.dumps({"epoch": 2**20, "id": "0" * 64, "config": {"cameras": {"face": {"source": "file:///etc"}}}}).encode()
    for user in ("south", "davy-viewer", "davy-enhancer", "north"):
        topics = (f"davy/v1/mine/north/desired/{each}" for each in ("config", "model"))
        await publish(user, *(Message(topic, order, 1, retain=True) for topic in topics))
    assert [message for message in await retained(broker.endpoint("root"), "davy/#") if "/desired/" in message] == []


async def test_a23_an_edge_invents_neither_edges_nor_cameras_without_end(mine):
    found, publish, _ = mine
    before = len((await found.get("/metrics")).text)
    ghosts = [Message(f"davy/v1/mine/ghost{number}/status", b"online", 1, retain=True) for number in range(GHOSTS)]
    await publish("davy-viewer", *ghosts)
    status = json.dumps({"state": "online", "reason": "x" * 500}).encode()
    cameras = [Message(f"davy/v1/mine/north/cam/c{number}/status", status, 0, retain=True) for number in range(CAMERAS)]
    await publish("north", *ghosts, *cameras, Message("davy/v1/mine/north/status", b"online", 1))

    async def is_online() -> bool:
        return (await edges_of(found))["north"]["status"] == "online"

    await until(is_online)
    assert (await edges_of(found)).keys() - {"aggregator", "pool"} == {"north", "south"}
    assert [each["id"] for each in (await found.get("/v1/cameras")).json()["cameras"]] == ["north.face", "south.face"]
    assert len((await found.get("/metrics")).text) < before + 2000


async def test_a24_no_json_of_an_edge_harms_the_answers_about_it_and_others(mine):
    found, publish, _ = mine
    leaves = ("info", "stats", "status", "cam/face/status", "reported/model", "reported/config", "event")
    for payload in HOSTILE.values():
        await publish("north", *(Message(f"davy/v1/mine/north/{leaf}", payload, 1, retain=True) for leaf in leaves))
        for path in ("/v1/edges", "/v1/cameras", "/v1/site", "/v1/fleet", "/v1/drift", "/v1/configs"):
            assert (await found.get(path)).status_code == 200, path
    south = Message("davy/v1/mine/south/status", b"online", 1, retain=True)
    await publish("south", south)

    async def neighbour_is_online() -> bool:
        return (await edges_of(found))["south"]["status"] == "online"

    await until(neighbour_is_online)
