import contextlib
import shutil
import socket

import aiomqtt
import pytest
import redis

from davy.adapters.embedded.front import protocol_version
from davy.adapters.embedded.servers import embedded_broker, embedded_store, free_port, system_store
from davy.domain.errors import BrokerUnavailableError, StoreUnavailableError

pytestmark = pytest.mark.system
HOST = "127.0.0.1"


async def test_the_embedded_broker_carries_a_message():
    with embedded_broker(HOST, free_port(HOST, 0)) as endpoint:
        port = int(endpoint.rsplit(":", 1)[1])
        async with aiomqtt.Client(HOST, port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.subscribe("a/b")
            await client.publish("a/b", b"payload")
            assert (await anext(aiter(client.messages))).payload == b"payload"


@pytest.mark.parametrize("version", [aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5])
async def test_clients_of_either_version_meet_at_one_port_of_the_embedded_broker(version):
    port = free_port(HOST, 0)
    with embedded_broker(HOST, port) as inside:
        async with (
            aiomqtt.Client(HOST, port, protocol=version) as viewer,
            aiomqtt.Client(HOST, int(inside.rsplit(":", 1)[1]), protocol=aiomqtt.ProtocolVersion.V5) as edge,
        ):
            await edge.publish("davy/v1/demo/north/status", b"online", qos=1, retain=True)
            await viewer.subscribe("davy/#")
            await edge.publish("davy/v1/demo/north/cam/face/frame", bytes(300_000))
            received = [(await anext(aiter(viewer.messages))).payload for _ in range(2)]
    assert sorted(received, key=len) == [b"online", bytes(300_000)]


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


@pytest.mark.parametrize("store", [embedded_store, system_store])
def test_the_embedded_store_speaks_the_redis_protocol(store):
    if store is system_store and not (shutil.which("valkey-server") or shutil.which("redis-server")):
        pytest.skip("neither valkey-server nor redis-server is installed")
    with store(2**26) as url, redis.Redis.from_url(url) as client:
        client.set("key", "value")
        assert client.get("key") == b"value"


def test_a_machine_without_any_store_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreUnavailableError, match="install valkey-server, redis-server or"), system_store(2**26):
        pass
