"""A closed broker: a real Mosquitto with the users that `davy config broker` writes."""

import asyncio
import stat
import subprocess
import sys
import threading
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.client import topic_matches_sub
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tests.fixtures.closed_broker import closed_broker
from tests.fixtures.edges import until

from davy.access.roles import Role
from davy.access.topics import MQTT
from davy.adapters import mqtt
from davy.adapters.mqtt.mosquitto import users_of
from davy.domain.errors import BrokerUnavailableError, ConfigError, InvalidInputError
from davy.domain.ports import Message
from davy.site import SiteConfig

ROOT = Path(__file__).parents[3]
CAMERA = {"cameras": {"face": {"source": "mine://face"}}}
SITE = SiteConfig.model_validate({"site": "demo", "enhancers": ["pool", "pool-2"], "edges": {"north": CAMERA, "south": CAMERA}})


@pytest.fixture
def closed(tmp_path):
    with closed_broker(SITE, tmp_path) as found:
        yield found


@asynccontextmanager
async def user(closed, name: str, password: str = ""):
    async with mqtt.connect(closed.endpoint(name, password), f"client-{name}") as bus:
        with suppress(TimeoutError):
            async with asyncio.timeout(3):
                while not bus.connected:  # noqa: ASYNC110  # it has no event
                    await asyncio.sleep(0.02)
        yield bus


async def heard_by(bus, topic_filter: str | list[str], heard: list[Message]) -> None:
    async for message in bus.subscribe([topic_filter] if isinstance(topic_filter, str) else topic_filter, qos=1):
        heard.append(message)  # noqa: PERF401  # others look at it meanwhile


LEAVES = (
    "status",
    "info",
    "stats",
    "event",
    "event/json",
    "reported/model",
    "reported/config",
    "desired/model",
    "desired/config",
)
CAMERA_LEAVES = ("status", "frame", "meta", "raw")
OWNERS = ("north", "south", "pool", "pool-2", "aggregator")
TOPICS = [
    *(f"davy/v1/demo/{owner}/{leaf}" for owner in OWNERS for leaf in LEAVES),
    *(f"davy/v1/demo/{owner}/cam/face/{leaf}" for owner in OWNERS for leaf in CAMERA_LEAVES),
    *(f"davy/v1/demo/aggregator/{leaf}" for leaf in ("alarms", "escalation", "alarm/lens-blocked:north.face")),
    "davy/v1/othermine/north/status",
    "homeassistant/status",
    "homeassistant/device/davy-demo/north_face/config",
    "homeassistant/device/davy-othermine/north_face/config",
    "homeassistant/sensor/thermometer/config",
]
USERS = {
    "north": (Role.EDGE, "north"),
    "south": (Role.EDGE, "south"),
    "davy-aggregator": (Role.AGGREGATOR, ""),
    "davy-enhancer": (Role.ENHANCER, "pool"),
    "davy-enhancer-pool-2": (Role.ENHANCER, "pool-2"),
    "davy-viewer": (Role.VIEWER, ""),
    "davy-program-grafana": (Role.VIEWER, ""),
}
FURTHER = ("davy-program-grafana",)


def allowed(user_name: str, action: str) -> set[str]:
    """The topics that the table lets a user read or write."""
    role, own = USERS[user_name]
    filters = [f"davy/v1/demo/{each.format(own=own)}" for each in getattr(MQTT[role], action)]
    filters += [each.format(site="demo") for each in getattr(MQTT[role], f"{action}_outside")]
    return {topic for topic in TOPICS if any(topic_matches_sub(each, topic) for each in filters)}


@pytest.mark.system
async def test_a08_f18_each_user_writes_exactly_what_the_table_says(tmp_path):
    with closed_broker(SITE, tmp_path, root=True, more=FURTHER) as closed:
        heard: list[Message] = []
        async with user(closed, "root") as ear:
            listening = asyncio.create_task(heard_by(ear, ["davy/#", "homeassistant/#"], heard))
            await asyncio.sleep(0.2)
            for name in USERS:
                async with user(closed, name) as mouth:
                    for topic in TOPICS:
                        with suppress(BrokerUnavailableError):
                            await mouth.publish(Message(topic, name.encode(), 1))
            await ear.publish(Message("davy/end", b"end", 1))
            await until(lambda: any(message.payload == b"end" for message in heard))
            listening.cancel()
    for name in USERS:
        assert {message.topic for message in heard if message.payload == name.encode()} == allowed(name, "writes"), name


