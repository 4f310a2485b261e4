"""Runs the exchange of one replica with the others: what is wanted, what is known of cameras, frames, packets and news."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Mapping

from davy.adapters.fan_out.messages import CameraReport, pack_cameras, pack_demand, pack_news
from davy.domain.camera import CameraAddress
from davy.domain.errors import StoreUnavailableError
from davy.domain.fan_out import Channel, FanOut, FanOutReader
from davy.domain.video import NOBODY, Demand
from davy.streams.guard import Guard
from davy.streams.tasks import until_first_ends, wait_for_event
from davy_aggregator.fan_out.channels import cameras_of, demand_of, frames_of, news_of, video_of
from davy_aggregator.fan_out.receiving import Receiving
from davy_aggregator.fan_out.sending import Sending
from davy_aggregator.health import Health
from davy_aggregator.live import LiveFrames
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.video import LiveVideo

DEPENDENCY = "store"  # the engine's name in /readyz
REPORT_EVERY_S = 1.0
REPORTS = 250  # cameras in one message: a few ms of work
REPEAT_S = 0.5  # a demand is repeated so often: a message may be lost
LOOK_EVERY_S = 0.25  # viewers of pictures change their rate without notice
PAUSE_S = 0.02  # between two messages of one kind that changes cause


class Replicas:
    """The exchange of one replica. Use it on the event loop.

    Args:
        fan_out: The engine.
        name: This replica's name.
        site: Id of the site.
        live: Frames.
        video: Packets of video.
        health: Learns of the engine's loss.
        metrics: Of the aggregator.
        keep_fps: Frames per second and camera that are kept in the engine although nobody wants them; 0: none.
        keep_s: Life of a frame in the engine, in s.
        on_news: Each is called when another replica stored something in the database.
    """

    def __init__(
        self,
        fan_out: FanOut,
        name: str,
        site: str,
        live: LiveFrames,
        video: LiveVideo,
        health: Health,
        metrics: AggregatorMetrics,
        keep_fps: float,
        keep_s: float,
        on_news: Collection[Callable[[], None]] = (),
    ) -> None:
        self._fan_out, self._name, self._site, self._live, self._video = fan_out, name, site, live, video
        self._health, self._metrics, self._keep_fps, self._keep_s = health, metrics, keep_fps, keep_s
        self._changed, self._greeted, self._news = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._sending = Sending(fan_out, name, live, video, keep_s)
        self._receiving = Receiving(name, site, live, video, self._sending, on_news, self._greet)
        self._guard = Guard("replicas", metrics.count_replica_refused)
        live.changed = self._changed.set

    @property
    def wanted(self) -> Mapping[CameraAddress, Demand]:
        """What viewers of other replicas want."""
        return self._sending.wanted

    def others(self) -> int:
        """Return the number of replicas that were heard lately."""
        return self._receiving.others()

    def controls(self) -> list[Channel]:
        """Return the channels that every replica follows."""
        return [channel(self._site) for channel in (cameras_of, demand_of, news_of)]

    def tell_news(self) -> None:
        """Tell the other replicas at once that something was stored in the database; never waits."""
        self._news.set()

    async def run(self) -> None:
        """Exchange until cancelled; connect again to an engine that was away. Over memory there is nobody to exchange with."""
        if not self._fan_out.endpoint:
            await asyncio.Event().wait()
        while True:
            try:
                await self._fan_out.check()
                await self.restore()
                async with self._fan_out.read() as reader:
                    self._health.set(DEPENDENCY)
                    self._sending.refresh()
                    await until_first_ends(
                        "replicas",
                        ask=self._ask(reader),
                        receive=self._receive(reader),
                        report=self._report(),
                        send=self._sending.run(),
                        keep=self._keep(),
                        news=self._send_news(),
                    )
            except StoreUnavailableError as error:
                self._health.set(DEPENDENCY, str(error))
            await self._fan_out.wait_until_up()

    async def _ask(self, reader: FanOutReader) -> None:
        """Follow what viewers here want, and tell the others."""
        sent: dict[CameraAddress, Demand] = {}
        sent_s = 0.0
        while True:
            self._changed.clear()
            wanted = self._video.wanted_here() if self.others() else {}
            keys = self._video.take_keys()
            await reader.follow([*self.controls(), *self._pictures(wanted)])
            if keys or wanted != sent or time.monotonic() - sent_s >= REPEAT_S:
                message = pack_demand(self._name, self._live.sessions.newest, wanted, keys)
                await self._fan_out.publish(demand_of(self._site), message)
                sent, sent_s = wanted, time.monotonic()
            await asyncio.sleep(PAUSE_S)
            await wait_for_event(self._changed, LOOK_EVERY_S)

    def _pictures(self, wanted: dict[CameraAddress, Demand]) -> Iterator[Channel]:
        """Yield the channels of wanted cameras whose edges do not send here."""
        for camera, demand in wanted.items():
            if demand.fps != NOBODY and not self._live.is_here(camera):
                yield frames_of(camera, self._keep_s)
            if not self._video.is_offered(camera):
                yield from (video_of(camera, variant) for variant in demand.video)

    async def _receive(self, reader: FanOutReader) -> None:
        while True:
            channel, data = await reader.take()
            with self._guard.message(channel=channel):
                self._receiving.take(channel, data)

    def _greet(self) -> None:
        """Tell a replica that is new at once what it has missed."""
        self._greeted.set()
        self._changed.set()

    async def _report(self) -> None:
        """Tell what is known of cameras here; a replica that is alone only says that it lives."""
        channel = cameras_of(self._site)
        while True:
            self._greeted.clear()
            others = self.others()
            self._metrics.replicas.set(others)
            clocks_ns = self._live.clock_offsets_ns() if others else {}
            for reports in self._reports(self._live.cameras if others else ()):
                await self._fan_out.publish(channel, pack_cameras(self._name, self._live.sessions.newest, reports, clocks_ns))
            await asyncio.sleep(PAUSE_S)
            await wait_for_event(self._greeted, REPORT_EVERY_S)

    def _reports(self, cameras: Collection[CameraAddress]) -> Iterator[list[CameraReport]]:
        """Yield the reports about cameras, some at a time; one empty list if there are none."""
        addresses = list(cameras)
        for start in range(0, max(1, len(addresses)), REPORTS):
            part = [each for each in addresses[start : start + REPORTS] if self._live.has(each)]
            found = (self._live.report(camera, self._video.is_offered(camera)) for camera in part)
            yield [report for report in found if report is not None]

    async def _send_news(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await self._fan_out.publish(news_of(self._site), pack_news(self._name, self._live.sessions.newest))
            await asyncio.sleep(PAUSE_S)

    async def restore(self) -> None:
        """Load the last frame of each camera, so that a restarted aggregator shows it with its true age."""
        for camera in self._live.cameras:
            if self._live.newest(camera) is None and (data := await self._fan_out.newest(frames_of(camera, self._keep_s))):
                with self._guard.message(camera=camera):
                    self._receiving.take_frame(data)

    async def _keep(self) -> None:
        """Keep a frame of every camera in the engine, for a replica that starts; what viewers want goes there anyway."""
        if not self._keep_fps:
            await asyncio.Event().wait()  # until cancelled
        with self._live.watch(DEPENDENCY, max_fps=self._keep_fps, relayed=False) as watcher:
            watcher.asks = False
            while True:
                newest = await watcher.take()
                if newest.frame.camera not in self._sending.wanted:
                    await self._sending.send(newest)
