"""A TCP proxy with the faults of a bad link: latency, little bandwidth, stalls, a partition that says nothing, resets."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

CHUNK_BYTES = 65_536
SLOW_CHUNK_BYTES, SLOW_BUFFER_BYTES = 4_096, 32_768


@dataclass
class Link:
    """One direction after the other through a proxy. attempts: when each connection was asked for, monotonic seconds.

    bytes_per_s is that of each direction of each connection, 0 for any. stall_s: every stall_every_s nothing passes for this
    time, as while TCP sends a lost segment again.
    """

    to_port: int
    port: int = 0
    latency_s: float = 0.0
    bytes_per_s: float = 0.0
    stall_s: float = 0.0
    stall_every_s: float = 2.0
    attempts: list[float] = field(default_factory=list)
    _up: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def part(self) -> None:
        """From now on nothing passes and nobody is told, as when a cable is cut."""
        self._up.clear()

    def heal(self) -> None:
        """What stands in the connections passes; new ones are let through."""
        self._up.set()

    def reset(self) -> None:
        """Every connection ends with RST."""
        for writer in list(self._open):
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.attempts.append(time.monotonic())
        self._open.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            await self._up.wait()
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.to_port)
            self._open.add(far)
            tasks = {asyncio.create_task(self._carry(reader, far)), asyncio.create_task(self._carry(far_reader, writer))}
            _, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in left:
                task.cancel()
            await asyncio.wait(tasks)
        except OSError:
            pass  # nobody behind the proxy: the connection ends, as it would without one
        finally:
            for each in (writer, far):
                if each is not None:
                    self._open.discard(each)
                    each.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One way, in order: bytes leave `latency_s` after they came, however many are under way."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)
        reading = asyncio.create_task(self._read(reader, under_way))
        try:
            with suppress(OSError):
                while True:
                    due, data = await under_way.get()
                    await asyncio.sleep(due - time.monotonic())
                    await self._up.wait()
                    if not data:
                        return
                    writer.write(data)
                    await writer.drain()
        finally:
            reading.cancel()
            await asyncio.wait({reading})

    async def _read(self, reader: asyncio.StreamReader, under_way: asyncio.Queue[tuple[float, bytes]]) -> None:
        data, passes_s, stalls_s = b"-", 0.0, time.monotonic() + self.stall_every_s
        while data:
            try:
                data = await reader.read(SLOW_CHUNK_BYTES if self.bytes_per_s else CHUNK_BYTES)
            except OSError:
                data = b""
            if self.bytes_per_s:
                passes_s = max(passes_s, time.monotonic()) + len(data) / self.bytes_per_s
                if self.stall_s and time.monotonic() > stalls_s:
                    passes_s, stalls_s = passes_s + self.stall_s, time.monotonic() + self.stall_every_s
                await asyncio.sleep(passes_s - time.monotonic())
            await under_way.put((time.monotonic() + self.latency_s, data))


@asynccontextmanager
async def link(to_port: int, latency_s: float = 0.0, bytes_per_s: float = 0.0, stall_s: float = 0.0) -> AsyncIterator[Link]:
    """A link to a port of this machine, up."""
    found = Link(to_port, latency_s=latency_s, bytes_per_s=bytes_per_s, stall_s=stall_s)
    found.heal()
    running: set[asyncio.Task[None]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        with suppress(asyncio.CancelledError):
            await found.serve(reader, writer)
        running.discard(task)

    listening = socket.socket()
    if bytes_per_s:  # a slow link has no megabytes of buffer
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER_BYTES)
    listening.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(take, sock=listening, limit=SLOW_BUFFER_BYTES if bytes_per_s else 2**16)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        if running:
            await asyncio.wait(running)
