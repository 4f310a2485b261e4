"""A closed broker: a real Mosquitto with the list and the passwords that `davy config broker` writes."""

import asyncio
import shutil
import stat
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.fixtures.closed_broker import closed_broker

from davy.adapters import mqtt
from davy.adapters.mqtt.mosquitto import access_list, password_file
from davy.domain.errors import BrokerUnavailableError, ConfigError
from davy.domain.ports import Message
from davy.domain.topics import EdgeTopics
from davy.site import SiteConfig

ROOT = Path(__file__).parents[3]
CAMERA = {"cameras": {"face": {"source": "mine://face"}}}
SITE = SiteConfig.model_validate({"site": "demo", "edges": {"north": CAMERA, "south": CAMERA}})
NORTH, SOUTH, POOL = (EdgeTopics("demo", name) for name in ("north", "south", "pool"))
AGGREGATOR = EdgeTopics("demo", "aggregator")


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


async def passes(closed, sender: str, topic: str, reader: str = "davy-aggregator") -> bool:
    """Whether what one user writes reaches another."""
    heard: list[Message] = []
    async with user(closed, reader) as ear, user(closed, sender) as mouth:
        listening = asyncio.create_task(heard_by(ear, "davy/#", heard))
        await asyncio.sleep(0.2)
        with suppress(BrokerUnavailableError):
            await mouth.publish(Message(topic, b"said", 1))
        await asyncio.sleep(0.2)
        listening.cancel()
    return any(message.payload == b"said" for message in heard)


@pytest.mark.system
@pytest.mark.parametrize(
    ("sender", "topic", "reader", "expected"),
    [
        ("north", NORTH.status, "davy-aggregator", True),
        ("north", NORTH.reported_config, "davy-aggregator", True),
        ("north", NORTH.camera("face").frame, "davy-viewer", True),
        ("north", SOUTH.status, "davy-aggregator", False),
        ("north", SOUTH.camera("face").frame, "davy-viewer", False),
        ("north", SOUTH.desired_config, "south", False),
        ("north", NORTH.desired_config, "north", False),
        ("north", AGGREGATOR.event, "davy-viewer", False),
        ("davy-aggregator", SOUTH.desired_config, "south", True),
        ("davy-aggregator", SOUTH.desired_config, "north", False),
        ("davy-aggregator", SOUTH.desired_config, "davy-viewer", False),
        ("davy-aggregator", AGGREGATOR.status, "davy-viewer", True),
        ("davy-aggregator", SOUTH.camera("face").frame, "davy-viewer", False),
        ("davy-enhancer", SOUTH.camera("face").frame, "davy-aggregator", True),
        ("davy-enhancer", SOUTH.status, "davy-aggregator", False),
        ("davy-enhancer", SOUTH.reported_model, "davy-aggregator", False),
        ("davy-enhancer", POOL.reported_model, "davy-aggregator", True),
        ("davy-enhancer", POOL.status, "davy-aggregator", True),
        ("davy-enhancer", POOL.desired_model, "davy-enhancer", False),
        ("davy-aggregator", POOL.desired_model, "davy-enhancer", True),
        ("davy-aggregator", SOUTH.desired_config, "davy-enhancer", False),
        ("north", POOL.reported_model, "davy-aggregator", False),
        ("davy-viewer", NORTH.status, "davy-aggregator", False),
        ("north", "davy/v1/othermine/north/status", "davy-aggregator", False),
    ],
)
async def test_f18_who_may_say_what_to_whom(closed, sender, topic, reader, expected):
    assert await passes(closed, sender, topic, reader) is expected


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
    kept = (tmp_path / "users" / "compose.env").read_text()
    subprocess.run(words, cwd=ROOT, capture_output=True, check=True)
    assert (tmp_path / "users" / "compose.env").read_text() == kept
    assert stat.S_IMODE((tmp_path / "users" / "compose.env").stat().st_mode) == 0o600
    composed = (ROOT / "infra/compose.closed.yml").read_text()
    assert all(f"${{{line.split('=')[0]}}}" in composed for line in kept.splitlines())


def test_an_edge_cannot_have_the_name_of_davy_s_own_users():
    with pytest.raises(ConfigError, match="davy-viewer"):
        access_list(SiteConfig.model_validate({"site": "demo", "edges": {"davy-viewer": CAMERA}}))


@pytest.mark.skipif(shutil.which("mosquitto_passwd") is None, reason="needs mosquitto_passwd")
def test_the_digest_has_mosquitto_s_own_form(tmp_path):
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(tmp_path / "theirs"), "north", "secret"], check=True)
    theirs = (tmp_path / "theirs").read_text().strip().split("$")
    ours = password_file({"north": "secret"}).strip().split("$")
    assert [len(ours[0]), ours[1], *map(len, ours[3:])] == [len(theirs[0]), theirs[1], *map(len, theirs[3:])]
