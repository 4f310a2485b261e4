"""The WebSocket of one window of the console: pictures at the size of its tiles, states, events and alarms."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from davy.domain.camera import CameraAddress
from davy.domain.errors import ArchiveUnavailableError, DavyError, OverloadedError
from davy.streams.credits import Credits
from davy.streams.tasks import end
from davy_aggregator.alarms.view import AlarmTexts
from davy_aggregator.context import ServiceContext
from davy_aggregator.live import LiveFrame, Watcher
from davy_aggregator.rest.alarms import send_alarms
from davy_aggregator.rest.event_feed import EventFeed
from davy_aggregator.rest.window_messages import Ack, FollowEvents, Show, Tile, pack, parse
from davy_aggregator.rest.window_states import States

WINDOW, WINDOW_OF_MANY, MANY = 2, 1, 4  # frames in flight per camera; 1 above 4 cameras
WINDOW_BYTES = 4_000_000  # in flight over all cameras, so that a slow link gets fewer frames, but not later ones
SENDERS = 2  # one picture is scaled while another is sent
ARCHIVE_RETRY_S = 1.0
MAX_MESSAGE_BYTES = 65_536
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013


def window_routes(context: ServiceContext, feed: EventFeed) -> APIRouter:
    """The WebSocket /v1/console. The feed has the new events."""
    routes = APIRouter()
    shared = Shared(States(context), feed, AlarmTexts(context.alarms.rules.rule))

    @routes.websocket("/v1/console")
    async def console(socket: WebSocket) -> None:
        await socket.accept()
        try:
            with (
                context.stream("console"),
                context.live.watch("console", (), max_age_s=context.settings.max_age_ms / 1000) as watcher,
            ):
                await Window(socket, context, watcher, shared).run()
        except OverloadedError as error:
            await socket.close(TRY_AGAIN_LATER, str(error))

    return routes


@dataclass(frozen=True, slots=True)
class Shared:
    """What is encoded once for all windows."""

    states: States
    feed: EventFeed
    alarms: AlarmTexts


class Window:
    """The connection of one open page."""

    def __init__(self, socket: WebSocket, context: ServiceContext, watcher: Watcher, shared: Shared) -> None:
        self._socket, self._context, self._watcher, self._shared = socket, context, watcher, shared
        self._undrawn: Credits[CameraAddress, int] = Credits(WINDOW)  # bytes of the frames in flight
        self._undrawn_bytes = 0
        self._taking = asyncio.Lock()
        self._known: dict[str, CameraAddress] = {}  # by id, as acknowledgements name them
        self._tiles: dict[CameraAddress, Tile] = {}
        self._following: asyncio.Queue[int | None] = asyncio.Queue(1)
        watcher.may_send = self._may_send
        watcher.wants_raw = lambda camera: camera in self._tiles and self._tiles[camera].kind != "enhanced"

    async def run(self) -> None:
        """Serve the page until it disconnects."""
        senders = [self._send_pictures] * SENDERS
        works = (self._receive, self._publish_state, self._publish_events, self._publish_alarms, *senders)
        tasks = [asyncio.create_task(work(), name=f"console.{work.__name__}") for work in works]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(*tasks)
        for task in tasks:
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(error, WebSocketDisconnect | RuntimeError | OSError):
                raise error

    def _may_send(self, camera: CameraAddress) -> bool:
        self._undrawn.window = WINDOW if len(self._tiles) <= MANY else WINDOW_OF_MANY
        return self._undrawn.available(camera) and self._undrawn_bytes < WINDOW_BYTES

    async def _receive(self) -> None:
        while True:
            text = await self._socket.receive_text()
            try:
                message = parse(text[:MAX_MESSAGE_BYTES])
            except ValidationError as error:
                await self._socket.close(POLICY_VIOLATION, f"invalid message: {str(error)[:80]}")
                return
            match message:
                case Show():
                    self._show(message)
                case Ack():
                    self._acknowledge(message)
                case FollowEvents() if self._following.empty():
                    self._following.put_nowait(message.after)

    def _show(self, message: Show) -> None:
        before, live = self._tiles, self._context.live
        found = {key: self._find(key) for key in message.cameras}
        self._known |= {key: camera for key, camera in found.items() if camera is not None}
        self._tiles = {camera: message.cameras[key] for key, camera in found.items() if camera is not None}
        self._watcher.cameras = frozenset(self._tiles)
        self._watcher.fps_of = {camera: tile.fps for camera, tile in self._tiles.items()}
        for camera in self._tiles.keys() - before.keys():
            if newest := live.newest(camera):
                self._watcher.offer(newest)
        self._watcher.wake()

    def _acknowledge(self, message: Ack) -> None:
        if (camera := self._known.get(message.id)) is not None:
            was_full = self._undrawn_bytes >= WINDOW_BYTES
            self._undrawn_bytes -= self._undrawn.give_back(camera, message.seq) or 0
            if was_full:
                self._watcher.wake()
            else:
                self._watcher.wake_for(camera)

    def _find(self, key: str) -> CameraAddress | None:
        """Return a camera; None for one that the site has no more, as the page learns with the next state."""
        try:
            return self._context.site_status.find(key)
        except DavyError:
            return None

    async def _send_pictures(self) -> None:
        while True:
            async with self._taking:  # a change wakes one of the senders, which looks at every waiting camera
                live = await self._watcher.take()
            tile = self._tiles.get(live.frame.camera)
            if tile is None:
                continue
            self._undrawn.spend(live.frame.camera, live.frame.seq, 0)
            enhanced, raw = await self._pictures(live, tile)
            message = pack(live, enhanced, raw)
            self._undrawn.spend(live.frame.camera, live.frame.seq, len(message))
            self._undrawn_bytes += len(message)
            self._context.count_sent(live, "console")
            await self._socket.send_bytes(message)

    async def _pictures(self, live: LiveFrame, tile: Tile) -> tuple[bytes, bytes]:
        """Return the enhanced and the raw JPEG that a tile shows; an edge that sends no raw one is shown enhanced."""
        kind = tile.kind if live.frame.raw_jpeg else "enhanced"
        picture = self._context.tiles.picture
        enhanced = await picture(live, "enhanced", tile.width) if kind != "raw" else b""
        raw = await picture(live, "raw", tile.width) if kind != "enhanced" else b""
        return enhanced, raw

    async def _publish_state(self) -> None:
        known = 0
        while True:
            known, text = await self._shared.states.message(known, self._tiles.keys())
            await self._socket.send_text(text)
            await asyncio.sleep(self._shared.states.every_s)

    async def _publish_events(self) -> None:
        after = await self._following.get()
        while True:
            try:
                async with aclosing(self._shared.feed.follow(after)) as batches:
                    async for batch in batches:
                        for event in batch:
                            await self._socket.send_text(event.message)
                            after = event.record.id
            except ArchiveUnavailableError:  # the state says so; pictures need no archive
                await asyncio.sleep(ARCHIVE_RETRY_S)

    async def _publish_alarms(self) -> None:
        await send_alarms(self._socket, self._context.alarms, self._shared.alarms)
