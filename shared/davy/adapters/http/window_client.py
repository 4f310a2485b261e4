"""Client of the console's WebSocket: pictures at the size of tiles, and the texts beside them."""

import json
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from davy.access.own_token import authorization
from davy.adapters.tls.contexts import client_context
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import AggregatorUnavailableError

PATH = "/v1/console"
_HEAD = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class WindowPicture:
    """A picture of one camera, and its raw one where the tile shows both.

    Args:
        id: edge.camera.
        seq: Number of the frame.
        captured_ms: Unix time of capture in ms, on the edge's clock.
        age_ms: Age when the aggregator sent it.
        size: Bytes of the message.
    """

    id: str
    seq: int
    captured_ms: int
    age_ms: int
    size: int


class WindowClient:
    """An open window. It acknowledges no picture by itself."""

    def __init__(self, connection: ClientConnection, endpoint: str) -> None:
        self._connection, self._endpoint = connection, endpoint

    @classmethod
    @asynccontextmanager
    async def connect(cls, console: str, tls: Tls | None = None) -> "AsyncIterator[WindowClient]":
        """Open a window of the console at http[s]://HOST:PORT for the duration of the block.

        Args:
            console: The aggregator's address.
            tls: The own identity for https; None trusts the system's authorities.

        Raises:
            AggregatorUnavailableError: it does not answer, or refuses.
        """
        address = f"ws{console.rstrip('/').removeprefix('http')}{PATH}"
        secure = client_context(tls) if tls is not None and address.startswith("wss:") else None
        try:
            async with connect(
                address, additional_headers=authorization(), ssl=secure, compression=None, max_size=None, proxy=None
            ) as connection:
                yield cls(connection, console)
        except (WebSocketException, OSError) as error:
            raise AggregatorUnavailableError(console, str(error)) from error

    async def show(self, cameras: Sequence[str], tile: Mapping[str, Any]) -> None:
        """Replace what the window shows: the cameras' ids, and the tile that each has."""
        await self._send({"type": "show", "cameras": {key: dict(tile) for key in cameras}})

    async def follow_events(self, after: int | None = None) -> None:
        """Ask for events after an id; None: for new ones alone."""
        await self._send({"type": "events", "after": after})

    async def acknowledge(self, picture: WindowPicture) -> None:
        """Say that a picture was drawn, so that the next one may come."""
        await self._send({"type": "ack", "id": picture.id, "seq": picture.seq})

    async def messages(self) -> AsyncGenerator[WindowPicture | str, None]:
        """Yield pictures, and texts as they are: JSON objects of the types state, event and alarms."""
        async for message in self._connection:
            yield message if isinstance(message, str) else _picture(message)

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self._connection.send(json.dumps(message, separators=(",", ":")))


def _picture(data: bytes) -> WindowPicture:
    (length,) = _HEAD.unpack_from(data)
    head = json.loads(data[_HEAD.size : _HEAD.size + length])
    return WindowPicture(head["id"], head["seq"], head["captured_ms"], head["age_ms"], len(data))