@pytest.mark.system
async def test_f18_each_user_reads_exactly_what_the_table_says(tmp_path):
    asked = [*TOPICS, "#", "davy/#", "homeassistant/#", "davy/v1/demo/#", "$share/anything/davy/#", "$share/enhancers/davy/#"]
    with closed_broker(SITE, tmp_path, root=True, more=FURTHER) as closed:
        async with user(closed, "root") as mouth:
            for name in USERS:
                heard: list[Message] = []
                async with user(closed, name) as ear:
                    listening = asyncio.create_task(heard_by(ear, asked, heard))
                    await asyncio.sleep(0.3)
                    for topic in TOPICS:
                        await mouth.publish(Message(topic, b"said", 1))
                    last = max(allowed(name, "reads"), key=TOPICS.index)
                    await until(lambda heard=heard, last=last: any(message.topic == last for message in heard))
                    listening.cancel()
                assert {message.topic for message in heard} == allowed(name, "reads"), name


def test_viewers_and_edges_read_no_raw_frames_and_no_orders_of_others():
    for name in ("davy-viewer", "north"):
        assert not [topic for topic in allowed(name, "reads") if topic.endswith("/raw") or "south/desired" in topic]


@pytest.mark.system
async def test_a01_f18_nobody_comes_in_without_a_password(closed):
    async with user(closed, "north", "guessed") as bus:
        assert not bus.connected
    async with mqtt.connect(closed.broker.endpoint, "anonymous") as bus:
        await asyncio.sleep(1)
        assert not bus.connected


@pytest.mark.system
def test_a_mine_s_file_is_enough_and_passwords_stay(tmp_path):
    words = [sys.executable, "-m", "davy", "config", "broker", "infra/site.yaml", str(tmp_path / "users")]
    for _ in range(2):
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "north, south, west, davy-aggregator" in done.stdout
    kept = (tmp_path / "users" / "plain.env").read_text()
    subprocess.run(words, cwd=ROOT, capture_output=True, check=True)
    assert (tmp_path / "users" / "plain.env").read_text() == kept
    assert stat.S_IMODE((tmp_path / "users" / "plain.env").stat().st_mode) == 0o600
    written = (tmp_path / "users" / "mosquitto.conf").read_text()
    assert f"plugin_opt_config_file {tmp_path}/users/security.json\n" in written
    assert "allow_anonymous false\nuse_username_as_clientid true\n" in written


@pytest.mark.parametrize("name", ["davy-viewer", "davy-enhancer-pool-2", "aggregator"])
def test_an_edge_cannot_have_the_name_of_davy_s_own_users(name):
    with pytest.raises(ConfigError, match=name):
        users_of(SiteConfig.model_validate({"site": "demo", "edges": {name: CAMERA}}))


@pytest.mark.parametrize("name", ["north", "davy-enhancer-3", "davy-viewer-", "davy-viewer-a b", "davy-viewer-#", "root"])
def test_a_further_user_is_an_aggregator_a_viewer_or_a_program(name):
    with pytest.raises(InvalidInputError):
        users_of(SITE, (name,))


