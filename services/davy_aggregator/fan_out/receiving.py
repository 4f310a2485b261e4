"""Takes what other replicas send: their frames and packets with their ages, what they know of cameras, and what they want."""

import time
from collections.abc import Callable, Collection
from dataclasses import replace

from davy.adapters.fan_out.messages import (
    Head,
    unpack_cameras,
    unpack_demand,
    unpack_frame,
    unpack_news,
    unpack_packet,
)
from davy.domain.age import Age
from davy.domain.errors import UnknownCameraError
from davy.streams.clock import ClockOffset
from davy_aggregator.fan_out.sending import Sending
from davy_aggregator.live import LiveFrames
from davy_aggregator.video import LiveVideo

SILENT_S = 5.0  # a replica without a message for so long is gone
MAX_REPLICAS = 64


class Receiving:
    """Messages of other replicas. Use it on the event loop.

    Args:
        name: This replica's name, whose messages are ignored.
        site: Id of the site.
        live: Takes frames and reports about cameras.
        video: Takes packets.
        sending: Learns what others want.
        on_news: Each is called when another replica stored something in the database.
        on_greeting: Called when a replica is heard for the first time.
    """

    def __init__(
        self,
        name: str,
        site: str,
        live: LiveFrames,
        video: LiveVideo,
        sending: Sending,
        on_news: Collection[Callable[[], None]],
        on_greeting: Callable[[], None],
    ) -> None:
        self._name, self._site, self._live, self._video, self._sending = name, site, live, video, sending
        self._on_news, self._on_greeting = on_news, on_greeting
        self._clocks: dict[str, ClockOffset] = {}
        self._heard_s: dict[str, float] = {}
        self._takers: dict[str, Callable[[bytes], None]] = {
            "frame": self.take_frame,
            "video": self._take_packet,
            "cameras": self._take_cameras,
            "demand": self._take_demand,
            "news": self._take_news,
        }

    def others(self) -> int:
        """Return the number of replicas that were heard lately, and forget the others."""
        since_s = time.monotonic() - SILENT_S
        for name in [name for name, heard_s in self._heard_s.items() if heard_s < since_s]:
            del self._heard_s[name], self._clocks[name]
        return len(self._heard_s)

    def take(self, channel: str, data: bytes) -> None:
        """Take a message of a channel.

        Raises:
            InvalidInputError: it is none.
            UnknownCameraError: the site has no such camera.
        """
        self._takers[channel.partition("/")[0]](data)

    def take_frame(self, data: bytes) -> None:
        """Take a frame; see `take`."""
        head, session, age_s, frame = unpack_frame(data)
        if head.replica == self._name and self._live.newest(frame.camera):  # its own after a restart is welcome
            return
        self._live.sessions.observe(max(head.session, session))
        age = Age(age_s + self._transit_s(head))
        self._live.put_relayed(replace(frame, age=age), session)

    def _take_packet(self, data: bytes) -> None:
        head, session, age_s, packet = unpack_packet(data)
        if head.replica != self._name:
            self._live.sessions.observe(max(head.session, session))
            age = Age(age_s + self._transit_s(head))
            self._video.put(replace(packet, age=age), session, relayed=True)

    def _take_cameras(self, data: bytes) -> None:
        head, reports, clocks_ns = unpack_cameras(data)
        if self._is_other(head):
            transit_s = self._transit_s(head)
            known = []
            for report in reports:
                try:
                    if self._live.belongs(report.camera):
                        self._live.add(report.camera)
                        known.append((report, report.age_s + transit_s))
                except UnknownCameraError:  # its site file is another version
                    continue
            self._live.elsewhere.hear(known, clocks_ns)

    def _take_demand(self, data: bytes) -> None:
        head, demands, keys = unpack_demand(data, self._site)
        if self._is_other(head):
            self._sending.hear(head, demands, keys)

    def _take_news(self, data: bytes) -> None:
        if self._is_other(unpack_news(data)):
            for look in self._on_news:
                look()

    def _is_other(self, head: Head) -> bool:
        """Note that a replica lives, by a message that was sent just now. Return whether it is another one."""
        if head.replica == self._name:
            return False
        is_new = head.replica not in self._heard_s
        if is_new and len(self._heard_s) >= MAX_REPLICAS:
            return False
        self._heard_s[head.replica] = time.monotonic()
        self._live.sessions.observe(head.session)
        # No clock is trusted: the quickest of the last messages counts as new, and ages are relative to it.
        self._clocks.setdefault(head.replica, ClockOffset(trust_s=0)).observe(head.sent_ns)
        if is_new:
            self._on_greeting()
        return True

    def _transit_s(self, head: Head) -> float:
        """Return how long a message was under way; by the clocks where its sender is gone, as the engine kept it."""
        if head.replica in self._clocks:
            return self._clocks[head.replica].observe(head.sent_ns)
        return max(0.0, (time.time_ns() - head.sent_ns) / 1e9)
