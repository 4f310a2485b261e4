"""What a real broker answers is read, obeyed, counted and shown: its packet limit, and refusals in PUBACK."""

import json

import numpy as np
import pytest
from tests.fixtures.closed_broker import closed_broker
from tests.fixtures.edges import ear, edge, site_of, until

from davy.adapters.media import jpeg
from davy.adapters.mqtt.bus import connect
from davy.domain.errors import BrokerUnavailableError, MessageRefusedError
from davy.domain.ports import Message

LIMIT = 20_000


@pytest.fixture
def limited(mosquitto):
    """A broker that takes packets of at most 20,000 bytes, and says so in its CONNACK."""
    mosquitto.kill()
    mosquitto.config.write_text(mosquitto.config.read_text() + f"max_packet_size {LIMIT}\n")
    mosquitto.start()
    return mosquitto


async def test_a_message_over_the_packet_limit_is_refused_by_its_true_reason_and_the_connection_stays(limited):
    async with connect(limited.endpoint, "writer") as bus:
        await until(lambda: bus.connected)
        assert bus.max_payload_bytes == LIMIT - 1024
        with pytest.raises(MessageRefusedError, match="it takes packets of at most 20,000 bytes, and this has 30,000"):
            await bus.publish(Message("a/b", bytes(30_000)))
        await bus.publish(Message("a/b", bytes(LIMIT - 1024), qos=1, properties={"x": "y"}))
        await bus.publish(Message("a/kept", bytes(30_000), qos=1, retain=True))  # those after it still go
        assert (bus.connected, bus.refused) == (True, 2)
        assert "refuses a/kept" in bus.refusal
        await bus.publish(Message("a/kept", b"small", qos=1, retain=True))
        assert bus.refusal == ""


async def test_frames_fit_the_packet_limit_by_a_lower_quality(limited, tmp_path):
    (tmp_path / "pictures").mkdir()
    whole = jpeg.encode(np.random.default_rng(1).integers(0, 255, (180, 320, 3), np.uint8), 95)
    assert len(whole) > LIMIT
    (tmp_path / "pictures" / "0.jpg").write_bytes(whole)
    site = site_of(f"file://{tmp_path / 'pictures'}", broker=limited.endpoint, quality=95)
    async with ear(limited.endpoint, "davy/v1/+/+/cam/+/frame") as heard, edge(site, tmp_path / "edge") as north:
        await until(lambda: heard, 20)
        refused = north.value("davy_edge_mqtt_refused")  # at most the frame that was made before the broker named its limit
        await until(lambda: len(heard) >= 4, 20)
        assert all(len(message.payload) <= LIMIT - 1024 for message in heard)
        assert north.value("davy_edge_mqtt_refused") == refused <= 1
        assert north.value("davy_edge_mqtt_connected") == 1


async def test_a_broker_that_refuses_a_topic_is_shown_with_its_reason(tmp_path):
    site = site_of("file:///nowhere")
    with closed_broker(site, tmp_path) as closed:
        async with connect(closed.endpoint("north"), "north") as bus:
            await until(lambda: bus.connected)
            with pytest.raises(MessageRefusedError, match="Not authorized"):
                await bus.publish(Message("davy/v1/demo/south/event", b"{}", qos=1))
            await bus.publish(Message("davy/v1/demo/north/info", json.dumps({}).encode(), qos=1, retain=True))
            assert bus.connected


@pytest.mark.parametrize("password", ["p#a/s?s@w", "a@b", "100%", "x/y"])
async def test_a_broker_takes_a_password_as_it_is_written_and_nothing_shows_it(tmp_path, monkeypatch, password, caplog):
    monkeypatch.setattr("tests.fixtures.closed_broker.make_passwords", lambda *_: {"north": password})
    with closed_broker(site_of("file:///nowhere"), tmp_path) as closed:
        endpoint = closed.endpoint("north")
        assert password in endpoint
        async with connect(endpoint, "north") as bus:
            await until(lambda: bus.connected)
            assert bus.endpoint == f"mqtt://***@127.0.0.1:{closed.broker.port}"
    async with connect(endpoint, "north") as bus:
        await until(lambda: bus.attempted)
        assert password not in bus.error
        with pytest.raises(BrokerUnavailableError) as error:
            await bus.publish(Message("a", b""))
    assert password not in str(error.value) + caplog.text
