import contextlib
import json
import socket

import aiomqtt
import paho.mqtt.client as paho
import pytest
import redis
from tests.davy_aggregator.conftest import until

from davy.adapters.embedded.front import protocol_version
from davy.adapters.embedded.servers import embedded_broker, embedded_store, free_port
from davy.adapters.mqtt.bus import connect
from davy.adapters.mqtt.frame_messages import messages_of
from davy.domain.camera import CameraAddress
from davy.domain.errors import BrokerUnavailableError
from davy.domain.frame import EncodedFrame

pytestmark = pytest.mark.system
HOST = "127.0.0.1"
FRAME = EncodedFrame(CameraAddress("demo", "north", "face"), "boot", 7, 123, 320, 240, b"\xff\xd8jpeg", model="ispcnn")


async def test_the_embedded_broker_carries_a_message():
    with embedded_broker(HOST, free_port(HOST, 0)) as endpoint:
        port = int(endpoint.rsplit(":", 1)[1])
        async with aiomqtt.Client(HOST, port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.subscribe("a/b")
            await client.publish("a/b", b"payload")
            assert (await anext(aiter(client.messages))).payload == b"payload"


def test_a_client_of_mqtt_3_1_1_is_refused_with_the_reason_and_the_broker_stays():
    """Its listener would die of the first message with properties, and every frame has some."""
    port, answers = free_port(HOST, 0), []
    with embedded_broker(HOST, port):
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        client.on_connect = lambda client, userdata, flags, reason, properties: answers.append(str(reason))
        client.connect(HOST, port)
        while not answers:
            client.loop(0.1)
        client.disconnect()
        assert answers == ["Unsupported protocol version"]
        newer = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        newer.on_connect = lambda client, userdata, flags, reason, properties: answers.append(str(reason))
        newer.connect(HOST, port)
        while len(answers) < 2:
            newer.loop(0.1)
        newer.disconnect()
    assert answers[1] == "Success"


async def test_a_client_of_mqtt_3_1_1_reads_in_meta_what_user_properties_say(mosquitto):
    async with (
        connect(mosquitto.endpoint, "edge") as edge,
        aiomqtt.Client(HOST, mosquitto.port, protocol=aiomqtt.ProtocolVersion.V311) as viewer,
    ):
        await viewer.subscribe("davy/v1/+/+/cam/+/+")
        await until(lambda: edge.connected)
        for message in messages_of(FRAME):
            await edge.publish(message)
        picture, meta = [await anext(aiter(viewer.messages)) for _ in range(2)]
    assert (picture.topic.value, picture.payload) == ("davy/v1/demo/north/cam/face/frame", FRAME.jpeg)
    assert picture.properties is None
    assert json.loads(meta.payload)["seq"] == FRAME.seq
    assert json.loads(meta.payload)["variant"] == "enhanced"


async def test_a_wrong_password_is_refused():
    port = free_port(HOST, 0)
    with embedded_broker(HOST, port, {"davy-viewer": "right"}):
        options = {"protocol": aiomqtt.ProtocolVersion.V5, "username": "davy-viewer", "timeout": 3}
        async with aiomqtt.Client(HOST, port, password="right", **options):
            pass
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client(HOST, port, password="wrong", **options):
                pass


def test_a_client_of_an_unknown_version_is_refused_with_the_reason():
    port = free_port(HOST, 0)
    with embedded_broker(HOST, port), socket.create_connection((HOST, port), timeout=5) as client:
        client.sendall(b"\x10\x12\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x04test")  # MQTT 3.1
        assert client.recv(10) == b"\x20\x02\x00\x01"  # unacceptable protocol version
        assert client.recv(10) == b""


def test_a_client_that_speaks_no_mqtt_is_closed():
    port = free_port(HOST, 0)
    with embedded_broker(HOST, port), socket.create_connection((HOST, port), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(10) == b""


@pytest.mark.parametrize(
    ("head", "version"),
    [
        (b"", None),
        (b"\x10", None),
        (b"\x10\x20\x00\x04MQT", None),
        (b"\x10\x20\x00\x04MQTT\x04", 4),
        (b"\x10\xff\x01\x00\x04MQTT\x05", 5),
        (b"\x10\xff\xff\xff\x7f\x00\x04MQTT\x05", 5),
        (b"\x10\x20\x00\x06MQIsdp\x03", 3),
        (b"\x10\x20\x00\x05HELLO\x03", 0),
        (b"\x16\x03\x01", 0),
    ],
)
def test_the_version_is_in_the_first_packet(head, version):
    assert protocol_version(head) == version


def test_a_taken_port_is_a_broker_error_that_names_it():
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BrokerUnavailableError, match=str(port)), embedded_broker(HOST, port):
            pass


def test_free_port_leaves_a_taken_port_alone():
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        assert free_port(HOST, port) != port


def test_the_embedded_store_speaks_the_redis_protocol():
    with embedded_store() as url, redis.Redis.from_url(url) as client:
        client.set("key", "value")
        assert client.get("key") == b"value"
