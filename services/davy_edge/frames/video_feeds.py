"""Who wants video of which camera, and the packets on their way to them."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from davy.domain.video import Variant, VideoPacket


class VideoConsumer(Protocol):
    """Takes the packets of cameras: the aggregator's stream, the recorder."""

    def wants(self, camera: str) -> frozenset[Variant]:
        """Return the variants that it wants of a camera now; callable from any thread."""
        ...

    def offer(self, packet: VideoPacket) -> None:
        """Take a packet of any camera, on the event loop; never waits."""
        ...


class VideoFeeds:
    """The consumers of all cameras of an edge. A camera is encoded once for all of them, and not at all for none.

    Args:
        count: Called with each packet.
    """

    def __init__(self, count: Callable[[VideoPacket], None]) -> None:
        self.consumers: Sequence[VideoConsumer] = ()
        self._count = count
        self._lock = threading.Lock()
        self._numbers: Counter[tuple[str, Variant]] = Counter()
        self._keys: set[tuple[str, Variant]] = set()

    def wanted(self, camera: str) -> frozenset[Variant]:
        """Return the variants that anybody wants of a camera now; callable from any thread."""
        return frozenset[Variant]().union(*(consumer.wants(camera) for consumer in self.consumers))

    def ask_for_key(self, camera: str, variant: Variant) -> None:
        """Make the next picture a key frame; callable from any thread."""
        with self._lock:
            self._keys.add((camera, variant))

    def take_key_request(self, camera: str, variant: Variant) -> bool:
        """Return whether the next picture is to be a key frame; callable from any thread."""
        with self._lock:
            asked = (camera, variant) in self._keys
            self._keys.discard((camera, variant))
            return asked

    def number(self, camera: str, variant: Variant) -> int:
        """Return the seq of the next packet of a camera, which goes on when its source is reopened."""
        with self._lock:
            self._numbers[camera, variant] += 1
            return self._numbers[camera, variant]

    def deliver(self, packet: VideoPacket) -> None:
        """Offer a packet to every consumer that wants it, on the event loop."""
        self._count(packet)
        for consumer in self.consumers:
            if packet.variant in consumer.wants(packet.camera.camera):
                consumer.offer(packet)
