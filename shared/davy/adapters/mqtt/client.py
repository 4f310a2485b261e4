"""Configures aiomqtt's client, and converts messages."""

import asyncio
import functools
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from davy.adapters.tls.contexts import client_context
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import ConfigError
from davy.domain.ports import Message
from davy.domain.secret_url import SecretUrl
from davy.domain.urls import escape_login

KEEPALIVE_S = 6  # paho needs up to two keepalives and 2 s to notice a frozen broker: 14 s, of the 15 s that F02 allows
CONNECT_TIMEOUT_S, TLS_CONNECT_TIMEOUT_S = 2.0, 5.0  # a lost SYN goes again after 1 s; TLS takes three more round trips
MAX_UNACKED = 16  # QoS 1 messages on their way at once
MAX_PACKET_BYTES = 4_000_000  # what we accept from a broker
SEND_BUFFER_BYTES = 262_144  # the kernel would grow it to 4 MB, which is seconds of stale frames


class Router(asyncio.Queue[aiomqtt.Message]):
    """aiomqtt's queue of incoming messages, which holds none: each goes straight to its subscriptions' bounded ones."""

    def __init__(self, deliver: Callable[[aiomqtt.Message], None], maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self._deliver = deliver

    def put_nowait(self, item: aiomqtt.Message) -> None:
        self._deliver(item)


class Client(aiomqtt.Client):
    """aiomqtt's client, which also keeps what a broker says in CONNACK and in PUBACK.

    `max_packet_bytes` is the broker's limit, 0 where it names none.
    """

    max_packet_bytes = 0

    def _on_connect(
        self,
        client: Any,  # noqa: ANN401  # as in the base class
        userdata: Any,  # noqa: ANN401
        flags: Any,  # noqa: ANN401
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.max_packet_bytes = int(getattr(properties, "MaximumPacketSize", 0) or 0)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_publish(
        self,
        client: Any,  # noqa: ANN401
        userdata: Any,  # noqa: ANN401
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        if reason_code.is_failure and mid in self._pending_publishes:
            self._refused[mid] = str(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)

    abandoned = False  # set by `cut`: a thread may still be connecting

    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:  # noqa: ANN401
        if self.abandoned:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            return
        super()._on_socket_open(client, userdata, sock)

    @functools.cached_property
    def _refused(self) -> dict[int, str]:
        return {}

    @contextmanager
    def _pending_call(self, mid: int, value: Any, pending_dict: dict[int, Any]) -> Iterator[None]:  # noqa: ANN401
        with super()._pending_call(mid, value, pending_dict):
            yield
        if (reason := self._refused.pop(mid, "")) and pending_dict is self._pending_publishes:
            raise RefusedError(reason)


class RefusedError(Exception):
    """A broker's PUBACK with a reason code above 0x7F."""


def cut(client: Client) -> None:
    """Break the connection at once; paho then notices and closes the socket."""
    client.abandoned = True
    paho = client._client  # aiomqtt gives no access to the socket
    if (pipe := paho.socket()) is not None:
        with suppress(OSError):
            pipe.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]  # always a socket: no websockets here
    # asyncio would report the unread result as an error that was never retrieved.
    client._disconnected.add_done_callback(lambda ended: ended.cancelled() or ended.exception())


def client_factory(
    endpoint: SecretUrl, client_id: str, will: Message | None, tls: Tls | None = None
) -> Callable[[Callable[..., Router]], Client]:
    try:
        parts = urlsplit(escape_login(endpoint.get_secret_value()))
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{endpoint} is no address of a broker: {error}") from error
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise ConfigError(f"{endpoint} is no address of a broker: write mqtt://host:1883 or mqtts://host:8883")
    secure = parts.scheme == "mqtts"
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = MAX_PACKET_BYTES
    tls_context = client_context(tls) if secure else None
    timeout_s = TLS_CONNECT_TIMEOUT_S if secure else CONNECT_TIMEOUT_S

    def make(queue_type: Callable[..., Router]) -> Client:
        client = Client(
            parts.hostname or "",
            port or (8883 if secure else 1883),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            identifier=client_id,
            queue_type=queue_type,  # type: ignore[arg-type]  # called with maxsize only
            protocol=aiomqtt.ProtocolVersion.V5,
            will=_to_will(will) if will else None,
            timeout=timeout_s,
            keepalive=KEEPALIVE_S,
            clean_start=True,
            max_inflight_messages=2 * MAX_UNACKED,  # ours is the lower bound, so paho's queue stays empty
            properties=properties,
            tls_context=tls_context,
            socket_options=_socket_options(),
        )
        client._client.connect_timeout = timeout_s  # blocks a thread of the loop's executor for so long
        return client

    return make


def _socket_options() -> Iterable[tuple[int, int, int]]:
    yield socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES
    yield socket.IPPROTO_TCP, socket.TCP_NODELAY, 1


def _to_will(message: Message) -> aiomqtt.Will:
    return aiomqtt.Will(message.topic, message.payload, message.qos, message.retain)


def to_properties(message: Message) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if message.content_type:
        properties.ContentType = message.content_type
    if message.expiry_s is not None:
        properties.MessageExpiryInterval = message.expiry_s
    if message.properties:
        properties.UserProperty = list(message.properties.items())
    return properties


def from_aiomqtt(received: aiomqtt.Message) -> Message:
    found = received.properties
    return Message(
        topic=received.topic.value,
        payload=received.payload,
        qos=received.qos,
        retain=received.retain,
        content_type=getattr(found, "ContentType", ""),
        expiry_s=getattr(found, "MessageExpiryInterval", None),
        properties=dict(getattr(found, "UserProperty", ())),
    )
