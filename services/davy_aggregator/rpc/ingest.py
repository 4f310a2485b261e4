"""davy.v1.IngestService receives frames and events from edges; FrameService streams live frames to subscribers."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial

from davy import tracing
from davy.access.principal import acting
from davy.adapters.grpc.envelope import fill_envelope, from_envelope, from_event
from davy.adapters.grpc.tls import Context, peer
from davy.adapters.grpc.video import credit_of, from_packet, from_variant, key_request, to_demand, to_packet
from davy.domain.camera import CameraAddress
from davy.domain.errors import DavyError, InvalidInputError
from davy.domain.frame import EncodedFrame
from davy.identity import Identity, check_speaks_for
from davy.v1 import frame_pb2, ingest_pb2, ingest_pb2_grpc
from davy_aggregator.archive import Archive
from davy_aggregator.context import ServiceContext
from davy_aggregator.live import GRPC, LiveFrames
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.rpc.answers import Put, answering
from davy_aggregator.rpc.frame_credits import FrameCredits
from davy_aggregator.rpc.frame_quota import FrameQuota
from davy_aggregator.senders import CheckSender
from davy_aggregator.video import LiveVideo, Requests

BATCH = 64  # events per commit, and maximum events that wait for the next one
VIDEO_WINDOW = 16  # packets per camera and variant without an answer
MAX_CAMERAS_PER_REQUEST = 256


class IngestServicer(ingest_pb2_grpc.IngestServiceServicer):
    """Receives frames and events.

    Args:
        window: Maximum unacknowledged frames per camera.
        check_sender: Raises for events that no edge of this site sent.
        frames_s: Maximum frames per second of all edges together; 0: no limit.
    """

    def __init__(
        self,
        live: LiveFrames,
        video: LiveVideo,
        archive: Archive,
        metrics: AggregatorMetrics,
        window: int,
        check_sender: CheckSender,
        frames_s: float = 0.0,
    ) -> None:
        self._live, self._video, self._archive, self._metrics = live, video, archive, metrics
        self._window, self._check_sender, self._quota = window, check_sender, FrameQuota(frames_s)

    async def PushFrames(  # noqa: N802  # gRPC names methods so
        self,
        request_iterator: AsyncIterator[ingest_pb2.PushFramesRequest],
        context: Context,
    ) -> AsyncGenerator[ingest_pb2.PushFramesResponse, None]:
        session, sender = self._live.sessions.next(), peer(context)
        yield ingest_pb2.PushFramesResponse(window=self._window, server_ns=time.time_ns())
        with self._quota.edge() as share:
            async with FrameCredits(context.write) as giving:  # by itself: layers of generators cost each answer time
                async for request in request_iterator:
                    frame = self._take_frame(request.frame, session, sender)
                    wait_s = share.wait_s()
                    if wait_s:
                        self._metrics.throttled.inc()
                    await giving.give(frame.camera.camera, frame.seq, request.patience_ms / 1000, wait_s)

    def _take_frame(self, envelope: frame_pb2.FrameEnvelope, session: int, sender: Identity | None) -> EncodedFrame:
        received_ns = time.time_ns()
        try:
            frame = from_envelope(envelope)
            check_speaks_for(sender, frame.camera.edge, frame.camera.site, "frames")
            acting().require_edge(frame.camera.edge)
            with tracing.frame(frame.traceparent):
                self._live.put(frame, GRPC, session)
            tracing.record(frame.traceparent, "ingest", received_ns, camera=str(frame.camera), via=GRPC)
        except DavyError as error:
            self._metrics.refused.labels("push", type(error).__name__).inc()
            raise
        return frame

    async def PushVideo(  # noqa: N802  # as above
        self,
        request_iterator: AsyncIterator[ingest_pb2.PushVideoRequest],
        context: Context,
    ) -> AsyncGenerator[ingest_pb2.PushVideoResponse, None]:
        session, sender = self._live.sessions.next(), peer(context)
        yield ingest_pb2.PushVideoResponse(window=VIDEO_WINDOW)
        with self._video.requests() as requests:
            read = partial(self._take_video, request_iterator, session, sender, requests)
            async with aclosing(answering("video", read, partial(_ask, requests))) as answers:
                async for answer in answers:
                    yield answer

    async def _take_video(
        self,
        request_iterator: AsyncIterator[ingest_pb2.PushVideoRequest],
        session: int,
        sender: Identity | None,
        requests: Requests,
        put: Put[ingest_pb2.PushVideoResponse],
    ) -> None:
        try:
            async for request in request_iterator:
                if request.HasField("offer"):
                    requests.offer(self._offered(request.offer, sender))
                    continue
                packet = from_packet(request.packet)
                self._check_video(packet.camera, sender)
                self._video.put(packet, session)
                put(credit_of(packet))
        except DavyError as error:
            self._metrics.refused.labels("video", type(error).__name__).inc()
            raise

    def _offered(self, offer: ingest_pb2.VideoOffer, sender: Identity | None) -> list[CameraAddress]:
        if len(offer.cameras) > MAX_CAMERAS_PER_REQUEST:
            raise InvalidInputError(f"over {MAX_CAMERAS_PER_REQUEST} cameras in one offer")
        cameras = [CameraAddress(offer.site, offer.edge, name) for name in offer.cameras]
        for camera in cameras:
            self._check_video(camera, sender)
        return cameras

    def _check_video(self, camera: CameraAddress, sender: Identity | None) -> None:
        check_speaks_for(sender, camera.edge, camera.site, "video")
        acting().require_edge(camera.edge)

    async def ReportEvents(  # noqa: N802  # as above
        self,
        request_iterator: AsyncIterator[ingest_pb2.ReportEventsRequest],
        context: Context,
    ) -> AsyncGenerator[ingest_pb2.ReportEventsResponse, None]:
        received: asyncio.Queue[ingest_pb2.Event | None] = asyncio.Queue(BATCH)
        reader = asyncio.create_task(_read(request_iterator, received), name="report.read")
        try:
            async for batch in _batches(received):
                for ack in await self._store(batch, peer(context)):
                    yield ack
            await reader  # raises its error, if any
        finally:
            reader.cancel()

    async def _store(self, batch: list[ingest_pb2.Event], sender: Identity | None) -> list[ingest_pb2.ReportEventsResponse]:
        try:
            events = [from_event(event) for event in batch]
            for event in events:
                check_speaks_for(sender, event.edge, event.site, "events")
                self._check_sender(event.site, event.edge, "events")
        except DavyError as error:
            self._metrics.refused.labels("report", type(error).__name__).inc()
            raise
        await self._archive.record(events)
        newest = {event.boot_id: event.seq for event in events}
        return [ingest_pb2.ReportEventsResponse(boot_id=boot_id, seq=seq) for boot_id, seq in newest.items()]


async def _ask(requests: Requests, put: Put[ingest_pb2.PushVideoResponse]) -> None:
    while True:
        demands, keys = await requests.take()
        for camera, demand in demands.items():
            put(to_demand(camera.camera, demand))
        for camera, variant in keys:
            put(key_request(camera.camera, variant))


async def _read(
    request_iterator: AsyncIterator[ingest_pb2.ReportEventsRequest], received: asyncio.Queue[ingest_pb2.Event | None]
) -> None:
    try:
        async for request in request_iterator:
            await received.put(request.event)  # a full queue stops the reader, and thereby the sender
    finally:
        await received.put(None)


async def _batches(received: asyncio.Queue[ingest_pb2.Event | None]) -> AsyncIterator[list[ingest_pb2.Event]]:
    """Group the received events into batches, until the sender ends the stream."""
    while (first := await received.get()) is not None:
        batch = [first]
        while len(batch) < BATCH and not received.empty():
            following = received.get_nowait()
            if following is None:
                yield batch
                return
            batch.append(following)
        yield batch


class FramesServicer(ingest_pb2_grpc.FrameServiceServicer):
    """Streams live frames; at most one frame waits per camera and subscriber."""

    def __init__(self, context: ServiceContext, site: str) -> None:
        self._context, self._site = context, site

    async def SubscribeFrames(  # noqa: N802  # as above
        self,
        request: ingest_pb2.SubscribeFramesRequest,
        context: object,  # noqa: ARG002
    ) -> AsyncGenerator[ingest_pb2.SubscribeFramesResponse, None]:
        cameras = self._cameras(request)
        if not 0 <= request.max_fps <= 1000:
            raise InvalidInputError(f"max_fps must be 0 to 1000, got {request.max_fps}")
        bound_ms = self._context.settings.max_age_ms
        max_age_s = min(request.max_age_ms or bound_ms, bound_ms) / 1000
        watching = self._context.live.watch("subscribe", cameras, request.max_fps, max_age_s)
        with self._context.stream("grpc"), watching as watcher:
            watcher.wants_raw = lambda _: request.include_raw
            while True:
                live = await watcher.take()
                response = ingest_pb2.SubscribeFramesResponse()
                fill_envelope(response.frame, live.frame, include_raw=request.include_raw)
                self._context.count_sent(live, "grpc")
                yield response

    async def SubscribeVideo(  # noqa: N802  # as above
        self,
        request: ingest_pb2.SubscribeVideoRequest,
        context: object,  # noqa: ARG002
    ) -> AsyncGenerator[ingest_pb2.SubscribeVideoResponse, None]:
        camera = CameraAddress.parse(request.camera, self._site)
        variant = from_variant(request.variant or ingest_pb2.VARIANT_ENHANCED)
        video = self._context.video
        with self._context.stream("grpc"), video.watch(camera, variant, cached=not request.fresh) as packets:
            while True:
                packet = await packets.take()
                self._context.metrics.sent.labels(camera.edge, camera.camera, "grpc-video").inc()
                yield ingest_pb2.SubscribeVideoResponse(packet=to_packet(packet))

    def _cameras(self, request: ingest_pb2.SubscribeFramesRequest) -> list[CameraAddress] | None:
        if len(request.cameras) > MAX_CAMERAS_PER_REQUEST:
            raise InvalidInputError(f"over {MAX_CAMERAS_PER_REQUEST} cameras in one request")
        cameras = [CameraAddress.parse(name, self._site) for name in request.cameras]
        for camera in cameras:
            self._context.live.check_known(camera)
        return cameras or None
