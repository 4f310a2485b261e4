import socket

import aiomqtt
import pytest
import redis

from davy.adapters.embedded.servers import embedded_broker, embedded_store, free_port
from davy.domain.errors import BrokerUnavailableError

pytestmark = pytest.mark.system
HOST = "127.0.0.1"


async def test_the_embedded_broker_carries_a_message():
    with embedded_broker(HOST, free_port(HOST, 0)) as endpoint:
        port = int(endpoint.rsplit(":", 1)[1])
        async with aiomqtt.Client(HOST, port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.subscribe("a/b")
            await client.publish("a/b", b"payload")
            assert (await anext(aiter(client.messages))).payload == b"payload"


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
