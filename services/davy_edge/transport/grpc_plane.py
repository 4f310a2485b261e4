"""The live plane over gRPC: frames out, credits back, at most `window` unanswered frames per camera."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress

from davy.adapters.grpc.envelope import from_push_response
from davy.adapters.grpc.ingest_client import PATIENCE_S, IngestClient, PushedFrame, PushStream
from davy.domain.drops import DropPoint, DropReason
from davy.domain.errors import AggregatorUnavailableError
from davy.domain.frame import EncodedFrame
from davy.streams.accounting import FrameAccounting
from davy.streams.credits import Credits
from davy.streams.link import LEVELS, Level, LinkAdaptation
from davy.streams.metrics import FrameTimings
from davy.streams.reconnect import Backoff, keep_connected
from davy.streams.round_trip import RoundTripWindow
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy_edge.transport.sink import Sink

log = get_logger(__name__)

DEFAULT_WINDOW = 4
HELLO_TIMEOUT_S = 5.0
CREDIT_TIMEOUT_S = 10.0  # a stream without an answer for this time is dead
SILENCE_S = 1.5  # where another aggregator can be tried, one that answers nothing for so long is left
FIRST_SILENCE_S = 2.5  # before its first answers tell how far it is
SLOW_ANSWERS = 3  # an answer may take so many times as long as the slowest recent one
WATCH_EVERY_S = 0.25
RENEW_EVERY_S = 1.0  # between two looks at the identity's files
DRAIN_S = 2.0  # the previous stream may take this long to answer its last frames
BACKOFF = Backoff(longest_s=1.0)  # after a partition live frames are back within 2 s


class GrpcPlane(Sink):
    """Pushes the newest frame of each camera that has credit. `error` is empty while the stream is open.

    Args:
        accounting: Counts the frames.
        timings: Observes their ages.
        adapts: Whether quality, size and rate follow the link.
    """

    def __init__(self, accounting: FrameAccounting[str], timings: FrameTimings[str], adapts: bool = True) -> None:
        super().__init__(DropPoint.GRPC, accounting, timings)
        self.link: LinkAdaptation[str] = LinkAdaptation(adapts)
        self.error = "not connected yet"
        self._credits: Credits[str, EncodedFrame] = Credits(DEFAULT_WINDOW)
        self._path: RoundTripWindow[str] = RoundTripWindow(DEFAULT_WINDOW)
        self._held: set[str] = set()  # cameras whose frame waits for the link
        self._answered_s = 0.0
        self._delivered = 0
        self._stream: PushStream | None = None
        self._version = 0  # of the certificate of the stream
        self._sending, self._idle = asyncio.Lock(), asyncio.Event()  # idle: no frame is unanswered

    @property
    def connected(self) -> bool:
        return not self.error

    @property
    def level(self) -> Level:
        """How frames are to be made now; callable from any thread."""
        return self.link.level if self.connected else LEVELS[0]

    def slow(self) -> None:
        """Record that the link is too slow for the video beside these frames."""
        self.link.late(time.monotonic())

    def offer(self, frame: EncodedFrame) -> None:
        """Put a frame into its camera's slot; never waits."""
        camera, now_s = frame.camera.camera, time.monotonic()
        self._path.offer(camera, now_s)
        if self.connected and not self.link.offer(camera, _size(frame), now_s):
            self.drop(frame, DropReason.SLOW_LINK)
            return
        super().offer(frame)

    def drop(self, frame: EncodedFrame, reason: DropReason) -> None:
        """Count a dropped frame."""
        if reason in (DropReason.NO_CREDIT, DropReason.TOO_OLD):
            self.link.late(time.monotonic())
        super().drop(frame, reason)

    def forget(self, camera: str) -> None:
        """Remove a camera; its waiting frame counts as stopped."""
        self._path.forget(camera)
        self.link.forget(camera)
        super().forget(camera)

    def why_waiting(self, camera: str) -> DropReason:
        if not self.connected:
            return DropReason.OFFLINE
        return DropReason.NO_CREDIT if camera in self._held else DropReason.SUPERSEDED

    async def run(self, client: IngestClient) -> None:
        """Push until cancelled; reopen a broken stream with backoff."""
        await keep_connected(lambda: self._session(client), AggregatorUnavailableError, BACKOFF, self._on_lost)

    def _on_lost(self, error: Exception, wait_s: float, failures: int) -> None:  # noqa: ARG002  # self.error has more detail
        log.warning("ingest.unavailable", plane="live", error=self.error, again_in_s=round(wait_s, 1), attempt=failures)

    async def _session(self, client: IngestClient) -> None:
        """Run one stream. Return if it delivered frames, else raise."""
        lost: AggregatorUnavailableError | None = None
        self._delivered = 0
        try:
            async with AsyncExitStack() as streams:
                self._stream = await self._open(client, streams)
                self.link.restart()
                self.error, self._answered_s = "", _now()
                log.info("ingest.connected", plane="live", endpoint=client.endpoint, window=self._credits.window)
                await until_first_ends(
                    "edge.push",
                    write=self._write(),
                    read=self._read(),
                    watch=self._watch(client),
                    renew=self._renew(client, streams),
                )
        except AggregatorUnavailableError as error:
            lost = error
        finally:
            self._drop_unanswered(DropReason.OFFLINE if lost else DropReason.STOPPED)
            self.error = str(lost or "stopped")
        if lost is not None and not self._delivered:
            raise lost
        log.warning("ingest.lost", plane="live", endpoint=client.endpoint, error=self.error)

    async def _open(self, client: IngestClient, streams: AsyncExitStack) -> PushStream:
        async with AsyncExitStack() as attempt:
            version = client.identity_version
            stream = await attempt.enter_async_context(client.push())
            hello = await stream.answer(FIRST_SILENCE_S if client.fails_over else HELLO_TIMEOUT_S)
            streams.push_async_exit(attempt.pop_all())
        self._version = version
        self._path.restart(hello.window or DEFAULT_WINDOW)
        self._credits.window = self._path.window
        return stream

    async def _renew(self, client: IngestClient, streams: AsyncExitStack) -> None:
        """Move to a stream with the new certificate once there is one: first open it, then let the previous one drain.

        An aggregator ends streams whose certificate has expired. A frame between two streams would be lost.
        """
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            if client.identity_version == self._version:
                continue
            try:
                following = await self._open(client, streams)
            except AggregatorUnavailableError as error:
                log.warning("ingest.renewal_failed", plane="live", error=str(error))
                continue
            async with self._sending:
                await self._wait_for_answers()
                previous, self._stream = self._stream, following
            log.info("ingest.renewed", plane="live", endpoint=client.endpoint)
            if previous is not None:
                await previous.finish()

    async def _wait_for_answers(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while self._credits:
                    self._idle.clear()
                    await self._idle.wait()

    def _drop_unanswered(self, reason: DropReason) -> None:
        """Drop unanswered frames: their delivery is unknown."""
        for frame in self._credits.clear():
            self.drop(frame, reason)

    def _delay(self, camera: str) -> float | None:
        if self._credits.available(camera) and self.link.may_send():
            return 0.0
        self._held.add(camera)
        return None

    async def _write(self) -> None:
        while True:
            camera, frame = await self.slots.take(self._delay)
            if frame.age.expired:
                self.drop(frame, DropReason.TOO_OLD)
                continue
            async with self._sending:
                if not self._credits:
                    self._answered_s = _now()  # the timeout runs from the first unanswered frame
                self._credits.spend(camera, frame.seq, frame)
                self._path.send(camera, frame.seq, time.monotonic())
                self.link.send(camera, frame.seq, _size(frame), time.monotonic(), held=camera in self._held)
                self._held.discard(camera)
                assert self._stream is not None
                await self._stream.send(PushedFrame(frame, self._patience_s(camera)))

    def _patience_s(self, camera: str) -> float:
        """For how long the aggregator may hold the credit of a frame; 0 where frames wait for the path or the link."""
        return min(PATIENCE_S, self._path.spare_s(camera)) if self.link.is_easy() else 0.0

    async def _read(self) -> None:
        while True:
            stream = self._stream
            assert stream is not None
            try:
                answer = await stream.answer()
            except AggregatorUnavailableError:
                if stream is self._stream:
                    raise
                continue  # the stream of the previous certificate has drained
            self._answered_s = _now()
            if answer.window:
                self._path.granted = answer.window
            now_s = time.monotonic()
            for camera, seq, held_s in from_push_response(answer):
                self._path.answer(camera, seq, now_s - held_s)
                self.link.answer(camera, seq, now_s - held_s)
                frame = self._credits.give_back(camera, seq)
                if frame is not None:
                    self._delivered += 1
                    self.delivered(frame, held_s)
            self._credits.window = self._path.window
            self.slots.wake()
            if not self._credits:
                self._idle.set()

    async def _watch(self, client: IngestClient) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            longest_s = self._longest_silence_s if client.fails_over else CREDIT_TIMEOUT_S
            if self._credits and _now() - self._answered_s > longest_s:
                reason = f"no credit for {longest_s:.1f} s"
                if self._stream is not None:
                    self._stream.leave(reason)
                raise AggregatorUnavailableError(client.endpoint, reason)

    @property
    def _longest_silence_s(self) -> float:
        slowest_s = self._path.slowest_s
        return min(CREDIT_TIMEOUT_S, max(SILENCE_S, SLOW_ANSWERS * slowest_s)) if slowest_s else FIRST_SILENCE_S


def _now() -> float:
    return asyncio.get_running_loop().time()


def _size(frame: EncodedFrame) -> int:
    return len(frame.jpeg) + len(frame.raw_jpeg)
