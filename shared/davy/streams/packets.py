"""A bounded queue of video packets that loses whole groups of pictures: what leaves it can always be decoded."""

import asyncio
from collections import deque

from davy.domain.video import VideoPacket

MAX_BYTES = 8_000_000


class PacketQueue:
    """Packets of one camera and variant for one consumer, on the event loop.

    The first packet out is a key frame. If the consumer is slower than the camera, the queue drops everything up to a key
    frame: what comes out jumps in time, but can be decoded.

    Args:
        max_bytes: Maximum size of the waiting packets.
        max_s: Maximum time of capture between the first and the last waiting packet.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, max_s: float = 4.0) -> None:
        self._max_bytes, self._max_s = max_bytes, max_s
        self._waiting: deque[VideoPacket] = deque()
        self._bytes = 0
        self._last: VideoPacket | None = None  # the last one that was accepted
        self._changed = asyncio.Event()
        self.dropped = 0

    @property
    def needs_key(self) -> bool:
        """Whether nothing is accepted before the next key frame."""
        return self._last is None

    def put(self, packet: VideoPacket) -> bool:
        """Accept a packet. Return False if it was dropped, because a packet before it is missing."""
        if packet.key:
            if self._is_over(packet):
                self._empty()
        elif self._last is None or not packet.follows(self._last):
            return self._refuse()
        elif self._is_over(packet):
            self._empty()
            return self._refuse()
        self._waiting.append(packet)
        self._bytes += len(packet.data)
        self._last = packet
        self._changed.set()
        return True

    async def take(self) -> VideoPacket:
        """Wait for the next packet."""
        while not self._waiting:
            self._changed.clear()
            await self._changed.wait()
        packet = self._waiting.popleft()
        self._bytes -= len(packet.data)
        return packet

    def __len__(self) -> int:
        return len(self._waiting)

    def clear(self) -> None:
        """Drop what waits; the next packet to be accepted is a key frame."""
        self._empty()
        self._last = None

    def _is_over(self, packet: VideoPacket) -> bool:
        if not self._waiting:
            return False
        spans_s = (packet.captured_ns - self._waiting[0].captured_ns) / 1e9
        return self._bytes + len(packet.data) > self._max_bytes or not 0 <= spans_s <= self._max_s

    def _empty(self) -> None:
        self.dropped += len(self._waiting)
        self._waiting.clear()
        self._bytes = 0

    def _refuse(self) -> bool:
        self.dropped += 1
        self._last = None
        return False
