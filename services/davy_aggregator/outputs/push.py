"""Publishes cameras to a media server (RTSP ANNOUNCE, RTMP or SRT)."""

import asyncio
from collections.abc import Collection

from davy.adapters.media.publishing import Publication
from davy.domain.camera import CameraAddress
from davy.domain.errors import MediaServerUnavailableError
from davy.streams.packets import PacketQueue
from davy.streams.reconnect import Backoff, keep_connected
from davy.streams.tasks import end, run_to_completion
from davy.telemetry import get_logger
from davy_aggregator.live import LiveFrames
from davy_aggregator.settings import RtspSettings
from davy_aggregator.video import LiveVideo

BACKOFF = Backoff(shortest_s=0.5, longest_s=15.0, growth=2.0)
LOOK_EVERY_S = 2.0

log = get_logger(__name__)


class Publisher:
    """Publishes every camera, each by a connection of its own that is opened again when it is lost.

    Args:
        settings: Where, and which picture.
    """

    def __init__(self, settings: RtspSettings, live: LiveFrames, video: LiveVideo) -> None:
        self._url, self._variant, self._python = settings.push, settings.variant, settings.python
        self._live, self._video = live, video
        self._tasks: dict[CameraAddress, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Publish until cancelled."""
        try:
            while True:
                await self._adapt(self._live.cameras)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            await end(*self._tasks.values())
            self._tasks.clear()

    async def _adapt(self, cameras: Collection[CameraAddress]) -> None:
        for gone in self._tasks.keys() - set(cameras):
            await end(self._tasks.pop(gone))
        for camera in cameras:
            if camera not in self._tasks:
                self._tasks[camera] = asyncio.create_task(self._publish(camera), name=f"push.{camera.key}")

    async def _publish(self, camera: CameraAddress) -> None:
        def lost(error: Exception, wait_s: float, attempt: int) -> None:
            log.warning("push.lost", camera=str(camera), error=str(error), again_in_s=round(wait_s, 1), attempt=attempt)

        await keep_connected(lambda: self._session(camera), MediaServerUnavailableError, BACKOFF, lost)

    async def _session(self, camera: CameraAddress) -> None:
        with self._video.watch(camera, self._variant, cached=False, relayed=False) as queue:
            first = await queue.take()
            publication = await run_to_completion(asyncio.to_thread(Publication, self._url, first, self._python))
            try:
                await self._push(queue, publication)
            except MediaServerUnavailableError as error:
                if publication.count == 0:
                    raise
                log.warning("push.lost", camera=str(camera), error=str(error))
            finally:
                await run_to_completion(asyncio.to_thread(publication.close))

    async def _push(self, queue: PacketQueue, publication: Publication) -> None:
        """Push packets until the camera's stream is another one."""
        while not (packet := await queue.take()).key or not publication.is_other(packet):
            await run_to_completion(asyncio.to_thread(publication.put, packet))
