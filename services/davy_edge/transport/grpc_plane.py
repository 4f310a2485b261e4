"""The live plane over gRPC: a stream of frames out, credits back, at most `window` unanswered frames per camera."""

import asyncio

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from davy.adapters.grpc.ingest_client import IngestClient, PushStream
from davy.domain.errors import AggregatorUnavailableError
from davy.streams.tasks import until_first_ends
from davy.telemetry import DropReason, DropStage, get_logger
from davy_edge.frames.accounting import FrameAccounting
from davy_edge.frames.captured_frame import Outgoing
from davy_edge.metrics import Timings
from davy_edge.transport.live import Sink

log = get_logger(__name__)

DEFAULT_WINDOW = 4
HELLO_TIMEOUT_S = 5.0
CREDIT_TIMEOUT_S = 10.0  # frames are out and none was answered for so long: the stream is dead
BACKOFF = wait_random_exponential(multiplier=0.5, exp_base=1.5, min=0.5, max=10)


class GrpcPlane(Sink):
    """Pushes the newest frame of each camera that has credit. `fault` says why there is no stream, empty while there is."""

    def __init__(self, ledger: FrameAccounting, timings: Timings) -> None:
        super().__init__(DropStage.GRPC, ledger, timings)
        self.fault = "not connected yet"
        self._window = DEFAULT_WINDOW
        self._unanswered: dict[str, dict[int, Outgoing]] = {}
        self._answered_s = 0.0
        self._took = 0

    @property
    def connected(self) -> bool:
        return not self.fault

    def has_credit(self, camera: str) -> bool:
        return len(self._unanswered.get(camera, ())) < self._window

    def why_waiting(self, camera: str) -> DropReason:
        if not self.connected:
            return DropReason.OFFLINE
        return DropReason.SUPERSEDED if self.has_credit(camera) else DropReason.NO_CREDIT

    async def run(self, client: IngestClient) -> None:
        """Push until cancelled; a broken stream is opened again, with backoff."""
        while True:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(AggregatorUnavailableError), wait=BACKOFF, before_sleep=self._tell
            ):
                with attempt:
                    await self._session(client)
            await asyncio.sleep(0.5)

    def _tell(self, state: RetryCallState) -> None:
        wait_s = round(state.next_action.sleep, 1) if state.next_action else 0
        log.warning("ingest.unavailable", plane="live", error=self.fault, again_in_s=wait_s, attempt=state.attempt_number)

    async def _session(self, client: IngestClient) -> None:
        """One stream. Returns if it had carried frames, so that the backoff starts anew; raises if it never came up."""
        lost: AggregatorUnavailableError | None = None
        self._took = 0
        try:
            async with client.push() as stream:
                hello = await stream.answer(HELLO_TIMEOUT_S)
                self._window = hello.window or DEFAULT_WINDOW
                self.fault, self._answered_s = "", _now()
                log.info("ingest.connected", plane="live", endpoint=client.endpoint, window=self._window)
                await until_first_ends(
                    "edge.push", write=self._write(stream), read=self._read(stream), watch=self._watch(client.endpoint)
                )
        except AggregatorUnavailableError as error:
            lost = error
        finally:
            self._forget_unanswered(DropReason.OFFLINE if lost else DropReason.STOPPED)
            self.fault = str(lost or "stopped")
        if lost is not None and not self._took:
            raise lost
        log.warning("ingest.lost", plane="live", endpoint=client.endpoint, error=self.fault)

    def _forget_unanswered(self, reason: DropReason) -> None:
        """Whether frames arrived is unknown: none of them is counted as sent."""
        lost = [outgoing for frames in self._unanswered.values() for outgoing in frames.values()]
        self._unanswered.clear()
        for outgoing in lost:
            self.drop(outgoing, reason)

    async def _write(self, stream: PushStream) -> None:
        while True:
            camera, outgoing = await self.slots.take(self.has_credit)
            if outgoing.too_old:
                self.drop(outgoing, DropReason.TOO_OLD)
                continue
            if not any(self._unanswered.values()):
                self._answered_s = _now()  # the patience begins with the first of a row of unanswered frames
            self._unanswered.setdefault(camera, {})[outgoing.frame.seq] = outgoing
            await stream.send(outgoing.frame)

    async def _read(self, stream: PushStream) -> None:
        while True:
            credit = await stream.answer()
            self._answered_s = _now()
            if credit.window:
                self._window = credit.window
            outgoing = self._unanswered.get(credit.camera, {}).pop(credit.seq, None)
            if outgoing is not None:
                self._took += 1
                self.delivered(outgoing)
            self.slots.wake()

    async def _watch(self, endpoint: str) -> None:
        while True:
            await asyncio.sleep(1)
            if any(self._unanswered.values()) and _now() - self._answered_s > CREDIT_TIMEOUT_S:
                raise AggregatorUnavailableError(endpoint, f"no credit for {CREDIT_TIMEOUT_S:g} s")


def _now() -> float:
    return asyncio.get_running_loop().time()
