"""WebRTC viewers of every camera: packets go once into the media thread, and from there to each viewer."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from davy.domain.camera import CameraAddress
from davy.domain.video import Feed, Variant, VideoPacket
from davy.streams.tasks import end
from davy_aggregator.outputs.errors import UnknownViewerError
from davy_aggregator.outputs.media_loop import MediaLoop
from davy_aggregator.settings import WebRtcSettings
from davy_aggregator.video import LiveVideo

if TYPE_CHECKING:
    from davy_aggregator.outputs.webrtc_peer import Peer, PeerSettings

KEY_EVERY_S = 0.5  # fifty viewers that lose packets do not make every frame a key frame

Recheck = Callable[[], Coroutine[Any, Any, bool]]
"""Returns whether a viewer still may view."""

RECHECK_S = 5.0


@dataclass(slots=True)
class _Viewer:
    feed: Feed
    peer: "Peer"
    held: ExitStack


@dataclass(slots=True)
class _Fan:
    """The viewers of one feed, and the task that brings them packets."""

    viewers: set[str] = field(default_factory=set)
    task: asyncio.Task[None] | None = None


class WebRtcViewers:
    """The viewers. Use it on the aggregator's loop; `opened` makes it."""

    def __init__(self, video: LiveVideo, settings: WebRtcSettings, host: str) -> None:
        self._video, self._settings, self._host = video, settings, host
        self._media: MediaLoop | None = None
        self._viewers: dict[str, _Viewer] = {}
        self._fans: dict[Feed, _Fan] = {}
        self._peers: dict[Feed, dict[str, Peer]] = {}  # the media thread's
        self._asked_s: dict[Feed, float] = {}
        self._checks: dict[str, asyncio.Task[None]] = {}

    @classmethod
    @asynccontextmanager
    async def opened(cls, video: LiveVideo, settings: WebRtcSettings, host: str) -> AsyncIterator["WebRtcViewers"]:
        """Serve viewers for the duration of the block."""
        viewers = cls(video, settings, host)
        try:
            yield viewers
        finally:
            await viewers._close()

    async def add(
        self, camera: CameraAddress, variant: Variant, offer: str, held: ExitStack, recheck: Recheck
    ) -> tuple[str, str]:
        """Begin a session. Returns its id and the answer.

        Args:
            offer: SDP.
            held: Closed when the session ends.
            recheck: Asked every 5 s; the session ends when it returns False.

        Raises:
            InvalidOfferError: the offer cannot be answered.
        """
        from davy_aggregator.outputs.webrtc_peer import Peer  # aiortc takes half a second: only with the first viewer

        feed, session = (camera, variant), secrets.token_urlsafe(16)
        self._media = media = self._media or MediaLoop(self._settings.ports)
        loop, settings = asyncio.get_running_loop(), self._peer_settings()

        def ask_for_key() -> None:
            loop.call_soon_threadsafe(self._ask_for_key, feed)

        def ended() -> None:
            self._peers.get(feed, {}).pop(session, None)
            loop.call_soon_threadsafe(self._forget, session)

        async def begin() -> tuple["Peer", str]:
            peer = Peer(settings, ask_for_key, ended)
            try:
                answer = await peer.answer(offer)
            except BaseException:
                await peer.close()
                raise
            self._peers.setdefault(feed, {})[session] = peer
            return peer, answer

        peer, answer = await media.call(begin())
        self._viewers[session] = _Viewer(feed, peer, held)
        self._follow(feed, session)
        self._checks[session] = loop.create_task(self._check(session, recheck), name="webrtc.check")
        return session, answer

    async def remove(self, session: str) -> None:
        """End a session.

        Raises:
            UnknownViewerError: there is none of this id.
        """
        await self._call(self._viewer(session).peer.close())

    async def timing(self, session: str, camera: CameraAddress) -> dict[str, int] | None:
        """Return the RTP time stamp of a session's newest packet, and when that was captured; None before the first packet.

        Raises:
            UnknownViewerError: there is no session of this id and camera.
        """
        viewer = self._viewer(session)
        if viewer.feed[0] != camera:
            raise UnknownViewerError(session)
        return viewer.peer.timing()

    def __len__(self) -> int:
        return len(self._viewers)

    def _peer_settings(self) -> "PeerSettings":
        from aiortc import RTCIceServer

        from davy_aggregator.outputs.webrtc_peer import PeerSettings, listened_addresses

        settings = self._settings
        servers = tuple(
            RTCIceServer(str(url), settings.turn_user or None, settings.turn_password.get_secret_value() or None)
            for url in settings.servers
        )
        return PeerSettings(settings.addresses or listened_addresses(self._host), settings.announced, servers)

    def _viewer(self, session: str) -> _Viewer:
        if session not in self._viewers:
            raise UnknownViewerError(session)
        return self._viewers[session]

    async def _call(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._media is not None
        await self._media.call(work)

    def _follow(self, feed: Feed, session: str) -> None:
        fan = self._fans.setdefault(feed, _Fan())
        fan.viewers.add(session)
        if fan.task is None:
            fan.task = asyncio.get_running_loop().create_task(self._bring(feed), name="webrtc.bring")

    async def _bring(self, feed: Feed) -> None:
        assert self._media is not None
        with self._video.watch(*feed, cached=False) as queue:
            while True:
                self._media.post(self._spread, feed, await queue.take())

    def _spread(self, feed: Feed, packet: VideoPacket) -> None:
        """Give a packet to every viewer; in the media thread."""
        for peer in self._peers.get(feed, {}).values():
            peer.put(packet)

    def _ask_for_key(self, feed: Feed) -> None:
        now_s, loop = time.monotonic(), asyncio.get_running_loop()
        due_s = self._asked_s.get(feed, 0.0) + KEY_EVERY_S
        if now_s >= due_s:
            self._asked_s[feed] = now_s
            self._video.ask_for_key(*feed)
        elif due_s - now_s < KEY_EVERY_S:
            self._asked_s[feed] = due_s  # one more for all who ask until then
            loop.call_later(due_s - now_s, self._video.ask_for_key, *feed)

    async def _check(self, session: str, recheck: Recheck) -> None:
        while True:
            await asyncio.sleep(RECHECK_S)
            if not await recheck():
                await self.remove(session)

    def _forget(self, session: str) -> None:
        viewer = self._viewers.pop(session, None)
        if viewer is None:
            return
        viewer.held.close()
        self._checks.pop(session).cancel()
        fan = self._fans[viewer.feed]
        fan.viewers.discard(session)
        if not fan.viewers and fan.task is not None:
            fan.task.cancel()
            del self._fans[viewer.feed]

    async def _close(self) -> None:
        tasks = [fan.task for fan in self._fans.values() if fan.task is not None]
        await end(*tasks, *self._checks.values())
        if self._media is None:
            return
        await asyncio.gather(*(self._call(viewer.peer.close()) for viewer in list(self._viewers.values())))
        for viewer in self._viewers.values():
            viewer.held.close()
        self._viewers.clear()
        await self._media.close()
