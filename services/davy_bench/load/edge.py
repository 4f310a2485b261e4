"""One edge of a load: it pushes ready pictures as a real edge does, under credits, and reports events."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from davy.adapters.grpc.envelope import from_push_response, to_event
from davy.adapters.grpc.ingest_client import PATIENCE_S, IngestClient, PushedFrame, connect
from davy.adapters.grpc.video import video_offer
from davy.adapters.tls import Tls
from davy.domain.camera import CameraAddress
from davy.domain.errors import AggregatorUnavailableError
from davy.domain.event import EventRecord
from davy.domain.frame import EncodedFrame
from davy.domain.severity import Severity
from davy.domain.video import VideoPacket
from davy.streams.credits import Credits
from davy.streams.tasks import end
from davy_bench.load.clock import Measurement
from davy_bench.load.figures import Figures
from davy_bench.load.pictures import Pictures

RETRY_S = 0.2
KIND = "load-test"


class LoadEdge:
    """An edge that sends the same pictures over and over.

    Args:
        cameras: Its cameras, at least one.
        fps: Pictures per second of each.
        phase: When it begins within a period, 0 to 1.
        pictures: What it sends.
        video: Whether these are H.264 packets.
        events_s: Events per second.
        endpoints: Aggregators; the next one is taken where one fails.
        tls: Its identity.
    """

    def __init__(
        self,
        cameras: Sequence[CameraAddress],
        fps: float,
        phase: float,
        pictures: Pictures,
        endpoints: Sequence[str],
        tls: Tls | None,
        figures: Figures,
        measurement: Measurement,
        *,
        video: bool = False,
        events_s: float = 0.0,
    ) -> None:
        self._cameras, self._fps, self._phase, self._pictures = cameras, fps, phase, pictures
        self._endpoints, self._tls, self._video, self._events_s = itertools.cycle(endpoints), tls, video, events_s
        self._figures, self._measurement = figures, measurement
        self._boot_id = f"load-{time.time_ns():x}"
        self._seqs = {camera: itertools.count(1) for camera in cameras}
        self._unstored: dict[int, EventRecord] = {}
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Send until cancelled; a lost aggregator is replaced by the next."""
        events = itertools.count(1)
        while True:
            endpoint = next(self._endpoints)
            async with connect(endpoint, self._tls) as client:
                works = [self._push(client)]
                if self._events_s:
                    works.append(self._report(client, events))
                tasks = [asyncio.create_task(work, name=f"load.{endpoint}") for work in works]
                try:
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    await end(*tasks)
                for task in tasks:
                    error = None if task.cancelled() else task.exception()
                    if error is not None and not isinstance(error, AggregatorUnavailableError):
                        raise error
                    if error is not None:
                        self._figures.errors.add(str(error))
            self._count("disconnects", time.time())
            await asyncio.sleep(RETRY_S)

    async def _push(self, client: IngestClient) -> None:
        async with self._stream(client) as stream:
            hello = await stream.answer()
            self.connected.set()
            window: Credits[CameraAddress, float] = Credits(hello.window)
            reader = asyncio.create_task(self._read_credits(stream, window), name="load.credits")
            try:
                await self._send(stream, window, reader)
            finally:
                await end(reader)

    @asynccontextmanager
    async def _stream(self, client: IngestClient) -> AsyncIterator[Any]:
        if not self._video:
            async with client.push() as pushed:
                yield pushed
            return
        async with client.video() as video:
            await video.send(video_offer(self._cameras))
            yield video

    async def _read_credits(self, stream: Any, window: Credits[CameraAddress, float]) -> None:  # noqa: ANN401  # of two kinds
        cameras = {camera.camera: camera for camera in self._cameras}
        while True:
            answer = await stream.answer()
            for camera, seq, held_s in [(answer.camera, answer.seq, 0.0)] if self._video else from_push_response(answer):
                if seq and (taken_s := window.give_back(cameras[camera], seq)) is not None:
                    self._count("accepted", taken_s)
                    if self._measurement.counts(taken_s):
                        self._figures.ingest_s.append(time.time() - taken_s - held_s)

    async def _send(self, stream: Any, window: Credits[CameraAddress, float], reader: asyncio.Task[None]) -> None:  # noqa: ANN401
        """Take pictures at even intervals; one that finds no credit in time is unsent, as at an edge."""
        interval_s = 1 / (self._fps * len(self._cameras))
        patience_s = min(PATIENCE_S, (window.window - 1) / self._fps / 2)
        due_s = time.monotonic() + self._phase * interval_s * len(self._cameras)
        for number in itertools.count():
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            if reader.done():
                reader.result()
            taken_s, late_s = time.time(), max(0.0, time.monotonic() - due_s)
            due_s += interval_s
            camera = self._cameras[number % len(self._cameras)]
            self._count("captured", taken_s)
            if self._measurement.counts(taken_s):
                self._figures.late_s.append(late_s)
            if not window.available(camera):
                self._count("unsent", taken_s)
                continue
            picture = self._picture(camera, number // len(self._cameras), round(taken_s * 1e9))
            window.spend(camera, picture.seq, taken_s)
            self._count("sent", taken_s)
            await stream.send(picture if isinstance(picture, VideoPacket) else PushedFrame(picture, patience_s))

    def _picture(self, camera: CameraAddress, number: int, captured_ns: int) -> EncodedFrame | VideoPacket:
        place, (width, height) = number % len(self._pictures.data), self._pictures.size
        data, seq = self._pictures.data[place], next(self._seqs[camera])
        if self._video:
            key = self._pictures.keys[place]
            return VideoPacket(camera, "enhanced", self._boot_id, seq, captured_ns, key, width, height, data)
        return EncodedFrame(camera, self._boot_id, seq, captured_ns, width, height, data, "load", 1.0, captured_ns)

    async def _report(self, client: IngestClient, numbers: "itertools.count[int]") -> None:
        async with client.report() as stream:
            reader = asyncio.create_task(self._read_stored(stream), name="load.stored")
            try:
                for event in self._unstored.values():
                    await stream.send(to_event(event))
                for seq in numbers:
                    await asyncio.sleep(1 / self._events_s)
                    if reader.done():
                        reader.result()
                    event = self._event(seq)
                    self._unstored[seq] = event
                    self._count("events", event.occurred_ns / 1e9)
                    await stream.send(to_event(event))
            finally:
                await end(reader)

    async def _read_stored(self, stream: Any) -> None:  # noqa: ANN401  # as above
        while True:
            newest = (await stream.answer()).seq
            for seq in [each for each in self._unstored if each <= newest]:
                self._count("events-stored", self._unstored.pop(seq).occurred_ns / 1e9)

    def _event(self, seq: int) -> EventRecord:
        camera = self._cameras[seq % len(self._cameras)]
        return EventRecord(
            site=camera.site,
            edge=camera.edge,
            boot_id=self._boot_id,
            seq=seq,
            camera=camera.camera,
            occurred_ns=time.time_ns(),
            severity=Severity.INFO,
            kind=KIND,
            message="an event of the load generator",
        )

    def _count(self, name: str, at_s: float) -> None:
        if self._measurement.counts(at_s):
            self._figures.counts[name] += 1


async def wait_for_all(edges: Sequence[LoadEdge], timeout_s: float) -> int:
    """Wait until the edges are connected. Return how many are."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            for edge in edges:
                await edge.connected.wait()
    return sum(edge.connected.is_set() for edge in edges)