def plain_client(closed, user_name: str, client_id: str) -> "paho.Client":
    """A client as an attacker would write it: any id it likes, MQTT 5, and a persistent session."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5)
    client.username_pw_set(user_name, closed.passwords[user_name])
    client.reconnect_delay_set(30, 30)
    return client


@contextmanager
def connected(client: "paho.Client", port: int):
    """The client, in a thread of its own, and the events that its connection has."""
    came, ended = threading.Event(), threading.Event()
    client.on_connect = lambda *_: came.set()
    client.on_disconnect = lambda *_: ended.set()
    client.connect("127.0.0.1", port, clean_start=False)
    client.loop_start()
    try:
        assert came.wait(10)
        yield ended
    finally:
        client.loop_stop()
        client.disconnect()


@pytest.mark.system
def test_a26_nobody_takes_over_the_session_of_another_user(closed):
    """A26: an edge stays connected while every other user connects with its client id."""
    victim = plain_client(closed, "north", "davy-demo-north")
    with connected(victim, closed.broker.port) as ended:
        for user_name in ("davy-viewer", "south", "davy-enhancer", "davy-monitor"):
            for client_id in ("north", "davy-demo-north", "davy-aggregator"):
                with connected(plain_client(closed, user_name, client_id), closed.broker.port) as own_end:
                    assert victim.publish("davy/v1/demo/north/status", b"online", 1).wait_for_publish(5) is None
                    assert victim.is_connected() and not ended.is_set()
                    assert not own_end.is_set()


@pytest.mark.system
def test_a_user_s_own_second_connection_ends_its_first(closed):
    """What it costs: one connection for each user, so two edges with one name are found out."""
    first, second = (plain_client(closed, "north", each) for each in ("one", "two"))
    with connected(first, closed.broker.port) as ended, connected(second, closed.broker.port):
        assert ended.wait(10)


@pytest.mark.system
async def test_a26_a_stolen_session_holds_no_message_of_its_owner(closed):
    """An attacker who asks for the persistent session of the aggregator gets an empty one of its own."""
    orders = "davy/v1/demo/north/desired/config"
    owner, subscribed = plain_client(closed, "north", "north"), threading.Event()
    owner.on_connect = lambda *_: owner.subscribe(orders, 1)
    owner.on_subscribe = lambda *_: subscribed.set()
    owner.connect("127.0.0.1", closed.broker.port, clean_start=False, properties=_keep_session())
    owner.loop_start()
    assert await asyncio.to_thread(subscribed.wait, 10)
    owner.loop_stop()
    owner.disconnect(properties=_keep_session(ends=True))
    async with user(closed, "davy-aggregator") as mouth:
        await mouth.publish(Message(orders, b"rtsp://camera:secret@10.0.0.9", 1))
    heard: list[bytes] = []
    thief = plain_client(closed, "davy-viewer", "north")
    thief.on_message = lambda _client, _data, message: heard.append(message.payload)
    with connected(thief, closed.broker.port):
        info = thief.subscribe("davy/v1/demo/north/status", 1)
        assert info[0] == 0
        async with user(closed, "north") as edge:
            await edge.publish(Message("davy/v1/demo/north/status", b"online", 1))
        await until(lambda: b"online" in heard)
    assert heard == [b"online"]


def _keep_session(ends: bool = False) -> Properties:
    properties = Properties(PacketTypes.DISCONNECT if ends else PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 600
    return properties


@pytest.mark.system
async def test_a27_a_viewer_floods_no_retained_topic_and_takes_no_raw_frame(closed):
    raw, heard = "davy/v1/demo/north/cam/face/raw", []
    filters = (
        "davy/v1/+/+/cam/+/frame",
        raw,
        "davy/v1/demo/+/cam/+/raw",
        "#",
        "davy/#",
        "$share/enhancers/davy/v1/demo/+/cam/+/raw",
        f"$share/x/{raw}",
    )
    async with user(closed, "davy-viewer") as viewer, user(closed, "davy-enhancer") as enhancer, user(closed, "north") as edge:
        own: list[Message] = []
        tasks = [asyncio.create_task(heard_by(viewer, each, heard)) for each in filters]
        tasks.append(asyncio.create_task(heard_by(enhancer, "$share/enhancers/davy/v1/demo/+/cam/+/raw", own)))
        for number in range(200):
            for topic in (f"davy/v1/demo/ghost-{number}/status", f"davy/v1/demo/north/cam/ghost-{number}/status"):
                with suppress(BrokerUnavailableError):
                    await viewer.publish(Message(topic, b"online", 1, retain=True))
        await asyncio.sleep(0.3)  # the subscriptions
        for _ in range(20):
            await edge.publish(Message(raw, b"raw", 1))
        await until(lambda: len(own) == 20)  # a shared subscription of the viewer's would have taken some of them
        await edge.publish(Message("davy/v1/demo/north/cam/face/frame", b"frame", 1))
        await until(lambda: any(message.payload == b"frame" for message in heard))
        for task in tasks:
            task.cancel()
    assert {message.topic for message in heard} == {"davy/v1/demo/north/cam/face/frame"}
    retained: list[Message] = []
    async with user(closed, "davy-aggregator") as ear:
        listening = asyncio.create_task(heard_by(ear, "davy/v1/demo/#", retained))
        await asyncio.sleep(0.2)
        async with user(closed, "north") as edge:
            await edge.publish(Message("davy/v1/demo/north/status", b"end", 1))
        await until(lambda: any(message.payload == b"end" for message in retained))
        listening.cancel()
    assert not [message.topic for message in retained if "ghost" in message.topic]
