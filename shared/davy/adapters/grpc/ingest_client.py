"""Edge client of the services that edges call: calls, limits, and gRPC errors as Davy errors."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import grpc

from davy.adapters.grpc.channels import own_metadata
from davy.adapters.grpc.envelope import to_push_request
from davy.adapters.grpc.route import Route, RoutedChannels
from davy.adapters.grpc.video import to_push_video
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import AggregatorUnavailableError
from davy.domain.frame import EncodedFrame
from davy.domain.secret_url import SecretUrl
from davy.domain.video import VideoPacket
from davy.v1 import (
    edge_pb2,
    edge_pb2_grpc,
    ingest_pb2,
    ingest_pb2_grpc,
    recording_pb2,
    recording_pb2_grpc,
    sample_pb2,
    sample_pb2_grpc,
)

WRITE_TIMEOUT_S = 5.0
GONE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)  # what ends the streams of an aggregator that ends

PATIENCE_S = 0.15  # of an edge: a frame every 0.1 s can wait for the next one; far below every time-out of the live plane


class PushedFrame(NamedTuple):
    """A frame, and for how long its credit may wait for those of later frames, in s."""

    frame: EncodedFrame
    patience_s: float = 0.0


PushStream: TypeAlias = "Stream[PushedFrame, ingest_pb2.PushFramesResponse]"  # the live plane

VideoStream: TypeAlias = "Stream[VideoPacket | ingest_pb2.VideoOffer, ingest_pb2.PushVideoResponse]"

_PUSH = f"/{ingest_pb2.DESCRIPTOR.services_by_name['IngestService'].full_name}/PushFrames"  # its frames come as bytes

Sent = TypeVar("Sent")
Answer = TypeVar("Answer")


class Stream(Generic[Sent, Answer]):
    """A stream of messages out and of answers back.

    Args:
        call: The call.
        endpoint: The aggregator's address.
        wrap: Makes a request of a message.
        leave: Called with the reason when the aggregator is gone or silent: the next stream goes to another one.
    """

    def __init__(
        self,
        call: Any,  # noqa: ANN401  # calls have no common type
        endpoint: str,
        wrap: Callable[[Sent], object],
        leave: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._call, self._endpoint, self._wrap, self.leave = call, endpoint, wrap, leave

    async def send(self, message: Sent) -> None:
        """Send a message on the connection; it waits for flow control.

        Raises:
            AggregatorUnavailableError: the stream broke, or nothing was taken for 5 s.
        """
        with self._translated():
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await self._call.write(self._wrap(message))

    async def answer(self, timeout_s: float | None = None) -> Answer:
        """Receive the next answer.

        Raises:
            AggregatorUnavailableError: the stream broke or ended, or there was none within timeout_s.
        """
        with self._translated():
            async with asyncio.timeout(timeout_s):
                found = await self._call.read()
        if found is grpc.aio.EOF:
            with self._translated():
                raise AggregatorUnavailableError(self._endpoint, await self._call.details() or "it ended the stream")
        answer: Answer = found
        return answer

    async def finish(self) -> None:
        """Send nothing more; the other side answers what it has and ends the stream.

        Raises:
            AggregatorUnavailableError: the stream broke.
        """
        with self._translated():
            await self._call.done_writing()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling() or not self._call.cancelled():
                raise
            raise AggregatorUnavailableError(self._endpoint, "the connection was left") from None
        except grpc.aio.AioRpcError as error:
            if error.code() in GONE:
                self.leave(f"{error.code().name}: {error.details()}")
            raise AggregatorUnavailableError(self._endpoint, f"{error.code().name}: {error.details()}") from error
        except (asyncio.InvalidStateError, grpc.aio.UsageError) as error:  # written to after it had ended
            raise AggregatorUnavailableError(self._endpoint, "the stream has ended") from error
        except TimeoutError as error:
            self.leave("it answers nothing")
            raise AggregatorUnavailableError(self._endpoint, "it answers nothing") from error


class IngestClient:
    """One connection to an aggregator; gRPC keeps it open and reconnects. A new stream shows the newest certificate."""

    def __init__(self, channels: RoutedChannels) -> None:
        self._channels = channels

    @property
    def endpoint(self) -> str:
        """The aggregator in use."""
        return self._channels.endpoint

    @property
    def fails_over(self) -> bool:
        """Whether another aggregator is tried early."""
        return self._channels.fails_over

    @property
    def identity_version(self) -> int:
        """Version of the certificate that a new stream shows; a stream keeps the one that it was opened with."""
        return self._channels.newest

    @asynccontextmanager
    async def push(self) -> AsyncIterator[PushStream]:
        """The live plane: frames out, credits back."""
        push: grpc.aio.StreamStreamMultiCallable[bytes, ingest_pb2.PushFramesResponse]
        leave = self._channels.leaver()
        channel = await self._channels.get()
        push = channel.stream_stream(_PUSH, response_deserializer=ingest_pb2.PushFramesResponse.FromString)
        async with _cancelling(push(metadata=own_metadata())) as call:
            yield Stream(call, self.endpoint, lambda pushed: to_push_request(*pushed), leave)

    @asynccontextmanager
    async def video(self) -> AsyncIterator[VideoStream]:
        """The live plane of video: packets and an offer of cameras out, credits and demands back."""
        stub = ingest_pb2_grpc.IngestServiceStub(await self._channels.get())
        async with _cancelling(stub.PushVideo(metadata=own_metadata())) as call:
            yield Stream(call, self.endpoint, to_push_video)

    @asynccontextmanager
    async def report(self) -> AsyncIterator[Stream[ingest_pb2.Event, ingest_pb2.ReportEventsResponse]]:
        """The record plane: events out, acknowledgements back."""
        leave = self._channels.leaver()
        stub = ingest_pb2_grpc.IngestServiceStub(await self._channels.get())
        async with _cancelling(stub.ReportEvents(metadata=own_metadata())) as call:
            yield Stream(call, self.endpoint, lambda event: ingest_pb2.ReportEventsRequest(event=event), leave)

    @asynccontextmanager
    async def samples(self) -> AsyncIterator[Stream[sample_pb2.Sample, sample_pb2.PushSamplesResponse]]:
        """Training samples out, acknowledgements back."""
        stub = sample_pb2_grpc.SampleServiceStub(await self._channels.get())
        async with _cancelling(stub.PushSamples(metadata=own_metadata())) as call:
            yield Stream(call, self.endpoint, lambda sample: sample_pb2.PushSamplesRequest(sample=sample))

    @asynccontextmanager
    async def segments(self) -> AsyncIterator[Stream[recording_pb2.PushSegmentsRequest, recording_pb2.PushSegmentsResponse]]:
        """Recorded segments and their pieces out, requests for them back."""
        stub = recording_pb2_grpc.RecordingServiceStub(await self._channels.get())
        async with _cancelling(stub.PushSegments(metadata=own_metadata())) as call:
            yield Stream(call, self.endpoint, lambda request: request)

    @asynccontextmanager
    async def attach(self) -> AsyncIterator[Stream[edge_pb2.AttachEdgeRequest, edge_pb2.AttachEdgeResponse]]:
        """Results of tasks out, tasks back."""
        stub = edge_pb2_grpc.EdgeServiceStub(await self._channels.get())
        async with _cancelling(stub.AttachEdge(metadata=own_metadata())) as call:
            yield Stream(call, self.endpoint, lambda request: request)


@asynccontextmanager
async def _cancelling(call: Any) -> AsyncIterator[Any]:  # noqa: ANN401  # as above
    try:
        yield call
    finally:
        call.cancel()


@asynccontextmanager
async def connect(route: Route | SecretUrl | str, tls: Tls | None = None) -> AsyncIterator[IngestClient]:
    """A client of the aggregator at grpc://host[:50051] or grpcs://host; it reconnects by itself.

    Args:
        route: The way to one of several aggregators, or the address of the only one.
        tls: The own identity for grpcs.

    Raises:
        ConfigError: an address is no such one.
    """
    channels = RoutedChannels(route, tls)
    try:
        yield IngestClient(channels)
    finally:
        await channels.close()
