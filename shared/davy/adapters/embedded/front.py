"""A front of rumqttd that takes clients of MQTT 5, and refuses those of another version with the reason.

rumqttd has a listener for MQTT 3.1.1, too, whose thread dies of the first message with properties: every frame has some. So a
client of another version gets CONNACK "unacceptable protocol version" and is closed, as the standards ask. A client says its
version in its first packet; the front reads that packet, connects to the listener and passes bytes on.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from davy.adapters.addresses import listen
from davy.telemetry import get_logger

log = get_logger(__name__)

V5 = 5  # protocol level
CONNECT_WITHIN_S = 10.0
CHUNK_BYTES = 65_536
UNACCEPTABLE_311 = b"\x20\x02\x00\x01"  # CONNACK, return code 1 (MQTT 3.1.1, 3.2.2.3)


def protocol_version(head: bytes) -> int | None:
    """Return the protocol level of a CONNECT packet's beginning, 0 for anything else, None where more bytes are needed."""
    if head[:1] and head[0] != 0x10:
        return 0
    at = 1
    while at <= len(head) - 1 and head[at] & 0x80 and at < 4:
        at += 1
    name_at = at + 1
    if len(head) < name_at + 2:
        return None
    length = int.from_bytes(head[name_at : name_at + 2], "big")
    if length not in (4, 6):
        return 0
    name_end = name_at + 2 + length
    if len(head) <= name_end:
        return None
    return head[name_end] if head[name_at + 2 : name_end] in (b"MQTT", b"MQIsdp") else 0


@contextmanager
def mqtt_front(host: str, port: int, behind: int) -> Iterator[int]:
    """Accept MQTT clients on host and port, in a thread, for the duration of the context; yields the port.

    Args:
        host: The address to listen on.
        port: 0 chooses a free one.
        behind: The port of the listener behind, on the loopback interface.

    Raises:
        AddressUnavailableError: the port is taken.
    """
    listener = listen(host, port)
    bound = int(listener.getsockname()[1])
    ended = threading.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_serve, args=(loop, listener, behind, ended), name="mqtt.front", daemon=True)
    thread.start()
    try:
        yield bound
    finally:
        loop.call_soon_threadsafe(loop.stop)
        ended.wait(2.0)
        thread.join(2.0)


def _serve(loop: asyncio.AbstractEventLoop, listener: socket.socket, behind: int, ended: threading.Event) -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            await _carry(reader, writer, behind)
        writer.transport.abort()

    asyncio.set_event_loop(loop)
    server = loop.run_until_complete(asyncio.start_server(take, sock=listener))
    try:
        loop.run_forever()
    finally:
        server.close()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()
        ended.set()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behind: int) -> None:
    head, version = b"", None
    with suppress(TimeoutError):
        async with asyncio.timeout(CONNECT_WITHIN_S):
            while version is None and len(head) < CHUNK_BYTES:
                data = await reader.read(CHUNK_BYTES)
                if not data:
                    return
                head += data
                version = protocol_version(head)
    if version != V5:
        if version:
            log.warning("mqtt.version_refused", level=version, hint="use MQTT 5, or install mosquitto, which takes both")
            writer.write(UNACCEPTABLE_311)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        return
    near = writer.get_extra_info("socket")
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    far_reader, far = await asyncio.open_connection("127.0.0.1", behind)
    far.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        far.write(head)
        ways = {asyncio.create_task(_pass(reader, far)), asyncio.create_task(_pass(far_reader, writer))}
        _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in left:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    finally:
        far.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
