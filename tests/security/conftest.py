"""What every attack is followed by: the process answers, is ready, and other cameras and edges are unharmed."""

import itertools
import time
from collections.abc import Iterator

import pytest
from tests.conftest import MOSQUITTO, Mosquitto, pick_port
from tests.davy_aggregator.conftest import PICTURE, Running, envelope, push, until
from tests.security.counting import table

from davy.domain.ports import Bus, Message


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what fuzzing did."""
    if lines := table():
        terminalreporter.section("fuzzing")
        terminalreporter.write_line("\n".join(lines))


_seqs = itertools.count(1)


async def is_ready(aggregator: Running, *dependencies: str) -> bool:
    """Whether these dependencies work; none: whether all but the absent cache do."""
    found = {each["name"]: each["ok"] for each in (await aggregator.get("/readyz")).json()["dependencies"]}
    return all(found.get(name, False) for name in dependencies or [name for name in found if name != "store"])


async def still_works(aggregator: Running, bus: Bus) -> None:
    """Assert that a frame of each transport and a status still arrive, and that every answer is good."""
    seq, boot_id = next(_seqs), f"honest-{time.monotonic_ns()}"
    facts = {"seq": str(seq), "captured_ns": str(time.time_ns()), "boot_id": boot_id, "width": "320", "height": "180"}
    topic = "davy/v1/mine/thin/cam/cam/frame"
    await bus.publish(Message(topic, PICTURE, properties=facts | {"model": "ispcnn-test"}))
    await bus.publish(Message("davy/v1/mine/north/status", b"online", 1, retain=True))
    await push(aggregator, envelope(seq, "north/belt", boot_id=boot_id))

    async def live(camera: str) -> bool:
        found = await aggregator.get(f"/v1/cameras/{camera}/latest.jpg")
        return found.status_code == 200 and boot_id in found.headers["ETag"]

    await until(lambda: live("thin.cam"))
    await until(lambda: live("north.belt"))
    for path in ("/v1/edges", "/v1/cameras", "/v1/site", "/v1/configs", "/v1/drift", "/v1/fleet", "/metrics", "/healthz"):
        assert (await aggregator.get(path)).status_code == 200, path
    assert await is_ready(aggregator)


@pytest.fixture(scope="module")
def module_mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A broker for all tests of a module."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    port = pick_port()
    config = tmp_path_factory.mktemp("broker") / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n")
    broker = Mosquitto(port, config)
    broker.start()
    yield broker
    broker.kill()
