"""A closed broker: a real Mosquitto with the list and the passwords that `davy config broker` writes."""

import asyncio
import shutil
import stat
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from paho.mqtt.client import topic_matches_sub
from tests.fixtures.closed_broker import closed_broker
from tests.fixtures.edges import until

from davy.access.roles import Role
from davy.access.topics import MQTT
from davy.adapters import mqtt
from davy.adapters.mqtt.mosquitto import access_list, password_file
from davy.domain.errors import BrokerUnavailableError, ConfigError
from davy.domain.ports import Message
from davy.site import SiteConfig

ROOT = Path(__file__).parents[3]
CAMERA = {"cameras": {"face": {"source": "mine://face"}}}
SITE = SiteConfig.model_validate({"site": "demo", "edges": {"north": CAMERA, "south": CAMERA}})


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


async def heard_by(bus, topic_filter: str, heard: list[Message]) -> None:
    async for message in bus.subscribe([topic_filter], qos=1):
        heard.append(message)  # noqa: PERF401  # others look at it meanwhile


LEAVES = ("status", "info", "stats", "event", "reported/model", "reported/config", "desired/model", "desired/config")
CAMERA_LEAVES = ("status", "frame", "meta", "raw")
OWNERS = ("north", "south", "pool", "aggregator")
TOPICS = [
    *(f"davy/v1/demo/{owner}/{leaf}" for owner in OWNERS for leaf in LEAVES),
    *(f"davy/v1/demo/{owner}/cam/face/{leaf}" for owner in OWNERS for leaf in CAMERA_LEAVES),
    "davy/v1/othermine/north/status",
]
USERS = {
    "north": (Role.EDGE, "north"),
    "south": (Role.EDGE, "south"),
    "davy-aggregator": (Role.AGGREGATOR, ""),
    "davy-enhancer": (Role.ENHANCER, "pool"),
    "davy-viewer": (Role.VIEWER, ""),
}


def allowed(user_name: str, action: str) -> set[str]:
    """The topics that the table lets a user read or write."""
    role, own = USERS[user_name]
    filters = [f"davy/v1/demo/{each.format(own=own)}" for each in getattr(MQTT[role], action)]
    return {topic for topic in TOPICS if any(topic_matches_sub(each, topic) for each in filters)}


@pytest.mark.system
async def test_f18_each_user_writes_exactly_what_the_table_says(tmp_path):
    with closed_broker(SITE, tmp_path, root=True) as closed:
        heard: list[Message] = []
        async with user(closed, "root") as ear:
            listening = asyncio.create_task(heard_by(ear, "davy/#", heard))
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
@pytest.mark.parametrize("topic_filter", ["davy/#", "$share/anything/davy/#"])
async def test_f18_each_user_reads_exactly_what_the_table_says(tmp_path, topic_filter):
    with closed_broker(SITE, tmp_path, root=True) as closed:
        async with user(closed, "root") as mouth:
            for name in USERS:
                heard: list[Message] = []
                async with user(closed, name) as ear:
                    listening = asyncio.create_task(heard_by(ear, topic_filter, heard))
                    await asyncio.sleep(0.2)
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
async def test_f18_nobody_comes_in_without_a_password(closed):
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
    assert f"acl_file {tmp_path}/users/acl\n" in written
    assert "allow_anonymous false\n" in written


def test_an_edge_cannot_have_the_name_of_davy_s_own_users():
    with pytest.raises(ConfigError, match="davy-viewer"):
        access_list(SiteConfig.model_validate({"site": "demo", "edges": {"davy-viewer": CAMERA}}))


@pytest.mark.skipif(shutil.which("mosquitto_passwd") is None, reason="needs mosquitto_passwd")
def test_the_digest_has_mosquitto_s_own_form(tmp_path):
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(tmp_path / "theirs"), "north", "secret"], check=True)
    theirs = (tmp_path / "theirs").read_text().strip().split("$")
    ours = password_file({"north": "secret"}).strip().split("$")
    assert [len(ours[0]), ours[1], *map(len, ours[3:])] == [len(theirs[0]), theirs[1], *map(len, theirs[3:])]
