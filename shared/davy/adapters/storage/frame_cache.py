"""The newest frames in a Redis-protocol server: a cache that other aggregators read, never the truth."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from google.protobuf.message import DecodeError
from redis.asyncio import Redis
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from davy.adapters.grpc.envelope import from_envelope, to_wire
from davy.adapters.tls.contexts import client_context
from davy.adapters.tls.identity_files import Tls
from davy.domain.camera import CameraAddress
from davy.domain.errors import InvalidInputError, StoreUnavailableError
from davy.domain.frame import EncodedFrame
from davy.domain.secret_url import SecretUrl
from davy.domain.urls import escape_login
from davy.streams.reconnect import Backoff, retry
from davy.telemetry import get_logger
from davy.v1 import frame_pb2

log = get_logger(__name__)

PREFIX = "davy:v1"
BACKOFF = Backoff(0.25, 1.0, growth=4.0)  # back within 3 s of the server's return (F03)
TIMEOUT_S = 1.0


def _connection_class(tls: Tls) -> type[SSLConnection]:
    context = client_context(tls)

    class TlsConnection(SSLConnection):
        """A connection with the newest certificate: redis would keep the first one."""

        def _connection_arguments(self) -> Mapping[str, Any]:
            return {**super()._connection_arguments(), "ssl": context}

    return TlsConnection


class FrameCache:
    """One connection pool to a Redis-protocol server.

    Keys: `davy:v1:frame:<site>/<edge>/<camera>`, a FrameEnvelope that expires after ttl_s. Channels of the same form under
    `davy:v1:frames:`, one message per frame: the name of the writer.

    Args:
        endpoint: redis://, rediss:// or unix://.
        writer: This process's name; `follow` leaves out what it wrote itself.
        ttl_s: Life of a key, in s.
        tls: The own identity for rediss; None trusts the system's authorities and shows no certificate.
    """

    def __init__(self, endpoint: SecretUrl | str, writer: str, ttl_s: float = 60.0, tls: Tls | None = None) -> None:
        secret = SecretUrl.of(endpoint)
        self.endpoint, self.writer, self.ttl_s = str(secret), writer, ttl_s
        self._redis: Redis = Redis.from_url(
            escape_login(secret.get_secret_value()),
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            max_connections=8,
            retry=Retry(NoBackoff(), 0),
        )
        if tls is not None and secret.scheme == "rediss":
            self._redis.connection_pool.connection_class = _connection_class(tls)

    async def put(self, frame: EncodedFrame) -> None:
        """Replace the camera's frame and notify subscribers.

        Raises:
            StoreUnavailableError: the server is away, full or refuses.
        """
        data = to_wire(frame)
        async with self._translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.set(f"{PREFIX}:frame:{frame.camera}", data, px=int(self.ttl_s * 1000))
            pipe.publish(f"{PREFIX}:frames:{frame.camera}", self.writer)
            await pipe.execute()

    async def get(self, camera: CameraAddress) -> EncodedFrame | None:
        """The camera's frame, or None: there is none, it has expired, or what is there is no frame.

        Raises:
            StoreUnavailableError: the server is away.
        """
        async with self._translated():
            data = await self._redis.get(f"{PREFIX}:frame:{camera}")
        if not isinstance(data, bytes):  # nothing there
            return None
        try:
            frame = from_envelope(frame_pb2.FrameEnvelope.FromString(data))
            if frame.camera != camera:
                raise InvalidInputError(f"it is a frame of {frame.camera}")
            return frame
        except (DecodeError, InvalidInputError) as error:
            log.warning("store.not_a_frame", camera=str(camera), error=str(error))
            return None

    async def check(self) -> None:
        """Ask whether the server is there.

        Raises:
            StoreUnavailableError: it is not.
        """
        async with self._translated():
            await self._redis.exists(PREFIX)

    async def wait_until_up(self) -> None:
        """Ask again and again, with a random pause, until the server answers."""
        await retry(self.check, StoreUnavailableError, BACKOFF)

    async def follow(self, cameras: Sequence[CameraAddress]) -> AsyncGenerator[EncodedFrame, None]:
        """Frames that other writers put, newest wins: a slow reader gets the frame that is there when it asks.

        Raises:
            StoreUnavailableError: the server is away; follow again after `wait_until_up`.
        """
        channels = {f"{PREFIX}:frames:{camera}".encode(): camera for camera in cameras}
        async with self._translated(), self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(*channels)
            while True:
                message = await pubsub.get_message(timeout=TIMEOUT_S / 2)
                if message is None or message["data"] == self.writer.encode():
                    continue
                frame = await self.get(channels[message["channel"]])
                if frame is not None:
                    yield frame

    async def close(self) -> None:
        await self._redis.aclose()

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        try:
            yield
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailableError(self.endpoint, str(error) or type(error).__name__) from error
